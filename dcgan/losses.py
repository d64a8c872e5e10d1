"""The game the two networks play, as pure functions of D's logits, and the penalties on D's slope.

| objective | D minimises | G minimises | source |
| --- | --- | --- | --- |
| non-saturating | -log D(x) - log(1 - D(G(z))) | -log D(G(z)) | Goodfellow et al., arXiv 1406.2661, section 3 |
| minimax | the same | log(1 - D(G(z))) | idem, equation 1 |
| hinge | max(0, 1 - x) + max(0, 1 + f) | -f | Lim, Ye, arXiv 1705.02894 |
| lsgan | (x - 1)^2 / 2 + f^2 / 2 | (f - 1)^2 / 2 | Mao et al., arXiv 1611.04076, equation 9 |
| wgan-gp | f - x | -f | Gulrajani et al., arXiv 1704.00028, equation 3 |
| rpgan | softplus(f - x) | softplus(x - f) | Jolicoeur-Martineau, arXiv 1807.00734; arXiv 2501.05441, section 2 |

x and f are D's logits on real and generated images, D = sigmoid(logit); -log D = softplus(-logit) and -log(1 - D) =
softplus(logit), which never overflow. All values are means over the batch; the first two and the last are in nats.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, relu, softplus

NON_SATURATING = "non-saturating"
RELATIVE = ("wgan-gp", "rpgan")  # the objectives whose logits have no zero of their own


def discriminator_loss(
    real_logits: Tensor, fake_logits: Tensor, smoothing: float = 0.0, objective: str = NON_SATURATING
) -> Tensor:
    """What D minimises, from logits [N] each; see the table above.

    `smoothing` s makes real images count as 1 - s (one-sided; Salimans et al., arXiv 1606.03498, section 3.4); only
    the two logarithmic objectives that judge images one by one know it.
    """
    match objective:
        case "non-saturating" | "minimax":
            real = (1 - smoothing) * softplus(-real_logits) + smoothing * softplus(real_logits)
            return real.mean() + softplus(fake_logits).mean()
        case "hinge":
            return relu(1 - real_logits).mean() + relu(1 + fake_logits).mean()
        case "lsgan":
            return ((real_logits - 1).square().mean() + fake_logits.square().mean()) / 2
        case "wgan-gp":
            return fake_logits.mean() - real_logits.mean()
        case "rpgan":
            return softplus(fake_logits - real_logits).mean()
    raise AssertionError(objective)


def generator_loss(fake_logits: Tensor, real_logits: Tensor, objective: str = NON_SATURATING) -> Tensor:
    """What G minimises, from logits [N] each; only rpgan looks at the real ones."""
    match objective:
        case "non-saturating":
            return softplus(-fake_logits).mean()
        case "minimax":
            return -softplus(fake_logits).mean()
        case "hinge" | "wgan-gp":
            return -fake_logits.mean()
        case "lsgan":
            return (fake_logits - 1).square().mean() / 2
        case "rpgan":
            return softplus(real_logits - fake_logits).mean()
    raise AssertionError(objective)


def class_loss(class_logits: Tensor, condition: Tensor) -> Tensor:
    """How far D's reading of the classes, logits [N, classes], is from what was asked for, one-hot [N, classes]; nats.

    D learns it on real images, and G is paid for it on its own (Odena, Olah, Shlens, arXiv 1610.09585, section 3).
    """
    return cross_entropy(class_logits, condition)


def certainty(real_logits: Tensor, fake_logits: Tensor, objective: str = NON_SATURATING) -> tuple[Tensor, Tensor]:
    """How sure D is that real, and that generated, images are real: [N] each, in [0, 1].

    lsgan's output estimates that probability itself. wgan-gp and rpgan have no zero of their own: what counts there is
    the distance from the mean of the other side. hinge's logits are squashed like those of the logarithmic objectives.
    """
    if objective == "lsgan":
        return real_logits.clamp(0, 1), fake_logits.clamp(0, 1)
    if objective in RELATIVE:
        return (real_logits - fake_logits.mean()).sigmoid(), (fake_logits - real_logits.mean()).sigmoid()
    return real_logits.sigmoid(), fake_logits.sigmoid()


def slope_penalty(logits: Tensor, images: Tensor) -> Tensor:
    """Mean squared slope of D at `images` [N, C, H, W], halved: R1 on real and R2 on generated ones.

    `logits` [N] come from `images`, which require a gradient. R1 = E |grad D(x)|^2 / 2 (Mescheder et al., arXiv
    1801.04406, equation 9).
    """
    return _slopes(logits, images).square().sum(1).mean() / 2


def unit_slope_penalty(logits: Tensor, images: Tensor) -> Tensor:
    """How far D's slope at `images` [N, C, H, W] is from 1: E (|grad D| - 1)^2 (arXiv 1704.00028, equation 3)."""
    lengths: Tensor = _slopes(logits, images).square().sum(1).add(1e-12).sqrt()  # a slope of 0 has a gradient too
    return (lengths - 1).square().mean()


def between(real: Tensor, fake: Tensor, shares: Tensor) -> Tensor:
    """Images [N, C, H, W] at `shares` [N] in [0, 1] of the way from `fake` to `real`, ready for a slope."""
    return torch.lerp(fake.detach().float(), real, shares.view(-1, 1, 1, 1)).requires_grad_(True)


def _slopes(logits: Tensor, images: Tensor) -> Tensor:
    """Gradient of each image's logit on its pixels, [N, C * H * W] in float32 or better, differentiable."""
    (slopes,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return slopes.to(torch.promote_types(slopes.dtype, torch.float32)).flatten(1)
