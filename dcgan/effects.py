"""What a direction of z changes in the images, measured: stroke width, slant, height and the like, by image moments.

Every sample is drawn twice, moved to both ends of the direction, and measured on both; a direction is named by what
changes most, if it changes reliably. What does not, or hardly changes, names nothing.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dcgan.errors import UserError
from dcgan.images import Pixels
from dcgan.sampling import TrainedGenerator

SAMPLES: Final = 200
ENDS: Final = 2.0  # standard deviations to either side
RELIABLE: Final = 0.6  # least correlation of a change that counts
NOTICEABLE: Final = 0.5  # least mean change from end to end, in standard deviations of the measure over samples
_FAINT: Final = 0.1  # of the brightest ink: below it lies noise
_GRAY = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
Values = NDArray[np.float64]

MEASURES: Final = {  # what each is called, and the words for more and for less of it
    "stroke width": ("pixels wider", "pixels thinner"),
    "slant": ("degrees further to the right", "degrees further to the left"),
    "tilt": ("degrees clockwise", "degrees anticlockwise"),
    "height": ("pixels taller", "pixels shorter"),
    "width": ("pixels broader", "pixels narrower"),
    "line length": ("pixels longer", "pixels shorter"),
    "brightness": ("of full white brighter", "of full white dimmer"),
    "sideways": ("pixels further right", "pixels further left"),
    "up and down": ("pixels higher", "pixels lower"),
}


@dataclass(frozen=True)
class Effect:
    """What a direction does to one of `MEASURES` over `count` samples.

    `correlation` in [-1, 1] is that of the place along the direction with the measure, each sample compared with
    itself; `change` is the mean difference from the low end to the high one, in the measure's units.
    """

    measure: str
    correlation: float
    change: float
    count: int

    @property
    def words(self) -> str:
        """The figures as one line, as in `dragged from left to right: 1.2 pixels wider; correlation 0.83 ...`."""
        unit = MEASURES[self.measure][self.change < 0]
        figure = f"{abs(self.change):.2f}" if abs(self.change) < 1 else f"{abs(self.change):.1f}"
        correlation = f"{self.correlation:.2f}".replace("-", "−")
        return f"dragged from left to right: {figure} {unit}; correlation {correlation} over {self.count} samples"


def measure(images: Pixels) -> dict[str, Values]:
    """Each of `MEASURES` of uint8 images [N, C, H, W], float [N]; NaN where an image shows nothing.

    Ink is what differs from the paper, the median of the image's edge, so dark on light counts as light on dark. Colour
    is measured on its gray.
    """
    ink = _ink(images)
    area, peak = ink.sum((1, 2)), ink.max((1, 2))
    steps = np.gradient(ink, axis=(1, 2))
    edge = np.hypot(*steps).sum((1, 2))
    rows, columns = np.arange(ink.shape[1]), np.arange(ink.shape[2])
    with np.errstate(divide="ignore", invalid="ignore"):
        y, x = (ink.sum(2) @ rows) / area, (ink.sum(1) @ columns) / area
        dy, dx = rows - y[:, None], columns - x[:, None]
        tall = (ink.sum(2) * dy**2).sum(1) / area
        wide = (ink.sum(1) * dx**2).sum(1) / area
        across = np.einsum("nij,ni,nj->n", ink, dy, dx) / area
        found = {
            "stroke width": 2 * area / edge,  # a long stroke of width w and length l: area w l, outline 2 l
            "slant": np.degrees(np.arctan(-across / tall)),  # shear: how far right a stroke goes on its way up
            "tilt": _axis(tall, wide, -across),
            "height": np.sqrt(12 * tall),  # of the rectangle with this moment
            "width": np.sqrt(12 * wide),
            "line length": edge / 2 / peak,
            "brightness": (ink**2).sum((1, 2)) / area,
            "sideways": x,
            "up and down": -y,
        }
    return {name: np.where(peak > _FAINT, values, np.nan) for name, values in found.items()}


def measure_effects(
    trained: TrainedGenerator,
    vectors: Tensor,
    *,
    samples: int = SAMPLES,
    seed: int = 0,
    report: Callable[[float], None] = lambda share: None,
) -> list[Effect | None]:
    """The strongest reliable effect of each direction of `vectors` [k, latent_dim]; None where there is none.

    `report` hears the share done, in (0, 1].

    Raises:
        UserError: fewer than two samples.
    """
    if samples < 2:
        raise UserError(f"Effects are measured on at least 2 samples, not {samples}.")
    noise = torch.Generator().manual_seed(seed)
    z, labels = trained.random_z(samples, noise), trained.random_labels(samples, noise)
    condition = trained.condition(labels) if trained.conditional else None
    usual = measure(trained.draw(z, condition).numpy())
    effects = []
    for place, vector in enumerate(vectors):
        low, high = (measure(trained.draw(z + end * vector, condition).numpy()) for end in (-ENDS, ENDS))
        effects.append(strongest(usual, low, high))
        report((place + 1) / len(vectors))
    return effects


def strongest(usual: dict[str, Values], low: dict[str, Values], high: dict[str, Values]) -> Effect | None:
    """The largest reliable effect next to how samples differ anyway, from measures [N] of samples and of both ends."""
    found = [_effect(name, usual[name], low[name], high[name]) for name in MEASURES]
    return max(filter(None, found), key=lambda pair: pair[0], default=(0.0, None))[1]


def names_of(effects: Sequence[Effect | None]) -> list[str]:
    """What to call each direction: by its effect, counted where several have the same, else by its number."""
    names: list[str] = []
    seen: Counter[str] = Counter()
    for place, effect in enumerate(effects):
        if effect is None:
            names.append(f"direction {place + 1}")
            continue
        seen[effect.measure] += 1
        again = seen[effect.measure]
        names.append(effect.measure if again == 1 else f"{effect.measure} {again}")
    return names


def _effect(name: str, usual: Values, low: Values, high: Values) -> tuple[float, Effect] | None:
    """The effect on one measure, after its size in standard deviations; None where it does not count."""
    change = high - low
    if name == "tilt":
        change = (change + 90) % 180 - 90  # an axis has no arrow
    change = change[np.isfinite(change)]
    spread = float(np.nanstd(usual)) if np.isfinite(usual).any() else 0.0
    if len(change) < max(2, len(low) // 2) or not spread:
        return None
    # A sample's two values lie half the change to either side of their mean, so the correlation is mean over rms.
    mean, size = float(change.mean()), math.sqrt(float((change**2).mean()))
    if not size or abs(mean / size) < RELIABLE or abs(mean) < NOTICEABLE * spread:
        return None
    return abs(mean) / spread, Effect(name, mean / size, mean, len(change))


def _ink(images: Pixels) -> Values:
    """How far each pixel is from the paper, [N, H, W] in [0, 1]."""
    pixels = images.astype(np.float64) / 255
    gray: Values = pixels[:, 0] if pixels.shape[1] == 1 else np.tensordot(pixels, _GRAY, axes=(1, 0))
    edges = np.concatenate([gray[:, 0], gray[:, -1], gray[:, 1:-1, 0], gray[:, 1:-1, -1]], axis=1)
    ink: Values = np.abs(gray - np.median(edges, axis=1)[:, None, None])
    ink[ink < _FAINT * ink.max((1, 2), keepdims=True)] = 0
    return ink


def _axis(tall: Values, wide: Values, across: Values) -> Values:
    """Degrees that the longer axis is turned clockwise from upright; NaN where no axis is clearly the longer one."""
    turn = np.hypot(tall - wide, 2 * across)
    long, short = (tall + wide + turn) / 2, (tall + wide - turn) / 2
    return np.where(long > 2 * short, np.degrees(np.arctan2(2 * across, tall - wide) / 2), np.nan)
