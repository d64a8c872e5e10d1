"""Runs for programs that judge what training came to: made as people make them, by the command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from dcgan.export import write_samples
from dcgan.runs import Run, open_run
from dcgan.sampling import draw_samples, load_generator


def trained(target: Path, data_dir: Path, *flags: str) -> Run:
    """The run in `target`, after `python -m dcgan train` with these flags in a process of its own."""
    command = [sys.executable, "-m", "dcgan", "train", *flags, "--run-dir", str(target), "--data-dir", str(data_dir)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return open_run(target)


def write_grid(run: Run, name: str) -> None:
    """Lay 64 samples of `run` beside its directory: a number alone has hidden many broken generators."""
    write_samples(draw_samples(load_generator(run), 64, 0)[0], run.path.with_name(f"{name}.png"))
