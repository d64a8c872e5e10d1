"""Numbers and names as pages show them."""

from __future__ import annotations

import re
from typing import Any, Final

from dcgan.errors import UserError
from dcgan.family import branch_moment
from dcgan.presets import PRESETS
from dcgan.records import Status
from dcgan.runs import Run, open_named

STATE_WORDS: Final = {
    "queued": "queued",
    "starting": "starting",
    "running": "running",
    "paused": "paused",
    "finished": "finished",
    "stopped": "stopped",
    "failed": "failed",
    "interrupted": "interrupted",
}


def duration(seconds: float) -> str:
    """`48 s`, `1 min 05 s`, `2 h 10 min`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes = whole // 60
    return f"{minutes} min {whole % 60:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def about(seconds: float) -> str:
    """A rough time for an estimate: `20 s`, `4 min`, `1.5 h`."""
    if seconds < 55:
        return f"{max(5, round(seconds / 5) * 5)} s"
    if seconds < 5400:
        return f"{max(1, round(seconds / 60))} min"
    return f"{seconds / 3600:.1f} h"


def size(count: int) -> str:
    """Bytes as `340 kB`, `12 MB`, `1.2 GB`."""
    if count < 10**6:
        return f"{round(count / 1000)} kB"
    return f"{round(count / 10**6)} MB" if count < 10**9 else f"{count / 10**9:.1f} GB"


def setting_words(value: Any) -> str:
    """A setting's value as people write it: `on`, `0.0002`, `1,024`, `labels`."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return f"{value:.10f}".rstrip("0").rstrip(".") or "0"
    return f"{value:,}" if isinstance(value, int) else str(value)


def plain(text: str) -> str:
    """`text` so that Markdown shows it as it is: names people gave are never markup."""
    return re.sub(r"([\\`*_{}\[\]()#+\-!|<>~:$&])", r"\\\1", text)


def preset_title(run: Run) -> str:
    """The title of the preset the run was started from; its name when this program does not know it."""
    return PRESETS[run.preset].title if run.preset in PRESETS else run.preset


def title_facts(run: Run) -> list[str]:
    """Preset and data, where the run's title is one that people gave it and does not say them."""
    return [preset_title(run), run.dataset_title] if run.label else []


def family_facts(run: Run) -> list[str]:
    """`branched from my digits after epoch 3` for a run that has a parent."""
    if run.parent is None:
        return []
    try:
        name = open_named(run.parent.run, run.path.parent).title
    except UserError:
        name = run.parent.run  # deleted since
    return [f"branched from {name} {branch_moment(run)}"]


def progress(status: Status) -> str:
    """`epoch 3 of 20`, or `20 epochs` when that is all of them; `epoch 3` where it is the time that ends the run."""
    if status.epochs and status.epoch >= status.epochs and not status.active:
        return f"{status.epochs} epoch{'s' if status.epochs != 1 else ''}"
    return f"epoch {status.epoch}" if status.limit else f"epoch {status.epoch} of {status.epochs}"
