"""Run directories: the only thing between a trainer and the pages. This module names the files and reads them.

    run.json        format version, preset, config, data set, image shape, versions, the run it branched from
                    [whoever creates the run]
    ticket.json     its place in the queue, while it waits for its turn  [queue]
    job.json        the process started for the run  [launcher]
    status.json     state, position, speed, device, the trainer's process
    metrics.jsonl   one JSON object a log point, only ever appended to
    quality.jsonl   one JSON object a look of the judge: epoch, step, seconds and a `dcgan.reports.LightReport`
    samples/        epoch-0003-step-002811.png: 8 columns of images from the fixed z
    clusters.safetensors   the cluster of each training image, where conditioning is clusters
    snapshots/      epoch-0003-step-002811.safetensors: the generator that samples
    discriminators/ epoch-0003-step-002811.safetensors: in a bundle, D as it was then; see `dcgan.players`
    resume/         epoch-0003-step-002811.pt: all that training needs to go on, with its digest; see `dcgan.resume`
    control.json    what the trainer's process is asked to do: run, pause, step or stop  [pages]
    label.json      the name people gave the run  [pages]
    log.txt         what the training process printed   [launcher]
    lock            held by the process that trains; .ballast, which it gives up to speak on a full disk

Written by the trainer, but for those marked. Every file but metrics.jsonl and log.txt is replaced whole.
Nothing here needs torch.
"""

from __future__ import annotations

import importlib.metadata
import itertools
import math
import os
import re
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dcgan.config import PRESETS, TrainConfig, nearest
from dcgan.datasets import dataset_info
from dcgan.errors import UserError
from dcgan.files import read_json, write_json
from dcgan.records import Status, read_metrics, read_quality, read_status

FORMAT_VERSION = 1
RUNS_DIR_VARIABLE = "DCGAN_RUNS_DIR"
SAMPLE_COLUMNS = 8
STATE_MARK = "dcgan-resume-1"  # what a file of resume/ begins with, before its digest
BUNDLED_PREFIX = "bundled-"

_FRAME = re.compile(r"epoch-(\d{4,})-step-(\d{6,})")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


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
    """One readable run directory. Read anew to see changes; attributes come from run.json, methods read other files."""

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

    @property
    def name(self) -> str:
        """The directory's name, unique among the runs beside it."""
        return self.path.name

    @property
    def label(self) -> str:
        """The name people gave the run; empty where nobody did."""
        return str((read_json(self.path / "label.json") or {}).get("title") or "")

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
        return self.config.conditioning != "none"

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


def default_runs_dir() -> Path:
    """Where runs live: the environment variable `DCGAN_RUNS_DIR`, else `checkpoints/` in the project."""
    return Path(os.environ.get(RUNS_DIR_VARIABLE) or Path(__file__).resolve().parent.parent / "checkpoints")


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
        size, channels, classes = (_positive(record[key]) for key in ("image_size", "channels", "num_classes"))
        return Run(
            path=path,
            config=config,
            preset=str(record["preset"]),
            dataset_title=str(record["dataset_title"]),
            image_size=size,
            channels=channels,
            num_classes=classes,
            created=_number(record["created"]),
            versions={str(k): str(v) for k, v in dict(record.get("versions") or {}).items()},
            parent=_parent(record.get("parent")),
        )
    except UserError as error:
        raise UserError(f"Run {path.name!r} cannot be read: {error}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"Run {path.name!r} cannot be read: its run.json is incomplete or damaged.") from error


def create_run(path: Path, config: TrainConfig, preset: str, parent: Parent | None = None) -> Run:
    """Make `path` a run directory that waits for its trainer.

    Raises:
        UserError: it already holds a run, holds other files, or cannot be written.
    """
    info = dataset_info(config.dataset)
    if (path / "run.json").exists():
        raise UserError(f"{path} already holds a run; choose another directory, or add --resume to go on with it.")
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UserError(f"{path} is not an empty directory; choose another one for the run.")
    record = {
        "format": FORMAT_VERSION,
        "preset": preset,
        "config": config.to_dict(),
        "dataset_title": info.title,
        "image_size": info.image_size,
        "channels": info.channels,
        "num_classes": info.num_classes,
        "created": time.time(),
        "versions": {name: _version(name) for name in ("torch", "torchvision", "numpy")},
        **({"parent": asdict(parent)} if parent else {}),
    }
    try:
        path.mkdir(parents=True, exist_ok=True)
        write_json(path / "run.json", record)
    except OSError as error:
        raise UserError(f"{path} cannot be written ({error.strerror}); choose a directory you may write to.") from error
    return open_run(path)


def change_config(run: Run, config: TrainConfig) -> Run:
    """Replace the configuration kept with a run, as when it is continued for more epochs."""
    record = read_json(run.path / "run.json") or {}
    write_json(run.path / "run.json", {**record, "config": config.to_dict()})
    return open_run(run.path)


def unique_name(preset: str, runs_dir: Path) -> str:
    """A run name from the preset and the present time that no run has yet."""
    stem = f"{preset}-{time.strftime('%Y%m%d-%H%M%S')}"
    names = (stem if i == 1 else f"{stem}-{i}" for i in itertools.count(1))
    return next(name for name in names if not (runs_dir / name).exists())


def find_run(name: str, runs_dir: Path | None = None) -> Run:
    """The run called `name`, or at the path `name`.

    Raises:
        UserError: there is none, or it cannot be read; the nearest known name is given.
    """
    folder = runs_dir or default_runs_dir()
    if valid_name(name) and (folder / name).is_dir():
        return open_run(folder / name)
    path = Path(name)
    if path.is_dir():
        return open_run(path.resolve())
    names = [run.name for run in list_runs(folder)]
    raise UserError(f"There is no run {name!r}; {nearest(name, names) if names else 'there are no runs yet'}.")


def open_named(name: str, runs_dir: Path | None = None) -> Run:
    """Like `find_run`, but never leaves the runs directory: for names that come from a link or a browser."""
    if not valid_name(name):
        raise UserError(f"{name[:60]!r} is not the name of a run.")
    return open_run((runs_dir or default_runs_dir()) / name)


def list_runs(runs_dir: Path | None = None) -> list[Run]:
    """Every readable run, newest first, bundled ones last; directories that are not runs are passed over."""
    folder = runs_dir or default_runs_dir()
    found = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        try:
            found.append(open_run(path))
        except UserError:
            continue
    return sorted(found, key=lambda run: (run.bundled, -run.created))


def unreadable_runs(runs_dir: Path | None = None) -> list[tuple[str, str]]:
    """Name and reason of each directory that has a run.json and cannot be opened."""
    folder = runs_dir or default_runs_dir()
    broken = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if (path / "run.json").is_file():
            try:
                open_run(path)
            except UserError as error:
                broken.append((path.name, str(error)))
    return broken


def valid_name(name: str) -> bool:
    """Whether `name` can be a run directory's name: letters, digits, dots, dashes, underscores; no path."""
    return _NAME.fullmatch(name) is not None and not name.endswith(".")


def rename_run(run: Run, title: str) -> None:
    """Give the run a title of 1 to 80 characters; its directory keeps its name.

    Raises:
        UserError: the title is empty or too long, or the run ships with the project.
    """
    title = " ".join(title.split())
    if not 1 <= len(title) <= 80:
        raise UserError("A run's name has 1 to 80 characters.")
    _refuse_bundled(run, "renamed")
    write_json(run.path / "label.json", {"title": title})


def delete_run(run: Run) -> None:
    """Delete the run directory for good.

    Raises:
        UserError: a process still works on it, or it ships with the project.
    """
    _refuse_bundled(run, "deleted")
    if run.status().active:
        raise UserError(f"Run {run.title!r} is still training; stop it before you delete it.")
    if run.path.is_symlink():
        run.path.unlink()  # the link is the run here; what it points to belongs to somebody else
    else:
        shutil.rmtree(run.path)


def _refuse_bundled(run: Run, verb: str) -> None:
    if run.bundled:
        raise UserError(f"Run {run.title!r} ships with the app and cannot be {verb}.")


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


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _parent(value: Any) -> Parent | None:
    if value is None:
        return None
    return Parent(str(value["run"]), _positive(value["step"]))


def _positive(value: Any) -> int:
    if type(value) is not int or not 1 <= value <= 10**9:
        raise ValueError(value)
    return value


def _number(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(value)
    return number
