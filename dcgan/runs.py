"""All runs there are: names, listing, making, changing, deleting. What one holds stands in `dcgan.run_directory`.

Nothing here needs torch.
"""

from __future__ import annotations

import importlib.metadata
import itertools
import os
import re
import shutil
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dcgan.config import TrainConfig
from dcgan.datasets import info_for
from dcgan.errors import UserError
from dcgan.fields import nearest
from dcgan.files import read_json, write_json
from dcgan.run_directory import (
    BUNDLED_PREFIX,
    FORMAT_VERSION,
    SAMPLE_COLUMNS,
    STATE_MARK,
    Frame,
    Parent,
    Run,
    open_run,
)

__all__ = [
    "BUNDLED_PREFIX", "FORMAT_VERSION", "SAMPLE_COLUMNS", "STATE_MARK", "Frame", "Parent", "Run", "change_config",
    "create_branch", "create_run", "default_runs_dir", "delete_run", "find_run", "list_runs", "open_named", "open_run",
    "rename_run", "unique_name", "unreadable_runs", "valid_name",
]  # fmt: skip

RUNS_DIR_VARIABLE = "DCGAN_RUNS_DIR"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def default_runs_dir() -> Path:
    """Where runs live: the environment variable `DCGAN_RUNS_DIR`, else `checkpoints/` in the project."""
    return Path(os.environ.get(RUNS_DIR_VARIABLE) or Path(__file__).resolve().parent.parent / "checkpoints")


def create_run(path: Path, config: TrainConfig, preset: str, data_dir: Path | None = None) -> Run:
    """Make `path` a run directory that waits for its trainer.

    Raises:
        UserError: it already holds a run, holds other files, or cannot be written; or as for `info_for`.
    """
    info = info_for(config, data_dir)
    return _make(path, {
        "format": FORMAT_VERSION,
        "preset": preset,
        "config": config.to_dict(),
        "dataset_title": info.title,
        "image_size": info.image_size,
        "channels": info.channels,
        "num_classes": info.num_classes,
        "class_names": info.class_names,
    })  # fmt: skip


def create_branch(path: Path, run: Run, step: int, config: TrainConfig) -> Run:
    """Make `path` a run directory like that of `run`, which is its parent up to `step`; the data are not looked at.

    Raises:
        UserError: as for `create_run`.
    """
    record = read_json(run.path / "run.json") or {}
    return _make(path, {**record, "config": config.to_dict(), "parent": asdict(Parent(run.name, step))})


def _make(path: Path, record: dict[str, Any]) -> Run:
    if (path / "run.json").exists():
        raise UserError(f"{path} already holds a run; choose another directory, or add --resume to go on with it.")
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UserError(f"{path} is not an empty directory; choose another one for the run.")
    versions = {name: _version(name) for name in ("torch", "torchvision", "numpy")}
    record = {**record, "created": time.time(), "versions": versions}
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
    """Every readable run, newest first, then bundled ones by name; directories that are not runs are passed over."""
    folder = runs_dir or default_runs_dir()
    found = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        try:
            found.append(open_run(path))
        except UserError:
            continue
    return sorted(found, key=lambda run: (run.bundled, 0.0 if run.bundled else -run.created))  # stays in order of names


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


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
