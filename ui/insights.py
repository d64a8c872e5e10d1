"""What the Explore page is told about a generator and its images beyond pixels. Everything here needs torch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dcgan.clusters import load_clusters
from dcgan.data import load_for
from dcgan.datasets import has_data
from dcgan.effects import Effect, measure_effects
from dcgan.errors import UserError
from dcgan.images import tile, to_png
from dcgan.maps import KINDS, lay_out, tell_apart
from dcgan.players import TrainedDiscriminator, discriminator_epochs, load_discriminator
from dcgan.runs import Run
from ui.background import BACKGROUND, Job, Kept
from ui.explore_models import MODELS, data_of, samples_of
from ui.explore_state import SAMPLES

MAP_SEEDS: Final = 21  # times SAMPLES: images of a map
MAP_SEEDS_LARGE: Final = 8  # of images wider than THUMB
THUMB: Final = 32  # pixels: the widest image in a sheet
SHEET_COLUMNS: Final = SAMPLES
_REAL_BYTES: Final = 50_000_000  # of the real images kept of a run; of more, an even choice
_LOG_ODDS: Final = ("non-saturating", "minimax")  # objectives whose D says a probability
_CROWD: Final = 31  # samples that stand beside an image where D also looks at variety
Array = NDArray[np.float32]


@dataclass(frozen=True)
class Crowd:
    """Samples [N, C, H, W] of seeds 0, 1, ..., `SAMPLES` each, a group for each, and what the groups are."""

    images: Tensor
    groups: Tensor
    meaning: str


@dataclass(frozen=True)
class Layout:
    """Where the samples of a crowd lie, float32 [N, 2] in [0, 1], the group of each, and what the groups are."""

    places: Array
    groups: list[int]
    meaning: str


@dataclass(frozen=True)
class Opinion:
    """What D of `epoch` says of an image: its logit, and where more ink would raise (1) or lower (-1) it, [H, W].

    `probability` that the image is real is None where the objective makes D's output something else; `above` is the
    share of this generator's samples that D scores lower.
    """

    epoch: int
    score: float
    probability: float | None
    above: float
    where: Array


_CROWDS: Final[Kept[Crowd]] = Kept(3)
_JUDGES: Final[Kept[TrainedDiscriminator]] = Kept(4)
_OTHERS: Final[Kept[tuple[Tensor, Tensor, Tensor]]] = Kept(8)
_REAL: Final[Kept[tuple[Tensor, str]]] = Kept(2)


def effects_job(run: Run, epoch: int | None) -> Job:
    """The measured effects of the principal directions, `list[Effect | None]`, as soon as they are there."""
    loaded = MODELS.get(run, epoch)

    def work(job: Job) -> list[Effect | None]:
        return measure_effects(loaded.trained, loaded.directions.vectors, report=job.tell)

    return BACKGROUND.look(("effects", *MODELS.key(run, epoch)), work)


def map_job(run: Run, epoch: int | None, kind: str) -> Job:
    """A `Layout` of the crowd, as `dcgan.maps.lay_out` finds it.

    Raises:
        UserError: there is no such kind of map.
    """
    if kind not in KINDS:
        raise UserError(f"The map must be {' or '.join(KINDS)}.")
    key = MODELS.key(run, epoch)

    def work(job: Job) -> Layout:
        found = crowd(run, epoch)
        groups, meaning = found.groups.tolist(), found.meaning

        def report(share: float, places: Array) -> None:
            job.tell(0.2 + 0.8 * share, Layout(places, groups, meaning))

        return Layout(lay_out(found.images.numpy(), kind, report), groups, meaning)

    return BACKGROUND.look(("map", kind, *key), work)


def crowd(run: Run, epoch: int | None) -> Crowd:
    """The samples of a map, drawn once."""
    return _CROWDS.get(MODELS.key(run, epoch), lambda: _drawn(run, epoch))


def _drawn(run: Run, epoch: int | None) -> Crowd:
    trained = MODELS.get(run, epoch).trained
    seeds = range(MAP_SEEDS if trained.shape.size <= THUMB else MAP_SEEDS_LARGE)
    z, labels = (torch.cat(parts) for parts in zip(*(samples_of(run, seed) for seed in seeds), strict=True))
    asked = labels if trained.conditional else None
    images = trained.draw(z, None if asked is None else trained.condition(asked))
    groups, meaning = tell_apart(trained, images, asked)
    return Crowd(images, groups, meaning)


def sheet_png(images: Tensor) -> bytes:
    """Images uint8 [N, C, H, W], made small where they are large, `SHEET_COLUMNS` to a row."""
    return to_png(tile(small(images).numpy(), SHEET_COLUMNS))


def small(images: Tensor) -> Tensor:
    """Images uint8 [N, C, H, W], averaged down to at most `THUMB` pixels a side."""
    factor = -(-images.shape[-1] // THUMB)
    if factor == 1:
        return images
    return torch.nn.functional.avg_pool2d(images.float(), factor).round().to(torch.uint8)


def opinion(run: Run, epoch: int | None, image: Tensor, condition: Tensor) -> Opinion:
    """What D thinks of `image` uint8 [C, H, W] under `condition` [classes], D of the same epoch where it was kept.

    Raises:
        UserError: no discriminator of the run was kept, or the image does not fit.
    """
    shown = run.snapshot(epoch).epoch
    known = discriminator_epochs(run)
    wanted = shown if shown in known else None
    whose = (str(run.path), run.created, wanted, *known)
    judge = _JUDGES.get(whose, lambda: load_discriminator(run, wanted))
    key = MODELS.key(run, epoch)
    others, conditions, scores = _OTHERS.get((whose, key), lambda: _judged(run, epoch, judge))
    beside = _CROWD if judge.depends_on_batch else 0
    images, told = torch.cat([image[None], others[:beside]]), torch.cat([condition[None], conditions[:beside]])
    score = float(judge.scores(images, told)[0])
    slope: Array = judge.pixel_gradient(images, told)[0].sum(0).numpy()
    slope /= max(float(np.abs(slope).max()), 1e-12)
    probability = 1 / (1 + float(np.exp(-score))) if run.config.objective in _LOG_ODDS else None
    above = float((scores < score).float().mean())
    return Opinion(judge.epoch, score, probability, above, slope)


def _judged(run: Run, epoch: int | None, judge: TrainedDiscriminator) -> tuple[Tensor, Tensor, Tensor]:
    """The samples of seed 0, their conditions, and D's logits of them."""
    trained = MODELS.get(run, epoch).trained
    z, labels = samples_of(run, 0)
    conditions = trained.condition(labels) if trained.conditional else torch.zeros(len(z), 0)
    images = trained.draw(z, conditions)
    return images, conditions, judge.scores(images, conditions)


def targets(run: Run, start: int, count: int) -> tuple[Tensor, str]:
    """`count` real images uint8 [count, C, H, W] that the run was not trained on where there are any, and their split.

    Raises:
        UserError: the data are not on this computer.
    """
    images, split = _REAL.get(data_of(run), lambda: _real_images(run))
    places = (torch.arange(count) * 7919 + start * count * 104_729) % len(images)  # far apart, so that digits differ
    return images[places], split


def _real_images(run: Run) -> tuple[Tensor, str]:
    if not has_data(run.config):
        raise UserError(f"The real images of {run.dataset_title} are not on this computer.")
    for split in ("test", "train"):
        try:
            images = load_for(data_of(run), split=split, download=False).images
        except UserError:
            if split == "train":
                raise
        else:
            return images[:: math.ceil(images.nbytes / _REAL_BYTES)].clone(), split
    raise AssertionError


def condition_pictures(run: Run) -> Tensor:
    """A picture for each condition, uint8 [K, C, H, W], small: a cluster's mean, or what is drawn from the mean z.

    Raises:
        UserError: the run has no generator yet.
    """
    if run.config.conditioning == "clusters":
        try:
            means: Tensor = load_clusters(run.path / "clusters.safetensors")[1]
            if tuple(means.shape[1:]) == (run.channels, run.image_size, run.image_size):
                return small(means)
        except UserError:
            pass  # bundles leave the file behind; what the generator draws serves too
    trained = MODELS.get(run).trained
    count = trained.num_conditions
    return small(trained.draw(torch.zeros(count, trained.config.latent_dim), torch.eye(count)))
