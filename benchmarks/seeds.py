"""One recipe with several seeds, judged after some seconds of training or at its end; prints a JSON object a look.

    python -m benchmarks.seeds --preset quick --seconds 20 60 --seeds 0 1 2 [--conditioning clusters] [--at-once 2]
                               [--threads 1] [--data-dir DIR] [--keep DIR]

Each seed is trained by `python -m dcgan train` in a process of its own and goes on from look to look; without
`--seconds` it trains to the end of its schedule. 10,000 samples are compared with the test digits, so nothing may be
chosen by what this prints. `--at-once 2 --threads 1` gives each of two seeds a core of its own at the same time.
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
from dcgan.presets import PRESETS
from dcgan.reports import Report
from dcgan.runs import Run


def main(argv: list[str] | None = None) -> int:
    """Run the program; returns the exit status."""
    options = _options(argv)
    torch.set_num_threads(options.threads)
    head = {"preset": options.preset, "conditioning": options.conditioning, "threads": options.threads}
    print(json.dumps({**head, "at_once": options.at_once, **setting(torch.device("cpu"))}), flush=True)
    with tempfile.TemporaryDirectory() as temporary, ThreadPoolExecutor(options.at_once) as pool:
        folder = options.keep or Path(temporary)
        for rows in pool.map(lambda seed: list(_looks(folder / f"seed-{seed}", seed, options)), options.seeds):
            for row in rows:
                print(json.dumps(row), flush=True)
    return 0


def _options(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="quick", choices=PRESETS)
    parser.add_argument("--conditioning", help="another conditioning than the preset's")
    parser.add_argument("--seconds", type=float, nargs="*", default=[], help="of training, where to look")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--at-once", type=int, default=1)
    parser.add_argument("--data-dir", type=Path, default=None)
    parser.add_argument("--keep", type=Path, default=None, help="leave run directories and sample grids there")
    options = parser.parse_args(argv)
    options.data_dir = options.data_dir or default_data_dir()
    return options


def _looks(target: Path, seed: int, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    before = 0.0
    for mark in sorted(options.seconds) or [None]:
        new = ["--preset", options.preset, "--seed", str(seed), "--threads", str(options.threads)]
        new += ["--conditioning", options.conditioning] if options.conditioning else []
        limit = [] if mark is None else ["--max-seconds", str(mark - before)]
        run = trained(target, options.data_dir, *(["--resume"] if before else new), *limit)
        before = mark or 0.0
        write_grid(run, f"{target.name}-{before:g}")
        yield _row(run, seed, evaluate_run(run, data_dir=options.data_dir))


def _row(run: Run, seed: int, report: Report) -> dict[str, Any]:
    status, near = run.status(), report.memorisation
    shares = zip(report.class_histogram, report.real.class_histogram, strict=True)
    return {
        "seed": seed,
        "seconds": round(status.seconds, 1),
        "images": status.step * run.config.batch_size,
        **figures(report),
        "farthest_share": round(max(abs(share / real - 1) for share, real in shares), 3),
        "coverage": None if report.coverage is None else round(report.coverage, 3),
        "nearest": None if near is None else [round(near.generated_median, 2), round(near.real_median, 2)],
    }


if __name__ == "__main__":
    sys.exit(main())
