"""How well a generator can be made to draw real digits that it never saw; prints JSON.

    python -m benchmarks.inversion [--run NAME] [--count 100] [--starts 6] [--steps 150]

Searches z for the first test digits of MNIST, one thread. `mean_pixel_error`: mean absolute difference, in [0, 1].
`read_the_same`: share of the found images that the classifier reads as what it reads in the original;
`read_as_labelled`: as the label says. The search compares features of
that same classifier, so it is no judge from outside; the pixel error is.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

import torch

from benchmarks.machine import setting
from dcgan import runs
from dcgan.classifier import load_classifier
from dcgan.data import load_dataset
from dcgan.inversion import STARTS, STEPS, invert
from dcgan.sampling import load_generator


def main(argv: list[str] | None = None) -> int:
    """Run the program; returns the exit status."""
    options = _options(argv)
    torch.set_num_threads(1)
    run = runs.find_run(options.run) if options.run else next(run for run in runs.list_runs() if run.snapshots())
    trained = load_generator(run)
    digits = load_dataset("mnist", options.data_dir, "test", download=False)
    images, labels = digits.images[: options.count], digits.labels[: options.count]
    errors, found, seconds = [], [], []
    for image in images:
        start = time.perf_counter()
        *_, last = invert(trained, image, starts=options.starts, steps=options.steps)
        seconds.append(time.perf_counter() - start)
        errors.append(last.error)
        found.append(last.image)
    classifier = load_classifier()
    with torch.no_grad():
        seen = classifier(torch.stack(found)).argmax(1)
        original = classifier(images).argmax(1)
    result = {
        "program": "inversion",
        **setting(torch.device("cpu")),
        "generator": {"run": run.name, "preset": run.preset, "epoch": trained.epoch, **_shape(run)},
        "settings": {"starts": options.starts, "steps": options.steps},
        "digits": len(images),
        "mean_pixel_error": round(statistics.mean(errors), 4),
        "read_the_same": round((seen == original).float().mean().item(), 3),
        "read_as_labelled": round((seen == labels).float().mean().item(), 3),
        "seconds_a_digit": round(statistics.median(seconds), 2),
    }
    print(json.dumps(result, indent=2))
    return 0


def _shape(run: runs.Run) -> dict[str, object]:
    config = run.config
    names = ("latent_dim", "generator_width", "generator_finish", "conditioning")
    return {name: getattr(config, name) for name in names}


def _options(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure how well real digits can be found in z.")
    parser.add_argument("--run", help="name of a run (default: the newest one with a generator)")
    parser.add_argument("--count", type=int, default=100, help="test digits to search")
    parser.add_argument("--starts", type=int, default=STARTS, help="places that each search begins at")
    parser.add_argument("--steps", type=int, default=STEPS, help="steps of each search")
    parser.add_argument("--data-dir", type=Path, help="where MNIST is")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
