"""Which device and which number format a run uses, and how both are shown to people."""

from __future__ import annotations

import ctypes
import platform
import sys
from contextlib import suppress
from dataclasses import dataclass

import psutil
import torch

from dcgan.errors import UserError

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # mallopt(3)
_LARGEST_KEPT = 32 * 2**20  # bytes of one piece, glibc's own upper limit
_KEPT = 2**30  # bytes in all


@dataclass(frozen=True)
class DeviceInfo:
    """A device one can train on: its config value and what people call it."""

    name: str
    title: str


def list_devices() -> list[DeviceInfo]:
    """The devices of this machine, the one that `auto` takes first."""
    found = []
    if torch.cuda.is_available():
        found.append(DeviceInfo("cuda", describe(torch.device("cuda"))))
    if torch.backends.mps.is_available():
        found.append(DeviceInfo("mps", "Apple GPU"))
    return [*found, DeviceInfo("cpu", f"CPU ({platform.machine()}), {_cores()} cores")]


def resolve_device(name: str) -> torch.device:
    """The device meant by the config value `name`.

    Raises:
        UserError: this machine has no such device.
    """
    available = [device.name for device in list_devices()]
    if name == "auto":
        return torch.device(available[0])
    if name not in available:
        raise UserError(f"Device {name!r} is not available on this machine; available are {', '.join(available)}.")
    return torch.device(name)


def configure_torch(threads: int, processes: int = 1) -> None:
    """Let this process compute on `threads` processor cores; 0 takes half of them, shared by that many `processes`.

    Threads meet after every operation, and one of them that has to wait for a busy core makes all of them wait: with as
    many threads as cores, a browser beside the training slows it down many times over.

    A GPU multiplies float32 in TF32 and takes the convolutions that it finds fastest for the sizes at hand.
    """
    torch.set_num_threads(threads or max(1, _cores() // 2 // processes))
    _keep_freed_memory()
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    torch.backends.cudnn.benchmark = True


def _keep_freed_memory() -> None:
    """Let glibc keep what is freed: else every step gives its maps back and gets them anew, page by page."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library has no such function
            mallopt = ctypes.CDLL(None).mallopt
            mallopt(_M_MMAP_THRESHOLD, _LARGEST_KEPT)
            mallopt(_M_TRIM_THRESHOLD, _KEPT)


def describe(device: torch.device) -> str:
    """The device's name for people, with its memory in GB for a GPU and its cores for a CPU."""
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        return f"{properties.name}, {properties.total_memory / 1e9:.0f} GB"
    if device.type == "cpu":
        threads, cores = torch.get_num_threads(), _cores()
        return f"CPU ({platform.machine()}), {threads} of {cores} cores"
    return "Apple GPU"


def resolve_precision(name: str, device: torch.device) -> torch.dtype:
    """The number format for matrix work; `auto` is bfloat16 where the processor multiplies it natively.

    Raises:
        UserError: bfloat16 is asked for on a device that has no instructions for it.
    """
    native = _multiplies_bfloat16(device)
    if name == "bfloat16" and not native:
        raise UserError(f"{describe(device)} has no bfloat16 arithmetic; set the precision to auto or float32.")
    return torch.bfloat16 if native and name != "float32" else torch.float32


def _multiplies_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        flags = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
        return bool(flags.get("avx512_bf16") or flags.get("amx_bf16"))
    return False


def _cores() -> int:
    return psutil.cpu_count(logical=False) or 1
