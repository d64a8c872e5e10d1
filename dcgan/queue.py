"""Runs that wait for their turn: at most so many train at once, the others start in a fair order.

A waiting run is a run directory with a `ticket.json`; nothing else is kept, so the queue survives whatever happens to
those who look at it. No process watches over it: whoever looks calls `advance`, and a file lock lets one do it at once.
A training process that ends gives its turn on, so that a queue empties itself though nobody looks.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import filelock

from dcgan import jobs
from dcgan.config import TrainConfig
from dcgan.errors import UserError
from dcgan.files import write_json
from dcgan.runs import Run, create_run, default_runs_dir, delete_run, list_runs, rename_run, unique_name
from dcgan.tickets import data_folder, in_order, take_ticket, ticket_of

LIMIT_VARIABLE = "DCGAN_MAX_RUNS"
LOOK_INTERVAL = 1.0  # seconds between two looks of one process at the queue
LOCK_SECONDS = 20.0

_looked_at: dict[Path, float] = {}


class Launcher(Protocol):
    """Where training happens. Child processes on this machine (`dcgan.jobs.ChildProcesses`) are one such place.

    A launched run speaks through its run directory alone: status.json, the metrics, control.json.
    """

    def places(self) -> int:
        """How many runs can train at once."""
        ...

    def launch(self, run: Run, order: jobs.Order) -> None:
        """Let `run` train; returns at once.

        Raises:
            UserError: it cannot be started.
        """
        ...


@dataclass(frozen=True)
class Waiting:
    """A run in the queue: `place` counts from 1; `seconds` until it starts, None where nobody can tell."""

    run: Run
    owner: str
    place: int
    seconds: float | None

    @property
    def sentence(self) -> str:
        """Place and estimate in words."""
        if self.seconds is None:
            when = ""
        else:
            minutes = round(self.seconds / 60)
            when = "; starts in less than a minute" if minutes < 1 else f"; starts in about {minutes} min"
        return f"Number {self.place} in the queue{when}."


def submit(
    config: TrainConfig,
    *,
    preset: str,
    owner: str = "",
    runs_dir: Path | None = None,
    data_dir: Path | None = None,
    max_seconds: float | None = None,
    title: str = "",
    launcher: Launcher | None = None,
) -> str:
    """Create a run that starts at once where a place is free, else when its turn comes; returns its name.

    `owner` stands for who asks: nobody's second run starts before another's first.

    Raises:
        UserError: the run directory cannot be made, or the data do not suit the configuration.
    """
    folder = runs_dir or default_runs_dir()
    with _locked(folder):
        run = create_run(folder / unique_name(preset, folder), config, preset, data_dir)
        if title:
            rename_run(run, title)
        take_ticket(run, jobs.Order(owner=owner, max_seconds=max_seconds, data_dir=data_folder(data_dir)))
    advance(folder, launcher=launcher, at_once=True)
    return run.name


def submit_again(
    run: Run, epochs: int, *, owner: str = "", data_dir: Path | None = None, launcher: Launcher | None = None
) -> None:
    """Let a run that has ended go on up to `epochs` epochs in all, at once or when its turn comes.

    Raises:
        UserError: it is training or waiting, ships with the app, has no saved state, or already has that many epochs.
    """
    with _locked(run.path.parent):
        take_ticket(jobs.extend(run, epochs), jobs.Order(owner=owner, data_dir=data_folder(data_dir)))
    advance(run.path.parent, launcher=launcher, at_once=True)


def submit_made(run: Run, *, owner: str = "", data_dir: Path | None = None, launcher: Launcher | None = None) -> None:
    """Let a run directory that was made by other means (a branch) train, at once or when its turn comes."""
    with _locked(run.path.parent):
        take_ticket(run, jobs.Order(owner=owner, data_dir=data_folder(data_dir)))
    advance(run.path.parent, launcher=launcher, at_once=True)


def give_turn_on(run: Run) -> None:
    """The last deed of the process that trained `run`: start whoever waits for its place. Never fails."""
    with suppress(UserError, OSError):  # whoever looks next does it
        advance(run.path.parent, at_once=True, leaving=os.getpid())


def advance(
    runs_dir: Path | None = None, *, launcher: Launcher | None = None, at_once: bool = False, leaving: int = 0
) -> list[str]:
    """Start those whose turn it is; returns their names. Looks at most once a second unless told `at_once`.

    A run that cannot be started says so and leaves the queue. The run that process `leaving` trains takes no place any
    more.
    """
    folder = runs_dir or default_runs_dir()
    now = time.monotonic()
    if not at_once and now - _looked_at.get(folder, -LOOK_INTERVAL) < LOOK_INTERVAL:
        return []
    _looked_at[folder] = now
    if not any(folder.glob("*/ticket.json")):
        return []
    launcher = launcher or jobs.ChildProcesses()
    with _locked(folder):
        known = list_runs(folder)
        statuses = [run.status() for run in known]
        free = _limit(launcher) - sum(status.active and status.pid != leaving for status in statuses)
        started = in_order(known)[: max(free, 0)]
        for run, order in started:
            try:
                launcher.launch(run, order)
            except UserError as error:
                jobs.note_failure(run, str(error))
            (run.path / "ticket.json").unlink(missing_ok=True)
        for run in known:  # left by somebody who was killed between launching and this line
            if run.status().state != "queued":
                (run.path / "ticket.json").unlink(missing_ok=True)
        return [run.name for run, _ in started]


def waiting(runs_dir: Path | None = None, *, launcher: Launcher | None = None) -> list[Waiting]:
    """The queue, first come first, with places and estimates."""
    folder = runs_dir or default_runs_dir()
    if not any(folder.glob("*/ticket.json")):
        return []
    known = list_runs(folder)
    places = [_left(run, known) for run in known if run.status().active]
    free = _limit(launcher or jobs.ChildProcesses()) - len(places)
    places += [0.0] * max(free, 0)
    if free < 0 and None not in places:  # more train than may: as many must end before the next one starts
        places[:] = sorted(seconds for seconds in places if seconds is not None)[-free:]
    found = []
    for number, (run, order) in enumerate(in_order(known), start=1):
        known_times = [seconds for seconds in places if seconds is not None]
        start = min(known_times) if len(known_times) == len(places) and places else None
        found.append(Waiting(run, order.owner, number, start))
        if start is not None:
            length = order.max_seconds or _expected(run, known)
            places[places.index(start)] = None if length is None else start + length
    return found


def busy(runs_dir: Path | None = None, *, launcher: Launcher | None = None) -> bool:
    """Whether a run submitted now would have to wait."""
    known = list_runs(runs_dir or default_runs_dir())
    taken = sum(run.status().active or run.status().state == "queued" for run in known)
    return taken >= _limit(launcher or jobs.ChildProcesses())


def place_of(run: Run, *, launcher: Launcher | None = None) -> Waiting | None:
    """Where `run` stands in the queue; None when it does not wait."""
    return next((entry for entry in waiting(run.path.parent, launcher=launcher) if entry.run.name == run.name), None)


def cancel(run: Run) -> bool:
    """Take `run` out of the queue; a run that never trained is deleted with it. Returns whether it was deleted.

    Raises:
        UserError: it does not wait (any more).
    """
    with _locked(run.path.parent):
        ticket_of(run)
        (run.path / "ticket.json").unlink(missing_ok=True)
        fresh = not run.states() and not (run.path / "status.json").exists()
        if fresh:
            delete_run(run)
        return fresh


def move_up(run: Run) -> None:
    """Let `run` change places with its owner's run before it; other people's places stay as they are.

    Raises:
        UserError: it does not wait, or none of its owner's runs is before it.
    """
    with _locked(run.path.parent):
        ticket = ticket_of(run)
        own = [found for found, order in in_order(list_runs(run.path.parent)) if order.owner == ticket["owner"]]
        index = [found.name for found in own].index(run.name)
        if index == 0:
            raise UserError(f"Run {run.title!r} is the first of yours in the queue already.")
        before = ticket_of(own[index - 1])
        write_json(own[index - 1].path / "ticket.json", {**before, "number": ticket["number"]})
        write_json(run.path / "ticket.json", {**ticket, "number": before["number"]})


def _limit(launcher: Launcher) -> int:
    """How many train at once: the environment variable `DCGAN_MAX_RUNS`, else as many as the launcher has places."""
    told = os.environ.get(LIMIT_VARIABLE, "")
    return max(1, int(told)) if told.isascii() and told.isdigit() and len(told) < 6 else launcher.places()


def _left(run: Run, known: list[Run]) -> float | None:
    """Seconds until a training run ends."""
    status = run.status()
    if status.eta is not None:
        return status.eta
    return _expected(run, known) if status.state == "starting" else None


def _expected(run: Run, known: list[Run]) -> float | None:
    """Seconds that a waiting run will train, by the newest run of the same kind that has trained for a while."""
    config = run.config
    for other in known:
        same = all(getattr(other.config, name) == getattr(config, name) for name in _COSTLY)
        status = other.status()
        if same and status.step >= 20 and status.total_steps and status.seconds > 0:
            steps = config.epochs * status.total_steps / max(status.epochs, 1)
            done = run.status().step
            return max(0.0, (steps - done) * status.seconds / status.step)
    return None


_COSTLY = (
    "dataset", "source", "batch_size", "image_size", "channels", "family", "kernel_size", "generator_width",
    "discriminator_width", "objective", "critic_steps", "device", "precision",
)  # fmt: skip


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(str(folder / ".queue.lock"), timeout=LOCK_SECONDS):
            yield
    except filelock.Timeout as error:
        raise UserError("The queue is busy; try again in a moment.") from error
    except OSError as error:
        raise UserError(f"{folder} cannot be written ({error.strerror}).") from error
