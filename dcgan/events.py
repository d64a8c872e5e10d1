"""What a trainer reports, in the order it happens. Values are numbers or CPU tensors; nothing depends on the clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Started:
    """Training is about to begin (or to go on, when `step` is above 0)."""

    step: int
    steps_per_epoch: int
    total_steps: int


@dataclass(frozen=True)
class Stepped:
    """One update of D and one of G were queued, and all that the step brings was told; costs no synchronisation.

    The last event of every step: a `state_dict` taken here goes on without losing or repeating an event.
    """

    step: int


@dataclass(frozen=True)
class Progress:
    """Means over the steps since the last log point.

    `loss_d` and `loss_g` are the objective's values without penalties, in nats where it is logarithmic; `d_real` and
    `d_fake` say how sure D was that real and generated images are real, from 0 to 1 (`dcgan.losses.certainty`);
    `accuracy` is the share of both that D told right.
    """

    step: int
    epoch: int
    loss_d: float
    loss_g: float
    d_real: float
    d_fake: float
    accuracy: float


@dataclass(frozen=True)
class Samples:
    """Images from the fixed z: `images` uint8 [N, C, H, W]; `epoch` counts from 1, 0 before training."""

    step: int
    epoch: int
    images: torch.Tensor


@dataclass(frozen=True)
class EpochEnd:
    """All real images were seen `epoch` times."""

    step: int
    epoch: int


@dataclass(frozen=True)
class Finished:
    """All epochs are done."""

    step: int
    epoch: int


Event = Started | Stepped | Progress | Samples | EpochEnd | Finished
