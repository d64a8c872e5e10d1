"""How fast our training loop is beside the textbook one, at equal architecture and batch; prints JSON.

    python -m benchmarks.training_speed --data-dir DIR [--preset quick] [--seconds 5] [--rounds 5] [--threads 1]

Both loops run in alternation in one process, without penalties and class loss, which the textbook does not have;
`speed_ratio` is the median over the rounds of our images a second over the textbook's. Operations are counted once,
layer by layer; the matrix peak is the best of one measurement a round.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.machine import matrix_peak, setting, synchronise
from benchmarks.textbook import Textbook
from dcgan.config import TrainConfig
from dcgan.data import ImageData, load_dataset
from dcgan.datasets import default_data_dir
from dcgan.devices import configure_torch, resolve_device
from dcgan.errors import DcganError
from dcgan.events import Stepped
from dcgan.presets import PRESETS, get_preset
from dcgan.training import Trainer

WARM_UP = 10  # steps
BLOCK = 50  # steps that a GPU is given before the clock is read


def main(argv: list[str] | None = None) -> int:
    """Run the program; returns the exit status."""
    options = _options(argv)
    try:
        config = measured_config(options)
        configure_torch(options.threads)
        data = load_dataset("mnist", options.data_dir)
        result = measure(config, data, options.data_dir or default_data_dir(), options.seconds, options.rounds)
    except DcganError as error:
        print(f"training_speed: {error}", file=sys.stderr)
        return 2
    print(json.dumps({"program": "training_speed", "preset": options.preset, **result}, indent=2))
    return 0


def measured_config(options: argparse.Namespace) -> TrainConfig:
    """The preset with what the command line changes, without penalties and class loss: the textbook loop has none."""
    config: TrainConfig = get_preset(options.preset).config
    changes: dict[str, Any] = {"batch_size": options.batch_size} if options.batch_size else {}
    if config.conditioning == "clusters":
        changes["conditioning"] = "labels"
    changes |= {"epochs": 10_000, "r1": 0.0, "r2": 0.0, "class_loss": 0.0}
    changes |= {"device": options.device, "precision": options.precision}
    return config.with_changes(**changes)


def our_steps(trainer: Trainer) -> Iterator[None]:
    """The steps of our loop with all that comes with them: log points, samples, epochs."""
    return (None for event in trainer.events() if isinstance(event, Stepped))


def measure(config: TrainConfig, data: ImageData, data_dir: Path, seconds: float, rounds: int) -> dict[str, Any]:
    """Run both loops `rounds` times for `seconds` each, in alternation."""
    device = resolve_device(config.device)
    trainer = Trainer(config, data)
    loops = {"ours": our_steps(trainer), "textbook": Textbook(config, data_dir, device).steps()}
    rates: dict[str, list[float]] = {name: [] for name in loops}
    peaks: dict[torch.dtype, list[float]] = {torch.float32: [], torch.bfloat16: []}
    for steps in loops.values():
        for _ in range(WARM_UP):
            next(steps)
    for _ in range(rounds):
        for name, steps in loops.items():
            rates[name].append(config.batch_size * steps_per_second(steps, seconds, device))
        for dtype, found in peaks.items():
            found.append(matrix_peak(dtype, device))
    best = {dtype: max(found) for dtype, found in peaks.items()}
    return {**setting(device), **_figures(config, trainer.dtype, rates, best, operations_per_image(config, data))}


def steps_per_second(steps: Iterator[None], seconds: float, device: torch.device) -> float:
    """Steps of `steps` a second, over `seconds`."""
    block = BLOCK if device.type == "cuda" else 1
    synchronise(device)
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        for _ in range(block):
            next(steps)
        synchronise(device)
        count += block
    return count / (time.perf_counter() - began)


def operations_per_image(config: TrainConfig, data: ImageData) -> float:
    """Floating-point operations of the matrix work of one step, both networks, forward and back, for one real image."""
    config = config.with_changes(device="cpu", precision="float32", batch_size=32, log_every=100)
    events = Trainer(config, data).events()
    next(events), next(events)  # Started, and the first samples, which are no part of a step
    with FlopCounterMode(display=False) as counter:
        while not isinstance(next(events), Stepped):
            pass
    return float(counter.get_total_flops() / config.batch_size)


def _figures(
    config: TrainConfig,
    dtype: torch.dtype,
    rates: dict[str, list[float]],
    peaks: dict[torch.dtype, float],
    operations: float,
) -> dict[str, Any]:
    rate = {name: statistics.median(found) for name, found in rates.items()}
    ratios = [ours / textbook for ours, textbook in zip(rates["ours"], rates["textbook"], strict=True)]
    dtypes = {"ours": dtype, "textbook": torch.float32}
    return {
        "batch_size": config.batch_size,
        "precision": {name: str(kind).removeprefix("torch.") for name, kind in dtypes.items()},
        "images_per_second": {name: round(value, 1) for name, value in rate.items()},
        "speed_ratio": round(statistics.median(ratios), 3),
        "speed_ratios_by_round": [round(ratio, 3) for ratio in ratios],
        "megaflop_per_image": round(operations / 1e6, 2),
        "gigaflops": {name: round(value * operations / 1e9, 1) for name, value in rate.items()},
        "matrix_peak_gigaflops": {
            str(kind).removeprefix("torch."): round(value / 1e9, 1) for kind, value in peaks.items()
        },
        "share_of_matrix_peak": {
            name: round(value * operations / peaks[dtypes[name]], 3) for name, value in rate.items()
        },
    }


def _options(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure our training loop beside the textbook one.")
    parser.add_argument("--data-dir", type=Path, help="a folder that holds MNIST")
    parser.add_argument("--preset", default="quick", choices=PRESETS)
    parser.add_argument("--batch-size", type=int, help="another batch than the preset's")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto", help="number format of our loop; the textbook's is float32")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of one turn of each loop")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each loop")
    parser.add_argument("--threads", type=int, default=0, help="processor cores; 0 takes half of them")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
