"""How good generated MNIST digits are, as a small classifier sees them.

`LightJudge` costs milliseconds and serves while training goes on; `evaluate_images` and `evaluate_run` say all there is
to say. Nothing here is a FID: distances are called `fd_lenet` after the classifier whose features they compare.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from dcgan.classifier import ASSET, load_classifier
from dcgan.config import TrainConfig
from dcgan.data import load_dataset
from dcgan.datasets import is_on_disk
from dcgan.digit_view import DIGITS_AN_IMAGE, as_digits, as_mnist
from dcgan.distances import density_coverage, frechet_distance, kernel_distance, nearest_images
from dcgan.errors import UserError
from dcgan.inception import fid
from dcgan.real_digits import PLAIN, real_digits
from dcgan.references import Seen, checked_split, every_pair, load_references, load_split
from dcgan.reports import LightReport, Memorisation, Report, View, kl_to_uniform, view_for, why_not

if TYPE_CHECKING:
    from dcgan.runs import Run

__all__ = [
    "LightJudge",
    "LightReport",
    "Memorisation",
    "Report",
    "evaluate_images",
    "evaluate_run",
    "frechet_distance",
    "judge_for",
    "memorisation",
    "nearest_images",
    "why_not",
]

LIGHT_COUNT = 2_000
FULL_COUNT = 10_000
_BLOCK = 250  # images a forward pass: on a CPU their activations stay in the cache


class LightJudge:
    """The classifier and the real digits' statistics, ready on `device`.

    `split` names the real digits to compare with: `held_out` wherever something is chosen by the outcome, as in
    training; `test` for a final judgement. It uses no random numbers, so it never changes the run it watches.

    Raises:
        UserError: the classifier file is missing or foreign, or there is no such split.
    """

    def __init__(
        self, device: torch.device | str = "cpu", split: str = "held_out", path: Path = ASSET, view: View = PLAIN
    ) -> None:
        self.view = view
        self._path = path
        self.split = checked_split(split)
        self.device = torch.device(device)
        self.references = load_references(path)
        self._classifier = load_classifier(path).to(self.device)

    def real(self, count: int = LIGHT_COUNT) -> LightReport:
        """What `count` real digits get here: what to show beside the same of generated ones."""
        if self.view.name == PLAIN.name:
            return self.references.real_report(self.split, count)
        return real_digits(self.split, count, self._path, self.view)

    def measure(self, images: Tensor, asked: Tensor | None = None) -> LightReport:
        """Judge `images`, uint8 [N, C, S, S] of the judge's view, at least 2; `asked` are their classes, int64 [N].

        Of stacked digits each counts by itself.


        Raises:
            UserError: the shape or type of the images is another, there are too few, or `asked` does not fit.
        """
        digits = None if asked is None else as_digits(asked, self.view)
        return self.references.report(self.see(images), self.split, digits)

    @torch.inference_mode()
    def see(self, images: Tensor) -> Seen:
        """Run the classifier over uint8 images [N, C, S, S]; results stay on the judge's device."""
        if images.dtype != torch.uint8:
            raise UserError(f"Images to judge are uint8 in [0, 255], not {images.dtype}.")
        if len(images) < 2:
            raise UserError(f"At least 2 images are needed to judge a generator, not {len(images)}.")
        if self.view != PLAIN:
            images = as_mnist(images, self.view)
        features = torch.cat([self._classifier.features(part.to(self.device)) for part in torch.split(images, _BLOCK)])
        return Seen.of(features, self._classifier.logits(features))


def judge_for(config: TrainConfig, device: torch.device | str = "cpu", split: str = "held_out") -> LightJudge | None:
    """A judge for the images of a run, or None where there is none; `why_not` then says why."""
    view = view_for(config)
    return None if view is None else LightJudge(device, split, view=view)


def evaluate_images(
    images: Tensor,
    asked: Tensor | None = None,
    *,
    split: str = "test",
    data_dir: Path | None = None,
    inception: nn.Module | None = None,
    view: View = PLAIN,
    dataset: str = "mnist",
) -> Report:
    """Judge generated digits, uint8 [N, C, S, S] as `view` says, against `split`; `asked` are their classes.

    Where MNIST is in `data_dir`, the report also says what needs the real images, among it the FID where the network
    of `dcgan.inception` is given.

    Raises:
        UserError: images or labels have the wrong form, the split is unknown, a file is damaged, or the FID is asked
            for without MNIST.
    """
    if inception is not None and view != PLAIN:
        raise UserError("FID is measured on gray digits of 28x28 pixels only; leave --fid out for this run.")
    judge = LightJudge(split=split, view=view)
    seen = judge.see(images)
    digits = None if asked is None else as_digits(asked, view)
    report = Report(**vars(judge.references.report(seen, split, digits)), real=judge.real(len(seen.classes)))
    if view.ink == "stacked":
        report = _with_modes(report, judge, seen, len(images), data_dir)
    if is_on_disk("mnist", data_dir):
        return _with_real_images(report, judge, seen, as_mnist(images, view), data_dir, inception, dataset)
    if inception is not None:
        raise UserError("FID compares with the real digits; name a folder that has MNIST with --data-dir.")
    return report


def evaluate_run(
    run: Run,
    num_images: int = FULL_COUNT,
    *,
    seed: int = 0,
    epoch: int | None = None,
    split: str = "test",
    data_dir: Path | None = None,
    inception: nn.Module | None = None,
) -> Report:
    """Draw `num_images` from a run's generator (its newest, or that of `epoch`) and judge them.

    Raises:
        UserError: the run has no generator, its data set has no judge, or as for `evaluate_images`.
    """
    from dcgan.sampling import draw_samples, load_generator

    view = view_for(run.config)
    if view is None:
        raise UserError(why_not(run.config.dataset, run.channels) or "The quality of these images is not measured.")
    trained = load_generator(run, epoch)
    images, asked = draw_samples(trained, num_images, seed)
    asked = asked if run.config.conditioning == "labels" else None  # other conditions are not digits
    report = evaluate_images(
        images, asked, split=split, data_dir=data_dir, inception=inception, view=view, dataset=run.config.dataset
    )
    return replace(report, epoch=trained.epoch, step=trained.step)


def memorisation(generated: Tensor, real: Tensor, training: Tensor) -> Memorisation:
    """How near `generated` images are to `training` ones, beside `real` ones that were not trained on; all uint8."""
    near = nearest_images(generated, training)[1].flatten()
    usual = nearest_images(real, training)[1].flatten()
    return Memorisation(
        generated_median=near.median().item(),
        real_median=usual.median().item(),
        closer_share=(near < usual.quantile(0.01)).double().mean().item(),
        num_images=len(generated),
    )


def _with_modes(report: Report, judge: LightJudge, seen: Seen, count: int, data_dir: Path | None) -> Report:
    """Which of the 1,000 numbers `count` images of stacked digits show, and as many real ones where MNIST is there."""
    modes, kl = _modes(seen)
    report = replace(report, modes=modes, mode_kl=kl)
    if not is_on_disk("mnist", data_dir):
        return report
    real = load_dataset("stacked-mnist", data_dir, "train", download=False).images[:count]
    if len(real) < count:
        return report
    plain = LightJudge(split=judge.split, view=replace(judge.view, size=28))
    real_modes, real_kl = _modes(plain.see(real))
    return replace(report, real_modes=real_modes, real_mode_kl=real_kl)


def _modes(seen: Seen) -> tuple[int, float]:
    digits = seen.classes.view(-1, DIGITS_AN_IMAGE).cpu()
    counts = (digits @ torch.tensor([100, 10, 1])).bincount(minlength=1000)
    return int((counts > 0).sum()), kl_to_uniform((counts / counts.sum()).tolist())


def _with_real_images(
    report: Report,
    judge: LightJudge,
    seen: Seen,
    images: Tensor,
    data_dir: Path | None,
    inception: nn.Module | None,
    dataset: str,
) -> Report:
    reference, test = (load_split(split, data_dir)[0] for split in (judge.split, "test"))
    reference = every_pair(reference, max(1, len(reference) // FULL_COUNT))
    real = judge.see(reference).features
    count = min(len(real), len(seen.features))  # coverage grows with the number of images: compare equal numbers
    density, coverage = density_coverage(every_pair(real, len(real) // count)[:count], seen.features[:count])
    trained_on = dataset if dataset == "emnist-digits" and is_on_disk(dataset, data_dir) else "mnist"
    training = load_dataset(trained_on, data_dir, "train", download=False).images
    return replace(
        report,
        kd_lenet=kernel_distance(real, seen.features),
        density=density,
        coverage=coverage,
        memorisation=memorisation(images[:LIGHT_COUNT], every_pair(test, len(test) // LIGHT_COUNT), training),
        fid=None if inception is None else fid(inception, reference, images),
    )
