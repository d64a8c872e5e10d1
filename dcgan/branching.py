"""Going back to a kept epoch of a run and going on from there as a new run, with other settings.

Nothing here needs torch: a state is copied as it is, its digest checked.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dcgan.config import TrainConfig, field_info
from dcgan.errors import UserError
from dcgan.files import read_sealed, write_json
from dcgan.runs import STATE_MARK, Frame, Run, create_branch, default_runs_dir, unique_name

# Settings that leave networks, data and the length of an epoch as they are.
CHANGEABLE = (
    "lr_g", "lr_d", "objective", "dropout", "lr_decay", "label_smoothing", "ema_decay", "gradient_penalty", "r1", "r2",
    "penalty_every", "critic_steps", "epochs", "precision", "device", "log_every",
)  # fmt: skip


def branch_epochs(run: Run) -> list[int]:
    """The epochs that `run` can be branched at, oldest first."""
    return sorted({frame.epoch for frame in run.states()})


def branch(run: Run, epoch: int, changes: Mapping[str, Any], *, runs_dir: Path | None = None, title: str = "") -> Run:
    """A new run, ready to be trained, that is `run` up to `epoch` and goes on with `changes` to its settings.

    It holds all that `run` had recorded by then, so it stands by itself when `run` is deleted.

    Raises:
        UserError: the state of that epoch was not kept or is damaged, or a change is not possible in mid-run.
    """
    frame = _state_of(run, epoch)
    config = _changed(run, frame, changes)
    try:
        read_sealed(frame.path, STATE_MARK)
    except (OSError, ValueError) as error:
        raise UserError(f"The saved state {frame.path.name} is gone or damaged; choose another epoch.") from error
    folder = runs_dir or default_runs_dir()
    made = create_branch(folder / unique_name(run.preset, folder), run, frame.step, config)
    try:
        _copy_past(run, made.path, frame)
        if title:
            write_json(made.path / "label.json", {"title": title})
    except OSError as error:
        shutil.rmtree(made.path, ignore_errors=True)
        raise UserError(f"The branch of {run.title!r} could not be written ({error.strerror}).") from error
    return made


def _state_of(run: Run, epoch: int) -> Frame:
    found = [frame for frame in run.states() if frame.epoch == epoch]
    if not found:
        kept = ", ".join(map(str, branch_epochs(run))) or "none"
        raise UserError(f"Run {run.title!r} kept no state of epoch {epoch} to branch at; kept are {kept}.")
    return found[-1]


def _changed(run: Run, frame: Frame, changes: Mapping[str, Any]) -> TrainConfig:
    for name in changes:
        if name not in CHANGEABLE:
            known = ", ".join(CHANGEABLE)
            raise UserError(f"{name} cannot change in the middle of a run; what can is {known}.")
    config = run.config.with_changes(**changes)
    if (config.dropout > 0) != (run.config.dropout > 0):
        raise UserError(f"{field_info('dropout').label} can be made more or less in mid-run, not begun or ended.")
    status = run.status()
    if status.total_steps and frame.step * run.config.epochs >= config.epochs * status.total_steps:
        raise UserError(
            f"The branch begins after epoch {frame.epoch}; ask for more than {config.epochs} epochs in all."
        )
    return config


def _copy_past(run: Run, target: Path, frame: Frame) -> None:
    """All that `run` recorded up to the step of `frame`."""
    for name in ("metrics.jsonl", "quality.jsonl"):
        lines = _lines_until(run.path / name, frame.step)
        if lines:
            (target / name).write_text("".join(lines), encoding="utf-8")
    for kept in (*run.samples(), *run.snapshots(), frame):
        if kept.step <= frame.step:
            copy = target / kept.path.parent.name / kept.path.name
            copy.parent.mkdir(exist_ok=True)
            shutil.copyfile(kept.path, copy)
    if (run.path / "clusters.safetensors").is_file():
        shutil.copyfile(run.path / "clusters.safetensors", target / "clusters.safetensors")
    status, rows = run.status(), [row for row in run.metrics() if row["step"] <= frame.step]
    per_epoch = status.total_steps // max(status.epochs, 1)
    epochs = json.loads((target / "run.json").read_text(encoding="utf-8"))["config"]["epochs"]
    write_json(target / "status.json", {
        "state": "stopped", "step": frame.step, "epoch": frame.epoch, "epochs": epochs,
        "total_steps": per_epoch * epochs, "seconds": rows[-1]["seconds"] if rows else 0.0,
        "fraction": min(1.0, frame.step / max(1, per_epoch * epochs)),
    })  # fmt: skip


def _lines_until(file: Path, step: int) -> list[str]:
    """The whole lines of a file of JSON objects whose `step` is at most `step`."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError:
        return []
    lines = text[: text.rfind("\n") + 1].splitlines(keepends=True)
    return [line for line in lines if _told(line, lambda row: row["step"] <= step)]


def _told(line: str, accepts: Callable[[Any], bool]) -> bool:
    try:
        return accepts(json.loads(line))
    except (ValueError, KeyError, TypeError):
        return False
