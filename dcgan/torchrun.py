"""What `torchrun` tells a process that it started as one of several, through environment variables. Without torch."""

from __future__ import annotations

import os
from collections.abc import Mapping

PREFIXES = ("TORCHELASTIC_", "TORCH_NCCL_ASYNC", "MASTER_", "LOCAL_", "GROUP_", "ROLE_")
NAMES = ("RANK", "WORLD_SIZE")


def started_together() -> bool:
    """Whether this process is one of several that train one pair of networks."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def speaks() -> bool:
    """Whether this process is the one that writes and prints: the only one, or the first of several."""
    return int(os.environ.get("RANK", "0")) == 0


def place() -> tuple[int, int, int, int]:
    """Rank, number of processes, rank on this machine, number of processes on this machine; for one of several."""
    rank, size, local_rank, local_size = (
        int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
    )
    return rank, size, local_rank, local_size


def without_group(environment: Mapping[str, str]) -> dict[str, str]:
    """`environment` for a process that is not one of the several, though one of them starts it."""
    return {name: text for name, text in environment.items() if name not in NAMES and not name.startswith(PREFIXES)}
