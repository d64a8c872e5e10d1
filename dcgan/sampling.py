"""Trained generators: written as self-describing safetensors files, read back, and asked for images.

A snapshot holds the generator's state and, in its header, the configuration, the image shape and how often each class
occurs in the training data; the file alone is enough to draw images.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import safetensors
import torch
from safetensors.torch import save
from torch import Tensor, nn

from dcgan.config import IMAGE_SIZES, TrainConfig
from dcgan.data import to_uint8
from dcgan.errors import UserError
from dcgan.files import write_bytes
from dcgan.image_files import MAX_CLASSES
from dcgan.models import Generator, ImageShape, condition_vector
from dcgan.runs import Frame, Run

SNAPSHOT_FORMAT = "dcgan-generator-1"
BATCH = 500
MAX_SAMPLES = 1_000_000  # of 28x28 pixels they take 0.8 GB
Network = TypeVar("Network", bound=nn.Module)
_DAMAGED = (  # what reading a file of unknown content can raise
    OSError, safetensors.SafetensorError, LookupError, TypeError, ValueError, ArithmeticError, RuntimeError,
)  # fmt: skip


@dataclass(frozen=True)
class TrainedGenerator:
    """A generator ready to draw, on the CPU in evaluation mode."""

    network: Generator
    config: TrainConfig
    shape: ImageShape
    class_counts: tuple[int, ...]
    epoch: int
    step: int

    @property
    def conditional(self) -> bool:
        """Whether it has to be told a class."""
        return self.config.conditional

    @property
    def num_conditions(self) -> int:
        """How many classes (digits, clusters) it can be asked for; 0 where it knows none."""
        return self.config.num_conditions(self.shape.num_classes)

    @torch.no_grad()
    def draw(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        """uint8 [N, C, H, W] from z [N, latent_dim] and, where conditional, condition [N, classes]."""
        condition = condition if self.conditional else None
        # Feature maps of large images take much memory.
        at_once = max(1, BATCH * 32**2 // max(32, self.shape.size) ** 2)
        parts = [
            to_uint8(self.network(z[i : i + at_once], None if condition is None else condition[i : i + at_once]))
            for i in range(0, len(z), at_once)
        ]
        return torch.cat(parts) if parts else torch.empty(0, self.shape.channels, self.shape.size, self.shape.size)

    def random_z(self, count: int, generator: torch.Generator) -> Tensor:
        """z [count, latent_dim] from N(0, I)."""
        return torch.randn(count, self.config.latent_dim, generator=generator)

    def random_labels(self, count: int, generator: torch.Generator) -> Tensor:
        """Classes int64 [count] in the proportions of the training data; see `in_proportion`."""
        return in_proportion(torch.tensor(self.class_counts), count, generator)

    def condition(self, labels: Tensor | Sequence[int]) -> Tensor:
        """One-hot condition [N, classes] of the classes `labels`."""
        return condition_vector(torch.as_tensor(labels), self.num_conditions)


def in_proportion(class_counts: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Classes int64 [count] in random order, as often as `class_counts` [classes] says, each to within one image.

    Every image has the chance of each class that `class_counts` gives it, yet chance does not decide how often a class
    occurs (systematic sampling): of 2,000 digits drawn one by one, two classes can differ by a quarter, which a judge
    would lay at the generator's door.
    """
    ends = class_counts.double().cumsum(0)
    offset = torch.rand((), generator=generator, dtype=torch.float64)
    places = (torch.arange(count) + offset) * (ends[-1] / max(count, 1))
    classes = torch.searchsorted(ends, places, right=True).clamp(max=len(ends) - 1)
    return classes[torch.randperm(count, generator=generator)]


def draw_samples(
    trained: TrainedGenerator, count: int, seed: int, label: int | None = None
) -> tuple[Tensor, Tensor | None]:
    """`count` images uint8 [N, C, H, W] and the classes asked for, int64 [N] (None where G knows no classes).

    Raises:
        UserError: `count` is not positive or more than `MAX_SAMPLES`, or `label` is asked of a generator without it.
    """
    _check_count(count)
    if label is not None and not trained.conditional:
        raise UserError("This generator was trained without labels, so it cannot be asked for one digit.")
    if label is not None and not 0 <= label < trained.num_conditions:
        what = "cluster" if trained.config.conditioning == "clusters" else "digit"
        raise UserError(f"The {what} must be between 0 and {trained.num_conditions - 1}, not {label}.")
    generator = torch.Generator().manual_seed(seed)
    z = trained.random_z(count, generator)
    if not trained.conditional:
        return trained.draw(z), None
    labels = trained.random_labels(count, generator) if label is None else torch.full((count,), label)
    return trained.draw(z, trained.condition(labels)), labels


def draw_every_class(trained: TrainedGenerator, count: int, seed: int) -> Tensor:
    """`count` random z, each as every class in turn: uint8 [count * classes, C, H, W], one style after the other.

    Raises:
        UserError: G knows no classes, or there would be no images or more than `MAX_SAMPLES`.
    """
    if not trained.conditional:
        raise UserError("This generator was trained without labels, so it cannot draw every digit in one style.")
    classes = trained.num_conditions
    _check_count(count * classes)
    z = trained.random_z(count, torch.Generator().manual_seed(seed)).repeat_interleave(classes, dim=0)
    return trained.draw(z, trained.condition(torch.arange(classes).repeat(count)))


def _check_count(count: int) -> None:
    if count < 1:
        raise UserError(f"The number of samples must be at least 1, not {count}.")
    if count > MAX_SAMPLES:
        raise UserError(f"The number of samples must be at most {MAX_SAMPLES:,}, not {count:,}; draw them in parts.")


def save_snapshot(
    path: Path,
    weights: Mapping[str, Tensor],
    config: TrainConfig,
    shape: ImageShape,
    class_counts: Sequence[int],
    *,
    epoch: int,
    step: int,
) -> None:
    """Write a generator's state, whole or not at all, and wait until it is on the disk."""
    counts = {"class_counts": json.dumps(list(class_counts))}
    write_network(path, SNAPSHOT_FORMAT, weights, config, shape, {**counts, "epoch": str(epoch), "step": str(step)})


def write_network(
    path: Path,
    mark: str,
    weights: Mapping[str, Tensor],
    config: TrainConfig,
    shape: ImageShape,
    more: Mapping[str, str],
) -> None:
    """Write a network's state whole, the header saying what it is: format `mark`, config, shape and `more`."""
    told = config.without_place().to_dict()
    header = {"format": mark, "config": json.dumps(told), "shape": json.dumps(asdict(shape)), **more}
    write_bytes(path, save(dict(weights), header), sync=True)


def load_generator(run: Run, epoch: int | None = None) -> TrainedGenerator:
    """The generator that `run` kept of `epoch`, or its newest.

    Raises:
        UserError: there is none, or the file is damaged.
    """
    return load_snapshot(run.snapshot(epoch))


def load_snapshot(frame: Frame) -> TrainedGenerator:
    """Read one snapshot; nothing in it is ever executed, and shapes are checked before memory is taken.

    Raises:
        UserError: the file is gone, damaged or not a generator of this program.
    """
    what = "generator"
    network, config, shape, header = read_network(frame.path, SNAPSHOT_FORMAT, what, Generator)
    with _damage_in(frame.path, what):
        counts = tuple(int(n) for n in json.loads(header["class_counts"]))
        if not 0 < sum(counts) < 10**15 or min(counts) < 0 or len(counts) > MAX_CLASSES:
            raise ValueError(counts)
        if len(counts) != config.num_conditions(shape.num_classes) and config.conditional:
            raise ValueError(counts)
        return TrainedGenerator(network, config, shape, counts, int(header["epoch"]), int(header["step"]))


def read_network(
    path: Path, mark: str, what: str, build: Callable[[TrainConfig, ImageShape], Network]
) -> tuple[Network, TrainConfig, ImageShape, dict[str, str]]:
    """What `write_network` wrote: a network made by `build`, in evaluation mode and frozen, and its header.

    `mark` is the format it must have and `what` its name in sentences. Shapes are checked before memory is taken.

    Raises:
        UserError: the file is gone, damaged or something else.
    """
    with _damage_in(path, what), safetensors.safe_open(path, framework="pt") as file:
        header: dict[str, str] = file.metadata() or {}
        if header.get("format") != mark:
            raise UserError(f"{path.name} is not a {what} saved by this program.")
        config = TrainConfig.from_dict(json.loads(header["config"]))
        shape = _shape(json.loads(header["shape"]))
        with torch.device("meta"):  # a small file that asks for a huge network gets no memory for it
            expected = {name: tuple(value.shape) for name, value in build(config, shape).state_dict().items()}
        found = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
        if found != expected:
            raise UserError(f"{path.name} is damaged: its tensors do not fit its configuration.")
        weights = {name: file.get_tensor(name) for name in expected}
        if not all(value.isfinite().all() for value in weights.values()):
            raise UserError(f"{path.name} is damaged: some of its weights are not finite numbers.")
        network = build(config, shape)
        network.load_state_dict(weights)
    return network.eval().requires_grad_(False), config, shape, header


def _shape(told: Mapping[str, int]) -> ImageShape:
    """The shape in a header; a few weights may claim to draw images of any size, so it is held to what can be trained.

    Raises:
        ValueError, TypeError: it cannot.
    """
    shape = ImageShape(**told)
    if not (1 <= shape.size <= max(IMAGE_SIZES) and shape.channels in (1, 3) and 0 <= shape.num_classes <= MAX_CLASSES):
        raise ValueError(shape)
    return shape


@contextmanager
def _damage_in(path: Path, what: str) -> Iterator[None]:
    try:
        yield
    except UserError:
        raise
    except _DAMAGED as error:
        raise UserError(f"The saved {what} {path.name} is gone or damaged; choose another epoch.") from error
