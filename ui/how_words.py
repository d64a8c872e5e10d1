"""The game told step by step: words, formulas, and where in the source each step is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from dcgan.config import TrainConfig
from ui.how_source import Anchor

_SURE_REAL: Final = r"D(x)"
_SURE_FAKE: Final = r"D(\tilde x)"

# What D and what G makes small, for each objective; a and b are D's logits on real and generated images.
LOSSES: Final[dict[str, tuple[str, str]]] = {
    "non-saturating": (
        r"L_D = -\,\overline{\log D(x)} - \overline{\log\,(1 - D(\tilde x))}",
        r"L_G = -\,\overline{\log D(\tilde x)}",
    ),
    "minimax": (
        r"L_D = -\,\overline{\log D(x)} - \overline{\log\,(1 - D(\tilde x))}",
        r"L_G = \overline{\log\,(1 - D(\tilde x))}",
    ),
    "hinge": (
        r"L_D = \overline{\max(0,\, 1 - a)} + \overline{\max(0,\, 1 + b)}",
        r"L_G = -\,\overline{b}",
    ),
    "lsgan": (
        r"L_D = \tfrac12\,\overline{(a - 1)^2} + \tfrac12\,\overline{b^2}",
        r"L_G = \tfrac12\,\overline{(b - 1)^2}",
    ),
    "wgan-gp": (
        r"L_D = \overline{b} - \overline{a}",
        r"L_G = -\,\overline{b}",
    ),
    "rpgan": (
        r"L_D = \overline{\log\,(1 + e^{\,b - a})}",
        r"L_G = \overline{\log\,(1 + e^{\,a - b})}",
    ),
}
_CERTAINTY: Final = {
    "lsgan": r"D(x) = \min(1, \max(0, a)), \qquad D(\tilde x) = \min(1, \max(0, b))",
    "wgan-gp": r"D(x) = \sigma(a - \overline{b}), \qquad D(\tilde x) = \sigma(b - \overline{a})",
}
_CERTAINTY["rpgan"] = _CERTAINTY["wgan-gp"]
_SIGMOID: Final = r"D(x) = \sigma(a) = \frac{1}{1 + e^{-a}}, \qquad D(\tilde x) = \sigma(b)"


@dataclass(frozen=True)
class Step:
    """One step of the game; `key` says which values stand beside it."""

    key: str
    title: str
    words: str
    formula: Callable[[TrainConfig], str]
    anchor: Callable[[TrainConfig], Anchor]


def _losses(place: int) -> Callable[[TrainConfig], str]:
    return lambda config: LOSSES[config.objective][place]


STEPS: Final = (
    Step(
        "draw",
        "G draws",
        "A handful of random numbers **z** goes into the generator, an image x̃ comes out. G has never seen a real "
        "image; where the run has classes, it is told which one to draw.",
        lambda config: (
            r"z \sim \mathcal N(0, 1)^{" + str(config.latent_dim) + r"}, \qquad \tilde x = G(z"
            + (", c" if config.conditional else "") + ")"
        ),
        lambda config: Anchor("dcgan/training.py", "Trainer._train_step", ("z = torch.randn(", "fake = ")),
    ),
    Step(
        "judge",
        "D says how sure it is",
        "The discriminator looks at real images and at G's, and gives each one number, its **logit**: a for a real "
        "image, b for a drawn one. Squashed into 0 to 1, it says how sure D is that the image is real.",
        lambda config: _CERTAINTY.get(config.objective, _SIGMOID),
        lambda config: Anchor("dcgan/models.py", "Discriminator.forward"),
    ),
    Step(
        "loss_d",
        "How wrong was D?",
        "One number says how far D is from being right everywhere: its **loss**. The bar over a term is the mean over "
        "the images.",
        _losses(0),
        lambda config: Anchor("dcgan/losses.py", "discriminator_loss", case=config.objective),
    ),
    Step(
        "learn_d",
        "D learns",
        "Every learned number of D is moved a little in the direction that makes this loss smaller. How far is the "
        "**learning rate** η; Adam is the rule that makes a step of the slopes ∇.",
        lambda config: r"\theta_D \leftarrow \theta_D - \eta\;\mathrm{Adam}\!\left(\nabla_{\theta_D} L_D\right)",
        lambda config: Anchor(
            "dcgan/turns.py", "Turns.update_discriminator",
            ("optimizer_d.zero_grad", ".backward(", "optimizer_d.step"),
        ),
    ),
    Step(
        "loss_g",
        "How wrong was G?",
        "G's loss looks at its own images only through D's eyes: it is small when D takes them for real.",
        _losses(1),
        lambda config: Anchor("dcgan/losses.py", "generator_loss", case=config.objective),
    ),
    Step(
        "wish",
        "What D tells G",
        "D cannot draw, but it can be asked, pixel by pixel, which change would make it more sure: the **gradient**. "
        "That is all G ever learns about real images.",
        lambda config: r"\text{asked of each pixel:}\quad -\,\frac{\partial L_G}{\partial \tilde x}",
        lambda config: Anchor(
            "dcgan/turns.py", "Turns.update_generator", ("self.D, fake", "losses.generator_loss", ".backward(")
        ),
    ),
    Step(
        "learn_g",
        "G learns, and it starts again",
        "G moves its own numbers so that its next drawings follow what D asked for. Then D looks anew: neither is ever "
        "done, and each is only as good as the other makes it.",
        lambda config: r"\theta_G \leftarrow \theta_G - \eta\;\mathrm{Adam}\!\left("
        r"\frac{\partial L_G}{\partial \tilde x}\,\frac{\partial \tilde x}{\partial \theta_G}\right)",
        lambda config: Anchor(
            "dcgan/turns.py", "Turns.update_generator", ("optimizer_g.zero_grad", "optimizer_g.step")
        ),
    ),
)  # fmt: skip
