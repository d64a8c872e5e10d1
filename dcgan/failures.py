"""Ways to make training fail on purpose, each beside its cure: for lessons. Nothing here needs torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dcgan.config import TrainConfig
from dcgan.errors import UserError
from dcgan.fields import nearest

# Small networks that nobody tells what to draw: they fail, or learn, within a minute on a laptop.
BASE = TrainConfig(
    latent_dim=32,
    generator_width=16,
    discriminator_width=16,
    batch_size=32,
    lr_g=1e-3,
    lr_d=1e-3,
)


@dataclass(frozen=True)
class Failure:
    """A recipe: `broken` are changes of `BASE` that make it fail, `cured` those that make it learn, all else alike.

    `happens` says what goes wrong, `why` for which reason, `watch` where it is seen; `finding` is what `dcgan.doctor`
    calls it.
    """

    name: str
    title: str
    happens: str
    why: str
    watch: str
    finding: str
    broken: Mapping[str, Any]
    cured: Mapping[str, Any] = field(default_factory=dict)

    def configs(self, dataset: str, seed: int = 0) -> tuple[TrainConfig, TrainConfig]:
        """The one that fails and the one that learns, on the same data from the same seed."""
        alike = {"dataset": dataset, "seed": seed}
        return BASE.with_changes(**self.broken, **alike), BASE.with_changes(**self.cured, **alike)


FAILURES: dict[str, Failure] = {
    failure.name: failure
    for failure in (
        Failure(
            "runaway",
            "Steps that are too large",
            "Both networks leap instead of walking: within a few steps the losses are in the hundreds.",
            "A learning rate of 0.1 moves every weight so far that the slope it was moved along no longer holds, and "
            "no normalisation softens it here.",
            "The losses: they jump by hundreds of nats, where 1 to 5 are usual.",
            "diverged",
            {"lr_g": 0.1, "lr_d": 0.1, "generator_norm": "none", "discriminator_norm": "none"},
            {"generator_norm": "none", "discriminator_norm": "none"},
        ),
        Failure(
            "no-advice",
            "A judge that is too sure",
            "D tells every image right, G's loss goes flat, and the samples stay as they are.",
            "G is paid for making log(1 - D(G(z))) small. Where D is certain, that curve is level: no slope, no "
            "advice. Rewarding G for log D(G(z)) instead keeps the slope steep exactly there.",
            "How sure D is: D(x) at 1, D(G(z)) at 0, and G's loss at 0.",
            "d-wins",
            {"objective": "minimax", "discriminator_norm": "none", "lr_d": 3e-3, "lr_g": 3e-4},
            {"objective": "non-saturating", "discriminator_norm": "none", "lr_d": 3e-3, "lr_g": 3e-4},
        ),
        Failure(
            "slow-pupil",
            "A pupil that hardly moves",
            "D learns at the usual pace and G a thousand times slower: G's samples stay noise.",
            "A game needs two that can follow each other. D has long stopped telling G anything new.",
            "The samples: grey noise from first to last, while D(G(z)) is at 0.",
            "d-wins",
            {"lr_g": 1e-6},
        ),
        Failure(
            "one-trick",
            "A judge that never learns",
            "D hardly changes, so G finds the one pattern that it likes, and draws nothing else.",
            "Nobody notices the trick: it is D's learning that makes an image drawn too often worth less.",
            "The samples: 64 times nearly the same pattern, no digit, and D(G(z)) far above D(x).",
            "g-wins",
            {"lr_d": 1e-7},
        ),
    )
}


def get_failure(name: str) -> Failure:
    """The failure called `name`.

    Raises:
        UserError: there is none; the nearest known name is given.
    """
    if name not in FAILURES:
        raise UserError(f"Unknown failure {name!r}; {nearest(name, FAILURES)}.")
    return FAILURES[name]
