"""The writing side of a run directory: one `Recorder` a training process, holding the directory's lock."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import IO, Any

import filelock
from torch import Tensor

from dcgan.disk import STATE_BYTES, thin
from dcgan.errors import RunFailed, TrainingDiverged, UserError
from dcgan.events import Event, Progress, Samples
from dcgan.files import remove_leftovers, sync_file, write_bytes, write_json
from dcgan.images import tile, to_png
from dcgan.records import METRIC_COLUMNS, Status, process_start, read_metrics
from dcgan.reports import LightReport
from dcgan.resume import write_state
from dcgan.runs import SAMPLE_COLUMNS, Frame, Run
from dcgan.sampling import save_snapshot
from dcgan.training import Trainer

STATUS_INTERVAL = 0.25  # seconds between two writes of status.json; metrics are flushed with it
BEAT_INTERVAL = 1.0  # seconds after which status.json is written anew although nothing happened
BALLAST_BYTES = 1 << 16  # given up on a full disk, so that the run can still say what happened
FOLDERS = ("samples", "snapshots", "resume")


class Recorder:
    """Writes what happens in a run: use it as a context manager around one training process.

    A thread of its own writes the status anew when nothing else does, so that readers can tell a process that is busy
    from one that was suspended.

    Raises:
        UserError: another process is writing this run.
        RunFailed: a file cannot be written (a full disk, a removed directory).
    """

    def __init__(self, run: Run, clock: Callable[[], float] = time.monotonic) -> None:
        self.run = run
        self._clock = clock
        self._lock = filelock.FileLock(str(run.path / "lock"), blocking=False)
        self._writing = threading.RLock()
        self._ended = threading.Event()
        self._metrics: IO[str] | None = None
        self._written_at = -STATUS_INTERVAL
        self.status = Status(
            epochs=run.config.epochs, pid=os.getpid(), process_started=process_start(os.getpid()), updated=time.time()
        )

    def __enter__(self) -> Recorder:
        with _write_errors(self.run):
            try:
                self._lock.acquire()
            except filelock.Timeout as error:
                raise UserError(f"Another process is training run {self.run.name!r}; stop it first.") from error
            for folder in FOLDERS:
                (self.run.path / folder).mkdir(exist_ok=True)
                remove_leftovers(self.run.path / folder)
            remove_leftovers(self.run.path, "status.json", "metrics.jsonl", "quality.jsonl")
        self.update()
        with contextlib.suppress(OSError):
            (self.run.path / ".ballast").write_bytes(bytes(BALLAST_BYTES))
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        with self._writing:
            if self._metrics:
                with contextlib.suppress(OSError):  # a full disk was told of before
                    self._metrics.close()
            with contextlib.suppress(OSError):
                (self.run.path / ".ballast").unlink(missing_ok=True)
            self._lock.release()

    def update(self, *, soon: bool = False, **changes: Any) -> None:
        """Change the status; with `soon` it is written only when the last write is a quarter of a second old."""
        with self._writing:
            self.status = replace(self.status, **changes)
            now = self._clock()
            if soon and now - self._written_at < STATUS_INTERVAL:
                return
            self._written_at = now
            with _write_errors(self.run):
                if self._metrics:
                    self._metrics.flush()
                self._write_status()

    def fail(self, message: str) -> None:
        """Say why the run ended, if there is any way to: on a full disk the ballast makes room."""
        with self._writing, contextlib.suppress(OSError):
            self.status = replace(self.status, state="failed", message=message, eta=None)
            (self.run.path / ".ballast").unlink(missing_ok=True)
            self._write_status()

    def record(self, event: Event) -> None:
        """Write what `event` brings."""
        if isinstance(event, Progress):
            self._add_metrics(event)
        elif isinstance(event, Samples):
            grid = tile(event.images.numpy(), SAMPLE_COLUMNS)
            with _write_errors(self.run):
                write_bytes(self._file("samples", event.epoch, event.step, "png"), to_png(grid), sync=True)
            self.update()

    def record_quality(self, epoch: int, step: int, report: LightReport) -> None:
        """Add what the judge said after `step`."""
        row = {"epoch": epoch, "step": step, "seconds": round(self.status.seconds, 3), **report.to_dict()}
        with _write_errors(self.run), (self.run.path / "quality.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, separators=(",", ":")) + "\n")

    def save(self, trainer: Trainer, class_counts: list[int]) -> None:
        """Keep the generator and the state to go on from, as they are after the trainer's last step.

        Everything recorded up to that step is on the disk before the state is: whatever moment the process ends at,
        the newest state finds its past.

        Raises:
            TrainingDiverged: a weight is not finite; nothing is saved.
        """
        weights, state = trainer.generator_weights(), trainer.state_dict()
        if not all(value.isfinite().all() for value in _floats(state["networks"])):
            raise TrainingDiverged(trainer.step)
        position = {"epoch": trainer.epoch, "step": trainer.step}
        with _write_errors(self.run):
            with self._writing:
                if self._metrics:
                    sync_file(self._metrics)
            snapshot = self._file("snapshots", **position, suffix="safetensors")
            save_snapshot(snapshot, weights, trainer.config, trainer.shape, class_counts, **position)
            resume = self._file("resume", **position, suffix="pt")
            write_state(resume, self.run.config, self.status.seconds, state)
            thin(self.run.snapshots(), trainer.steps_per_epoch)
            thin(self.run.states(), trainer.steps_per_epoch, most_bytes=STATE_BYTES)
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
        return self.run.samples() + self.run.snapshots() + self.run.states()

    def _add_metrics(self, event: Progress) -> None:
        row = {**asdict(event), "seconds": self.status.seconds, "images_per_second": self.status.images_per_second}
        with _write_errors(self.run), self._writing:
            if self._metrics is None:
                self._metrics = (self.run.path / "metrics.jsonl").open("a", encoding="utf-8")
            self._metrics.write(_line(row))

    def _beat(self) -> None:
        while not self._ended.wait(BEAT_INTERVAL / 2):
            with self._writing, contextlib.suppress(RunFailed):  # the training thread will meet the same trouble
                if not self._ended.is_set() and self._clock() - self._written_at >= BEAT_INTERVAL:
                    self.update()

    def _write_status(self) -> None:
        self.status = replace(self.status, updated=time.time(), beat=time.monotonic())
        write_json(self.run.path / "status.json", asdict(self.status))

    def _file(self, folder: str, epoch: int, step: int, suffix: str) -> Path:
        return self.run.path / folder / f"epoch-{epoch:04d}-step-{step:06d}.{suffix}"


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


def _floats(value: Any) -> Iterator[Tensor]:
    """All tensors of floating-point numbers in nested lists and dictionaries."""
    if isinstance(value, Tensor):
        if value.is_floating_point():
            yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _floats(inner)
