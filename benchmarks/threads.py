"""What threads gain our training loop, alone and beside a busy process, under several ways of waiting; prints JSON.

    python -m benchmarks.threads --data-dir DIR [--preset quick] [--threads 1 2] [--seconds 4] [--rounds 3]

Every cell trains in a process of its own, since torch's OpenMP reads its settings when it is loaded. The cells take
turns; each gets the median of its rounds. `spin` is how OpenMP waits by itself: threads that meet keep their core busy.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

WAITING: dict[str, dict[str, str]] = {
    "spin": {},
    "passive": {"OMP_WAIT_POLICY": "PASSIVE"},
    "no spins": {"GOMP_SPINCOUNT": "0"},
}
PROJECT = Path(__file__).resolve().parent.parent


def main(argv: list[str] | None = None) -> int:
    """Run the program; returns the exit status."""
    options = _options(argv)
    if options.child:
        print(_images_per_second(options))
        return 0
    cells = list(itertools.product(options.threads, WAITING, (0, 1)))
    found: dict[tuple[int, str, int], list[float]] = {cell: [] for cell in cells}
    for _ in range(options.rounds):
        for cell in cells:
            found[cell].append(_in_child(options, *cell))
            print(*cell, found[cell][-1], sep="\t", file=sys.stderr)
    rows = [
        {"threads": threads, "waiting": waiting, "busy_processes": busy, "images_per_second": statistics.median(rates)}
        for (threads, waiting, busy), rates in found.items()
    ]
    print(json.dumps({"program": "threads", "preset": options.preset, **_setting(), "rows": rows}, indent=2))
    return 0


def _in_child(options: argparse.Namespace, threads: int, waiting: str, busy: int) -> float:
    command = [sys.executable, "-m", "benchmarks.threads", "--child", "--threads", str(threads)]
    command += ["--preset", options.preset, "--seconds", str(options.seconds)]
    command += ["--data-dir", str(options.data_dir)] if options.data_dir else []
    with _busy(busy):
        result = subprocess.run(
            command, cwd=PROJECT, env={**os.environ, **WAITING[waiting]}, check=True, capture_output=True, text=True
        )
    return float(result.stdout)


@contextmanager
def _busy(count: int) -> Iterator[None]:
    """So many processes that do nothing but compute, until the block ends."""
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _images_per_second(options: argparse.Namespace) -> float:
    import torch

    from benchmarks.training_speed import WARM_UP, our_steps, steps_per_second
    from dcgan.data import load_dataset
    from dcgan.presets import get_preset
    from dcgan.training import Trainer

    torch.set_num_threads(options.threads[0])
    config = get_preset(options.preset).config.with_changes(device="cpu", epochs=10_000)
    steps = our_steps(Trainer(config, load_dataset("mnist", options.data_dir)))
    for _ in range(WARM_UP):
        next(steps)
    return round(config.batch_size * steps_per_second(steps, options.seconds, torch.device("cpu")), 1)


def _setting() -> dict[str, Any]:
    import torch

    from benchmarks.machine import setting

    return setting(torch.device("cpu"))


def _options(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure what threads gain the training loop.")
    parser.add_argument("--data-dir", type=Path, help="a folder that holds MNIST")
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
