"""Generators kept ready for the Explore page, and what they are asked for. Everything here needs torch."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dcgan import latent
from dcgan.animation import animation
from dcgan.config import TrainConfig
from dcgan.data import load_for
from dcgan.datasets import has_data
from dcgan.distances import nearest_images
from dcgan.errors import UserError
from dcgan.export import enlarge
from dcgan.images import to_png
from dcgan.models import condition_vector
from dcgan.runs import Run
from dcgan.sampling import TrainedGenerator, in_proportion, load_snapshot
from ui.explore_state import DIRECTIONS, MAX_IMAGES, SAMPLES, Point

_KEPT: Final = 24  # generators in memory; the presets' take 1 to 4 MB each
Key = tuple[str, float, str, int]


@dataclass(frozen=True)
class Loaded:
    """A generator and what is computed from it once."""

    trained: TrainedGenerator

    @cached_property
    def directions(self) -> latent.Directions:
        """The principal directions that have a slider."""
        return latent.principal_directions(self.trained.network, min(DIRECTIONS, self.trained.config.latent_dim))


class Models:
    """The generators used last, by run, time of creation, and snapshot file as it is on disk now."""

    def __init__(self, limit: int = _KEPT) -> None:
        self._limit = limit
        self._kept: OrderedDict[Key, Loaded] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, run: Run, epoch: int | None = None) -> Loaded:
        """The generator that `run` kept of `epoch`, or its newest.

        Raises:
            UserError: there is none, or its file is damaged.
        """
        key = self.key(run, epoch)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = Loaded(load_snapshot(run.snapshot(epoch)))
                while len(self._kept) > self._limit:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
            return self._kept[key]

    @staticmethod
    def key(run: Run, epoch: int | None = None) -> Key:
        """What tells that generator's file, as it is on disk now, from all others.

        Raises:
            UserError: there is none.
        """
        frame = run.snapshot(epoch)
        try:
            return str(run.path), run.created, frame.path.name, frame.path.stat().st_mtime_ns
        except OSError as error:
            raise UserError(f"The saved generator {frame.path.name} is gone; choose another epoch.") from error


MODELS: Final = Models()


def draw(run: Run, epoch: int | None, values: NDArray[np.float32]) -> tuple[bytes, tuple[int, ...]]:
    """Pixels and their shape [N, C, H, W] of rows [N, latent_dim + classes]: z, then a conditional run's condition.

    Raises:
        UserError: there is no such generator, or the rows do not fit it.
    """
    trained = MODELS.get(run, epoch).trained
    width = trained.config.latent_dim + trained.num_conditions
    if values.size == 0 or values.size % width:
        raise UserError(f"This generator takes rows of {width} numbers; {values.size} do not divide into those.")
    if values.size > MAX_IMAGES * width:
        raise UserError(f"At most {MAX_IMAGES} images are drawn at once.")
    rows = torch.from_numpy(values.reshape(-1, width).copy())
    images = trained.draw(rows[:, : trained.config.latent_dim], rows[:, trained.config.latent_dim :])
    return images.numpy().tobytes(), tuple(images.shape)


def samples_of(run: Run, seed: int) -> tuple[Tensor, Tensor]:
    """z [SAMPLES, latent_dim] of a seed, and their classes int64 [SAMPLES] in the training data's proportions.

    Raises:
        UserError: the run has no generator yet.
    """
    trained = MODELS.get(run).trained
    return _samples(seed, trained.config.latent_dim, trained.class_counts)


@lru_cache(maxsize=256)
def _samples(seed: int, latent_dim: int, class_counts: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(SAMPLES, latent_dim, generator=generator)
    return z, in_proportion(torch.tensor(class_counts), SAMPLES, generator)


def locate(run: Run, epoch: int | None, point: Point) -> tuple[Tensor, Tensor]:
    """z [latent_dim] and condition [classes] (none where it knows none) of `point`, shown by the generator of `epoch`.

    The sample's z is truncated first and then moved, so that a direction's slider means the same at every truncation;
    coordinates that were set are set last.

    Raises:
        UserError: the run has no generator of the epoch whose directions the point uses.
    """
    all_z, labels = samples_of(run, point.seed)
    start = all_z[point.index] if point.own is None else torch.tensor(point.own) / 100
    z = latent.truncate(start, point.truncation / 100)
    if point.directions:
        vectors = MODELS.get(run, epoch if point.basis is None else point.basis).directions.vectors
        numbers = list(point.directions)
        amounts = torch.tensor([point.directions[i] / 100 for i in numbers])
        z = latent.move(z, vectors[numbers], amounts)
    for number, value in point.coordinates.items():
        z = z.clone()
        z[number] = value / 100
    return z, _condition(run.num_conditions, point, int(labels[point.index]))


def _condition(num_classes: int, point: Point, own: int) -> Tensor:
    if not num_classes:
        return torch.zeros(0)
    first = condition_vector(torch.tensor([own if point.digit is None else point.digit]), num_classes)
    if point.blend is None:
        return first[0]
    second = condition_vector(torch.tensor([point.blend[0]]), num_classes)
    return latent.lerp(first[0], second[0], torch.tensor([point.blend[1] / 100]))[0]


def path(
    run: Run, epoch: int | None, points: Sequence[Point], steps: int, method: str, *, loop: bool
) -> tuple[Tensor, Tensor]:
    """z [T, latent_dim] and conditions [T, classes] on the way through `points`; conditions always go straight.

    Raises:
        UserError: fewer than two points, or one of them cannot be located.
    """
    located = [locate(run, epoch, point) for point in points]
    if len(located) < 2:
        raise UserError("A walk needs at least two picks.")
    z = torch.stack([z for z, _ in located])
    conditions = torch.stack([condition for _, condition in located])
    return (
        latent.interpolate(z, steps, method, loop=loop),
        latent.interpolate(conditions, steps, "lerp", loop=loop),
    )


def walk_animation(
    run: Run, epoch: int | None, z: Tensor, conditions: Tensor, form: str, scale: int, seconds: float
) -> bytes:
    """The way `z`, `conditions` as a file that moves, `seconds` a picture, each pixel about `scale` / 28 of the side.

    Raises:
        UserError: `form` is none of `dcgan.animation.FORMATS`, or this computer cannot write it.
    """
    trained = MODELS.get(run, epoch).trained
    pictures = enlarge(trained.draw(z, conditions).numpy(), max(1, scale * 28 // trained.shape.size))
    return animation(list(pictures.transpose(0, 2, 3, 1)), seconds, form)


def nearest(run: Run, epoch: int | None, point: Point, count: int) -> tuple[Tensor, Tensor]:
    """The `count` training images uint8 [count, C, H, W] nearest to the image of `point`, and their distances [count].

    Distances are Euclidean over pixels in [0, 1], as `dcgan.distances.nearest_images` measures them.

    Raises:
        UserError: the data are not at hand, or the point cannot be located.
    """
    if not has_data(run.config):
        raise UserError(f"The training images of {run.dataset_title} are not on this computer.")
    z, condition = locate(run, epoch, point)
    image = MODELS.get(run, epoch).trained.draw(z[None], condition[None])
    images = _training_images(data_of(run))
    places, distances = nearest_images(image, images, count)
    return images[places[0]], distances[0]


def data_of(run: Run) -> TrainConfig:
    """What decides the images of `run` and their shape; its other settings are left at their defaults."""
    kept = {name: getattr(run.config, name) for name in ("dataset", "source", "fit")}
    return TrainConfig(**kept, image_size=run.image_size, channels=run.channels)


@lru_cache(maxsize=1)
def _training_images(data: TrainConfig) -> Tensor:
    return load_for(data, download=False).images


def image_png(run: Run, epoch: int | None, point: Point, scale: int) -> bytes:
    """The image of `point` as a PNG, each pixel `scale` wide."""
    z, condition = locate(run, epoch, point)
    images = MODELS.get(run, epoch).trained.draw(z[None], condition[None])
    return to_png(enlarge(images.numpy(), scale)[0].transpose(1, 2, 0))
