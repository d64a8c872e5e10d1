"""What is said about the quality of generated digits: plain records that load without torch.

The Fréchet distance is called `fd_lenet` for the features it is taken on. It is not comparable with the FID, which
uses Inception features; beside each value stand the extractor, the number of images and the real digits they were
held against.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from dcgan.datasets import dataset_info

JUDGED_DATASETS = ("mnist",)
CONFIDENT = 0.95  # softmax above which the classifier counts as sure
MISSING_BELOW = 1 / 3  # of its true share, and a class counts as missing


@dataclass(frozen=True, kw_only=True)
class LightReport:
    """Quality of `num_images` generated digits, held against the real ones of `split`; all shares in [0, 1].

    Attributes:
        fd_lenet: Fréchet distance of classifier features; lower is better, and it grows when images are fewer.
        confident_share: told by the classifier with a softmax above 0.95.
        readable_share: of the confident ones, those whose features also lie where real digits' do (99 % of real ones).
        class_histogram: share of images taken for the digits 0 to 9.
        kl_to_uniform: of that histogram to ten equal shares, in nats; ln 10 = 2.30 when one digit is left.
        missing_classes: digits whose share is below a third of their share in `split`.
        label_agreement: told as the digit that was asked for; None where none was.
        split: `test`, `held_out` or `train`.
        extractor: the classifier whose features are used.
    """

    fd_lenet: float
    confident_share: float
    readable_share: float
    class_histogram: tuple[float, ...]
    kl_to_uniform: float
    missing_classes: tuple[int, ...]
    label_agreement: float | None
    num_images: int
    split: str
    extractor: str

    def to_dict(self) -> dict[str, Any]:
        """All fields as JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`; raises KeyError or TypeError where `values` is no such record."""
        kept = {spec.name: values[spec.name] for spec in fields(cls)}
        kept |= {name: tuple(kept[name]) for name in ("class_histogram", "missing_classes")}
        return cls(**kept)


@dataclass(frozen=True, kw_only=True)
class Memorisation:
    """Euclidean distance (pixels in [0, 1]) to the nearest training image, for generated and for real test digits.

    `closer_share` is the share of generated images nearer to a training image than 99 % of the real ones are: 0.01
    where nothing is copied, 1 where all is.
    """

    generated_median: float
    real_median: float
    closer_share: float
    num_images: int


@dataclass(frozen=True, kw_only=True)
class Report(LightReport):
    """`LightReport` and what takes longer or needs the real images; those fields are None where they are not at hand.

    Attributes:
        real: what as many real digits of another split get in the place of generated ones.
        kd_lenet: squared kernel distance (the kernel of KID) on the same features, near 0 for real digits.
        density: how much generated digits lie among real ones, about 1 for real digits.
        coverage: share of real digits with a generated one in their neighbourhood, about 0.97 for real digits.
        memorisation: how near generated digits are to training digits.
        fid: Fréchet distance on Inception features, where it was asked for.
    """

    real: LightReport
    kd_lenet: float | None = None
    density: float | None = None
    coverage: float | None = None
    memorisation: Memorisation | None = None
    fid: float | None = None

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`; raises KeyError or TypeError where `values` is no such record."""
        near = values["memorisation"]
        records = {
            "real": LightReport.from_dict(values["real"]),
            "memorisation": None if near is None else Memorisation(**near),
        }
        return super().from_dict({**values, **records})


def kl_to_uniform(shares: Sequence[float]) -> float:
    """Sum of p ln(p K) over K shares, in nats: 0 when all are equal, ln K when there is one."""
    return max(sum(p * math.log(p * len(shares)) for p in shares if p > 0), 0.0)


def missing_classes(shares: Sequence[float], true_shares: Sequence[float]) -> tuple[int, ...]:
    """Classes whose share is below a third of the true one."""
    pairs = enumerate(zip(shares, true_shares, strict=True))
    return tuple(digit for digit, (share, true) in pairs if share < true * MISSING_BELOW)


def why_not(dataset: str) -> str | None:
    """Why the quality of images like those of `dataset` is not measured, as a sentence; None where it is.

    Raises:
        UserError: there is no such data set.
    """
    info = dataset_info(dataset)
    if dataset in JUDGED_DATASETS:
        return None
    return (
        f"Quality is measured with a classifier of MNIST digits, and {info.title} is drawn differently; the curves and "
        "samples show how training goes."
    )
