"""Faults around a run: its disk, its directory, its clock, its numbers, its device. See `benchmarks.faults`."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from benchmarks.fault_bench import Bench, Outcome, train, until, until_saved, wait
from dcgan import jobs, losses, runs
from dcgan.errors import UserError
from dcgan.records import Status


def full_disk(bench: Bench) -> Iterator[Outcome]:
    """A disk that fills while a run trains: a small tmpfs where it can be mounted, else a limit on file sizes."""
    with small_disk(bench.folder / "small") as disk:
        outcome = Outcome("disk full" if disk else "file size limit reached")
        for index, spare in enumerate((0, 40, 400)):  # kilobytes left when a run has its first state
            run = bench.new(f"full-{index}", disk)
            filler = run.path.parent / "filler"
            number = train(run, (lambda: None) if disk else limit_file_size)
            if disk:
                until_saved(run)
                fill(filler, spare)
            if wait(number) != 1:
                outcome.problems.append(f"note: {run.name} did not end with a failure")
            filler.unlink(missing_ok=True)
            bench.judge(outcome, run, "could not be written")
            shutil.rmtree(run.path)
        yield outcome


@contextmanager
def small_disk(folder: Path) -> Iterator[Path | None]:
    """A file system of two megabytes; None where this user may not mount one."""
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], capture_output=True)
    try:
        yield folder if made.returncode == 0 else None
    finally:
        if made.returncode == 0:
            subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(file: Path, spare: int) -> None:
    with file.open("wb", buffering=0) as opened, suppress(OSError):
        while True:
            opened.write(bytes(4096))
    with file.open("r+b") as opened:
        opened.truncate(max(0, file.stat().st_size - 1024 * spare))


def limit_file_size() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))


def removed_directory(bench: Bench) -> Iterator[Outcome]:
    """The directory, or one of its folders, is deleted while the run trains."""
    outcome, run = Outcome("run directory removed"), bench.new("removed")
    number = train(run)
    until_saved(run)
    shutil.rmtree(run.path, ignore_errors=True)
    shutil.rmtree(run.path, ignore_errors=True)  # the trainer may have written between two looks
    outcome.tried += 1
    end = wait(number)
    with suppress(UserError):
        runs.open_run(run.path)
        outcome.lost += 1
        outcome.problems.append("a removed run came back")
    if end != 1:
        outcome.problems.append(f"the process ended with {end}")
        outcome.lost += 1
    outcome.says = f"There is no run directory {run.name!r}; it may have been deleted."
    folder = bench.new("removed-folder")
    number = train(folder)
    until_saved(folder)
    shutil.rmtree(folder.path / "samples")
    wait(number)
    (folder.path / "samples").mkdir(exist_ok=True)
    if "could not be written" not in folder.status().message:
        outcome.lost += 1
        outcome.problems.append("a run without its samples folder says nothing")
    outcome.tried += 1
    yield outcome


PLAIN_TIME = time.time


def clock_set_back(bench: Bench) -> Iterator[Outcome]:
    """The wall clock of the training process jumps back by an hour and a year; its readers' clock does not."""
    outcome = Outcome("clock set back")
    for index, jump in enumerate((3600.0, 3.2e7)):
        run = bench.new(f"clock-{index}")

        def clock_jumps(_: object, status: Status, jump: float = jump) -> None:
            if status.step == 10 and time.time is PLAIN_TIME:
                time.time = lambda: PLAIN_TIME() - jump

        number = train(run, listener=clock_jumps)
        until(run, lambda status: 0 < status.updated < time.time() - 1800, "the clock jumped")
        assert run.status().active, run.status()
        jobs.send(run, "pause")
        until(run, lambda status: status.state == "paused", "it obeys")
        os.kill(number, signal.SIGKILL)
        wait(number)
        bench.judge(outcome, run)
    yield outcome


def not_finite(bench: Bench) -> Iterator[Outcome]:
    """A loss becomes not a number; continued without the cause, the run ends like the whole one."""
    outcome = Outcome("loss not finite")
    for index, step in enumerate((20, 27, 28, 29)):  # 28 is the last step of an epoch
        run = bench.new(f"nan-{index}")

        def before(step: int = step) -> None:
            sound, calls = losses.generator_loss, [0]

            def poisoned(*arguments: Any, **options: Any) -> Any:
                calls[0] += 1
                return sound(*arguments, **options) * (float("nan") if calls[0] >= step else 1.0)

            losses.generator_loss = poisoned

        if wait(train(run, before)) != 1:
            outcome.problems.append(f"note: {run.name} did not fail")
        bench.judge(outcome, run, "stopped being finite")
    yield outcome


def device_lost(bench: Bench) -> Iterator[Outcome]:
    """What torch raises when a GPU falls off its bus, raised from the loss."""
    outcome, run = Outcome("device lost (simulated)"), bench.new("lost-device")

    def before() -> None:
        sound, calls = losses.discriminator_loss, [0]

        def failing(*arguments: Any, **options: Any) -> Any:
            calls[0] += 1
            if calls[0] == 40:
                raise RuntimeError("CUDA error: unspecified launch failure")
            return sound(*arguments, **options)

        losses.discriminator_loss = failing

    wait(train(run, before))
    bench.judge(outcome, run, "continue from the last saved state")
    yield outcome
