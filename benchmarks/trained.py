"""Runs for programs that judge what training came to: made as people make them, by the command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from dcgan.export import write_samples
from dcgan.reports import Report
from dcgan.runs import Run, open_run
from dcgan.sampling import draw_samples, load_generator


def trained(target: Path, data_dir: Path, *flags: str) -> Run:
    """The run in `target`, after `python -m dcgan train` with these flags in a process of its own."""
    command = [sys.executable, "-m", "dcgan", "train", *flags, "--run-dir", str(target), "--data-dir", str(data_dir)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return open_run(target)


def figures(report: Report) -> dict[str, Any]:
    """The figures of a report that every record of a run has, as JSON values."""
    return {
        "fd_lenet": round(report.fd_lenet, 3),
        "real_fd_lenet": round(report.real.fd_lenet, 3),
        "confident_share": round(report.confident_share, 4),
        "label_agreement": None if report.label_agreement is None else round(report.label_agreement, 4),
        "missing_classes": list(report.missing_classes),
    }


def write_grid(run: Run, name: str) -> None:
    """Lay 64 samples of `run` beside its directory: a number alone has hidden many broken generators."""
    write_samples(draw_samples(load_generator(run), 64, 0)[0], run.path.with_name(f"{name}.png"))
