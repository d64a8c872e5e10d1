"""Training processes: started apart from whoever asks, steered through the run directory's control file."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from dcgan.config import TrainConfig
from dcgan.datasets import default_data_dir
from dcgan.errors import UserError
from dcgan.files import read_json, write_json
from dcgan.records import process_alive, process_start
from dcgan.runs import Run, change_config, create_run, default_runs_dir, rename_run, unique_name
from dcgan.torchrun import without_group

COMMANDS = ("run", "pause", "step", "stop")
NVIDIA_DEVICES = Path("/dev")
GPUS_VARIABLE = "DCGAN_GPUS"
_PROJECT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Order:
    """What is asked of a launcher beside the run itself: for whom, for how long (seconds), with which data.

    `queued` is the time of the ticket (seconds since 1970), by which a ticket that was served is known.
    """

    owner: str = ""
    max_seconds: float | None = None
    data_dir: str = ""
    queued: float = 0.0

    @classmethod
    def from_ticket(cls, ticket: Mapping[str, Any]) -> Order:
        """The order kept in a ticket; values of another type than theirs count as absent."""
        seconds, data_dir, queued = (ticket.get(name) for name in ("max_seconds", "data_dir", "queued"))
        limited = isinstance(seconds, int | float) and not isinstance(seconds, bool) and seconds > 0
        return cls(
            owner=str(ticket.get("owner") or ""),
            max_seconds=float(seconds) if limited and seconds is not None else None,
            data_dir=data_dir if isinstance(data_dir, str) else "",
            queued=float(queued) if isinstance(queued, int | float) else 0.0,
        )


@dataclass(frozen=True)
class Job:
    """The process that was launched for a run: for whom, whether it trains, when it last spoke (seconds since 1970)."""

    owner: str
    alive: bool
    spoke: float


class ChildProcesses:
    """Trains in processes of this machine, each in a session of its own: one for each GPU, one where there is none."""

    def places(self) -> int:
        """The number of GPUs, at least 1."""
        return max(1, len(gpus()))

    def launch(self, run: Run, order: Order) -> None:
        """Start the training process; with several GPUs on one that no other run has.

        Raises:
            UserError: it cannot be started.
        """
        options = ["--max-seconds", str(order.max_seconds)] if order.max_seconds else []
        # Every run is started by resuming it: a fresh one has its configuration in run.json and no saved state yet.
        command = [sys.executable, "-m", "dcgan", "train", "--run-dir", str(run.path.absolute()), "--resume", *options]
        command += ["--data-dir", order.data_dir or str(default_data_dir().absolute())]
        environment = {**without_group(os.environ), "PYTHONUNBUFFERED": "1", "PYTHONPATH": _python_path()}
        gpu = _free_gpu(run.path.parent)
        if gpu is not None:  # the run sees its own, and knows of the others when it starts the next one
            environment |= {"CUDA_VISIBLE_DEVICES": gpu, GPUS_VARIABLE: ",".join(gpus())}
        _start_process(run, command, environment, {"owner": order.owner, "queued": order.queued, "gpu": gpu or ""})


def start(
    config: TrainConfig,
    *,
    preset: str,
    runs_dir: Path | None = None,
    data_dir: Path | None = None,
    max_seconds: float | None = None,
    title: str = "",
) -> str:
    """Create a run directory and train it at once in a process that outlives this one; returns the run's name.

    Raises:
        UserError: the run directory cannot be made.
    """
    folder = runs_dir or default_runs_dir()
    run = create_run(folder / unique_name(preset, folder), config, preset, data_dir)
    if title:
        rename_run(run, title)
    ChildProcesses().launch(run, Order(max_seconds=max_seconds, data_dir=str(data_dir.absolute()) if data_dir else ""))
    return run.name


def continue_run(run: Run, epochs: int, data_dir: Path | None = None) -> None:
    """Train a run that has ended up to `epochs` epochs in all, at once, from its last saved state.

    Raises:
        UserError: it is still training, ships with the app, has no saved state, or already has that many epochs.
    """
    ChildProcesses().launch(extend(run, epochs), Order(data_dir=str(data_dir.absolute()) if data_dir else ""))


def extend(run: Run, epochs: int) -> Run:
    """Let a run that has ended have `epochs` epochs in all, without starting it.

    Raises:
        UserError: as for `continue_run`.
    """
    status = run.status()
    if run.bundled:
        raise UserError(f"Run {run.title!r} ships with the app; start a run of your own from the same preset.")
    if status.active:
        raise UserError(f"Run {run.title!r} is still training.")
    if status.state == "queued":
        raise UserError(f"Run {run.title!r} waits in the queue already.")
    if not run.states():
        raise UserError(f"Run {run.title!r} has no saved state to go on from; start a new run.")
    if status.total_steps and epochs * status.total_steps <= status.step * run.config.epochs:
        raise UserError(f"Run {run.title!r} has already trained {status.epoch} epochs; ask for more than that.")
    return change_config(run, run.config.with_changes(epochs=epochs))


def read_job(run: Run) -> Job | None:
    """The process last launched for `run`; None where none was."""
    record = read_json(run.path / "job.json")
    if record is None:
        return None
    status = run.status()
    return Job(owner=str(record.get("owner") or ""), alive=status.active, spoke=status.updated)


def note_failure(run: Run, message: str) -> None:
    """Keep with the run why it could not be started."""
    with contextlib.suppress(OSError):
        record = read_json(run.path / "status.json") or {}
        write_json(run.path / "status.json", {**record, "state": "failed", "message": message, "updated": time.time()})


def gpus() -> list[str]:
    """The numbers of the NVIDIA devices this process may use, found without loading torch."""
    told = os.environ.get(GPUS_VARIABLE, os.environ.get("CUDA_VISIBLE_DEVICES"))
    if told is not None:
        return [name.strip() for name in told.split(",") if name.strip() not in ("", "-1")]
    found = (path.name.removeprefix("nvidia") for path in NVIDIA_DEVICES.glob("nvidia[0-9]*"))
    return sorted((name for name in found if name.isdigit()), key=int)


def _free_gpu(folder: Path) -> str | None:
    """The GPU that fewest runs in training have; None where there is no choice."""
    known = gpus()
    if len(known) < 2:
        return None
    taken = [
        str(record.get("gpu")) for path in folder.glob("*/job.json") if (record := read_json(path)) and _alive(record)
    ]
    return min(known, key=taken.count)


def _alive(record: Mapping[str, Any]) -> bool:
    """Whether the process of a job lives and will go on living: one that asks this is about to end."""
    pid, started = record.get("pid"), record.get("process_started")
    if not isinstance(pid, int) or not isinstance(started, int | float) or pid in (os.getpid(), os.getppid()):
        return False
    return process_alive(pid, started)


def send(run: Run, command: str) -> None:
    """Ask the process that trains `run` to go on (`run`), `pause`, do one `step` and pause, or `stop` for good.

    Raises:
        UserError: the run is not training, or the command is unknown.
    """
    if command not in COMMANDS:
        raise UserError(f"Unknown command {command!r}; known are {', '.join(COMMANDS)}.")
    status = run.status()
    if not status.active:
        raise UserError(f"Run {run.title!r} is not training any more.")
    try:
        write_json(run.path / "control.json", {"command": command, "pid": status.pid, "sent": time.time()})
    except OSError as error:
        raise UserError(f"Run {run.title!r} cannot be reached ({error.strerror}).") from error


def _start_process(run: Run, command: list[str], environment: dict[str, str], more: Mapping[str, Any]) -> None:
    launched = {"updated": time.time(), "beat": time.monotonic()}
    try:
        (run.path / "control.json").unlink(missing_ok=True)  # whatever it asks was asked of an earlier process
        with (run.path / "log.txt").open("ab") as log:
            process = subprocess.Popen(
                command, cwd=run.path.parent, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                **_own_session(),
            )  # fmt: skip
        started = process_start(process.pid)
        job = {"state": "starting", "pid": process.pid, "process_started": started, **launched}
        write_json(run.path / "job.json", {**job, **more})
    except (OSError, psutil.Error) as error:
        raise UserError(f"The training process could not be started ({error}).") from error


def _python_path() -> str:
    before = [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]
    return os.pathsep.join(dict.fromkeys([str(_PROJECT), *before]))


def _own_session() -> dict[str, Any]:
    """Options that keep a signal or a closed window of the parent from reaching the child."""
    if os.name == "nt":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW  # type: ignore[attr-defined]
        return {"creationflags": flags}
    return {"start_new_session": True}
