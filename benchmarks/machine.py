"""What a measurement was made on, and how fast that multiplies matrices."""

from __future__ import annotations

import datetime
import os
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
import torch

from dcgan.devices import describe


def setting(device: torch.device, *more: str) -> dict[str, Any]:
    """Date, hardware and versions, those of the packages `more` among them, as JSON values."""
    load = os.getloadavg() if hasattr(os, "getloadavg") else ()
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "hardware": {
            "cpu": _cpu_model(),
            "cores": psutil.cpu_count(logical=False),
            "threads_used": torch.get_num_threads(),
            "device": describe(device),
            "load_average": [round(value, 1) for value in load],
        },
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("torch", "torchvision", *more)},
        },
    }


def _cpu_model() -> str:
    """The processor's name where the system tells it, else its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def matrix_peak(dtype: torch.dtype, device: torch.device, seconds: float = 0.5) -> float:
    """Floating-point operations a second of the fastest product of two big square matrices within `seconds`."""
    size = 8192 if device.type == "cuda" else 1536
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    fastest, until = float("inf"), time.perf_counter() + seconds
    for _ in range(1000):
        synchronise(device)
        began = time.perf_counter()
        a @ b
        synchronise(device)
        fastest = min(fastest, time.perf_counter() - began)
        if time.perf_counter() > until:
            break
    return 2 * size**3 / fastest


def synchronise(device: torch.device) -> None:
    """Wait until `device` has done what was asked of it."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
