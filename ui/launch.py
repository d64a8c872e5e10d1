"""Starts training for the pages: at once where a place is free, else when the run's turn comes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from dcgan import jobs, queue, runs
from dcgan.config import TrainConfig
from dcgan.errors import UserError
from dcgan.runs import Run
from dcgan.tickets import read_ticket
from ui.browsers import owner

PATIENCE_SECONDS: Final = 20.0  # that a run may take to end; it saves its state first


def active_run() -> Run | None:
    """The run to show to somebody who asks for none: this browser's that trains or waits, else any that trains.

    The newest comes first; None when the machine is free.
    """
    queue.advance()
    known = [(run, run.status().state) for run in runs.list_runs()]
    going = [run for run, state in known if state in ("starting", "running", "paused")]
    mine = [run for run, state in known if (run in going or state == "queued") and _owner_of(run) == owner()]
    return next(iter(mine + going), None)


def start(config: TrainConfig, preset: str, max_seconds: float | None = None, title: str = "") -> str:
    """Let a run train in a process of its own, at once or when its turn comes; returns its name.

    Raises:
        UserError: the run directory cannot be made.
    """
    return queue.submit(config, preset=preset, owner=owner(), max_seconds=max_seconds, title=title)


def start_again(run: Run, changes: Mapping[str, Any]) -> str:
    """End `run` where it is still going, and start one with `changes` to its settings; returns the new run's name.

    The new one has as much time as `run` had.

    Raises:
        UserError: the run does not end within `PATIENCE_SECONDS`, or a change is not allowed.
    """
    config = run.config.with_changes(**changes)
    if run.status().active:
        jobs.send(run, "stop")
    end = time.monotonic() + PATIENCE_SECONDS
    while run.status().active:
        if time.monotonic() > end:
            raise UserError(f"Run {run.title!r} has been asked to stop and is still busy; start again in a moment.")
        time.sleep(0.1)
    return start(config, run.preset, run.status().limit)


def go_on(run: Run, epochs: int) -> None:
    """Train `run`, which has ended, up to `epochs` epochs in all, at once or when its turn comes.

    Raises:
        UserError: it cannot go on.
    """
    queue.submit_again(run, epochs, owner=owner())


def begin(run: Run) -> str:
    """Let a run that was made but never trained (a branch) train, at once or when its turn comes; returns its name."""
    queue.submit_made(run, owner=owner())
    return run.name


def may_move_up(run: Run) -> bool:
    """Whether another waiting run of the same browser is before `run`."""
    waiting = queue.waiting()
    this = next((entry for entry in waiting if entry.run.name == run.name), None)
    return this is not None and any(entry.owner == this.owner and entry.place < this.place for entry in waiting)


def _owner_of(run: Run) -> str:
    ticket = read_ticket(run)
    if ticket:
        return str(ticket["owner"])
    job = jobs.read_job(run)
    return job.owner if job else ""
