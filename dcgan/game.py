"""One round of the game between the players of a run: sixteen images, what D says of them, and what G is told."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from dcgan import losses
from dcgan.clusters import load_clusters
from dcgan.data import load_for, to_uint8
from dcgan.errors import UserError
from dcgan.images import Pixels
from dcgan.models import condition_vector
from dcgan.players import Players
from dcgan.runs import Run

Colour = tuple[int, int, int]
KEPT = 512  # real images that rounds choose from


@dataclass(frozen=True)
class RealImages:
    """Some of the images a run learns from: uint8 [M, C, H, W], and what the networks are told of each, int64 [M]."""

    images: Tensor
    classes: Tensor


@dataclass(frozen=True)
class Round:
    """N real and N generated images and all that follows from them; without real ones their fields are None.

    `real` and `fake` are uint8 [N, C, H, W], `z` [N, latent_dim], `classes` int64 [N] what both networks were told
    (None where they are told nothing). Logits are [N], `sure_real` and `sure_fake` [N] say how sure D is of each, in
    [0, 1]. The losses are the objective's, without penalties. `wish` [N, C, H, W] is how the loss of G asks each pixel
    of a generated image to change: its negative gradient, of each image by itself, for pixels in [-1, 1].
    """

    z: Tensor
    fake: Tensor
    classes: Tensor | None
    fake_logits: Tensor
    sure_fake: Tensor
    wish: Tensor | None
    loss_g: float | None
    real: Tensor | None = None
    real_logits: Tensor | None = None
    sure_real: Tensor | None = None
    loss_d: float | None = None

    @property
    def wish_lengths(self) -> Tensor | None:
        """Length of the wish of each image [N], per unit of pixel value."""
        return None if self.wish is None else self.wish.flatten(1).norm(dim=1)


def real_images(run: Run) -> RealImages:
    """`KEPT` of the images that `run` learns from, evenly spread; nothing is downloaded.

    Raises:
        UserError: they are not on this computer.
    """
    try:
        data = load_for(run.config, download=False)
        classes = data.labels
        if run.config.conditioning == "clusters":
            classes = load_clusters(run.path / "clusters.safetensors")[0]
    except (UserError, OSError) as error:
        raise UserError(f"The real images of {run.dataset_title} are not on this computer.") from error
    if tuple(data.images.shape[1:]) != (run.channels, run.image_size, run.image_size) or len(classes) != len(data):
        raise UserError(f"The images of {run.dataset_title} on this computer are not those that this run learned from.")
    chosen = torch.linspace(0, len(data) - 1, min(KEPT, len(data))).long()
    return RealImages(data.images[chosen], classes[chosen])


def play_round(players: Players, real: RealImages | None, count: int = 8, seed: int = 0) -> Round:
    """Let both players look at `count` real and as many generated images; G draws the classes of the real ones.

    Where there are fewer real ones, it is that many of both.
    """
    G, D = players.generator, players.discriminator
    count = count if real is None else min(count, len(real.images))
    draw = torch.Generator().manual_seed(seed)
    z = G.random_z(count, draw)
    chosen = None if real is None else torch.randperm(len(real.images), generator=draw)[:count]
    classes = None
    if G.conditional:
        classes = G.random_labels(count, draw) if real is None else real.classes[chosen]
    condition = None if classes is None else condition_vector(classes, G.num_conditions)
    with torch.no_grad():
        fake = G.network(z, condition)
    shown = None if real is None else real.images[chosen]
    real_logits = None if shown is None else D.scores(shown, condition)
    fake_logits, wish, loss_g = _what_g_is_told(players, fake, condition, real_logits)
    compared = fake_logits if real_logits is None else real_logits
    sure_real, sure_fake = losses.certainty(compared, fake_logits, D.config.objective)
    if real_logits is None:
        return Round(z, to_uint8(fake), classes, fake_logits, sure_fake, wish, loss_g)
    loss_d = losses.discriminator_loss(real_logits, fake_logits, D.config.label_smoothing, D.config.objective)
    return Round(
        z, to_uint8(fake), classes, fake_logits, sure_fake, wish, loss_g,
        shown, real_logits, sure_real, float(loss_d),
    )  # fmt: skip


def _what_g_is_told(
    players: Players, fake: Tensor, condition: Tensor | None, real_logits: Tensor | None
) -> tuple[Tensor, Tensor | None, float | None]:
    """D's logits on `fake`, how each image should change, and G's loss; the latter None where it needs real images."""
    D = players.discriminator
    pixels = fake.detach().clone().requires_grad_(True)
    with torch.enable_grad():
        logits: Tensor = D.network(pixels, condition if D.conditional else None)
        if real_logits is None and D.config.objective == "rpgan":
            return logits.detach(), None, None
        compared = logits if real_logits is None else real_logits
        loss = losses.generator_loss(logits, compared, D.config.objective)
    slope = torch.autograd.grad(loss, pixels)[0]
    return logits.detach(), -len(fake) * slope, float(loss.detach())


def wish_pictures(found: Round, more: Colour, less: Colour) -> Pixels | None:
    """RGB pictures [N, H, W, 3]: the generated images dimmed, over them what they are asked to change.

    A pixel takes the colour `more` where it should be brighter and `less` where darker, the more so the stronger the
    wish; the strongest hundredth of all eight are painted in full.
    """
    if found.wish is None:
        return None
    wish = found.wish.mean(1)
    strength = wish.abs() / wish.abs().flatten().quantile(0.99).clamp_min(1e-12)
    share = strength.clamp(0, 1).unsqueeze(-1)
    gray = found.fake.float().mean(1).unsqueeze(-1).expand(-1, -1, -1, 3) * 0.45
    asked = torch.where(wish.unsqueeze(-1) > 0, torch.tensor(more).float(), torch.tensor(less).float())
    painted: Pixels = (gray + (asked - gray) * share).round().clamp(0, 255).to(torch.uint8).numpy()
    return painted
