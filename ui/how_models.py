"""What the How it works page asks of torch, kept ready; torch is loaded by whoever imports this module first."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np

from dcgan.anatomy import Anatomy, anatomies
from dcgan.config import TrainConfig
from dcgan.datasets import has_data, info_for
from dcgan.errors import UserError
from dcgan.game import RealImages, play_round, real_images, wish_pictures
from dcgan.images import Pixels, to_png
from dcgan.models import ImageShape, count_parameters
from dcgan.players import Players, load_players
from dcgan.runs import Run, open_run
from ui.theme import COLOURS

COUNT: Final = 8  # real images, and as many generated ones
_Stamp = tuple[str, float, bool, str, int]  # run, whether its data are there, and its newest discriminator


@dataclass(frozen=True)
class Values:
    """One round of the game as a page shows it; pictures are `data:` addresses, what real images decide may be None.

    `asked` are the names of the classes that both networks were told, empty where they were told none.
    """

    epoch: int
    step: int
    size: int
    z: tuple[float, ...]
    asked: tuple[str, ...]
    fake: tuple[str, ...]
    sure_fake: tuple[float, ...]
    logits_fake: tuple[float, ...]
    wishes: tuple[str, ...]
    wish_lengths: tuple[float, ...]
    loss_g: float | None
    parameters_g: int
    parameters_d: int
    real: tuple[str, ...] = ()
    sure_real: tuple[float, ...] = ()
    logits_real: tuple[float, ...] = ()
    loss_d: float | None = None
    without_real: str = ""


@lru_cache(maxsize=64)
def networks(config: TrainConfig) -> tuple[Anatomy, Anatomy]:
    """Generator and discriminator of `config` for its data, layer by layer.

    Raises:
        UserError: they cannot be built, or their data are not known.
    """
    info = info_for(config)
    return anatomies(config, ImageShape(info.image_size, info.channels, info.num_classes))


def values(run: Run, seed: int) -> Values:
    """A round between the newest players of `run`, with the images that `seed` draws; worked out once for each.

    Raises:
        UserError: the run kept no discriminator.
    """
    return _values(_stamp(run), seed)


def _stamp(run: Run) -> _Stamp:
    frames = [*run.discriminators(), *run.states()]
    newest = max(frames, key=lambda frame: frame.step, default=None)
    try:
        moment = newest.path.stat().st_mtime_ns if newest else 0
    except OSError:  # replaced this very moment
        moment = 0
    return str(run.path), run.created, has_data(run.config), newest.path.name if newest else "", moment


@lru_cache(maxsize=64)
def _values(stamp: _Stamp, seed: int) -> Values:
    players = _players(stamp)
    try:
        real, missing = _real(*stamp[:2]), ""
    except UserError as error:
        real, missing = None, str(error)
    found = play_round(players, real, COUNT, seed)
    wishes = wish_pictures(found, _rgb("discriminator"), _rgb("generator"))
    G, D = players.generator, players.discriminator
    return Values(
        epoch=D.epoch,
        step=D.step,
        size=D.shape.size,
        z=tuple(found.z[0].tolist()),
        asked=_names(open_run(Path(stamp[0])), [] if found.classes is None else found.classes.tolist()),
        fake=_addresses(found.fake.numpy().transpose(0, 2, 3, 1)),
        sure_fake=tuple(found.sure_fake.tolist()),
        logits_fake=tuple(found.fake_logits.tolist()),
        wishes=() if wishes is None else _addresses(wishes),
        wish_lengths=() if found.wish_lengths is None else tuple(found.wish_lengths.tolist()),
        loss_g=found.loss_g,
        parameters_g=count_parameters([G.network]),
        parameters_d=count_parameters([D.network]),
        real=() if found.real is None else _addresses(found.real.numpy().transpose(0, 2, 3, 1)),
        sure_real=() if found.sure_real is None else tuple(found.sure_real.tolist()),
        logits_real=() if found.real_logits is None else tuple(found.real_logits.tolist()),
        loss_d=found.loss_d,
        without_real=missing,
    )


@lru_cache(maxsize=2)
def _players(stamp: _Stamp) -> Players:
    return load_players(open_run(Path(stamp[0])))


@lru_cache(maxsize=4)
def _real(path: str, created: float) -> RealImages:
    return real_images(open_run(Path(path)))


def _names(run: Run, classes: list[int]) -> tuple[str, ...]:
    if run.config.conditioning == "clusters":
        return tuple(f"group {number}" for number in classes)
    known = run.class_names
    return tuple(known[number] if number < len(known) else str(number) for number in classes)


def _addresses(pictures: Pixels) -> tuple[str, ...]:
    """`data:` addresses of pictures [N, H, W, C]."""
    encoded = (base64.b64encode(to_png(np.ascontiguousarray(picture))).decode() for picture in pictures)
    return tuple(f"data:image/png;base64,{text}" for text in encoded)


def _rgb(role: str) -> tuple[int, int, int]:
    code = COLOURS[role][1]  # pictures are dark in both themes
    return int(code[1:3], 16), int(code[3:5], 16), int(code[5:7], 16)
