"""The training loop as tutorials have it, to measure ours against: same architecture, same batch, plain torch.

A DataLoader that decodes and normalises image by image, float32, BCELoss after a sigmoid, separate passes of D over
real and generated images, and four values read back after every step.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import MNIST

from dcgan.config import TrainConfig
from dcgan.errors import UserError
from dcgan.models import ImageShape, MinibatchStd, condition_vector, initialise, map_sizes

SHAPE = ImageShape(28, 1, 10)
KNOWN = {
    "dataset": ("mnist",), "image_size": (0, 28), "channels": (0, 1), "family": ("dcgan",), "kernel_size": (4,),
    "conditioning": ("none", "labels"), "generator_norm": ("batch",), "objective": ("non-saturating",),
    "critic_steps": (1,),
}  # fmt: skip


EVENING: dict[str, Callable[[int], nn.Module]] = {"batch": nn.BatchNorm2d, "layer": partial(nn.GroupNorm, 1)}


class PlainGenerator(nn.Module):
    """The layers of `dcgan.models.Generator`, all of them torch's own."""

    def __init__(self, config: TrainConfig) -> None:
        super().__init__()
        sizes = map_sizes(SHAPE.size)
        widths = [config.generator_width * 2**i for i in reversed(range(len(sizes) - 1))]
        inputs = config.latent_dim + config.num_conditions(SHAPE.num_classes)
        self.stem = nn.Linear(inputs, widths[0] * sizes[0] ** 2, bias=False)
        layers: list[nn.Module] = [nn.Unflatten(1, (widths[0], sizes[0], sizes[0]))]
        layers += [nn.BatchNorm2d(widths[0]), nn.ReLU(True)]
        for wide, narrow in itertools.pairwise([*widths, *filter(None, [config.generator_finish])]):
            layers += [nn.ConvTranspose2d(wide, narrow, 4, 2, 1, bias=False), nn.BatchNorm2d(narrow), nn.ReLU(True)]
        last = config.generator_finish
        layers += [nn.Conv2d(last, 1, 3, 1, 1) if last else nn.ConvTranspose2d(widths[-1], 1, 4, 2, 1), nn.Tanh()]
        self.body = nn.Sequential(*layers)

    def forward(self, z: Tensor, condition: Tensor | None) -> Tensor:
        out: Tensor = self.body(self.stem(z if condition is None else torch.cat([z, condition], 1)))
        return out


class PlainDiscriminator(nn.Module):
    """The layers of `dcgan.models.Discriminator`, all of them torch's own, with a sigmoid at the end."""

    def __init__(self, config: TrainConfig) -> None:
        super().__init__()
        sizes = map_sizes(SHAPE.size)
        widths = [1, *(config.discriminator_width * 2**i for i in range(len(sizes) - 1))]
        batch = config.discriminator_norm == "batch"
        layers: list[nn.Module] = []
        for first, (narrow, wide) in zip([True] + [False] * len(sizes), itertools.pairwise(widths), strict=False):
            conv: nn.Module = nn.Conv2d(narrow, wide, 4, 2, 1, bias=first or not batch)
            conv = nn.utils.parametrizations.spectral_norm(conv) if config.discriminator_norm == "spectral" else conv
            evening = None if first else EVENING.get(config.discriminator_norm)
            layers += [conv, *([evening(wide)] if evening else []), nn.LeakyReLU(0.2, True)]
            layers += [nn.Dropout(config.dropout)] if config.dropout else []
        layers += [MinibatchStd()] if config.minibatch_std else []
        features = (widths[-1] + config.minibatch_std) * sizes[0] ** 2
        layers += [nn.Flatten()]
        if config.discriminator_features:
            layers += [nn.Linear(features, config.discriminator_features), nn.LeakyReLU(0.2)]
            features = config.discriminator_features
        self.body = nn.Sequential(*layers)
        self.score = nn.Linear(features, 1)
        if classes := config.num_conditions(SHAPE.num_classes):
            self.projection = nn.Linear(classes, features, bias=False)

    def forward(self, images: Tensor, condition: Tensor | None) -> Tensor:
        features = self.body(images)
        logits: Tensor = self.score(features).squeeze(1)
        if condition is not None:
            logits = logits + (self.projection(condition) * features).sum(1)
        return logits.sigmoid()


class Textbook:
    """The two networks and their loop; `steps` moves them forward.

    Raises:
        UserError: the configuration has what this loop has not.
    """

    def __init__(self, config: TrainConfig, data_dir: Path, device: torch.device) -> None:
        for field, known in KNOWN.items():
            if (value := getattr(config, field)) not in known:
                others = " or ".join(map(str, known))
                raise UserError(f"The textbook loop has no {field} {value}; measure with {others}.")
        self.config, self.device = config, device
        self.G, self.D = PlainGenerator(config).to(device), PlainDiscriminator(config).to(device)
        for network in (self.G, self.D):
            initialise(network, torch.Generator(device).manual_seed(config.seed))
        betas = (config.beta1, config.beta2)
        self.optimizer_g = torch.optim.Adam(self.G.parameters(), config.lr_g, betas)
        self.optimizer_d = torch.optim.Adam(self.D.parameters(), config.lr_d, betas)
        transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))])
        images = MNIST(str(data_dir), train=True, transform=transform)
        self.loader = DataLoader(images, config.batch_size, shuffle=True, drop_last=True)

    def steps(self) -> Iterator[None]:
        """One update of D and one of G after the other, for ever."""
        for _ in itertools.count():
            for real, labels in self.loader:
                self._step(real.to(self.device), labels.to(self.device))
                yield

    @torch.no_grad()
    def draw(self, z: Tensor, classes: Tensor) -> Tensor:
        """Images [N, 1, 28, 28] in [-1, 1], drawn in the mode that it trains in."""
        return self.G(z.to(self.device), self._condition(classes.to(self.device))).cpu()  # type: ignore[no-any-return]

    def _condition(self, labels: Tensor) -> Tensor | None:
        return condition_vector(labels, SHAPE.num_classes) if self.config.conditioning == "labels" else None

    def _step(self, real: Tensor, labels: Tensor) -> tuple[float, float, float, float]:
        criterion = nn.BCELoss()
        condition = self._condition(labels)
        ones, zeros = torch.ones(len(real), device=self.device), torch.zeros(len(real), device=self.device)
        self.optimizer_d.zero_grad()
        on_real = self.D(real, condition)
        loss_real = criterion(on_real, ones - self.config.label_smoothing)
        loss_real.backward()
        fake = self.G(torch.randn(len(real), self.config.latent_dim, device=self.device), condition)
        on_fake = self.D(fake.detach(), condition)
        loss_fake = criterion(on_fake, zeros)
        loss_fake.backward()
        self.optimizer_d.step()
        self.optimizer_g.zero_grad()
        loss_g = criterion(self.D(fake, condition), ones)
        loss_g.backward()
        self.optimizer_g.step()
        return (loss_real + loss_fake).item(), loss_g.item(), on_real.mean().item(), on_fake.mean().item()
