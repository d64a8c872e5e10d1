"""Train the digit classifier that judges generated digits, and print how good it is as JSON.

    python -m benchmarks.train_classifier --data-dir DIR --output dcgan/assets/mnist_classifier.safetensors

10,000 of the 60,000 training digits are held out and never learned from: choices are made by `held_out_accuracy`, the
test split gives the final number only. Same seed, processor and thread count: the same weights.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.utils.fusion import fuse_conv_bn_eval

from dcgan.classifier import NUM_CLASSES, ClassifierInfo, DigitClassifier, classifier_asset, load_classifier
from dcgan.data import to_unit_range
from dcgan.datasets import default_data_dir
from dcgan.references import SPLITS, References, Seen, load_split, make_references, references_asset

BATCH = 128
NON_DIGITS = 6
EXTRACTOR = "lenet-64"
TRAINED_ON = "50,000 of the 60,000 MNIST training digits (all but the held-out ones)"
Digits = tuple[Tensor, Tensor]


def main(argv: list[str] | None = None) -> int:
    """Run the program; returns the exit status."""
    args = _parser().parse_args(argv)
    digits = {split: load_split(split, args.data_dir) for split in SPLITS}
    started = time.perf_counter()
    if args.weights:
        model = load_classifier(args.weights)
    else:
        model = fold(train(*digits["train"], args.epochs, args.lr, args.seed))
    seconds = time.perf_counter() - started
    model = rounded(model)
    references = save(model, args.output, digits, args.seed)
    report = {
        **{f"{split}_accuracy": accuracy(model, *digits[split]) for split in SPLITS},
        "fd_of_2000_real_digits": references.few_fd,
        "real_digits": {split: report.to_dict() for split, report in references.real.items()},
        "readable_distance": references.readable_distance,
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


def train(images: Tensor, labels: Tensor, epochs: int, lr: float, seed: int) -> DigitClassifier:
    """A classifier fitted to uint8 `images` with Adam and one learning-rate cycle; the digits are moved a little."""
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        model = DigitClassifier(batch_norm=True).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.01)
    steps = epochs * (len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps, pct_start=0.2)
    started = time.perf_counter()
    for epoch in range(1, epochs + 1):
        for batch, targets in batches(images, labels, generator):
            loss = F.cross_entropy(model(batch), targets)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
        print(f"epoch {epoch}: loss {loss:.4f}, {time.perf_counter() - started:.0f} s", file=sys.stderr)
    return model.eval()


def batches(images: Tensor, labels: Tensor, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """One shuffled pass in full batches: float [128, 1, 28, 28] in [-1, 1] and what to answer, float [128, 10]."""
    for rows in torch.split(torch.randperm(len(images), generator=generator), BATCH):
        if len(rows) == BATCH:
            batch = augment(to_unit_range(images[rows]), generator)
            targets = F.one_hot(labels[rows], NUM_CLASSES).float()
            batch[:NON_DIGITS] = non_digits(batch[:NON_DIGITS], generator)
            targets[:NON_DIGITS] = 1 / NUM_CLASSES
            yield batch, targets


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


def rounded(model: DigitClassifier) -> DigitClassifier:
    """The same classifier with weights as float16 keeps them, so that everything is measured as shipped."""
    copy = DigitClassifier()
    copy.load_state_dict({name: value.half().float() for name, value in model.state_dict().items()})
    return copy.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def save(model: DigitClassifier, path: Path, digits: Mapping[str, Digits], seed: int) -> References:
    """Write the classifier, its accuracy on the test split, and the statistics of real digits' features."""
    info = ClassifierInfo(EXTRACTOR, TRAINED_ON, "10,000 MNIST test digits", accuracy(model, *digits["test"]), seed)
    with torch.inference_mode():
        seen = {split: see(model, images) for split, (images, _) in digits.items()}
        references = make_references(EXTRACTOR, seen, {split: labels for split, (_, labels) in digits.items()})
    weights, origin = classifier_asset(model, info)
    statistics, numbers = references_asset(references)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(weights | statistics, path, origin | numbers)
    return references


def see(model: DigitClassifier, images: Tensor) -> Seen:
    """What `model` makes of uint8 `images`."""
    features = torch.cat([model.features(part) for part in torch.split(images, 250)])
    return Seen.of(features, model.logits(features))


@torch.inference_mode()
def accuracy(model: DigitClassifier, images: Tensor, labels: Tensor) -> float:
    """Share of digits told right, in [0, 1]."""
    told = torch.cat([model(part).argmax(1) for part in torch.split(images, 500)])
    return (told == labels).double().mean().item()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.train_classifier", description=__doc__.split("\n")[0])
    parser.add_argument("--data-dir", type=Path, default=default_data_dir(), help="folder that holds MNIST/raw")
    parser.add_argument("--output", type=Path, required=True, help="safetensors file to write")
    parser.add_argument("--weights", type=Path, help="take this trained classifier and only renew its statistics")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--lr", type=float, default=4e-3)
    parser.add_argument("--seed", type=int, default=0)
    return parser


if __name__ == "__main__":
    sys.exit(main())
