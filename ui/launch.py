"""Starts training for the pages: one run at a time on this machine, however many browsers press Start."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any, Final

from dcgan import jobs, runs
from dcgan.config import TrainConfig
from dcgan.errors import UserError
from dcgan.runs import Run

PATIENCE_SECONDS: Final = 20.0  # that a run may take to end; it saves its state first
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


def start_again(run: Run, changes: Mapping[str, Any]) -> str:
    """End `run` where it is still going, and start one with `changes` to its settings; returns the new run's name.

    Raises:
        UserError: the run does not end within `PATIENCE_SECONDS`, another one is active, or a change is not allowed.
    """
    config = run.config.with_changes(**changes)
    if run.status().active:
        jobs.send(run, "stop")
    end = time.monotonic() + PATIENCE_SECONDS
    while run.status().active:
        if time.monotonic() > end:
            raise UserError(f"Run {run.title!r} has been asked to stop and is still busy; start again in a moment.")
        time.sleep(0.1)
    return start(config, run.preset)


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
