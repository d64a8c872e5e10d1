"""Generator and discriminator after the DCGAN paper (Radford, Metz, Chintala; arXiv 1511.06434), at any small size.

The generator grows a small map by doublings, the discriminator halves it back: 28 -> 14 -> 7, 32 -> 16 -> 8 -> 4.
Conditioning: a class vector beside z in G (arXiv 1411.1784), a projection in D (Miyato, Koyama; arXiv 1802.05637).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from dcgan.config import TrainConfig
from dcgan.distributed import ALONE, BatchNorm2d, batch_moments
from dcgan.layers import FlattenChannelsLast, FromImage, ToImage

INIT_STD = 0.02  # arXiv 1511.06434, section 4
LEAK = 0.2  # idem


@dataclass(frozen=True)
class ImageShape:
    """What the networks must know of the images: `size` x `size` pixels, `channels`, and how many classes there are."""

    size: int
    channels: int
    num_classes: int


def map_sizes(image_size: int) -> list[int]:
    """Side lengths of the feature maps from the smallest to the image: halved while even and above 7."""
    sizes = [image_size]
    while sizes[0] > 7 and sizes[0] % 2 == 0:
        sizes.insert(0, sizes[0] // 2)
    return sizes


def condition_vector(labels: Tensor, num_classes: int) -> Tensor:
    """One-hot float [N, num_classes] from class numbers int64 [N]; blends of rows are valid conditions too."""
    return nn.functional.one_hot(labels, num_classes).float()


class Generator(nn.Module):
    """Turns z [N, latent_dim] into images [N, C, H, W] in [-1, 1]; conditional ones also take a condition [N, classes].

    `stem` is the dense first layer, whose activations carry the principal directions (GANSpace, arXiv 2004.02546).
    """

    def __init__(self, config: TrainConfig, shape: ImageShape) -> None:
        super().__init__()
        self.latent_dim = config.latent_dim
        self.num_classes = config.num_conditions(shape.num_classes)
        sizes = map_sizes(shape.size)
        widths = [config.generator_width * 2**i for i in reversed(range(len(sizes) - 1))]
        self.stem = nn.Linear(self.latent_dim + self.num_classes, widths[0] * sizes[0] ** 2, bias=False)
        self.unflatten = nn.Unflatten(1, (widths[0], sizes[0], sizes[0]))
        layers: list[nn.Module] = [BatchNorm2d(widths[0]), nn.ReLU(inplace=True)]
        for narrow, wide in zip(widths[1:], widths[:-1], strict=True):
            layers += [_up(wide, narrow), BatchNorm2d(narrow), nn.ReLU(inplace=True)]
        if config.generator_finish:
            finish = config.generator_finish
            layers += [_up(widths[-1], finish), BatchNorm2d(finish), nn.ReLU(inplace=True)]
            layers += [nn.Conv2d(finish, shape.channels, 3, 1, 1), nn.Tanh()]
        else:
            layers += [ToImage(widths[-1], shape.channels), nn.Tanh()]
        self.body = nn.Sequential(*layers)

    def forward(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        """Images [N, C, H, W] in [-1, 1] from z [N, latent_dim] and, where conditional, condition [N, classes]."""
        return self.from_stem(self.stem_activations(z, condition))

    def stem_activations(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        """Output of the first layer [N, features], before normalisation; linear in z."""
        assert (condition is None) == (self.num_classes == 0)
        out: Tensor = self.stem(z if condition is None else torch.cat([z, condition], dim=1))
        return out

    def from_stem(self, activations: Tensor) -> Tensor:
        """Images [N, C, H, W] in [-1, 1] from first-layer activations [N, features]."""
        # In the convolutions' memory order, so that gradients come back in it: other orders are many times slower.
        maps = self.unflatten(activations).contiguous(memory_format=torch.channels_last)
        images: Tensor = self.body(maps)
        return images


class Discriminator(nn.Module):
    """Gives each image [N, C, H, W] in [-1, 1] one logit: positive for real, negative for generated."""

    def __init__(self, config: TrainConfig, shape: ImageShape, noise: torch.Generator | None = None) -> None:
        super().__init__()
        self.num_classes = config.num_conditions(shape.num_classes)
        sizes = map_sizes(shape.size)
        widths = [config.discriminator_width * 2**i for i in range(len(sizes) - 1)]
        layers: list[nn.Module] = []
        for i, (inputs, outputs) in enumerate(zip([shape.channels, *widths], widths, strict=False)):
            layers += [
                _down(inputs, outputs, config.discriminator_norm, first=i == 0),
                nn.LeakyReLU(LEAK, inplace=i > 0),  # in place on the first layer's view would reorder its gradient
            ]
            if config.dropout:
                layers.append(Dropout(config.dropout, noise))
        if config.minibatch_std:
            layers.append(MinibatchStd())
        self.body = nn.Sequential(*layers, FlattenChannelsLast())
        features = (widths[-1] + config.minibatch_std) * sizes[0] ** 2
        self.dense: nn.Module = nn.Identity()
        if config.discriminator_features:
            self.dense = nn.Sequential(nn.Linear(features, config.discriminator_features), nn.LeakyReLU(LEAK))
            features = config.discriminator_features
        self.score = nn.Linear(features, 1)
        if self.num_classes:
            self.projection = nn.Linear(self.num_classes, features, bias=False)

    def forward(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        """Logits [N] for images [N, C, H, W] in [-1, 1] and, where conditional, condition [N, classes]."""
        assert (condition is None) == (self.num_classes == 0)
        features = self.dense(self.body(images))
        logits: Tensor = self.score(features).squeeze(1)
        if condition is not None:
            logits = logits + (self.projection(condition) * features).sum(1)
        return logits


class Dropout(nn.Module):
    """Dropout that draws from a generator of its own, so that a seed fixes it without touching global state."""

    world = ALONE

    def __init__(self, share: float, noise: torch.Generator | None) -> None:
        super().__init__()
        self.share = share
        self.noise = noise

    def forward(self, x: Tensor) -> Tensor:
        """x with a share of its values at zero and the rest scaled up, in training; x itself otherwise."""
        if not self.training:
            return x
        # Every process draws for the whole batch, so that the draws do not depend on how many there are.
        whole = x.new_empty_strided((len(x) * self.world.size, *x.shape[1:]), x.stride())
        keep = self.world.share(whole.bernoulli_(1 - self.share, generator=self.noise))
        return x * keep / (1 - self.share)


class MinibatchStd(nn.Module):
    """Appends one map that holds the mean standard deviation over the batch (Karras et al., arXiv 1710.10196)."""

    world = ALONE

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, C + 1, H, W]."""
        _, variance = batch_moments(x.float(), [0], self.world)
        spread = (variance + 1e-8).sqrt().mean().to(x.dtype)
        return torch.cat([x, spread.expand(x.shape[0], 1, *x.shape[2:])], dim=1)


def initialise(network: nn.Module, generator: torch.Generator) -> None:
    """Draw all weights anew as the DCGAN paper does: N(0, 0.02), batch norm scales N(1, 0.02), biases 0."""
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(_raw_weight(module), 0.0, INIT_STD, generator=generator)
            if nn.utils.parametrize.is_parametrized(module, "weight"):
                _find_singular_vectors(module, generator)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, INIT_STD, generator=generator)
        else:
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def count_parameters(networks: Iterable[nn.Module]) -> int:
    """Number of trainable values in `networks`."""
    return sum(p.numel() for network in networks for p in network.parameters())


def _up(inputs: int, outputs: int) -> nn.Module:
    return nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False)


def _down(inputs: int, outputs: int, norm: str, *, first: bool) -> nn.Module:
    # The paper leaves the first layer without batch norm: it must see the real pixel statistics.
    batch = norm == "batch" and not first
    conv = FromImage(inputs, outputs) if first else nn.Conv2d(inputs, outputs, 4, 2, 1, bias=not batch)
    if norm == "spectral":
        return nn.utils.parametrizations.spectral_norm(conv)
    return nn.Sequential(conv, BatchNorm2d(outputs)) if batch else conv


@torch.no_grad()
def _find_singular_vectors(module: nn.Module, generator: torch.Generator) -> None:
    """Start spectral norm's power iteration for the weight as it is now; torch would draw from its global state."""
    norm: Any = module.parametrizations.weight[0]  # type: ignore[index,union-attr]
    matrix = _raw_weight(module).flatten(1)
    left = torch.randn(len(matrix), generator=generator)
    for _ in range(15):
        right = nn.functional.normalize(matrix.t() @ left, dim=0)
        left = nn.functional.normalize(matrix @ right, dim=0)
    norm._u.copy_(left)
    norm._v.copy_(right)


def _raw_weight(module: nn.Module) -> Tensor:
    if nn.utils.parametrize.is_parametrized(module, "weight"):
        original: Tensor = module.parametrizations.weight.original  # type: ignore[union-attr,assignment]
        return original
    weight: Tensor = module.weight  # type: ignore[assignment]
    return weight
