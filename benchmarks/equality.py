"""Whether two runs are the same run: log points, sample grids, weights and states, bit for bit."""

from __future__ import annotations

from typing import Any

import torch

from dcgan.resume import read_state
from dcgan.runs import Run
from dcgan.sampling import load_snapshot

CLOCK_COLUMNS = ("seconds", "images_per_second")


def differences(first: Run, second: Run) -> list[str]:
    """What differs between two runs, in words; empty when they are equal but for the clock."""
    compared = {
        "log points": [_rows(run) for run in (first, second)],
        "sample grids": [[(frame.step, frame.path.read_bytes()) for frame in run.samples()] for run in (first, second)],
        "final generator": [load_snapshot(run.snapshot()).network.state_dict() for run in (first, second)],
        "final state": [read_state(run.states()[-1]).trainer for run in (first, second)],
    }
    return [name for name, (one, other) in compared.items() if not equal(one, other)]


def equal(first: Any, second: Any) -> bool:
    """Whether nested dictionaries, lists, tensors and values are equal."""
    if isinstance(first, torch.Tensor):
        return isinstance(second, torch.Tensor) and torch.equal(first, second)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(equal(first[key], second[key]) for key in first)
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(equal, first, second))
    return bool(first == second)


def _rows(run: Run) -> list[dict[str, float]]:
    return [{name: value for name, value in row.items() if name not in CLOCK_COLUMNS} for row in run.metrics()]
