"""One generated image to stand for what leaves G and enters D in the drawings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dcgan import runs
from dcgan.runs import SAMPLE_COLUMNS
from ui.live_data import sample_url

_TILE: Final = (2, 1)  # row and column of the image in a grid of samples


def example_picture(shape: Sequence[int]) -> str:
    """CSS of a background that shows one image [C, H, W] of a run with such images; empty where there is none."""
    for run in sorted(runs.list_runs(), key=lambda run: not run.bundled):  # a bundled one first: its digits are clean
        frames = run.samples()
        if frames and (run.channels, run.image_size, run.image_size) == tuple(shape):
            row, column = _TILE
            columns, rows = SAMPLE_COLUMNS - 1, SAMPLE_COLUMNS - 1
            return (
                f"background: url({sample_url(run, frames[-1])}) {100 * column / columns:.3f}% {100 * row / rows:.3f}% "
                f"/ {100 * SAMPLE_COLUMNS}% {100 * SAMPLE_COLUMNS}%"
            )
    return ""
