"""Quality over training time, of our loop and of the textbook one at equal architecture and batch; prints JSON.

    python -m benchmarks.time_to_quality --data-dir DIR [--preset quick] [--at 5 10 20 40 60] [--seed 0] [--threads 1]

The two take turns from mark to mark; the judge's time is on neither clock. Samples are compared with the test digits,
so nothing may be chosen by what this prints.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.machine import setting, synchronise
from benchmarks.textbook import Textbook
from benchmarks.training_speed import our_steps
from dcgan.config import TrainConfig
from dcgan.data import ImageData, load_dataset, to_uint8
from dcgan.datasets import default_data_dir
from dcgan.devices import configure_torch, resolve_device
from dcgan.errors import DcganError
from dcgan.evaluation import LightJudge
from dcgan.presets import PRESETS, get_preset
from dcgan.sampling import in_proportion
from dcgan.training import Trainer

JUDGED = 5_000
_BLOCK = 500  # images drawn at once


@dataclass
class Contestant:
    """A loop, what draws from it (classes where it is conditional), and how long it has trained."""

    steps: Iterator[None]
    draw: Callable[[Tensor, Tensor], Tensor]
    device: torch.device
    batch_size: int
    seconds: float = 0.0
    images: int = 0

    def train_until(self, seconds: float) -> None:
        """Train until `seconds` of training in all, or the end of its epochs."""
        synchronise(self.device)
        began, before = time.perf_counter(), self.seconds
        while self.seconds < seconds and next(self.steps, self) is None:
            self.images += self.batch_size
            self.seconds = before + time.perf_counter() - began
        synchronise(self.device)
        self.seconds = before + time.perf_counter() - began


def main(argv: list[str] | None = None) -> int:
    """Run the program; returns the exit status."""
    options = _options(argv)
    try:
        config = get_preset(options.preset).config.with_changes(seed=options.seed, device=options.device)
        configure_torch(options.threads)
        data_dir = options.data_dir or default_data_dir()
        result = compare(config, load_dataset("mnist", data_dir), data_dir, sorted(options.at), options.judged)
    except DcganError as error:
        print(f"time_to_quality: {error}", file=sys.stderr)
        return 2
    print(json.dumps({"program": "time_to_quality", "preset": options.preset, **result}, indent=2))
    return 0


def compare(config: TrainConfig, data: ImageData, data_dir: Path, marks: list[float], judged: int) -> dict[str, Any]:
    """Train both to each mark in seconds and judge them there."""
    device = resolve_device(config.device)
    trainer, textbook = Trainer(config, data), Textbook(config, data_dir, device)
    contestants = {
        "ours": Contestant(our_steps(trainer), trainer.draw, device, config.batch_size),
        "textbook": Contestant(
            textbook.steps(), lambda z, classes: to_uint8(textbook.draw(z, classes)), device, config.batch_size
        ),
    }
    judge, noise = LightJudge(device, split="test"), torch.Generator().manual_seed(12345)
    z = torch.randn(judged, config.latent_dim, generator=noise)
    classes = in_proportion(data.labels.bincount(), judged, noise)
    asked = classes if config.conditioning == "labels" else None
    series: dict[str, list[dict[str, Any]]] = {name: [] for name in contestants}
    for mark in marks:
        for name, contestant in contestants.items():
            contestant.train_until(mark)
            parts = zip(torch.split(z, _BLOCK), torch.split(classes, _BLOCK), strict=True)
            images = torch.cat([contestant.draw(*part) for part in parts])
            series[name].append(_row(contestant, judge, images, asked))
    real = judge.real(judged)
    return {
        **setting(device),
        "config": config.to_dict(),
        "judge": {"features": "lenet", "split": "test", "images": judged},
        "real_digits": {"fd_lenet": round(real.fd_lenet, 2), "confident_share": round(real.confident_share, 4)},
        "series": series,
    }


def _row(contestant: Contestant, judge: LightJudge, images: Tensor, asked: Tensor | None) -> dict[str, Any]:
    report = judge.measure(images, asked)
    agreement = report.label_agreement
    return {
        "seconds": round(contestant.seconds, 2),
        "images": contestant.images,
        "fd_lenet": round(report.fd_lenet, 2),
        "confident_share": round(report.confident_share, 4),
        "label_agreement": None if agreement is None else round(agreement, 4),
    }


def _options(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure quality over training time, ours and the textbook's.")
    parser.add_argument("--data-dir", type=Path, help="a folder that holds MNIST")
    parser.add_argument("--preset", default="quick", choices=PRESETS)
    parser.add_argument("--at", type=float, nargs="+", default=[5, 10, 20, 40, 60], help="seconds of training")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--judged", type=int, default=JUDGED, help="images judged at each mark")
    parser.add_argument("--threads", type=int, default=0, help="processor cores; 0 takes half of them")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
