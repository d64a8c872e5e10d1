"""What takes seconds, done once in the background of the server; a page looks at it while it grows."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, Generic, TypeVar

from dcgan.errors import UserError
from ui.answers import one_thread

Value = TypeVar("Value")
_KEPT: Final = 48
_WAITING: Final = 8  # jobs that may wait or run at once


class Kept(Generic[Value]):
    """The values used last, made once each; whoever asks for the same one meanwhile waits, others do not."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._values: OrderedDict[Hashable, Future[Value]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value of `key`, from `make` where it is not there; what `make` raises is raised and not kept."""
        with self._lock:
            found = self._values.get(key)
            if found is None:
                mine = self._values[key] = Future()
                while len(self._values) > self._limit:
                    self._values.popitem(last=False)
            else:
                self._values.move_to_end(key)
        if found is not None:
            return found.result()
        try:
            mine.set_result(make())
        except BaseException as error:
            with self._lock:
                self._values.pop(key, None)
            mine.set_exception(error)
        return mine.result()


class Job:
    """One piece of work: `share` done in [0, 1], the newest `result` (None before the first), why it failed."""

    def __init__(self) -> None:
        self.share = 0.0
        self.result: Any = None
        self.done = False
        self.trouble = ""
        self._began: float | None = None

    def tell(self, share: float, result: Any = None) -> None:
        """Called by the work: how much is done, and what there is to see by now."""
        self.share = share
        if result is not None:
            self.result = result

    @property
    def seconds_left(self) -> float | None:
        """An estimate by the pace so far; None before there is one."""
        if self._began is None or not 0 < self.share <= 1:
            return None
        return (time.monotonic() - self._began) * (1 - self.share) / self.share

    def run(self, work: Callable[[Job], Any]) -> None:
        """Do `work`, which may `tell` this job, and keep what it returns."""
        self._began = time.monotonic()
        try:
            self.result = work(self)
            self.share = 1.0
        except UserError as error:
            self.trouble = str(error)
        except Exception:
            self.trouble = "This could not be computed; another run or epoch may work."
            raise
        finally:
            self.done = True


class Background:
    """The last jobs by what they are about; one runs at a time, in one thread."""

    def __init__(self) -> None:
        self._jobs: OrderedDict[Hashable, Job] = OrderedDict()
        self._lock = threading.Lock()
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="background", initializer=one_thread)

    def look(self, key: Hashable, work: Callable[[Job], Any]) -> Job:
        """The job about `key`; whoever asks first starts `work`, and a failed one may be tried again.

        Raises:
            UserError: too many others wait.
        """
        with self._lock:
            job = self._jobs.get(key)
            if job is not None and not job.trouble:
                self._jobs.move_to_end(key)
                return job
            if job is not None:  # its trouble is told once
                del self._jobs[key]
                return job
            if sum(not other.done for other in self._jobs.values()) >= _WAITING:
                raise UserError("The server is computing for others just now; try again in a moment.")
            job = self._jobs[key] = Job()
            while len(self._jobs) > _KEPT:
                self._jobs.popitem(last=False)
        self._worker.submit(job.run, work)
        return job


BACKGROUND: Final = Background()
