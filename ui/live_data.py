"""What a page that watches a run is told between two looks: status, new log points, sample grids and reports."""

from __future__ import annotations

import math
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from dcgan import queue
from dcgan.config import TrainConfig, field_info
from dcgan.doctor import Finding, diagnose
from dcgan.records import Status, file_size, read_metrics, read_quality, recent
from dcgan.runs import Frame, Run
from ui.charts import chart_columns
from ui.quality import ROW_FIELDS
from ui.words import setting_words

MAX_POINTS: Final = 5_000
MAX_REPORTS: Final = 500

_places: dict[Path, tuple[float, dict[str, str]]] = {}  # when the queue was read, and what each run was told


def live_payload(run: Run, offset: int = 0, frames: int = 0, judged: int = 0) -> dict[str, Any]:
    """The run now: log points from byte `offset`, sample grids from index `frames`, reports from byte `judged` on.

    A caller that knows more than there is (the run was set back or replaced) gets everything, under `reset`.
    `metrics` holds one list a column; more than `MAX_POINTS` points are averaged in groups of equal size. `quality`
    holds the judge's reports, of more than `MAX_REPORTS` some at equal distances and the last. `findings` are the
    doctor's, None where there is nothing new to judge by.
    """
    samples = run.samples()
    reset = frames > len(samples) or any(
        file_size(run.path / name) < known for name, known in (("metrics.jsonl", offset), ("quality.jsonl", judged))
    )
    if reset:
        offset = frames = judged = 0
    rows, next_offset = read_metrics(run.path, offset)
    reports, next_judged = read_quality(run.path, judged)
    status = run.status()
    return {
        "reset": reset,
        "status": status_as_data(run, status),
        "metrics": _columns(_thinned(rows)),
        "offset": next_offset,
        "quality": [_report(row) for row in _some(reports)],
        "judged": next_judged,
        "frames": [_frame(frame, run, status) for frame in samples[frames:]],
        "frame_count": len(samples),
        "findings": findings_as_data(run, status) if rows or reports or not status.active or status.silent else None,
    }


def status_as_data(run: Run, status: Status) -> dict[str, Any]:
    """The fields of a status that people see, as JSON values; a run that has ended shows its mean speed."""
    hidden = ("pid", "process_started", "updated", "beat")
    values = {name: _finite(value) for name, value in asdict(status).items() if name not in hidden}
    if not status.active:
        values["images_per_second"] = mean_speed(run, status)
    if status.state == "queued":
        values |= {"message": queue_words(run), "epochs": run.config.epochs}
    return {**values, "active": status.active}


def queue_words(run: Run) -> str:
    """Place and estimate of a waiting run; empty when its turn has come meanwhile."""
    folder, now = run.path.parent, time.monotonic()
    seen, places = _places.get(folder, (-1.0, {}))
    if now - seen > 1 or run.name not in places:  # many may be waiting, and all of them look
        places = {entry.run.name: entry.sentence for entry in queue.waiting(folder)}
        _places[folder] = now, places
    return places.get(run.name, "")


def findings_as_data(run: Run, status: Status) -> list[dict[str, Any]]:
    """What the doctor says just now, the gravest first."""
    findings = diagnose(run.config, *recent(run.path), status)
    words = {found.name: {"trouble": found.trouble, "remedy": remedy_words(run.config, found)} for found in findings}
    return [asdict(found) | words[found.name] for found in findings]


def remedy_words(config: TrainConfig, found: Finding) -> str:
    """`Learning rate of G 0.002 (was 0.00004)`; empty where there is no remedy."""
    changes = found.remedy or {}
    was = {name: setting_words(getattr(config, name)) for name in changes}
    new = {name: setting_words(value) for name, value in changes.items()}
    return ", ".join(f"{field_info(name).label} {new[name]} (was {was[name]})" for name in changes)


def mean_speed(run: Run, status: Status) -> float:
    """Images per second over all of the training so far, 0 before there is any."""
    return status.step * run.config.batch_size / status.seconds if status.seconds > 0 else 0.0


def frame_label(frame: Frame, status: Status) -> str:
    """What stands under a sample grid: `start`, `ep 3` at the end of an epoch, else the step."""
    if frame.step == 0:
        return "start"
    steps = status.total_steps / status.epochs if status.epochs else 0
    if steps and abs(frame.step - frame.epoch * steps) < 0.5:
        return f"ep {frame.epoch}"
    return f"{frame.step:,}"


def version_of(run: Run) -> str:
    """Changes when a run directory of the same name is made anew: part of every address the browser may keep."""
    return format(int(run.created * 1000), "x")


def sample_url(run: Run, frame: Frame) -> str:
    """The address of a sample grid, relative to the app's own; what it answers never changes."""
    return f"lab/runs/{quote(run.name)}/samples/{quote(frame.path.name)}?v={version_of(run)}"


def _frame(frame: Frame, run: Run, status: Status) -> dict[str, Any]:
    return {
        "step": frame.step,
        "epoch": frame.epoch,
        "label": frame_label(frame, status),
        "url": sample_url(run, frame),
    }


def _report(row: dict[str, Any]) -> dict[str, Any]:
    """What the panel shows of one of the judge's reports."""
    kept = {name: _short(row[name]) if isinstance(row[name], float) else row[name] for name in ROW_FIELDS}
    return {**kept, "class_histogram": [_short(share) for share in row["class_histogram"]]}


def _some(reports: list[dict[str, Any]]) -> list[dict[str, Any]]:
    step = math.ceil(len(reports) / MAX_REPORTS)
    return reports if step <= 1 else reports[::-1][::step][::-1]


def _columns(rows: list[dict[str, float]]) -> dict[str, list[float | None]]:
    names = ["step", *chart_columns()]
    return {name: [_short(row.get(name)) for row in rows] for name in names}


def _thinned(rows: list[dict[str, float]]) -> list[dict[str, float]]:
    """At most `MAX_POINTS` rows: the means of groups of neighbours, each at its last step."""
    if len(rows) <= MAX_POINTS:
        return rows
    size = math.ceil(len(rows) / MAX_POINTS)
    groups = [rows[start : start + size] for start in range(0, len(rows), size)]
    return [
        {name: sum(row[name] for row in group) / len(group) for name in group[0]} | {"step": group[-1]["step"]}
        for group in groups
    ]


def _short(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, 4)


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
