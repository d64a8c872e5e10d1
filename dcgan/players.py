"""Both networks of a run as they stood at an epoch: D can be asked what it says of images, and what it would change.

A run that can go on keeps D in its states; a bundle keeps the last one in a self-describing safetensors file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from dcgan.config import TrainConfig
from dcgan.data import to_unit_range
from dcgan.errors import UserError
from dcgan.models import Discriminator, Generator, ImageShape
from dcgan.resume import read_state
from dcgan.runs import Frame, Run
from dcgan.sampling import BATCH, Network, TrainedGenerator, load_snapshot, read_network, write_network

DISCRIMINATOR_FORMAT = "dcgan-discriminator-1"
Kept = TypeVar("Kept")
_G, _D, _AVERAGED = range(3)  # places in the `networks` of `Trainer.state_dict`


@dataclass(frozen=True)
class TrainedDiscriminator:
    """A discriminator on the CPU in evaluation mode, its weights frozen.

    In evaluation mode dropout is off, spectral norm keeps its singular vectors, and batch norm uses the averages it
    gathered over real and generated batches alike, so that an image's logit does not depend on the images beside it.
    Only where `depends_on_batch` it does: then D was also shown how varied the batch is, and sees that here too.
    """

    network: Discriminator
    config: TrainConfig
    shape: ImageShape
    epoch: int
    step: int

    @property
    def conditional(self) -> bool:
        """Whether it has to be told a class."""
        return self.config.conditional

    @property
    def depends_on_batch(self) -> bool:
        """Whether the logit of an image depends on the other images it is judged with (minibatch spread)."""
        return self.config.minibatch_std

    @torch.no_grad()
    def scores(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        """Logits [N], positive for real, of images [N, C, H, W]: uint8, or float in [-1, 1].

        `condition` [N, classes] is needed where conditional and ignored elsewhere. With `depends_on_batch`, judge the
        images that belong together in one call of at most `BATCH`.
        """
        images, condition = self._checked(images, condition)
        parts = [
            self.network(images[i : i + BATCH], None if condition is None else condition[i : i + BATCH])
            for i in range(0, len(images), BATCH)
        ]
        return torch.cat(parts) if parts else torch.empty(0)

    def pixel_gradient(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        """How each logit changes with each pixel of its image: d logit / d pixel [N, C, H, W], pixels in [-1, 1].

        It points where D finds the image more real. With `depends_on_batch`, changes of other images' logits are in it.
        """
        images, condition = self._checked(images, condition)
        pixels = images.detach().clone().requires_grad_(True)
        with torch.enable_grad():
            total = self.network(pixels, condition).sum()
        return torch.autograd.grad(total, pixels)[0].detach()

    def _checked(self, images: Tensor, condition: Tensor | None) -> tuple[Tensor, Tensor | None]:
        expected = (self.shape.channels, self.shape.size, self.shape.size)
        if images.ndim != 4 or tuple(images.shape[1:]) != expected:
            raise UserError(f"This discriminator judges images of {expected}, not of {tuple(images.shape[1:])}.")
        if self.conditional and (condition is None or len(condition) != len(images)):
            raise UserError("This discriminator was trained with classes; give each image its condition.")
        images = to_unit_range(images) if images.dtype == torch.uint8 else images.float()
        return images, condition if self.conditional else None


@dataclass(frozen=True)
class Players:
    """Generator and discriminator of one moment; `generator` is the one that samples (averaged where that is on)."""

    generator: TrainedGenerator
    discriminator: TrainedDiscriminator


def discriminator_epochs(run: Run) -> list[int]:
    """Epochs whose discriminator is kept, in order."""
    return sorted({frame.epoch for frame in _kept(run)})


def load_discriminator(run: Run, epoch: int | None = None) -> TrainedDiscriminator:
    """The discriminator that `run` kept of `epoch`, or its newest sound one.

    Raises:
        UserError: none was kept (of that epoch), or the file is damaged.
    """
    return _newest(run, epoch, lambda frame: _discriminator(run, frame))


def load_players(run: Run, epoch: int | None = None) -> Players:
    """Both networks of `run` at the last moment of `epoch` at which D was kept, or at the newest such moment.

    Raises:
        UserError: no discriminator was kept (of that epoch), or a file is damaged.
    """
    return _newest(run, epoch, lambda frame: _players(run, frame))


def save_discriminator(path: Path, trained: TrainedDiscriminator, weights: Mapping[str, Tensor]) -> None:
    """Write `weights` of the discriminator `trained` so that the file alone is enough to judge images."""
    position = {"epoch": str(trained.epoch), "step": str(trained.step)}
    write_network(path, DISCRIMINATOR_FORMAT, weights, trained.config, trained.shape, position)


def read_discriminator(path: Path) -> TrainedDiscriminator:
    """What `save_discriminator` wrote; nothing in it is executed, and shapes are checked before memory is taken.

    Raises:
        UserError: the file is gone, damaged or not a discriminator of this program.
    """
    network, config, shape, header = read_network(path, DISCRIMINATOR_FORMAT, "discriminator", Discriminator)
    try:
        return TrainedDiscriminator(network, config, shape, int(header["epoch"]), int(header["step"]))
    except (LookupError, ValueError) as error:
        raise UserError(f"The saved discriminator {path.name} is damaged; choose another epoch.") from error


def _kept(run: Run) -> list[Frame]:
    return sorted([*run.discriminators(), *run.states()], key=lambda frame: frame.step)


def _newest(run: Run, epoch: int | None, read: Callable[[Frame], Kept]) -> Kept:
    """What `read` makes of the newest sound file; of one epoch, damage is not passed over."""
    frames = _kept(run)
    chosen = [frame for frame in frames if epoch is None or frame.epoch == epoch]
    if not frames:
        raise UserError(f"Run {run.title!r} kept no discriminator; one is kept at the end of each epoch of a new run.")
    if not chosen:
        known = ", ".join(map(str, discriminator_epochs(run)))
        raise UserError(f"Run {run.title!r} kept no discriminator of epoch {epoch}; kept are {known}.")
    for frame in reversed(chosen[1:] if epoch is None else []):
        with suppress(UserError):  # damaged, or deleted since it was listed by the trainer, which keeps the newest
            return read(frame)
    return read(chosen[-1] if epoch is not None else chosen[0])


def _discriminator(run: Run, frame: Frame) -> TrainedDiscriminator:
    if frame.path.suffix == ".safetensors":
        return read_discriminator(frame.path)
    return _from_state(run, frame, read_state(frame).trainer)


def _players(run: Run, frame: Frame) -> Players:
    if frame.path.suffix == ".safetensors":
        return Players(load_snapshot(run.snapshot(frame.epoch)), read_discriminator(frame.path))
    state = read_state(frame).trainer
    network = _filled(Generator, run, frame, state, _AVERAGED if run.config.ema_decay else _G)
    generator = TrainedGenerator(network, run.config, _shape(run), _class_counts(run), frame.epoch, frame.step)
    return Players(generator, _from_state(run, frame, state))


def _from_state(run: Run, frame: Frame, state: Mapping[str, Any]) -> TrainedDiscriminator:
    network = _filled(Discriminator, run, frame, state, _D)
    return TrainedDiscriminator(network, run.config, _shape(run), frame.epoch, frame.step)


def _filled(
    build: Callable[[TrainConfig, ImageShape], Network], run: Run, frame: Frame, state: Mapping[str, Any], place: int
) -> Network:
    try:
        weights = state["networks"][place]
        with torch.device("meta"):  # the run's file may ask for a larger network than the state fills
            expected = {name: value.shape for name, value in build(run.config, _shape(run)).state_dict().items()}
        if {name: value.shape for name, value in weights.items()} != expected:
            raise ValueError("other networks")
        network = build(run.config, _shape(run))
        network.load_state_dict(weights)
    except (LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise UserError(f"The saved state {frame.path.name} does not fit its run; choose another epoch.") from error
    return network.eval().requires_grad_(False)


def _shape(run: Run) -> ImageShape:
    return ImageShape(run.image_size, run.channels, run.num_classes)


def _class_counts(run: Run) -> tuple[int, ...]:
    """How often each class occurs in the training data; before the first snapshot, alike."""
    with suppress(UserError):
        return load_snapshot(run.snapshot()).class_counts
    return (1,) * max(run.num_conditions, run.num_classes)
