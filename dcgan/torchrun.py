"""What `torchrun` tells a process that it started as one of several, through environment variables. Without torch."""

from __future__ import annotations

import os
from collections.abc import Mapping

from dcgan.errors import UserError

PREFIXES = ("TORCHELASTIC_", "TORCH_NCCL_ASYNC", "MASTER_", "LOCAL_", "GROUP_", "ROLE_")
NAMES = ("RANK", "WORLD_SIZE")
_ALL = (*NAMES, "LOCAL_RANK", "LOCAL_WORLD_SIZE")


def started_together() -> bool:
    """Whether this process is one of several that train one pair of networks."""
    return (_told("WORLD_SIZE") or 1) > 1


def speaks() -> bool:
    """Whether this process is the one that writes and prints: the only one, or the first of several."""
    return not _told("RANK")


def place() -> tuple[int, int, int, int]:
    """Rank, number of processes, rank on this machine, number of processes on this machine; for one of several.

    Raises:
        UserError: somebody else than torchrun set some of them.
    """
    rank, size, local_rank, local_size = (_told(name) for name in _ALL)
    if rank is None or size is None or local_rank is None or local_size is None:
        raise UserError(
            "WORLD_SIZE says that several processes train together, but not which one this is; start them with "
            "torchrun, or unset WORLD_SIZE."
        )
    return rank, size, local_rank, local_size


def without_group(environment: Mapping[str, str]) -> dict[str, str]:
    """`environment` for a process that is not one of the several, though one of them starts it."""
    return {name: text for name, text in environment.items() if name not in NAMES and not name.startswith(PREFIXES)}


def _told(name: str) -> int | None:
    text = os.environ.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
