"""What is said about the quality of generated digits: plain records that load without torch.

The Fréchet distance is called `fd_lenet` for the features it is taken on. It is not comparable with the FID, which
uses Inception features; beside each value stand the extractor, the number of images and the real digits they were
held against.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

from dcgan.config import TrainConfig
from dcgan.datasets import dataset_info
from dcgan.errors import RunFailed
from dcgan.files import read_json, write_json

# How the digits of the data sets that can be judged are drawn; see `View`.
JUDGED_DATASETS = {"mnist": "gray", "emnist-digits": "gray", "color-mnist": "colored", "stacked-mnist": "stacked"}
CONFIDENT = 0.95  # softmax above which the classifier counts as sure
FILE_NAME = "evaluation.json"
MISSING_BELOW = 1 / 3  # of its true share, and a class counts as missing


@dataclass(frozen=True)
class View:
    """How the classifier is to look at images: `ink` gray (lightness), colored (between two colours) or stacked (a
    digit in each channel), and the images' `size` and `channels`.
    """

    ink: str = "gray"
    size: int = 28
    channels: int = 1

    @property
    def name(self) -> str:
        """Views of equal names show real digits alike: a black frame and repeated channels change nothing."""
        size = 28 if self.size == 32 else self.size
        return f"colored-{size}x{self.channels}" if self.ink == "colored" else f"gray-{size}"


def view_for(config: TrainConfig) -> View | None:
    """How the classifier looks at the images of a run; None where it cannot judge them."""
    info = dataset_info(config.dataset)
    view = View(JUDGED_DATASETS.get(config.dataset, ""), config.image_size or info.image_size,
                config.channels or info.channels)  # fmt: skip
    return None if not view.ink or (view.ink == "stacked" and view.channels == 1) else view


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
        kept = {spec.name: values[spec.name] for spec in fields(cls) if spec.default is MISSING or spec.name in values}
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
class NeighbourTest:
    """Error, in [0, 1], of a classifier that reads `num_test` real test digits by the nearest of `num_images` others.

    `error` is that with generated digits and the labels asked for, `real_error` that with as many training digits.
    """

    error: float
    real_error: float
    num_images: int
    num_test: int


@dataclass(frozen=True, kw_only=True)
class Report(LightReport):
    """`LightReport` and what takes longer or needs the real images; those fields are None where they are not at hand.

    Attributes:
        real: what as many real digits of another split get in the place of generated ones.
        kd_lenet: squared kernel distance (the kernel of KID) on the same features, near 0 for real digits.
        density: how much generated digits lie among real ones, about 1 for real digits.
        coverage: share of real digits with a generated one in their neighbourhood, about 0.97 for real digits.
        memorisation: how near generated digits are to training digits.
        neighbour_test: how well real digits are read by their nearest generated one, where it was asked for.
        fid: Fréchet distance on Inception features, where it was asked for.
        epoch, step: of the generator; None for images from elsewhere.
        modes: for stacked digits, how many of the 1,000 numbers the images show, as the classifier reads them.
        mode_kl: of the numbers' shares to 1,000 equal ones, in nats.
        real_modes, real_mode_kl: what as many real stacked digits get.
    """

    real: LightReport
    kd_lenet: float | None = None
    density: float | None = None
    coverage: float | None = None
    memorisation: Memorisation | None = None
    neighbour_test: NeighbourTest | None = None
    fid: float | None = None
    epoch: int | None = None
    step: int | None = None
    modes: int | None = None
    mode_kl: float | None = None
    real_modes: int | None = None
    real_mode_kl: float | None = None

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`; raises KeyError or TypeError where `values` is no such record."""
        near, test = values["memorisation"], values.get("neighbour_test")
        records = {
            "real": LightReport.from_dict(values["real"]),
            "memorisation": None if near is None else Memorisation(**near),
            "neighbour_test": None if test is None else NeighbourTest(**test),
        }
        return super().from_dict({**values, **records})


def kl_to_uniform(shares: Sequence[float]) -> float:
    """Sum of p ln(p K) over K shares, in nats: 0 when all are equal, ln K when there is one."""
    return max(sum(p * math.log(p * len(shares)) for p in shares if p > 0), 0.0)


def missing_classes(shares: Sequence[float], true_shares: Sequence[float]) -> tuple[int, ...]:
    """Classes whose share is below a third of the true one."""
    pairs = enumerate(zip(shares, true_shares, strict=True))
    return tuple(digit for digit, (share, true) in pairs if share < true * MISSING_BELOW)


def why_not(dataset: str, channels: int = 0) -> str | None:
    """Why the quality of images like those of `dataset` is not measured, as a sentence; None where it is.

    Raises:
        UserError: there is no such data set.
    """
    info = dataset_info(dataset)
    if dataset == "stacked-mnist" and channels == 1:
        return "In gray, the three digits of Stacked MNIST cannot be told apart, so their quality is not measured."
    if dataset in JUDGED_DATASETS:
        return None
    return (
        f"Quality is measured with a classifier of MNIST digits, which cannot judge {info.title}; the curves and "
        "samples show how training goes."
    )


def save_report(folder: Path, report: Report) -> None:
    """Keep `report` in a run's directory, in place of an earlier one.

    Raises:
        RunFailed: the directory cannot be written.
    """
    try:
        write_json(folder / FILE_NAME, report.to_dict())
    except OSError as error:
        reason = error.strerror or str(error)
        raise RunFailed(f"The evaluation could not be kept in {folder} ({reason}); check the directory.") from error


def read_report(folder: Path) -> Report | None:
    """The report kept in a run's directory; None where there is none that can be read."""
    record = read_json(folder / FILE_NAME)
    try:
        return None if record is None else Report.from_dict(record)
    except (KeyError, TypeError, ValueError):
        return None


def report_text(report: Report) -> str:
    """The report as a small table for people, real digits beside generated ones."""
    real, drawn = report.real, "images" if report.modes is None else "channels"
    rows = [
        (f"{report.num_images:,} {drawn}, {report.split.replace('_', '-')} digits", "generated", "real"),
        ("Fréchet distance (fd_lenet)", f"{report.fd_lenet:.2f}", f"{real.fd_lenet:.2f}"),
        ("confident", _percent(report.confident_share), _percent(real.confident_share)),
        ("readable", _percent(report.readable_share), _percent(real.readable_share)),
        ("show the digit asked for", _percent(report.label_agreement), _percent(real.label_agreement)),
        ("KL to equal shares", f"{report.kl_to_uniform:.3f}", f"{real.kl_to_uniform:.3f}"),
        ("kernel distance (kd_lenet)", _number(report.kd_lenet), ""),
        ("density", _number(report.density), ""),
        ("coverage", _number(report.coverage), ""),
        ("FID (Inception)", _number(report.fid), ""),
    ]
    if report.modes is not None:
        rows.append(("numbers shown, of 1,000", f"{report.modes:,}", _count(report.real_modes)))
        rows.append(("their KL to equal shares", _number(report.mode_kl), _number(report.real_mode_kl)))
    if (near := report.memorisation) is not None:
        rows.append(("distance to nearest training digit", _number(near.generated_median), _number(near.real_median)))
        rows.append(("suspiciously near one", _percent(near.closer_share), _percent(0.01)))
    if (test := report.neighbour_test) is not None:
        rows.append((f"error of nearest of {test.num_images:,}", f"{test.error:.2%}", f"{test.real_error:.2%}"))
    lines = [f"{name:<36}{value:>10}{beside:>10}".rstrip() for name, value, beside in rows if value]
    missing = ", ".join(map(str, report.missing_classes)) or "none"
    return "\n".join([*lines, f"missing digits: {missing}"])


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
