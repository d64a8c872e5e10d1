"""Starts training for the pages: one run at a time on this machine, however many browsers press Start."""

from __future__ import annotations

import threading
from typing import Final

from dcgan import jobs, runs
from dcgan.config import TrainConfig
from dcgan.errors import UserError
from dcgan.runs import Run

_one_at_a_time: Final = threading.Lock()


def active_run() -> Run | None:
    """The run that is training (or paused) now, the newest first; None when the machine is free."""
    return next((run for run in runs.list_runs() if run.status().active), None)


def start(config: TrainConfig, preset: str, max_seconds: float | None = None, title: str = "") -> str:
    """Start a run in a process of its own and return its name.

    Raises:
        UserError: another run is active, or the run directory cannot be made.
    """
    with _one_at_a_time:
        _refuse_second()
        return jobs.start(config, preset=preset, max_seconds=max_seconds, title=title)


def go_on(run: Run, epochs: int) -> None:
    """Train `run`, which has ended, up to `epochs` epochs in all.

    Raises:
        UserError: another run is active, or this one cannot go on.
    """
    with _one_at_a_time:
        _refuse_second()
        jobs.continue_run(run, epochs)


def _refuse_second() -> None:
    busy = active_run()
    if busy:
        state = "paused" if busy.status().state == "paused" else "training"
        raise UserError(f"Run {busy.title!r} is {state} already; stop it, or wait for it, before you start another.")
