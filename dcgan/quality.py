"""Quality while training goes on: a small sample judged after an epoch, for a small share of the time."""

from __future__ import annotations

import time

import torch

from dcgan.config import TrainConfig
from dcgan.digit_view import DIGITS_AN_IMAGE
from dcgan.evaluation import LIGHT_COUNT, judge_for
from dcgan.reports import LightReport
from dcgan.sampling import in_proportion
from dcgan.training import Trainer

TIME_SHARE = 0.02  # of the training time, at most
_BLOCK = 200  # large images drawn at once: their feature maps take much memory


class QualityWatch:
    """Judges a trainer's generator now and then; touches none of its random streams."""

    def __init__(self, config: TrainConfig, device: torch.device) -> None:
        self._judge = judge_for(config, device)
        self._labelled = config.conditioning == "labels"
        self._cost = 0.0  # seconds of the last look
        self._looked_at = 0.0
        stacked = self._judge is not None and self._judge.view.ink == "stacked"
        self._count = LIGHT_COUNT // DIGITS_AN_IMAGE if stacked else LIGHT_COUNT

    def look(self, trainer: Trainer, seconds: float, *, at_any_cost: bool = False) -> LightReport | None:
        """The quality now, `seconds` into training; None where nothing can judge it or it is too soon to look again."""
        too_soon = self._cost > TIME_SHARE * (seconds - self._looked_at)
        if self._judge is None or (too_soon and not at_any_cost):
            return None
        began = time.perf_counter()
        noise = torch.Generator().manual_seed(trainer.config.seed)  # the same z and classes at every look
        z = torch.randn(self._count, trainer.config.latent_dim, generator=noise)
        classes = in_proportion(trainer.classes.bincount().cpu(), self._count, noise)
        block = self._count if trainer.shape.size <= 32 else _BLOCK
        parts = zip(torch.split(z, block), torch.split(classes, block), strict=True)
        images = torch.cat([trainer.draw(*part) for part in parts])
        report = self._judge.measure(images, classes if self._labelled else None)
        self._cost, self._looked_at = time.perf_counter() - began, seconds
        return report
