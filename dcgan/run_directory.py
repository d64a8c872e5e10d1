"""One run directory: its files, and reading them. Nothing else stands between a trainer and the pages.

    run.json        format version, preset, config, data set, image shape, versions, the run it branched from
                    [whoever creates the run]
    ticket.json     its place in the queue, while it waits for its turn  [queue]
    job.json        the process started for the run  [launcher]
    status.json     state, position, speed, device, the trainer's process
    metrics.jsonl   one JSON object a log point, only ever appended to
    quality.jsonl   the same for each look of the judge: epoch, step, seconds and a `dcgan.reports.LightReport`
    evaluation.json the full `dcgan.reports.Report`, where one was asked for  [evaluate]
    samples/        epoch-0003-step-002811.png: 8 columns of images from the fixed z
    clusters.safetensors   the cluster of each training image, where conditioning is clusters
    snapshots/      epoch-0003-step-002811.safetensors: the generator that samples
    discriminators/ epoch-0003-step-002811.safetensors: in a bundle, D as it was then; see `dcgan.players`
    resume/         epoch-0003-step-002811.pt: all that training needs to go on, with its digest; see `dcgan.resume`
    control.json    what the trainer's process is asked to do: run, pause, step or stop  [pages]
    label.json      the name people gave the run  [pages]
    log.txt         what the training process printed   [launcher]
    lock            held by the process that trains; .ballast, which it gives up to speak on a full disk

Written by the trainer, but for those marked. Every file is replaced whole, but for the two *.jsonl and log.txt.
Nothing here needs torch.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dcgan.config import IMAGE_SIZES, TrainConfig
from dcgan.datasets import DATASETS
from dcgan.errors import UserError
from dcgan.files import read_json
from dcgan.image_files import MAX_CLASSES
from dcgan.presets import PRESETS
from dcgan.records import Status, read_metrics, read_quality, read_status

FORMAT_VERSION = 1
SAMPLE_COLUMNS = 8
STATE_MARK = "dcgan-resume-1"  # what a file of resume/ begins with, before its digest
BUNDLED_PREFIX = "bundled-"

_FRAME = re.compile(r"epoch-(\d{4,})-step-(\d{6,})")


@dataclass(frozen=True)
class Frame:
    """A file of `samples/`, `snapshots/` and the like: the epoch it was made in (0 before training) and the step."""

    epoch: int
    step: int
    path: Path


@dataclass(frozen=True)
class Parent:
    """Where a run branched off: the other run's name, and the step up to which both are one."""

    run: str
    step: int


@dataclass(frozen=True)
class Run:
    """One readable run directory. Read anew to see changes; attributes come from run.json, methods read other files.

    `class_names` has a name for each of the data's `num_classes`: `7`, `sneaker`; people's own images bring their own.
    """

    path: Path
    config: TrainConfig
    preset: str
    dataset_title: str
    image_size: int
    channels: int
    num_classes: int
    created: float
    versions: Mapping[str, str] = field(default_factory=dict)
    parent: Parent | None = None
    class_names: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The directory's name, unique among the runs beside it."""
        return self.path.name

    @property
    def label(self) -> str:
        """The name people gave the run; empty where nobody did."""
        return _text((read_json(self.path / "label.json") or {}).get("title") or "")

    @property
    def title(self) -> str:
        """The name people gave the run, else one like `Quick on MNIST, 10:20`, with the date unless that is today."""
        preset = PRESETS[self.preset].title if self.preset in PRESETS else self.preset
        when = "" if self.bundled else f", {_moment(self.created)}"
        return self.label or f"{preset} on {self.dataset_title}{when}"

    @property
    def bundled(self) -> bool:
        """Whether the run ships with the project and is not to be changed."""
        return self.name.startswith(BUNDLED_PREFIX)

    @property
    def conditional(self) -> bool:
        """Whether the generator is told which class to draw."""
        return self.config.conditional

    @property
    def num_conditions(self) -> int:
        """How many classes (digits, clusters) the generator can be asked for; 0 where it knows none."""
        return self.config.num_conditions(self.num_classes)

    def status(self) -> Status:
        """The state now; a run whose process is gone without a word is `interrupted`."""
        return read_status(self.path)

    def samples(self) -> list[Frame]:
        """The sample grids, oldest first: PNG, `SAMPLE_COLUMNS` images wide, no gaps."""
        return _frames(self.path / "samples", ".png")

    def snapshots(self) -> list[Frame]:
        """The kept generators, oldest first."""
        return _frames(self.path / "snapshots", ".safetensors")

    def discriminators(self) -> list[Frame]:
        """The discriminators that a bundle keeps, oldest first; a run that can go on has them in its states."""
        return _frames(self.path / "discriminators", ".safetensors")

    def states(self) -> list[Frame]:
        """The kept states that training can go on from, oldest first."""
        return _frames(self.path / "resume", ".pt")

    def snapshot(self, epoch: int | None = None) -> Frame:
        """The last snapshot made in `epoch`, or the newest of all.

        Raises:
            UserError: there is none.
        """
        frames = self.snapshots()
        chosen = [f for f in frames if epoch is None or f.epoch == epoch]
        if not frames:
            raise UserError(f"Run {self.name!r} has no trained generator yet; wait for its first epoch to end.")
        if not chosen:
            known = ", ".join(str(e) for e in sorted({f.epoch for f in frames}))
            raise UserError(f"Run {self.name!r} kept no generator of epoch {epoch}; kept are {known}.")
        return chosen[-1]

    def metrics(self) -> list[dict[str, float]]:
        """All log points so far."""
        return read_metrics(self.path)[0]

    def quality(self) -> list[dict[str, Any]]:
        """What the judge said so far, oldest first: `epoch`, `step`, `seconds` and the fields of a `LightReport`."""
        return read_quality(self.path)[0]


def open_run(path: Path) -> Run:
    """Read the run directory `path`.

    Raises:
        UserError: it is gone, empty, half-written, made by another version, or not a run directory at all.
    """
    if not path.is_dir():
        raise UserError(f"There is no run directory {path.name!r}; it may have been deleted.")
    file = path / "run.json"
    if not file.is_file():
        raise UserError(f"{path.name!r} is not a run directory: it has no run.json.")
    record = read_json(file)
    if record is None:
        raise UserError(f"Run {path.name!r} cannot be read: its run.json is damaged.")
    if record.get("format") != FORMAT_VERSION:
        raise UserError(
            f"Run {path.name!r} has format {record.get('format')!r} and this program reads format {FORMAT_VERSION}; "
            "open it with the version that made it."
        )
    try:
        config = TrainConfig.from_dict(record["config"])
        size, channels = _positive(record["image_size"], max(IMAGE_SIZES)), _positive(record["channels"], 3)
        classes = _positive(record["num_classes"], MAX_CLASSES) if record["num_classes"] != 0 else 0
        return Run(
            path=path,
            config=config,
            preset=_text(record["preset"]),
            dataset_title=_text(record["dataset_title"]),
            image_size=size,
            channels=channels,
            num_classes=classes,
            created=_number(record["created"]),
            versions={str(k): str(v) for k, v in dict(record.get("versions") or {}).items()},
            parent=_parent(record.get("parent")),
            class_names=_class_names(record.get("class_names"), config, classes),
        )
    except UserError as error:
        raise UserError(f"Run {path.name!r} cannot be read: {error}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"Run {path.name!r} cannot be read: its run.json is incomplete or damaged.") from error


def _frames(folder: Path, suffix: str) -> list[Frame]:
    found = []
    for path in folder.glob(f"*{suffix}"):
        if match := _FRAME.fullmatch(path.stem):
            found.append(Frame(int(match[1]), int(match[2]), path))
    return sorted(found, key=lambda frame: frame.step)


def _moment(seconds: float) -> str:
    """`10:20` for a moment of today, `7 Nov, 10:20` for another (`seconds` since 1970, local time)."""
    moment = time.localtime(min(max(seconds, 0.0), 2.0**33))  # a foreign file may say anything
    clock = time.strftime("%H:%M", moment)
    today = moment[:3] == time.localtime()[:3]
    return clock if today else f"{moment.tm_mday} {time.strftime('%b', moment)}, {clock}"


def _class_names(value: Any, config: TrainConfig, count: int) -> tuple[str, ...]:
    """One name a class: as recorded, else as the data set names them today, else numbers."""
    known = DATASETS[config.dataset].class_names if config.dataset in DATASETS else ()
    names = tuple(_text(name)[:80] for name in value) if isinstance(value, list) else known
    return names if len(names) == count else tuple(map(str, range(count)))


def _parent(value: Any) -> Parent | None:
    if value is None:
        return None
    return Parent(_text(value["run"]), _positive(value["step"]))


def _text(value: Any) -> str:
    """`value` as text that can be shown: JSON and file names may hold halves of characters."""
    return str(value).encode("utf-8", "replace").decode()


def _positive(value: Any, most: int = 10**9) -> int:
    if type(value) is not int or not 1 <= value <= most:
        raise ValueError(value)
    return value


def _number(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(value)
    return number
