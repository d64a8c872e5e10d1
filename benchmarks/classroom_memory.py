"""Does the server's memory stay flat while a class watches for long? See `benchmarks.classroom`."""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import Any

import psutil

from benchmarks.classroom_session import Session
from dcgan.runs import Run

SAMPLE_SECONDS = 5.0
STAY_SECONDS = 90.0  # for which a session stays; then it closes and another one comes
SETTLE = 0.3  # of the time, at the beginning, in which caches fill and nothing is concluded


def memory_over_time(run: Run, server: psutil.Process, port: int, sessions: int, minutes: float) -> dict[str, Any]:
    """Let `sessions` watch for `minutes`, each replaced after a while; the server's memory and its slope."""
    moments, values, came, problems = asyncio.run(_watch(run, server, port, sessions, 60 * minutes))
    since = SETTLE * 60 * minutes
    return {"memory": {
        "minutes": minutes, "sessions_at_once": sessions, "sessions_in_all": came,
        "slope_mb_per_hour": round(3600 * slope(moments, values, since), 1), "slope_from_minute": round(since / 60, 1),
        "first_mb": round(values[0]), "last_mb": round(values[-1]), "most_mb": round(max(values)),
        "samples_mb": [round(value, 1) for value in values], "failures": problems[:10],
    }}  # fmt: skip


def slope(moments: list[float], values: list[float], since: float) -> float:
    """Of `values` over `moments`, by least squares, from the moment `since` on; 0 for fewer than three."""
    kept = [(moment, value) for moment, value in zip(moments, values, strict=True) if moment >= since]
    return statistics.linear_regression(*zip(*kept, strict=True)).slope if len(kept) > 2 else 0.0


async def _watch(
    run: Run, server: psutil.Process, port: int, sessions: int, seconds: float
) -> tuple[list[float], list[float], int, list[str]]:
    """Moments (seconds) and memory (MB) then; how many sessions came, and what went wrong in them."""
    began, came = time.monotonic(), 0
    room: list[tuple[Session, asyncio.Task[None]]] = []
    moments: list[float] = []
    values: list[float] = []
    problems: list[str] = []
    next_sample = 0.0
    while (now := time.monotonic() - began) < seconds:
        if len(room) == sessions:
            problems += await _leave(*room.pop(0))
        session = Session(port, run.name)
        room.append((session, asyncio.create_task(session.run())))
        came += 1
        await asyncio.sleep(STAY_SECONDS / sessions)
        if now >= next_sample:
            moments.append(now)
            values.append(rss(server) / 1e6)
            next_sample += SAMPLE_SECONDS
    for session, task in room:
        problems += await _leave(session, task)
    return moments, values, came, problems


async def _leave(session: Session, task: asyncio.Task[None]) -> list[str]:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return session.problems


def rss(process: psutil.Process) -> int:
    """Bytes of resident memory."""
    return int(process.memory_info().rss)
