"""Searches for a z, run in the background of the server; a page looks at one while it runs."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from dcgan.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from dcgan.inversion import Found
    from dcgan.sampling import TrainedGenerator

_WAITING: Final = 4  # searches that may wait or run at once
_KEPT: Final = 32
_PATIENCE_SECONDS: Final = 15.0  # a search that nobody looks at for so long ends


@dataclass
class Search:
    """One search: the best so far, whether it ended, and why it failed."""

    best: Found | None = None
    done: bool = False
    trouble: str = ""
    looked: float = field(default_factory=time.monotonic)


class Searches:
    """The last searches by number; one runs at a time, in one thread."""

    def __init__(self) -> None:
        self._all: OrderedDict[str, Search] = OrderedDict()
        self._lock = threading.Lock()
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="search", initializer=_one_thread)

    def start(self, trained: TrainedGenerator, target: Tensor) -> str:
        """Begin to search what draws `target` uint8 [C, H, W]; returns the search's number.

        Raises:
            UserError: the target does not fit, or too many searches wait.
        """
        from dcgan.inversion import invert

        steps = invert(trained, target)
        with self._lock:
            if sum(not search.done for search in self._all.values()) >= _WAITING:
                raise UserError("The server is searching for others just now; try again in a moment.")
            number, search = secrets.token_hex(8), Search()
            self._all[number] = search
            while len(self._all) > _KEPT:
                self._all.popitem(last=False)
        self._worker.submit(_run, search, steps)
        return number

    def look(self, number: str) -> Search:
        """The search of that number as it stands.

        Raises:
            UserError: there is none.
        """
        with self._lock:
            if number not in self._all:
                raise UserError("This search is over; start another one.")
            search = self._all[number]
        search.looked = time.monotonic()
        return search


def _run(search: Search, steps: Iterator[Found]) -> None:
    try:
        for found in steps:
            search.best = found
            if time.monotonic() - search.looked > _PATIENCE_SECONDS:
                break
    except UserError as error:
        search.trouble = str(error)
    except Exception:
        search.trouble = "The search failed; try another drawing."
        raise
    finally:
        search.done = True


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)


SEARCHES: Final = Searches()
