"""Compare recipes at equal work: every variant sees the same number of images, with several seeds.

    python -m benchmarks.recipes --data-dir DIR --preset quick --images 50000 150000 --seeds 0 1 2 \
        --variant base --variant "wide:generator_width=64"

Training leaves out the digits that the judge compares with (`held_out`), so nothing looks at the test split. Prints
one JSON object a variant and seed: configuration, images seen, seconds of training, and what the judge says.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from dcgan.classifier import held_out_mask
from dcgan.config import TrainConfig, config_fields
from dcgan.data import ImageData, load_dataset
from dcgan.evaluation import LightJudge
from dcgan.events import Stepped
from dcgan.presets import get_preset
from dcgan.sampling import in_proportion
from dcgan.training import Trainer

JUDGED = 5_000


def main() -> None:
    """Train each variant with each seed and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, default=None)
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--images", type=int, nargs="+", default=[50_000, 150_000], help="where to measure")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--variant", action="append", default=[], help="name:field=value,field=value")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    data = without_held_out(load_dataset("mnist", options.data_dir))
    for variant in options.variant or ["base"]:
        name, config = parse_variant(variant, get_preset(options.preset).config)
        for seed in options.seeds:
            for row in measure(config.with_changes(seed=seed), data, options.images):
                print(json.dumps({"variant": name, "seed": seed, **row}), flush=True)


def without_held_out(data: ImageData) -> ImageData:
    """The training digits that the judge never compares with."""
    kept = ~held_out_mask(len(data))
    return replace(data, images=data.images[kept], labels=data.labels[kept])


def parse_variant(text: str, base: TrainConfig) -> tuple[str, TrainConfig]:
    """Name and configuration of `name:field=value,...` on top of `base`."""
    name, _, changes = text.partition(":")
    kinds = {field: kind for field, kind, _ in config_fields()}
    values: dict[str, Any] = {}
    for change in filter(None, changes.split(",")):
        field, _, value = change.partition("=")
        kind = kinds.get(field, str)
        values[field] = value == "true" if kind is bool else kind(value)
    return name, TrainConfig.from_dict({**base.to_dict(), "epochs": 10_000, **values})


def measure(config: TrainConfig, data: ImageData, marks: list[int]) -> list[dict[str, Any]]:
    """Train until each number of images in `marks` was seen and judge the averaged generator there."""
    trainer, judge, rows = Trainer(config, data), LightJudge(split="held_out"), []
    seconds, began = 0.0, time.perf_counter()
    for event in trainer.events():
        if not isinstance(event, Stepped) or event.step * config.batch_size < marks[len(rows)]:
            continue
        seconds += time.perf_counter() - began
        rows.append({"images": marks[len(rows)], "seconds": round(seconds, 1), **judged(trainer, judge)})
        if len(rows) == len(marks):
            break
        began = time.perf_counter()
    return rows


def judged(trainer: Trainer, judge: LightJudge) -> dict[str, Any]:
    """Quality of `JUDGED` samples with the data's own proportions of classes."""
    noise = torch.Generator().manual_seed(12345)
    z = torch.randn(JUDGED, trainer.config.latent_dim, generator=noise)
    classes = in_proportion(trainer.classes.bincount(), JUDGED, noise)
    report = judge.measure(trainer.draw(z, classes), classes if trainer.config.conditioning == "labels" else None)
    agreement = report.label_agreement
    return {
        "fd_lenet": round(report.fd_lenet, 2),
        "confident": round(report.confident_share, 4),
        "agreement": None if agreement is None else round(agreement, 4),
        "kl": round(report.kl_to_uniform, 4),
    }


if __name__ == "__main__":
    main()
