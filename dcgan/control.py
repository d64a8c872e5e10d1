"""What steers a training process from outside: the control file, signals, and the clock's idea of speed."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import deque
from pathlib import Path
from types import FrameType

from dcgan.files import read_json

CONTROL_INTERVAL = 0.1  # seconds between two looks at the control file


class Control:
    """What the pages ask of this process; a request that names another process is not for this one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = 0
        self._looked_at = 0.0
        self._steps = 0
        self.paused = False
        self.stopped = False

    def look(self, *, at_once: bool = False) -> None:
        """Read what was asked since the last look, ten times a second at most unless `at_once`."""
        now = time.monotonic()
        if not at_once and now - self._looked_at < CONTROL_INTERVAL:
            return
        self._looked_at = now
        stamp = self._stamp()
        if stamp == self._seen:
            return
        self._seen = stamp
        request = read_json(self._path) or {}
        # A launcher that is a stub for the real interpreter (Windows) knows only the stub's number.
        command = request.get("command") if request.get("pid") in (os.getpid(), os.getppid()) else None
        self.stopped = self.stopped or command == "stop"
        if command in ("pause", "run"):
            self.paused = command == "pause"
        if command == "step":
            self.paused = True
            self._steps += 1

    def holds(self) -> bool:
        """Whether the run is to stay where it is, but for granted steps."""
        return self.paused and not self.stopped

    def lets_go_on(self) -> bool:
        """Whether a paused run may do its next step; uses up a granted one."""
        self.look(at_once=True)
        if not self.holds():
            return True
        granted = self._steps > 0
        self._steps -= granted
        return granted

    def _stamp(self) -> int:
        try:
            return self._path.stat().st_mtime_ns
        except OSError:
            return 0


class Speed:
    """Images per second over the last seconds of training."""

    def __init__(self, batch_size: int, window: float = 3.0) -> None:
        self._batch_size = batch_size
        self._window = window
        self._marks: deque[tuple[float, int]] = deque()

    def at(self, seconds: float, step: int) -> float:
        """Images per second when `step` is reached after `seconds` of training; 0 until that can be said."""
        if not self._marks or seconds - self._marks[-1][0] >= 0.1:
            self._marks.append((seconds, step))
        while len(self._marks) > 2 and seconds - self._marks[0][0] > self._window:
            self._marks.popleft()
        elapsed, steps = seconds - self._marks[0][0], step - self._marks[0][1]
        return steps * self._batch_size / elapsed if elapsed > 0 else 0.0

    def forget(self) -> None:
        """Begin to measure anew, as after a pause."""
        self._marks.clear()


class stop_signals:  # noqa: N801
    """SIGINT and SIGTERM end training cleanly at the next step; outside the main thread they are left alone."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._before: dict[int, object] = {}

    def __enter__(self) -> None:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._stop)

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._control.stopped = True
