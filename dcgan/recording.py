"""The writing side of a run directory: one `Recorder` a training process, holding the directory's lock."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import IO, Any

import filelock
import psutil
import torch

from dcgan.config import TrainConfig
from dcgan.errors import RunFailed, UserError
from dcgan.events import Event, Progress, Samples
from dcgan.files import replace_file, write_bytes, write_json
from dcgan.images import tile, to_png
from dcgan.records import METRIC_COLUMNS, Status, read_metrics
from dcgan.reports import LightReport
from dcgan.runs import SAMPLE_COLUMNS, Frame, Run
from dcgan.sampling import save_snapshot
from dcgan.training import Trainer

STATUS_INTERVAL = 0.25  # seconds between two writes of status.json; metrics are flushed with it


class Recorder:
    """Writes what happens in a run: use it as a context manager around one training process.

    Raises:
        UserError: another process is writing this run.
        RunFailed: a file cannot be written (a full disk, a removed directory).
    """

    def __init__(self, run: Run, clock: Callable[[], float] = time.monotonic) -> None:
        self.run = run
        self._clock = clock
        self._lock = filelock.FileLock(str(run.path / "lock"), blocking=False)
        self._metrics: IO[str] | None = None
        self._written_at = -STATUS_INTERVAL
        process = psutil.Process()
        self.status = Status(
            epochs=run.config.epochs, pid=os.getpid(), process_started=process.create_time(), updated=time.time()
        )

    def __enter__(self) -> Recorder:
        try:
            self._lock.acquire()
        except filelock.Timeout as error:
            raise UserError(f"Another process is training run {self.run.name!r}; stop it first.") from error
        for folder in ("samples", "snapshots"):
            (self.run.path / folder).mkdir(exist_ok=True)
        self.update()
        return self

    def __exit__(self, *_: object) -> None:
        if self._metrics:
            self._metrics.close()
        self._lock.release()

    def update(self, *, soon: bool = False, **changes: Any) -> None:
        """Change the status; with `soon` it is written only when the last write is a quarter of a second old."""
        self.status = replace(self.status, **changes)
        now = self._clock()
        if soon and now - self._written_at < STATUS_INTERVAL:
            return
        self._written_at = now
        self.status = replace(self.status, updated=time.time())
        with _write_errors(self.run):
            if self._metrics:
                self._metrics.flush()
            write_json(self.run.path / "status.json", asdict(self.status))

    def record(self, event: Event) -> None:
        """Write what `event` brings."""
        if isinstance(event, Progress):
            self._add_metrics(event)
        elif isinstance(event, Samples):
            grid = tile(event.images.numpy(), SAMPLE_COLUMNS)
            with _write_errors(self.run):
                write_bytes(self._file("samples", event.epoch, event.step, "png"), to_png(grid))
            self.update()

    def record_quality(self, epoch: int, step: int, report: LightReport) -> None:
        """Add what the judge said after `step`."""
        row = {"epoch": epoch, "step": step, "seconds": round(self.status.seconds, 3), **report.to_dict()}
        with _write_errors(self.run), (self.run.path / "quality.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, separators=(",", ":")) + "\n")

    def save(self, trainer: Trainer, class_counts: list[int]) -> None:
        """Keep the generator and the state to resume from, as they are after the trainer's last step."""
        snapshot = self._file("snapshots", trainer.epoch, trainer.step, "safetensors")
        state = {"config": self.run.config.to_dict(), "seconds": self.status.seconds, "trainer": trainer.state_dict()}
        position = {"epoch": trainer.epoch, "step": trainer.step}
        with _write_errors(self.run):
            save_snapshot(
                snapshot, trainer.generator_weights(), trainer.config, trainer.shape, class_counts, **position
            )
            temporary = self.run.path / "resume.pt.tmp"
            torch.save(state, temporary)
            replace_file(temporary, self.run.path / "resume.pt")
        self.update()

    def rewind(self, step: int) -> None:
        """Drop what was written after `step`: a resumed run does those steps again."""
        rows = [row for row in read_metrics(self.run.path)[0] if row["step"] <= step]
        with _write_errors(self.run):
            write_bytes(self.run.path / "metrics.jsonl", "".join(map(_line, rows)).encode())
            if judged := [row for row in self.run.quality() if row["step"] <= step]:
                write_bytes(self.run.path / "quality.jsonl", "".join(f"{json.dumps(r)}\n" for r in judged).encode())
            else:
                (self.run.path / "quality.jsonl").unlink(missing_ok=True)
            for frame in self._frames():
                if frame.step > step:
                    frame.path.unlink()

    def _frames(self) -> list[Frame]:
        return self.run.samples() + self.run.snapshots()

    def _add_metrics(self, event: Progress) -> None:
        row = {**asdict(event), "seconds": self.status.seconds, "images_per_second": self.status.images_per_second}
        with _write_errors(self.run):
            if self._metrics is None:
                self._metrics = (self.run.path / "metrics.jsonl").open("a", encoding="utf-8")
            self._metrics.write(_line(row))

    def _file(self, folder: str, epoch: int, step: int, suffix: str) -> Path:
        return self.run.path / folder / f"epoch-{epoch:04d}-step-{step:06d}.{suffix}"


def load_resume_state(run: Run) -> dict[str, Any]:
    """What `Recorder.save` kept: `config`, `seconds`, `trainer`.

    Raises:
        UserError: there is none, or it is damaged.
    """
    path = run.path / "resume.pt"
    if not path.is_file():
        raise UserError(f"Run {run.name!r} has no saved state to go on from; start a new run.")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        TrainConfig.from_dict(state["config"])
        return {"config": state["config"], "seconds": float(state["seconds"]), "trainer": state["trainer"]}
    except Exception as error:  # torch.load raises whatever its parser stumbles over
        raise UserError(f"The saved state of run {run.name!r} is damaged; start a new run.") from error


class _write_errors:  # noqa: N801
    """Turns an OSError while writing into the sentence the user needs."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            raise RunFailed(
                f"Run {self._run.name!r} could not be written ({error.strerror or error}); free some space or check "
                "the directory, then continue the run."
            ) from error


def _line(row: dict[str, Any]) -> str:
    values = {name: row[name] if isinstance(row[name], int) else float(f"{row[name]:.6g}") for name in METRIC_COLUMNS}
    return json.dumps(values, separators=(",", ":")) + "\n"
