"""What the fault benchmark stands on: small runs in real processes, and the judgement of what a fault left."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.equality import differences
from dcgan import runs
from dcgan.config import TrainConfig
from dcgan.errors import DcganError, UserError
from dcgan.events import Stepped
from dcgan.records import Status
from dcgan.runs import Run
from dcgan.sampling import load_snapshot
from dcgan.session import run_training

CONFIG = TrainConfig(
    dataset="digits", epochs=2, batch_size=64, latent_dim=8, generator_width=4, discriminator_width=4, dropout=0.2,
    conditioning="labels", ema_decay=0.9, device="cpu", precision="float32", threads=1, log_every=3, seed=7,
)  # fmt: skip
SAVE_INTERVAL = 0.15  # seconds between two saved states inside an epoch
PATIENCE = 120.0


@dataclass
class Outcome:
    """One kind of fault: how often it was tried, and what came of it."""

    fault: str
    tried: int = 0
    lost: int = 0
    differing: int = 0
    says: str = ""
    problems: list[str] = field(default_factory=list)


class Bench:
    """A folder of runs, one of them left alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        began = time.monotonic()
        self.whole = self.new("whole")
        self.finish(self.whole)
        self.duration = time.monotonic() - began

    def new(self, name: str, folder: Path | None = None) -> Run:
        return runs.create_run((folder or self.folder) / name, CONFIG, "quick")

    def finish(self, run: Run) -> None:
        """Train to the end in a process of its own."""
        end = wait(train(run))
        if end != 0:
            raise RuntimeError(f"{run.name} did not end well ({end}): {run.status().message}")

    def judge(self, outcome: Outcome, run: Run, expected: str | None = None) -> None:
        """After the fault: is the run readable, does it say what happened, and does it end like the whole one?"""
        outcome.tried += 1
        try:
            status = runs.open_run(run.path).status()
            outcome.says = status.message or outcome.says
            if expected is not None and expected not in status.message:
                raise RuntimeError(f"it says {status.message!r}, not {expected!r}")
            if run.states():
                finite = (
                    value.isfinite().all() for value in load_snapshot(run.snapshot()).network.state_dict().values()
                )
                assert all(finite), "the last good generator is not good"
            if status.state != "finished":
                self.finish(run)
        except Exception as error:
            outcome.lost += 1
            outcome.problems.append(f"{run.name}: {error}")
            return
        if found := differences(self.whole, run):
            outcome.differing += 1
            outcome.problems.append(f"{run.name}: {', '.join(found)}")


def train(run: Run, before: Callable[[], None] = lambda: None, listener: Any = None) -> int:
    """Start training in a forked process and return its number; it ends like the command line does."""
    number = os.fork()
    if number:
        return number
    status = 3
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        before()
        run_training(run, save_interval=SAVE_INTERVAL, listener=_unhurried(listener))
        status = 0
    except UserError:
        status = 2
    except DcganError:
        status = 1
    finally:
        os._exit(status)


def _unhurried(listener: Any) -> Callable[[Any, Status], None]:
    """A step takes a moment on the fastest machine too: what is done to a run has to come before its end."""

    def listen(event: Any, status: Status) -> None:
        if isinstance(event, Stepped):
            time.sleep(0.02)
        if listener:
            listener(event, status)

    return listen


def wait(number: int, seconds: float = PATIENCE) -> int:
    """The exit status of a child, negative for a signal; it is killed when it takes longer than `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        done, status = os.waitpid(number, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(number, signal.SIGKILL)
    os.waitpid(number, 0)
    raise RuntimeError(f"the process did not end within {seconds:.0f} s")


def until_saved(run: Run, count: int = 1) -> None:
    """Wait until the run has `count` states to go on from."""
    until(run, lambda status: len(run.states()) >= count, f"{run.name} has {count} states")


def until(run: Run, condition: Callable[[Status], bool], what: str) -> Status:
    """Wait for a status."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if condition(status := run.status()):
            return status
        time.sleep(0.01)
    raise RuntimeError(f"waited in vain until {what}: {run.status()}")
