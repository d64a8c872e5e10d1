"""The game the two networks play, as pure functions of D's logits."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import softplus


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor, smoothing: float = 0.0) -> Tensor:
    """Binary cross-entropy of D in nats, logits [N] each: -log D(x) - log(1 - D(G(z))), means over N.

    `smoothing` s makes real images count as 1 - s (one-sided; Salimans et al., arXiv 1606.03498, section 3.4). With
    D = sigmoid(logit), -log D = softplus(-logit) and -log(1 - D) = softplus(logit), which never overflow.
    """
    real = (1 - smoothing) * softplus(-real_logits) + smoothing * softplus(real_logits)
    return real.mean() + softplus(fake_logits).mean()


def generator_loss(fake_logits: Tensor) -> Tensor:
    """Non-saturating loss of G in nats, logits [N]: -log D(G(z)) (Goodfellow et al., arXiv 1406.2661, section 3)."""
    return softplus(-fake_logits).mean()
