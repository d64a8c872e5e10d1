"""A turn of each player: G draws, D is updated, and G is through D's opinion of what it drew."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dcgan import losses
from dcgan.config import TrainConfig
from dcgan.distributed import World
from dcgan.models import Discriminator, Generator
from dcgan.updates import adam


class Turns:
    """What a step does to the two networks, which stay where they are and are changed in place.

    Everything happens on the networks' device in `dtype`; `noise` is drawn from where a penalty needs chance. The
    losses handed back are the objective's: neither penalties nor the class loss are in them.
    """

    def __init__(
        self,
        config: TrainConfig,
        G: Generator,
        D: Discriminator,
        noise: torch.Generator,
        dtype: torch.dtype,
        world: World,
    ) -> None:
        self.config, self.D, self.world = config, D, world
        self._noise, self._dtype, self._device = noise, dtype, noise.device
        self._parallel_g, self._parallel_d = world.parallel(G), world.parallel(D)
        betas = (config.beta1, config.beta2)
        self.optimizer_g = adam(G, config.lr_g, betas, self._device)
        self.optimizer_d = adam(D, config.lr_d, betas, self._device)

    def draw(self, z: Tensor, condition: Tensor | None) -> Tensor:
        """Images [N, C, H, W] in [-1, 1] by G from z [N, latent_dim] and condition [N, classes]."""
        with self._autocast():
            fake: Tensor = self._parallel_g(z, condition)
            return fake

    def update_discriminator(
        self, real: Tensor, fake: Tensor, condition: Tensor | None, penalised: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        """One update of D; the objective's loss, and D's logits [N] on `real` and `fake` before the update."""
        config = self.config
        self.D.requires_grad_(True)
        real.requires_grad_(penalised and config.r1 > 0)
        fake.requires_grad_(penalised and config.r2 > 0)
        with self._autocast():
            real_logits, fake_logits, class_loss = self._judge(real, fake, condition)
            loss = losses.discriminator_loss(real_logits, fake_logits, config.label_smoothing, config.objective)
            total = loss + config.class_loss * class_loss
            for images, logits, strength in ((real, real_logits, config.r1), (fake, fake_logits, config.r2)):
                if images.requires_grad:
                    total = total + config.penalty_every * strength * losses.slope_penalty(logits, images)
            if config.objective == "wgan-gp":
                total = total + config.gradient_penalty * self._unit_slope_penalty(real, fake, condition)
        self.optimizer_d.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        self.optimizer_d.step()
        return loss.detach(), real_logits.detach(), fake_logits.detach()

    def update_generator(self, real: Tensor, fake: Tensor, condition: Tensor | None) -> Tensor:
        """One update of G through D's opinion of `fake`; the objective's loss."""
        self.D.requires_grad_(False)  # G's step needs the gradient through D, not D's own
        with self._autocast():
            fake_logits, class_loss = self._ask(self.D, fake, condition)
            real_logits = fake_logits
            if self.config.objective == "rpgan":
                with torch.no_grad():
                    real_logits = self.D(real, condition).float()
            loss = losses.generator_loss(fake_logits, real_logits, self.config.objective)
            total = loss + self.config.class_loss * class_loss
        self.optimizer_g.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        self.optimizer_g.step()
        return loss.detach()

    def _judge(self, real: Tensor, fake: Tensor, condition: Tensor | None) -> tuple[Tensor, Tensor, Tensor | float]:
        """D's logits [N] on both and its class loss on `real`.

        In one pass, which is faster, where each image is looked at alone and for itself.
        """
        if self.D.looks_at_whole_batch or real.requires_grad or fake.requires_grad:
            real_logits, class_loss = self._ask(self._parallel_d, real, condition)
            return real_logits, self._ask(self._parallel_d, fake, condition)[0], class_loss
        both = torch.cat([real, fake]).contiguous(memory_format=torch.channels_last)
        twice = None if condition is None else condition.repeat(2, 1)
        logits, class_loss = self._ask(self._parallel_d, both, twice, read=len(real))
        real_logits, fake_logits = logits.chunk(2)
        return real_logits, fake_logits, class_loss

    def _unit_slope_penalty(self, real: Tensor, fake: Tensor, condition: Tensor | None) -> Tensor:
        count = len(real) * self.world.size
        shares = self.world.share(torch.rand(count, device=real.device, generator=self._noise))
        points = losses.between(real, fake, shares).contiguous(memory_format=torch.channels_last)
        return losses.unit_slope_penalty(self._parallel_d(points, condition), points)

    def _ask(
        self, judge: nn.Module, images: Tensor, condition: Tensor | None, read: int | None = None
    ) -> tuple[Tensor, Tensor | float]:
        """Logits [N] of `judge`, which is D, on `images`, and its class loss on the first `read` of them (or all).

        The class loss is 0 where D reads no classes.
        """
        if not self.D.reads_classes:
            return judge(images, condition).float(), 0.0
        assert condition is not None
        logits, class_logits = judge(images, condition, read=True)
        return logits.float(), losses.class_loss(class_logits[:read].float(), condition[:read])

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self._device.type, dtype=self._dtype, enabled=self._dtype != torch.float32)
