"""Every preset for the same time on the same processor, and what came of it; prints one JSON object a preset.

    python -m benchmarks.presets [--data-dir DIR] [--seconds 300] [--only NAME ...] [--threads 1] [--at-once 1]
                                 [--keep DIR] [--seed 0]

Each is trained by `python -m dcgan train` in a process of its own, and its generator judged on the test split with
10,000 samples. `--at-once 2 --threads 1` gives each of two presets a core of its own at the same time. `--keep` leaves
the run directories there, with a grid of samples beside each: a number alone has hidden many broken generators.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch

from benchmarks.machine import setting
from benchmarks.trained import figures, trained, write_grid
from dcgan.datasets import default_data_dir
from dcgan.evaluation import evaluate_run
from dcgan.models import Discriminator, Generator, ImageShape, count_parameters
from dcgan.presets import PRESETS, get_preset
from dcgan.reports import why_not
from dcgan.runs import Run


def main(argv: list[str] | None = None) -> int:
    """Run the program; returns the exit status."""
    options = _options(argv)
    torch.set_num_threads(options.threads)
    print(json.dumps({"seconds": options.seconds, "seed": options.seed, "at_once": options.at_once,
                      "threads": options.threads, **setting(torch.device("cpu"))}), flush=True)  # fmt: skip
    with tempfile.TemporaryDirectory() as temporary:
        for row in _rows(options, options.keep or Path(temporary)):
            print(json.dumps(row), flush=True)
    return 0


def _options(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, default=None)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--only", nargs="*", default=list(PRESETS), metavar="NAME")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--at-once", type=int, default=1)
    parser.add_argument("--keep", type=Path, default=None)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(argv)
    options.data_dir = options.data_dir or default_data_dir()
    for name in options.only:
        get_preset(name)
    return options


def _rows(options: argparse.Namespace, folder: Path) -> Iterator[dict[str, Any]]:
    """Judged one by one, after all that train at the same time have ended."""
    for start in range(0, len(options.only), options.at_once):
        names = options.only[start : start + options.at_once]
        with ThreadPoolExecutor(len(names)) as pool:
            runs = list(pool.map(lambda name: _trained(name, folder, options), names))
        for run in runs:
            yield _row(run, options.data_dir)


def _trained(name: str, folder: Path, options: argparse.Namespace) -> Run:
    flags = ["--preset", name, "--epochs", "10000", "--lr-decay", "0", "--max-seconds", str(options.seconds)]
    flags += ["--threads", str(options.threads), "--seed", str(options.seed)]
    return trained(folder / name, options.data_dir, *flags)


def _row(run: Run, data_dir: Path) -> dict[str, Any]:
    status, shape = run.status(), ImageShape(run.image_size, run.channels, run.num_classes)
    write_grid(run, run.path.name)
    networks = [Generator(run.config, shape), Discriminator(run.config, shape)]
    row: dict[str, Any] = {
        "preset": run.preset,
        "dataset": run.config.dataset,
        "images_per_second": round(status.step * run.config.batch_size / status.seconds),
        "epochs": round(status.step / (status.total_steps / status.epochs), 1),
        "parameters": count_parameters(networks),
    }
    if (reason := why_not(run.config.dataset, run.channels)) is not None:
        return row | {"not_judged": reason}
    return row | figures(evaluate_run(run, data_dir=data_dir))


if __name__ == "__main__":
    sys.exit(main())
