"""What real MNIST digits look like to the classifier: statistics shipped in its file, so that no MNIST is needed.

Three disjoint splits: `train` (50,000 digits the classifier learned from), `held_out` (the other 10,000 training
digits, for choosing between recipes) and `test` (10,000, for the final judgement only).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from dcgan.classifier import ASSET, FEATURE_WIDTH, NUM_CLASSES, held_out_mask, read_asset
from dcgan.data import load_dataset
from dcgan.distances import Gaussian
from dcgan.errors import UserError
from dcgan.fields import nearest
from dcgan.real_digits import FEW, MANY, at_count
from dcgan.reports import CONFIDENT, LightReport, kl_to_uniform, missing_classes

SPLITS = ("train", "held_out", "test")
READABLE_SHARE = 0.99  # of real digits that lie within the readable distance
_SHRINKAGE = 1e-3  # of the mean variance, added to every variance: some features never vary
_STATISTICS = "statistics."


@dataclass(frozen=True)
class Seen:
    """What the classifier makes of images: features float32 [N, F], predicted classes [N], softmax of those [N]."""

    features: Tensor
    classes: Tensor
    confidence: Tensor

    @classmethod
    def of(cls, features: Tensor, logits: Tensor) -> Seen:
        """From `features` [N, F] and `logits` [N, 10]."""
        confidence, classes = logits.softmax(1).max(1)
        return cls(features, classes, confidence)

    def __getitem__(self, rows: Tensor | slice) -> Seen:
        return Seen(self.features[rows], self.classes[rows], self.confidence[rows])


@dataclass(frozen=True)
class References:
    """Statistics of real digits' features.

    Attributes:
        gaussians: mean and covariance of the features of each split.
        class_shares: share of the digits 0 to 9 in each split, summing to 1.
        class_means: mean features of each digit, float32 [10, F].
        whitening: float32 [F, F]; after it, features of one digit vary by 1 in every direction.
        readable_distance: a whitened feature farther than this from its digit's mean is no readable digit.
        few_fd: by split, the distance that 2,000 real digits of another split have to it.
        real: by split, what 10,000 real digits of another split get in the place of generated ones.
    """

    extractor: str

    gaussians: Mapping[str, Gaussian]
    class_shares: Mapping[str, tuple[float, ...]]
    class_means: Tensor
    whitening: Tensor
    readable_distance: float
    few_fd: Mapping[str, float]
    real: Mapping[str, LightReport]

    def to_class(self, features: Tensor, classes: Tensor) -> Tensor:
        """Mahalanobis distance [N] of features [N, F] to the mean of `classes` [N] (arXiv 1807.03888, section 2.1)."""
        whitening, means = self.whitening.to(features.device), self.class_means.to(features.device)
        distances: Tensor = torch.linalg.vector_norm((features - means[classes]) @ whitening, dim=1)
        return distances

    def report(self, seen: Seen, split: str, asked: Tensor | None = None) -> LightReport:
        """Judge images that the classifier has seen; `asked` are the digits they should show, int64 [N]."""
        count = len(seen.classes)
        confident = seen.confidence > CONFIDENT
        near = self.to_class(seen.features, seen.classes) <= self.readable_distance
        shares = (torch.bincount(seen.classes, minlength=NUM_CLASSES).cpu().double() / count).tolist()
        return LightReport(
            fd_lenet=Gaussian.fit(seen.features).distance(self.gaussians[split]),
            confident_share=_share(confident),
            readable_share=_share(confident & near),
            class_histogram=tuple(shares),
            kl_to_uniform=kl_to_uniform(shares),
            missing_classes=missing_classes(shares, self.class_shares[split]),
            label_agreement=None if asked is None else _agreement(seen.classes, asked),
            num_images=count,
            split=split,
            extractor=self.extractor,
        )

    def real_report(self, split: str, count: int) -> LightReport:
        """What `count` real digits of another split get."""
        return at_count(self.real[split], self.few_fd[split], count)


def checked_split(split: str) -> str:
    """`split`, where there is such a one.

    Raises:
        UserError: there is none.
    """
    if split not in SPLITS:
        raise UserError(f"Unknown reference split {split!r}; {nearest(split, SPLITS)}.")
    return split


def load_split(split: str, data_dir: Path | None = None) -> tuple[Tensor, Tensor]:
    """The real digits of a split: images uint8 [N, 1, 28, 28] and labels int64 [N].

    Raises:
        UserError: there is no such split, or MNIST is not in `data_dir`.
    """
    data = load_dataset("mnist", data_dir, "test" if checked_split(split) == "test" else "train", download=False)
    if split == "test":
        return data.images, data.labels
    mask = held_out_mask(len(data)) == (split == "held_out")
    return data.images[mask], data.labels[mask]


def every_pair(rows: Tensor, step: int, first: int = 0) -> Tensor:
    """One of `step` neighbouring pairs of rows; pairs, because even and odd places of MNIST differ in difficulty."""
    return rows[(torch.arange(len(rows)) // 2) % step == first]


def make_references(extractor: str, seen: Mapping[str, Seen], labels: Mapping[str, Tensor]) -> References:
    """Statistics of what the classifier made of the three splits, and of their `labels` [N]."""
    features, classes = seen["train"].features, labels["train"]
    means = torch.stack([features[classes == digit].mean(0) for digit in range(NUM_CLASSES)])
    counts = {split: torch.bincount(labels[split], minlength=NUM_CLASSES).double() for split in SPLITS}
    shares = {split: tuple((count / count.sum()).tolist()) for split, count in counts.items()}
    gaussians = {split: Gaussian.fit(seen[split].features) for split in SPLITS}
    whitening = _whitening(features - means[classes])
    without = References(extractor, gaussians, shares, means, whitening, 0.0, {}, {})
    distances = without.to_class(seen["held_out"].features, labels["held_out"])
    return _with_real(replace(without, readable_distance=distances.quantile(READABLE_SHARE).item()), seen, labels)


def _with_real(references: References, seen: Mapping[str, Seen], labels: Mapping[str, Tensor]) -> References:
    """Judge real digits of another split: held-out ones, and for these some that were learned from."""
    few, real = {}, {}
    generator = torch.Generator().manual_seed(0)
    for split in SPLITS:
        other = "train" if split == "held_out" else "held_out"
        rows = every_pair(torch.arange(len(labels[other])), len(labels[other]) // MANY)
        chosen = seen[other][rows]
        real[split] = references.report(chosen, split, labels[other][rows])
        draws = [chosen.features[torch.randperm(MANY, generator=generator)[:FEW]] for _ in range(50)]
        few[split] = sum(Gaussian.fit(draw).distance(references.gaussians[split]) for draw in draws) / len(draws)
    return replace(references, few_fd=few, real=real)


def references_asset(references: References) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata to be written beside the classifier's; `load_references` reads them back."""
    tensors = {"class_means": references.class_means, "whitening": references.whitening}
    for split, gaussian in references.gaussians.items():
        tensors |= {f"{split}.mean": gaussian.mean, f"{split}.covariance": gaussian.covariance}
    numbers = {name: getattr(references, name) for name in ("extractor", "class_shares", "readable_distance", "few_fd")}
    numbers["real"] = {split: report.to_dict() for split, report in references.real.items()}
    return {_STATISTICS + name: value.float() for name, value in tensors.items()}, {"references": json.dumps(numbers)}


def load_references(path: Path = ASSET) -> References:
    """The statistics in a classifier file.

    Raises:
        UserError: the file is missing, damaged, or holds no such statistics.
    """
    square = (FEATURE_WIDTH, FEATURE_WIDTH)
    shapes: dict[str, tuple[int, ...]] = {"class_means": (NUM_CLASSES, FEATURE_WIDTH), "whitening": square}
    for split in SPLITS:
        shapes |= {f"{split}.mean": (FEATURE_WIDTH,), f"{split}.covariance": square}
    tensors, metadata = read_asset(path, {_STATISTICS + name: shape for name, shape in shapes.items()})
    kept = {name: tensors[_STATISTICS + name] for name in shapes}
    try:
        numbers = json.loads(metadata["references"])
        return References(
            str(numbers["extractor"]),
            {split: Gaussian(kept[f"{split}.mean"].double(), kept[f"{split}.covariance"].double()) for split in SPLITS},
            {split: tuple(map(float, numbers["class_shares"][split])) for split in SPLITS},
            kept["class_means"],
            kept["whitening"],
            float(numbers["readable_distance"]),
            {split: float(numbers["few_fd"][split]) for split in SPLITS},
            {split: LightReport.from_dict(numbers["real"][split]) for split in SPLITS},
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"The statistics in {path} are incomplete; restore the shipped file.") from error


def _whitening(residuals: Tensor) -> Tensor:
    """The symmetric inverse root of the covariance of `residuals` [N, F], slightly enlarged to be invertible."""
    covariance = residuals.double().T.cov()
    values, vectors = torch.linalg.eigh(covariance)
    scale = (values + _SHRINKAGE * covariance.diagonal().mean()).rsqrt()
    inverse_root: Tensor = vectors * scale @ vectors.T
    return inverse_root.float()


def _agreement(classes: Tensor, asked: Tensor) -> float:
    if asked.shape != classes.shape:
        raise UserError(f"{len(classes)} images were given with {list(asked.shape)} asked digits; give one an image.")
    return _share(classes == asked.to(classes.device))


def _share(mask: Tensor) -> float:
    return mask.double().mean().item()
