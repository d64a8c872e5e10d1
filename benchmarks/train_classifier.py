"""Train the digit classifier that judges generated digits, and print how good it is as JSON.

    python -m benchmarks.train_classifier --data-dir DIR --output dcgan/assets/mnist_classifier.safetensors

10,000 of the 60,000 training digits are held out and never learned from: `validation_accuracy` is what choices are made
by, the test split gives the final number only. Same seed, processor and thread count: the same weights.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from dcgan.classifier import (
    NUM_CLASSES,
    ClassifierInfo,
    DigitClassifier,
    classifier_asset,
    held_out_mask,
    load_classifier,
)
from dcgan.data import ImageData, load_dataset, to_unit_range
from dcgan.datasets import default_data_dir

BATCH = 128
NON_DIGITS = 6
EXTRACTOR = "lenet-64"


def main(argv: list[str] | None = None) -> int:
    """Run the program; returns the exit status."""
    args = _parser().parse_args(argv)
    torch.manual_seed(args.seed)
    digits, test = (load_dataset("mnist", args.data_dir, split, download=False) for split in ("train", "test"))
    learn, held_out = split_training(digits)
    started = time.perf_counter()
    model = train(learn, args.epochs, args.lr, args.seed)
    seconds = time.perf_counter() - started
    save(model, args.output, test, args.seed)
    shipped = load_classifier(args.output)
    report = {
        "validation_accuracy": accuracy(shipped, held_out),
        "test_accuracy": accuracy(shipped, test),
        "train_accuracy": accuracy(shipped, learn),
        "seconds": round(seconds, 1),
        "bytes": args.output.stat().st_size,
        "epochs": args.epochs,
        "lr": args.lr,
        "seed": args.seed,
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }
    print(json.dumps(report, indent=2))
    return 0


def split_training(digits: ImageData) -> tuple[ImageData, ImageData]:
    """The training digits to learn from, and those held out."""
    held_out = held_out_mask(len(digits))
    return tuple(  # type: ignore[return-value]
        ImageData(digits.info, digits.images[mask], digits.labels[mask]) for mask in (~held_out, held_out)
    )


def train(data: ImageData, epochs: int, lr: float, seed: int) -> DigitClassifier:
    """A classifier fitted to `data` with Adam, one learning-rate cycle and small random shifts, turns and scalings."""
    generator = torch.Generator().manual_seed(seed)
    model = DigitClassifier(batch_norm=True).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.01)
    steps = epochs * (len(data) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps, pct_start=0.2)
    started = time.perf_counter()
    for epoch in range(1, epochs + 1):
        for images, labels in batches(data, generator):
            targets = F.one_hot(labels, NUM_CLASSES).float()
            images = augment(images, generator)
            images[:NON_DIGITS] = non_digits(images[:NON_DIGITS], generator)
            targets[:NON_DIGITS] = 1 / NUM_CLASSES
            loss = F.cross_entropy(model(images), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        print(f"epoch {epoch}: loss {loss:.4f}, {time.perf_counter() - started:.0f} s", file=sys.stderr)
    return model.eval()


def batches(data: ImageData, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """One shuffled pass in full batches: float [128, 1, 28, 28] in [-1, 1] and int64 [128]."""
    order = torch.randperm(len(data), generator=generator)
    for rows in order.split(BATCH):
        if len(rows) == BATCH:
            yield to_unit_range(data.images[rows]), data.labels[rows]


def augment(images: Tensor, generator: torch.Generator) -> Tensor:
    """Turned by up to 10 degrees, scaled by up to 10 % and shifted by up to 1.5 pixels, each image by itself."""
    turn, scale, right, down = (torch.rand(4, len(images), generator=generator) * 2 - 1).unbind()
    angle, factor = turn * 0.175, 1 + scale * 0.1
    cos, sin = torch.cos(angle) * factor, torch.sin(angle) * factor
    top = torch.stack([cos, -sin, right / 9], dim=1)
    matrix = torch.stack([top, torch.stack([sin, cos, down / 9], dim=1)], dim=1)
    grid = F.affine_grid(matrix, list(images.shape), align_corners=False)
    return F.grid_sample(images + 1, grid, align_corners=False) - 1


def non_digits(images: Tensor, generator: torch.Generator) -> Tensor:
    """As many images that show no digit, float [N, 1, 28, 28] in [-1, 1]: dots, clouds, and digits cut up and shuffled.

    Taught to be undecided about them, the network does not call noise an eight (outlier exposure, arXiv 1812.04606).
    """
    dots, clouds, shuffled = images.tensor_split(3)
    density = torch.rand(len(dots), 1, 1, 1, generator=generator)
    kept = torch.rand(dots.shape, generator=generator) < density
    dots = torch.rand(dots.shape, generator=generator) * kept * 2 - 1
    coarse = torch.rand(len(clouds), 1, 9, 9, generator=generator)
    smooth = F.interpolate(coarse, size=28, mode="bicubic", align_corners=False)
    level = 0.3 + 0.5 * torch.rand(len(clouds), 1, 1, 1, generator=generator)
    clouds = ((smooth - level) * 8).clamp(-1, 1)
    tiles = F.unfold(shuffled, 7, stride=7)
    places = torch.randperm(tiles.shape[2], generator=generator)
    return torch.cat([dots, clouds, F.fold(tiles[:, :, places], (28, 28), 7, stride=7)])


def fold(model: DigitClassifier) -> DigitClassifier:
    """The same function without batch normalisation: its running statistics become part of the convolutions."""
    folded = DigitClassifier()
    for name in ("conv1", "conv2", "conv3"):
        convolution, norm = getattr(model, name)
        setattr(folded, name, fuse_conv_bn_eval(convolution, norm))
    folded.dense, folded.score = model.dense, model.score
    return folded.eval()


def save(model: nn.Module, path: Path, test: ImageData, seed: int) -> None:
    """Write the folded classifier with its accuracy on `test`, measured as saved (float16 weights)."""
    assert isinstance(model, DigitClassifier)
    folded = fold(model)
    rounded = DigitClassifier()
    rounded.load_state_dict({name: value.half().float() for name, value in folded.state_dict().items()})
    trained_on = "50,000 of the 60,000 MNIST training digits (all but the held-out ones)"
    info = ClassifierInfo(EXTRACTOR, trained_on, "10,000 MNIST test digits", accuracy(rounded, test), seed)
    tensors, metadata = classifier_asset(rounded, info)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path, metadata)


@torch.inference_mode()
def accuracy(model: DigitClassifier, data: ImageData) -> float:
    """Share of digits told right, in [0, 1]."""
    right = sum(
        (model(images).argmax(1) == labels).sum().item()
        for images, labels in zip(data.images.split(500), data.labels.split(500), strict=True)
    )
    return float(right) / len(data)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.train_classifier", description=__doc__.split("\n")[0])
    parser.add_argument("--data-dir", type=Path, default=default_data_dir(), help="folder that holds MNIST/raw")
    parser.add_argument("--output", type=Path, required=True, help="safetensors file to write")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--lr", type=float, default=4e-3)
    parser.add_argument("--seed", type=int, default=0)
    return parser


if __name__ == "__main__":
    sys.exit(main())
