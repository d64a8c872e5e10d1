"""Training processes: started apart from whoever asks, steered through the run directory's control file."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from dcgan.config import TrainConfig
from dcgan.datasets import default_data_dir
from dcgan.errors import UserError
from dcgan.files import write_json
from dcgan.records import process_start
from dcgan.runs import Run, change_config, create_run, default_runs_dir, rename_run, unique_name

COMMANDS = ("run", "pause", "step", "stop")
_PROJECT = Path(__file__).resolve().parent.parent


def start(
    config: TrainConfig,
    *,
    preset: str,
    runs_dir: Path | None = None,
    data_dir: Path | None = None,
    max_seconds: float | None = None,
    title: str = "",
) -> str:
    """Create a run directory and train it in a process of its own, which outlives this one; returns the run's name.

    Raises:
        UserError: the run directory cannot be made.
    """
    folder = runs_dir or default_runs_dir()
    run = create_run(folder / unique_name(preset, folder), config, preset)
    if title:
        rename_run(run, title)
    _launch(run, data_dir, ["--max-seconds", str(max_seconds)] if max_seconds else [])
    return run.name


def continue_run(run: Run, epochs: int, data_dir: Path | None = None) -> None:
    """Train a run that has ended up to `epochs` epochs in all, from its last saved state.

    Raises:
        UserError: it is still training, ships with the app, has no saved state, or already has that many epochs.
    """
    status = run.status()
    if run.bundled:
        raise UserError(f"Run {run.title!r} ships with the app; start a run of your own from the same preset.")
    if status.active:
        raise UserError(f"Run {run.title!r} is still training.")
    if not run.states():
        raise UserError(f"Run {run.title!r} has no saved state to go on from; start a new run.")
    if status.total_steps and epochs * status.total_steps <= status.step * run.config.epochs:
        raise UserError(f"Run {run.title!r} has already trained {status.epoch} epochs; ask for more than that.")
    _launch(change_config(run, run.config.with_changes(epochs=epochs)), data_dir, [])


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


def _launch(run: Run, data_dir: Path | None, options: Sequence[str]) -> None:
    """Every run is started by resuming it: a fresh one has its configuration in run.json and no saved state yet."""
    command = [sys.executable, "-m", "dcgan", "train", "--run-dir", str(run.path), "--resume", *options]
    command += ["--data-dir", str((data_dir or default_data_dir()).absolute())]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": _python_path()}
    launched = time.time()
    (run.path / "control.json").unlink(missing_ok=True)  # whatever it asks was asked of an earlier process
    try:
        with (run.path / "log.txt").open("ab") as log:
            process = subprocess.Popen(
                command, cwd=run.path.parent, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                **_own_session(),
            )  # fmt: skip
        started = process_start(process.pid)
        job = {"state": "starting", "pid": process.pid, "process_started": started, "updated": launched}
        write_json(run.path / "job.json", job)
    except (OSError, psutil.Error) as error:
        raise UserError(f"The training process could not be started ({error}).") from error


def _python_path() -> str:
    return os.pathsep.join(filter(None, [str(_PROJECT), os.environ.get("PYTHONPATH")]))


def _own_session() -> dict[str, Any]:
    """Options that keep a signal or a closed window of the parent from reaching the child."""
    if os.name == "nt":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW  # type: ignore[attr-defined]
        return {"creationflags": flags}
    return {"start_new_session": True}
