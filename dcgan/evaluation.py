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
from dcgan.data import load_dataset
from dcgan.datasets import is_on_disk
from dcgan.distances import density_coverage, frechet_distance, kernel_distance, nearest_images
from dcgan.errors import UserError
from dcgan.inception import fid
from dcgan.references import Seen, checked_split, every_pair, load_references, load_split
from dcgan.reports import JUDGED_DATASETS, LightReport, Memorisation, Report, why_not

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

    def __init__(self, device: torch.device | str = "cpu", split: str = "held_out", path: Path = ASSET) -> None:
        self.split = checked_split(split)
        self.device = torch.device(device)
        self.references = load_references(path)
        self._classifier = load_classifier(path).to(self.device)

    def real(self, count: int = LIGHT_COUNT) -> LightReport:
        """What `count` real digits get here: what to show beside the same of generated ones."""
        return self.references.real_report(self.split, count)

    def measure(self, images: Tensor, asked: Tensor | None = None) -> LightReport:
        """Judge `images`, uint8 [N, 1, 28, 28], at least 2; `asked` are the digits they should show, int64 [N].

        Raises:
            UserError: the shape or type of the images is another, there are too few, or `asked` does not fit.
        """
        return self.references.report(self.see(images), self.split, asked)

    @torch.inference_mode()
    def see(self, images: Tensor) -> Seen:
        """Run the classifier over uint8 images [N, 1, 28, 28]; results stay on the judge's device."""
        if images.dtype != torch.uint8:
            raise UserError(f"Images to judge are uint8 in [0, 255], not {images.dtype}.")
        if len(images) < 2:
            raise UserError(f"At least 2 images are needed to judge a generator, not {len(images)}.")
        features = torch.cat([self._classifier.features(part.to(self.device)) for part in torch.split(images, _BLOCK)])
        return Seen.of(features, self._classifier.logits(features))


def judge_for(dataset: str, device: torch.device | str = "cpu", split: str = "held_out") -> LightJudge | None:
    """A judge for images like those of `dataset`, or None where there is none; `why_not` then says why."""
    return LightJudge(device, split) if dataset in JUDGED_DATASETS else None


def evaluate_images(
    images: Tensor,
    asked: Tensor | None = None,
    *,
    split: str = "test",
    data_dir: Path | None = None,
    inception: nn.Module | None = None,
) -> Report:
    """Judge generated digits, uint8 [N, 1, 28, 28], against `split`; `asked` are the digits they should show.

    Where MNIST is in `data_dir`, the report also says what needs the real images, among it the FID where the network
    of `dcgan.inception` is given.

    Raises:
        UserError: images or labels have the wrong form, the split is unknown, a file is damaged, or the FID is asked
            for without MNIST.
    """
    judge = LightJudge(split=split)
    seen = judge.see(images)
    report = Report(**vars(judge.references.report(seen, split, asked)), real=judge.real(len(images)))
    if is_on_disk("mnist", data_dir):
        return _with_real_images(report, judge, seen, images, data_dir, inception)
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

    if (reason := why_not(run.config.dataset)) is not None:
        raise UserError(reason)
    trained = load_generator(run, epoch)
    images, asked = draw_samples(trained, num_images, seed)
    asked = asked if run.config.conditioning == "labels" else None  # other conditions are not digits
    report = evaluate_images(images, asked, split=split, data_dir=data_dir, inception=inception)
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


def _with_real_images(
    report: Report,
    judge: LightJudge,
    seen: Seen,
    images: Tensor,
    data_dir: Path | None,
    inception: nn.Module | None,
) -> Report:
    reference, test = (load_split(split, data_dir)[0] for split in (judge.split, "test"))
    reference = every_pair(reference, max(1, len(reference) // FULL_COUNT))
    real = judge.see(reference).features
    count = min(len(real), len(seen.features))  # coverage grows with the number of images: compare equal numbers
    density, coverage = density_coverage(every_pair(real, len(real) // count)[:count], seen.features[:count])
    training = load_dataset("mnist", data_dir, "train", download=False).images
    return replace(
        report,
        kd_lenet=kernel_distance(real, seen.features),
        density=density,
        coverage=coverage,
        memorisation=memorisation(images[:LIGHT_COUNT], every_pair(test, len(test) // LIGHT_COUNT), training),
        fid=None if inception is None else fid(inception, reference, images),
    )
