"""What changes in a run directory while it trains: status, log points, quality. Nothing here needs torch."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import psutil

from dcgan.files import read_json
from dcgan.reports import LightReport

ACTIVE_STATES = ("starting", "running", "paused")
STATES = (*ACTIVE_STATES, "queued", "finished", "stopped", "failed", "interrupted")
METRIC_COLUMNS = (
    "step", "epoch", "seconds", "loss_d", "loss_g", "d_real", "d_fake", "accuracy", "images_per_second",
)  # fmt: skip


SILENT_SECONDS = 8.0  # without a word, after which readers are told; a process that works speaks every second
RECENT = 32_000  # bytes of a growing file that are read to know how a run goes just now


@dataclass(frozen=True)
class Status:
    """Where a run is: `seconds` of training without pauses, `eta` in seconds, `fraction` of the whole in [0, 1].

    `limit` is the training time after which the process ends by itself, in seconds; None where only epochs count.
    `updated` is the time of writing in seconds since 1970; `beat` is the same on the machine's own clock, which nobody
    sets. `parameters_d` is how many numbers D learns, 0 where nobody wrote it down. `process_started` is what
    `process_start` tells. `silent` is what a reader adds: seconds since the process last spoke, where it should have.
    """

    state: str = "starting"
    message: str = ""
    epoch: int = 0
    epochs: int = 0
    step: int = 0
    total_steps: int = 0
    images_per_second: float = 0.0
    seconds: float = 0.0
    eta: float | None = None
    fraction: float = 0.0
    device: str = ""
    precision: str = ""
    pid: int = 0
    process_started: float = 0.0
    updated: float = 0.0
    beat: float = 0.0
    limit: float | None = None
    parameters_d: int = 0
    silent: float = 0.0

    @property
    def active(self) -> bool:
        """Whether a process works on the run (or sleeps on it, paused)."""
        return self.state in ACTIVE_STATES


def read_status(path: Path) -> Status:
    """The status of the run directory `path`; `interrupted` when its process died without saying so."""
    record = read_json(path / "status.json")
    job = read_json(path / "job.json") or {}
    launched, status = _status(job), _status(record or {})
    same = (status.pid, status.process_started) == (launched.pid, launched.process_started)
    at_work = status.active and process_alive(status.pid, status.process_started)
    if not at_work and (ticket := read_json(path / "ticket.json")) and ticket.get("queued") != job.get("queued"):
        return replace(status, state="queued", message="", eta=None)
    if record is None or (not at_work and not same):  # a process was launched that has not spoken yet, or never did
        if process_alive(launched.pid, launched.process_started) and not _spoke_since(status, launched):
            return replace(launched, state="starting")
        if record is None or status.updated < launched.updated:
            message = _last_words(path) or "Training ended before it could say how it went."
            return replace(status, state="failed", message=message, eta=None)
    if not status.active:
        return status
    if not at_work:
        message = "The training process ended without a word; continue from the last saved state."
        return replace(status, state="interrupted", message=message, eta=None)
    silent = time.monotonic() - status.beat if status.beat else 0.0
    if silent > SILENT_SECONDS:
        message = f"The training process has not answered for {silent:.0f} s; it is suspended, or the machine is busy."
        return replace(status, message=message, images_per_second=0.0, eta=None, silent=silent)
    return status


def _spoke_since(status: Status, launched: Status) -> bool:
    """Whether `status` was written after the launch, by the machine's own clock where both tell it."""
    if status.beat and launched.beat:
        return launched.beat <= status.beat <= time.monotonic()  # a later one is from before the machine's last start
    return status.updated >= launched.updated


def _last_words(path: Path) -> str:
    """The last line the training process printed, at most 300 characters."""
    try:
        lines = (path / "log.txt").read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1][:300] if lines else ""


def read_metrics(path: Path, offset: int = 0) -> tuple[list[dict[str, float]], int]:
    """Log points from byte `offset` on, and the offset to ask for next; a torn last line waits for the next call."""
    lines, end = _lines(path / "metrics.jsonl", offset)
    return [row for line in lines if (row := _metric_row(line))], end


def read_quality(path: Path, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
    """The judge's reports from byte `offset` on, and the offset to ask for next, as for `read_metrics`."""
    lines, end = _lines(path / "quality.jsonl", offset)
    return [row for line in lines if (row := _quality_row(line))], end


def recent(path: Path) -> tuple[list[dict[str, float]], list[dict[str, Any]]]:
    """The last log points (some 200) and the last reports of the judge (some 60), at a cost that does not grow."""
    metrics, quality = (max(0, file_size(path / name) - RECENT) for name in ("metrics.jsonl", "quality.jsonl"))
    return read_metrics(path, metrics)[0], read_quality(path, quality)[0]


def file_size(file: Path) -> int:
    """Bytes in `file`, 0 where there is none."""
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _lines(file: Path, offset: int) -> tuple[list[bytes], int]:
    try:
        with file.open("rb") as opened:
            opened.seek(offset)
            block = opened.read()
    except OSError:  # gone, or something else by that name
        return [], offset
    end = block.rfind(b"\n") + 1
    return block[:end].splitlines(), offset + end


def process_start(pid: int) -> float:
    """When process `pid` started, on a clock that nobody sets: seconds since the machine's start where it tells them
    (Linux), elsewhere seconds since 1970.

    Raises:
        psutil.NoSuchProcess: there is none.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return int(text[text.rindex(")") :].split()[20]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, AttributeError):
        return float(psutil.Process(pid).create_time())


def process_alive(pid: int, started: float) -> bool:
    """Whether the process `pid` still is the one that started at `started` (see `process_start`), and no zombie."""
    if pid <= 0:
        return False
    try:
        return bool(abs(process_start(pid) - started) < 1 and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _status(record: Mapping[str, Any]) -> Status:
    """The status in `record`; values of another type than theirs count as absent."""
    kept: dict[str, Any] = {}
    for spec in fields(Status):
        value = record.get(spec.name)
        kind = float if spec.name in ("eta", "limit") else type(spec.default)
        if kind is float and type(value) is int:
            value = float(value)
        if type(value) is kind:
            kept[spec.name] = value
    status = Status(**kept | {"silent": 0.0})
    return status if status.state in STATES else replace(status, state="interrupted")


def _metric_row(line: bytes) -> dict[str, float] | None:
    try:
        row = json.loads(line)
        return {name: float(row[name]) for name in METRIC_COLUMNS}
    except (ValueError, KeyError, TypeError):
        return None


def _quality_row(line: bytes) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
        position = {"epoch": int(row["epoch"]), "step": int(row["step"]), "seconds": float(row["seconds"])}
        return {**LightReport.from_dict(row).to_dict(), **position}
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
