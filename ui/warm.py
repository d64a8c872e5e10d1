"""Loads torch in the background of the server, and says when it is there."""

from __future__ import annotations

import threading
import time

_DELAY_SECONDS = 1.5  # the first page comes first: importing torch takes the interpreter for seconds
_ready = threading.Event()
_started = threading.Event()


def start() -> None:
    """Import torch in a thread, once for the process."""
    if not _started.is_set():
        _started.set()
        threading.Thread(target=_import_torch, name="import-torch", daemon=True).start()


def torch_is_ready() -> bool:
    """Whether something that needs torch can be asked for without waiting for its import."""
    return _ready.is_set()


def _import_torch() -> None:
    time.sleep(_DELAY_SECONDS)
    import torch

    assert torch.__version__
    _ready.set()
