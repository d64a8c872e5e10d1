"""Thirty browsers watch one run: what does it cost the trainer, how fresh is what they see, what does the server need?

    python -m benchmarks.classroom [--sessions 30] [--arrival 30] [--seconds 20] [--pairs 3] [--dataset digits]
                                   [--minutes 60] [--output FILE]

Every session does what a browser does: it fetches the page, opens Streamlit's websocket with the page's cookie, asks
for the Train page of the run (protobuf, as the page's own script does) and reads until the script has ended; then it
polls the live address like the panel, every 400 ms, and fetches each new sample grid. Nothing is drawn. They come one
after the other within `--arrival` seconds, as a class does. Windows with and without the sessions take turns; speed is
steps by the wall clock. With `--minutes` the class then stays as long, one session after the other leaving and a new
one coming, and the slope of the server's memory is told (`benchmarks.classroom_memory`). Prints JSON. All on one
machine: what the sessions take of it counts against them, and is said.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import torch

from benchmarks.classroom_memory import memory_over_time, rss
from benchmarks.classroom_session import Session
from benchmarks.machine import setting
from dcgan import jobs
from dcgan.presets import get_preset
from dcgan.records import read_metrics
from dcgan.runs import Run, open_run

PROJECT = Path(__file__).resolve().parent.parent
PATIENCE = 180.0


def main() -> int:
    """Measure and print; 1 when a session failed."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="classroom-") as folder, serving(Path(folder)) as (server, port):
        config = get_preset(options.preset).config.with_changes(dataset=options.dataset, epochs=10_000)
        run = open_run(Path(folder) / jobs.start(config, preset=options.preset, runs_dir=Path(folder)))
        try:
            until(lambda: run.status().step > 50, "training does not begin")
            report = measure(run, server, port, options) if options.pairs else {}
            if options.minutes:
                report |= memory_over_time(run, server, port, options.sessions, options.minutes)
        finally:
            if (status := run.status()).pid:
                psutil.Process(status.pid).kill()
    settings = {name: value for name, value in vars(options).items() if name != "output"}
    text = json.dumps({**machine(), **settings, **report}, indent=1)
    print(text)
    if options.output:
        options.output.write_text(text + "\n", encoding="utf-8")
    return 1 if report.get("failures") or report.get("memory", {}).get("failures") else 0


def measure(run: Run, server: psutil.Process, port: int, options: argparse.Namespace) -> dict[str, Any]:
    """Alternate windows without and with the sessions."""
    alone, watched, seen = [], [], Arrivals(run)
    opened: list[float] = []
    sessions: list[Session] = []
    memory = [rss(server)]
    own = psutil.Process()
    used, cost, served = 0.0, 0.0, 0.0
    for pair in range(options.pairs):
        order = (False, True) if pair % 2 == 0 else (True, False)
        for with_sessions in order:
            if not with_sessions:
                alone.append(speed(run, options.seconds))
                continue
            room = [Session(port, run.name) for _ in range(options.sessions)]
            before, server_before = sum(own.cpu_times()[:2]), sum(server.cpu_times()[:2])
            began = time.monotonic()
            watched.append(asyncio.run(watch(room, run, options.seconds, options.arrival)))
            cost += sum(own.cpu_times()[:2]) - before
            served += sum(server.cpu_times()[:2]) - server_before
            used += time.monotonic() - began
            sessions += room
            opened += [session.opened for session in room if session.opened is not None]
            memory.append(rss(server))
    seen.close()
    fresh = [moment - seen.at[step] for s in sessions for step, moment in s.seen.items() if step in seen.at]
    trips = [trip for session in sessions for trip in session.trips]
    return {
        "training_alone_steps_per_s": round(statistics.median(alone), 2),
        "training_watched_steps_per_s": round(statistics.median(watched), 2),
        "slowdown": round(1 - statistics.median(w / a for w, a in zip(watched, alone, strict=True)), 4),
        "page_opened_s": spread(opened), "answer_s": spread(trips), "refresh_latency_s": spread(fresh),
        "requests_per_s": round(len(trips) / used, 1), "sessions_cpu_cores": round(cost / used, 3),
        "server_cpu_cores": round(served / used, 3),
        "server_memory_mb": [round(value / 1e6) for value in memory],
        "failures": [problem for session in sessions for problem in session.problems][:10],
    }  # fmt: skip


async def watch(room: list[Session], run: Run, seconds: float, arrival: float) -> float:
    """Open all sessions, wait until they are live, measure; the speed of training meanwhile."""
    tasks = []
    for session in room:
        tasks.append(asyncio.create_task(session.run()))
        await asyncio.sleep(arrival / len(room))
    end = time.monotonic() + PATIENCE
    while any(session.opened is None and not session.problems for session in room) and time.monotonic() < end:
        await asyncio.sleep(0.1)
    result = await asyncio.to_thread(speed, run, seconds)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return result


def speed(run: Run, seconds: float) -> float:
    """Steps a second of the run over the next `seconds`, between two log points."""
    first, second = _point(run), None
    time.sleep(seconds)
    second = _point(run)
    return (second[0] - first[0]) / (second[1] - first[1])


def _point(run: Run) -> tuple[int, float]:
    """A step and the moment it was reported at."""
    before = run.status()
    while (status := run.status()).updated == before.updated:
        time.sleep(0.005)
    return status.step, status.beat


class Arrivals:
    """Notes when each log point appears in the run directory: what a session sees later is late by the difference."""

    def __init__(self, run: Run) -> None:
        self.at: dict[float, float] = {}
        self._run, self._ended = run, threading.Event()
        threading.Thread(target=self._follow, daemon=True).start()

    def close(self) -> None:
        self._ended.set()

    def _follow(self) -> None:
        offset = read_metrics(self._run.path)[1]
        while not self._ended.wait(0.02):
            rows, offset = read_metrics(self._run.path, offset)
            self.at |= {row["step"]: time.monotonic() for row in rows}


@contextmanager
def serving(runs_dir: Path) -> Iterator[tuple[psutil.Process, int]]:
    """The app on a free port of this machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.headless", "true"]
    command += ["--server.port", str(port)]
    environment = {**os.environ, "DCGAN_RUNS_DIR": str(runs_dir)}
    with (runs_dir / "server.log").open("wb") as log:
        server = subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=log, stderr=log)
    try:
        until(lambda: _answers(port), "the server does not answer")
        time.sleep(8)  # it loads torch in the background
        yield psutil.Process(server.pid), port
    finally:
        server.kill()
        server.wait()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def until(condition: Any, otherwise: str) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(otherwise)
        time.sleep(0.1)


def spread(values: list[float]) -> dict[str, float]:
    """Median, 95th percentile and maximum."""
    if len(values) < 2:
        return {}
    return {
        "median": round(statistics.median(values), 3), "p95": round(statistics.quantiles(values, n=20)[-1], 3),
        "max": round(max(values), 3), "count": len(values),
    }  # fmt: skip


def machine() -> dict[str, Any]:
    """What it was measured on."""
    return {"program": "classroom", **setting(torch.device("cpu"), "streamlit")}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sessions", type=int, default=30, help="how many watch (default 30)")
    parser.add_argument("--seconds", type=float, default=20, help="of each window (default 20)")
    parser.add_argument("--arrival", type=float, default=30, help="seconds within which all come (default 30)")
    parser.add_argument("--pairs", type=int, default=3, help="windows with and without (default 3 of each)")
    parser.add_argument("--dataset", default="digits", help="what is trained on (default digits)")
    parser.add_argument("--preset", default="quick", help="which networks (default quick)")
    parser.add_argument("--minutes", type=float, default=0, help="how long memory is watched afterwards (default 0)")
    parser.add_argument("--output", type=Path, help="also write the result to this file")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
