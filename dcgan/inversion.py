"""The way back: the z from which a generator draws a given image, found by gradient descent from several starts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from dcgan.classifier import load_classifier
from dcgan.data import to_unit_range
from dcgan.errors import UserError
from dcgan.models import condition_vector
from dcgan.sampling import TrainedGenerator

STARTS, STEPS = 6, 150
CANDIDATES = 200  # random z looked at before the search; the best of them are where it starts
LEARNING_RATE = 0.1
FEATURE_WEIGHT = 0.3
LENGTH_WEIGHT = 0.02
MIN_CONTRAST = 16
_BLOCK = 100
_DIGITS = ("mnist", "digits", "emnist-digits")


@dataclass(frozen=True)
class Found:
    """What a search holds after `step` of `steps`: z [latent_dim], the class (None where G knows none), its image.

    `image` is float [C, H, W] in [-1, 1]; `error` is the mean absolute difference of its pixels, in [0, 1].
    """

    step: int
    steps: int
    z: Tensor
    label: int | None
    image: Tensor
    error: float


def invert(
    trained: TrainedGenerator, target: Tensor, *, starts: int = STARTS, steps: int = STEPS, seed: int = 0
) -> Iterator[Found]:
    """Search the z that draws `target` uint8 [C, H, W]; yields the best of the starts ten times on the way, and last.

    The distance is the mean squared difference of pixels and, for gray digits of 28x28, of the shipped classifier's
    features; a small term keeps |z| where N(0, I) has its mass. Adam (the search of Zhu et al., arXiv 1609.03552,
    section 3.1), the learning rate falling to zero. A conditional generator is searched class by class too: candidates
    of all classes are tried, and each start keeps the class of its candidate.

    Raises:
        UserError: the target has another shape, or shows nothing.
    """
    shape = (trained.shape.channels, trained.shape.size, trained.shape.size)
    if tuple(target.shape) != shape:
        raise UserError(f"This generator draws images of {list(shape)}, not {list(target.shape)}.")
    if int(target.max()) - int(target.min()) < MIN_CONTRAST:
        raise UserError("The drawing is empty; draw something first.")
    return _Search(trained, to_unit_range(target[None]), starts, seed).run(steps)


class _Search:
    """Several starts towards one goal [1, C, H, W]; the distance of an image is a float, smaller is nearer."""

    def __init__(self, trained: TrainedGenerator, goal: Tensor, starts: int, seed: int) -> None:
        self.trained = trained
        self.goal = goal
        readable = trained.config.dataset in _DIGITS and goal.shape[1:] == (1, 28, 28)
        self.classifier = load_classifier() if readable else None
        self.features = self.classifier.features(goal) if self.classifier else torch.zeros(1)
        self.z, self.labels = self._starts(starts, torch.Generator().manual_seed(seed))

    def run(self, steps: int) -> Iterator[Found]:
        """Descend from all starts at once."""
        z = self.z.clone().requires_grad_(True)
        optimiser = torch.optim.Adam([z], lr=LEARNING_RATE)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
        for step in range(steps):
            images = self._images(z, self.labels)
            far = self._distance(images)
            if step % max(1, steps // 10) == 0:
                yield self._found(step, steps, z, images, far)
            excess = F.relu(z.square().mean(1) - 1)
            optimiser.zero_grad()
            torch.autograd.backward((far + LENGTH_WEIGHT * excess).sum())
            optimiser.step()
            schedule.step()
        with torch.no_grad():
            images = self._images(z, self.labels)
            yield self._found(steps, steps, z, images, self._distance(images))

    def _starts(self, count: int, noise: torch.Generator) -> tuple[Tensor, Tensor]:
        """The `count` nearest of random z [N, latent_dim], with all known classes among them."""
        candidates = max(CANDIDATES, self.trained.num_conditions)
        z = self.trained.random_z(candidates, noise)
        labels = torch.arange(candidates) % max(self.trained.num_conditions, 1)
        with torch.no_grad():
            parts = zip(torch.split(z, _BLOCK), torch.split(labels, _BLOCK), strict=True)
            far = torch.cat([self._distance(self._images(*part)) for part in parts])
        best = far.topk(count, largest=False).indices
        return z[best], labels[best]

    def _images(self, z: Tensor, labels: Tensor) -> Tensor:
        known = self.trained.num_conditions
        images: Tensor = self.trained.network(z, condition_vector(labels, known) if known else None)
        return images

    def _distance(self, images: Tensor) -> Tensor:
        pixels = (images - self.goal).square().mean((1, 2, 3))
        if self.classifier is None:
            return pixels
        scale = self.features.square().mean().clamp(min=1e-6)
        return pixels + FEATURE_WEIGHT * (self.classifier.features(images) - self.features).square().mean(1) / scale

    def _found(self, step: int, steps: int, z: Tensor, images: Tensor, far: Tensor) -> Found:
        best = int(far.argmin())
        image = images[best].detach()
        label = int(self.labels[best]) if self.trained.num_conditions else None
        error = float((image - self.goal[0]).abs().mean()) / 2
        return Found(step, steps, z[best].detach().clone(), label, image.clone(), error)
