"""States that training goes on from: files of `resume/`, each with the digest of its content.

A file is one line, `dcgan-resume-1 <sha256>`, and what `torch.save` writes. A damaged file is told by its digest,
named, and passed over for the one before it.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from dcgan.config import TrainConfig
from dcgan.errors import UserError
from dcgan.files import read_sealed, write_sealed
from dcgan.runs import STATE_MARK, Frame, Run


@dataclass(frozen=True)
class ResumeState:
    """What training goes on from: `trainer` is a `Trainer.state_dict`, `seconds` the training time so far."""

    trainer: dict[str, Any]
    seconds: float
    damaged: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        """A sentence on damaged files that were passed over; empty where there were none."""
        if not self.damaged:
            return ""
        return f"The saved state {', '.join(self.damaged)} is damaged; training went on from the one before it."


def write_state(path: Path, config: TrainConfig, seconds: float, trainer: dict[str, Any]) -> None:
    """Write a state, whole or not at all, and wait until it is on the disk."""
    buffer = io.BytesIO()
    torch.save({"config": config.to_dict(), "seconds": seconds, "trainer": trainer}, buffer)
    write_sealed(path, STATE_MARK, buffer.getvalue())


def newest_state(run: Run) -> ResumeState | None:
    """The newest sound state of `run`; None where none was ever saved.

    Raises:
        UserError: all there are are damaged.
    """
    frames = run.states()
    damaged: list[str] = []
    for frame in reversed(frames):
        try:
            state = read_state(frame)
        except UserError:
            damaged.append(f"resume/{frame.path.name}")
            continue
        return ResumeState(state.trainer, state.seconds, tuple(damaged))
    if damaged:
        raise UserError(f"The saved states of run {run.title!r} ({', '.join(damaged)}) are damaged; start a new run.")
    return None


def read_state(frame: Frame) -> ResumeState:
    """Read one state; nothing in it is executed, and memory is taken only for what the file holds.

    Raises:
        UserError: the file is gone, or not what was written.
    """
    try:
        state = _unpacked(read_sealed(frame.path, STATE_MARK))
        TrainConfig.from_dict(state["config"])
        if int(state["trainer"]["step"]) != frame.step:
            raise ValueError("the state of another step")
        return ResumeState(dict(state["trainer"]), float(state["seconds"]))
    except Exception as error:  # torch.load raises whatever its parser stumbles over
        raise UserError(f"The saved state {frame.path.name} is gone or damaged; choose another epoch.") from error


def _unpacked(content: bytes) -> Any:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > len(content):
            raise ValueError("asks for more memory than it holds")
    return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
