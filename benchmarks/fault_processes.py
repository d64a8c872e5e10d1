"""Faults of processes: killed, doubled, suspended, orphaned; and states damaged on disk. See `benchmarks.faults`."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.fault_bench import PATIENCE, Bench, Outcome, train, until, until_saved, wait
from dcgan import files, jobs, recording
from dcgan.errors import UserError
from dcgan.events import Stepped
from dcgan.records import SILENT_SECONDS
from dcgan.session import run_training


def kill_at_random(bench: Bench, count: int) -> Iterator[Outcome]:
    """SIGKILL at `count` moments: while a run starts, or some milliseconds into any step but the last ones."""
    outcome, moments = Outcome("killed (SIGKILL)"), random.Random(0)
    last = bench.whole.status().total_steps - 3
    while outcome.tried < count:
        run = bench.new(f"killed-{outcome.tried}-{moments.random():.6f}")
        number = train(run, *_killer(moments.randint(0, last), moments.random()))
        if wait(number) == -signal.SIGKILL:  # else the run was faster, and another moment is drawn
            bench.judge(outcome, run)
    yield outcome


def _killer(step: int, chance: float) -> tuple[Callable[[], None], Callable[[Any, Any], None]]:
    """What to do before training and at each event, so that the process is killed soon after `step`."""

    def kill_within(seconds: float) -> None:
        threading.Timer(chance * seconds, os.kill, (os.getpid(), signal.SIGKILL)).start()

    def at_event(event: Any, _: Any) -> None:
        if isinstance(event, Stepped) and event.step == step:
            kill_within(0.05)

    return (lambda: None if step else kill_within(0.5)), at_event


def kill_while_writing(bench: Bench) -> Iterator[Outcome]:
    """Killed right before and right after each kind of file takes its name."""
    outcome = Outcome("killed while writing a file")
    for name in ("resume", "snapshots", "samples", "status.json", "metrics.jsonl"):
        for after in (False, True):
            run = bench.new(f"writing-{name}-{after:d}")
            count = 3 if name != "metrics.jsonl" else 1

            def before(name: str = name, after: bool = after, count: int = count) -> None:
                plain, left = files.replace_file, [count]

                def replace(source: Path, target: Path) -> None:
                    hit = name in (target.name, target.parent.name)
                    left[0] -= hit
                    if hit and left[0] == 0 and not after:
                        os.kill(os.getpid(), signal.SIGKILL)
                    plain(source, target)
                    if hit and left[0] == 0:
                        os.kill(os.getpid(), signal.SIGKILL)

                files.replace_file = replace

            if wait(train(run, before)) != -signal.SIGKILL:
                outcome.problems.append(f"note: {run.name} was not killed")
            bench.judge(outcome, run)
    yield outcome


def two_processes(bench: Bench) -> Iterator[Outcome]:
    """Two and three processes start on one run directory at the same moment; the lock decides."""
    outcome = Outcome("several processes on one run")
    for count in (2, 3):
        run = bench.new(f"twice-{count}")
        ends = [wait(number) for number in [train(run) for _ in range(count)]]
        if sorted(ends) != [0] + [2] * (count - 1):
            outcome.problems.append(f"note: the processes ended with {ends}")
        bench.judge(outcome, run)
    with recording.Recorder(bench.new("held")) as held, suppress(UserError):
        try:
            run_training(held.run)
        except UserError as error:
            outcome.says = str(error)
    yield outcome


def suspended(bench: Bench) -> Iterator[Outcome]:
    """SIGSTOP, as of a laptop that sleeps or a debugger; then SIGCONT."""
    outcome, run = Outcome("suspended (SIGSTOP)"), bench.new("suspended")
    number = train(run)
    until(run, lambda status: status.step > 5, "it trains")
    os.kill(number, signal.SIGSTOP)
    status = until(run, lambda status: bool(status.message), f"it is silent for {SILENT_SECONDS:.0f} s")
    outcome.says = status.message
    os.kill(number, signal.SIGCONT)
    until(run, lambda status: not status.message, "it answers again")
    wait(number)
    if "has not answered" not in outcome.says or not status.active:
        outcome.lost += 1
    bench.judge(outcome, run)
    yield outcome


def damaged_state(bench: Bench) -> Iterator[Outcome]:
    """The newest state is cut, emptied, or has one bit wrong."""
    outcome = Outcome("newest state damaged")
    for index, damage in enumerate((lambda c: c[: len(c) // 2], lambda c: b"", lambda c: c[:-99] + bytes(99))):
        run = bench.new(f"damaged-{index}")
        number = train(run)
        until_saved(run, 2)
        os.kill(number, signal.SIGKILL)
        wait(number)
        newest = run.states()[-1].path
        newest.write_bytes(damage(newest.read_bytes()))
        number = train(run)
        heard = until(run, lambda status: "damaged" in status.message, "it names the state")
        wait(number)
        if newest.name not in heard.message:
            outcome.lost += 1
            outcome.problems.append(f"{newest.name} is not named: {heard.message!r}")
        bench.judge(outcome, run)
        outcome.says = heard.message
    yield outcome


def server_killed(bench: Bench) -> Iterator[Outcome]:
    """The process that launched the run is killed; the run goes on and is found again."""
    outcome, run = Outcome("server killed"), bench.new("orphan")
    server = os.fork()
    if not server:
        jobs.ChildProcesses().launch(run, jobs.Order())
        time.sleep(PATIENCE)
        os._exit(0)
    until(run, lambda status: status.state == "starting" and status.pid > 0, "it is launched")
    os.kill(server, signal.SIGKILL)
    os.waitpid(server, 0)
    status = until(run, lambda status: status.state != "starting", "it trains")
    if status.state not in ("running", "finished"):
        outcome.problems.append(f"the run is {status.state}: {status.message}")
    until(run, lambda status: not status.active, "it ends")
    bench.judge(outcome, run)
    yield outcome
