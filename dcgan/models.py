"""Generator and discriminator: the DCGAN paper's (Radford, Metz, Chintala; arXiv 1511.06434) at any small size, and
the first GAN's, of fully connected layers only (Goodfellow et al., arXiv 1406.2661).

Convolutions grow a small map by doublings and halve it back: 7 -> 14 -> 28, 4 -> 8 -> 16 -> 32.
Conditioning: a class vector beside z in G (arXiv 1411.1784), a projection in D (Miyato, Koyama; arXiv 1802.05637), and
where asked for a second output of D that reads the class (Odena, Olah, Shlens; arXiv 1610.09585).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from dcgan.config import TrainConfig
from dcgan.distributed import ALONE, BatchNorm1d, BatchNorm2d, batch_moments
from dcgan.layers import STRIDE, FlattenChannelsLast, FromImage, ToImage, padding

Module = TypeVar("Module", bound=nn.Module)
INIT_STD = 0.02  # arXiv 1511.06434, section 4
LEAK = 0.2  # idem
WIDEST = 8  # times the width: where maps are doubled more than three times, the smallest are no wider (idem, figure 1)
ROWS = 4  # units of a fully connected layer for each unit of width


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
        build = _connected_generator if config.family == "mlp" else _convolutional_generator
        self.stem, self.unflatten, self.body = build(config, shape, self.latent_dim + self.num_classes)

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
        maps: Tensor = self.unflatten(activations)
        if maps.dim() == 4:
            # In the convolutions' memory order, so that gradients come back in it: other orders are many times slower.
            maps = maps.contiguous(memory_format=torch.channels_last)
        images: Tensor = self.body(maps)
        return images


class Discriminator(nn.Module):
    """Gives each image [N, C, H, W] in [-1, 1] one logit: positive for real, negative for generated.

    `looks_at_whole_batch`: while it trains, the other images of a batch have a say in the logit of one.
    """

    def __init__(self, config: TrainConfig, shape: ImageShape, noise: torch.Generator | None = None) -> None:
        super().__init__()
        self.num_classes = config.num_conditions(shape.num_classes)
        build = _connected_layers if config.family == "mlp" else _convolutional_layers
        self.looks_at_whole_batch = config.minibatch_std or config.discriminator_norm == "batch"
        layers, width, pixels = build(config, shape, noise)
        if config.minibatch_std:
            layers.append(MinibatchStd())
        self.body = nn.Sequential(*layers, FlattenChannelsLast())
        features = (width + config.minibatch_std) * pixels
        self.dense: nn.Module = nn.Identity()
        if config.discriminator_features:
            dense = _normed(nn.Linear(features, config.discriminator_features), config.discriminator_norm)
            self.dense = nn.Sequential(dense, nn.LeakyReLU(LEAK))
            features = config.discriminator_features
        self.score = _normed(nn.Linear(features, 1), config.discriminator_norm)
        if self.num_classes:
            self.projection = _normed(nn.Linear(self.num_classes, features, bias=False), config.discriminator_norm)
        self.reads_classes = self.num_classes > 0 and config.class_loss > 0
        if self.reads_classes:
            self.reading = _normed(nn.Linear(features, self.num_classes), config.discriminator_norm)

    def forward(
        self, images: Tensor, condition: Tensor | None = None, *, read: bool = False
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Logits [N] for images [N, C, H, W] in [-1, 1] and, where conditional, condition [N, classes].

        With `read` also what it takes the classes for, as logits [N, classes]; only one that `reads_classes` can.
        """
        assert (condition is None) == (self.num_classes == 0)
        features = self.dense(self.body(images))
        class_logits: Tensor | None = self.reading(features) if read else None
        logits: Tensor = self.score(features).squeeze(1)
        if condition is not None:
            logits = logits + (self.projection(condition) * features).sum(1)
        return logits if class_logits is None else (logits, class_logits)


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
        """[N, C, H, W] -> [N, C + 1, H, W], and rows [N, C] -> [N, C + 1]."""
        _, variance = batch_moments(x.float(), [0], self.world)
        spread = (variance + 1e-8).sqrt().mean().to(x.dtype)
        return torch.cat([x, spread.expand(x.shape[0], 1, *x.shape[2:])], dim=1)


def initialise(network: nn.Module, generator: torch.Generator) -> None:
    """Draw all weights anew as the DCGAN paper does: N(0, 0.02), scales of batch and layer norm N(1, 0.02), biases 0.

    Without such norms such small weights would let signals fade from layer to layer; in a network that has none they
    are N(0, 2 / fan in) (He et al., arXiv 1502.01852, equation 10).
    """
    norms = (nn.BatchNorm1d, nn.BatchNorm2d, nn.GroupNorm)
    normalised = any(isinstance(module, norms) for module in network.modules())
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            std = INIT_STD if normalised else math.sqrt(2 / _fan_in(module))
            nn.init.normal_(_raw_weight(module), 0.0, std, generator=generator)
            if nn.utils.parametrize.is_parametrized(module, "weight"):
                _find_singular_vectors(module, generator)
        elif isinstance(module, norms):
            nn.init.normal_(module.weight, 1.0, INIT_STD, generator=generator)
        else:
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def count_parameters(networks: Iterable[nn.Module]) -> int:
    """Number of trainable values in `networks`."""
    return sum(p.numel() for network in networks for p in network.parameters())


Parts = tuple[nn.Linear, nn.Module, nn.Sequential]  # of a generator: its first layer, rows to maps, all the rest
Layers = tuple[list[nn.Module], int, int]  # of a discriminator; width and number of pixels of the map they end in


def _map_widths(width: int, doublings: int) -> list[int]:
    """Feature maps from the largest to the smallest map."""
    return [width * min(2**i, WIDEST) for i in range(doublings)]


def _convolutional_generator(config: TrainConfig, shape: ImageShape, inputs: int) -> Parts:
    sizes, kernel, norm = map_sizes(shape.size), config.kernel_size, config.generator_norm
    widths = _map_widths(config.generator_width, len(sizes) - 1)[::-1]
    stem = nn.Linear(inputs, widths[0] * sizes[0] ** 2, bias=norm != "batch")
    layers: list[nn.Module] = [BatchNorm2d(widths[0])] if norm == "batch" else []
    layers.append(nn.ReLU(inplace=True))
    finish = [config.generator_finish] if config.generator_finish else []
    for wide, narrow in itertools.pairwise([*widths, *finish]):
        layers += [*_up(wide, narrow, kernel, norm), nn.ReLU(inplace=True)]
    last = nn.Conv2d(finish[0], shape.channels, 3, 1, 1) if finish else ToImage(widths[-1], shape.channels, kernel)
    body = nn.Sequential(*layers, last, nn.Tanh())
    return _normed(stem, norm), nn.Unflatten(1, (widths[0], sizes[0], sizes[0])), body


def _connected_generator(config: TrainConfig, shape: ImageShape, inputs: int) -> Parts:
    """Three hidden layers, each twice as wide as the one before."""
    norm, widths = config.generator_norm, [config.generator_width * ROWS * 2**i for i in range(3)]
    layers: list[nn.Module] = []
    for narrow, wide in itertools.pairwise([inputs, *widths]):
        layers.append(_normed(nn.Linear(narrow, wide, bias=norm != "batch"), norm))
        layers += [BatchNorm1d(wide)] if norm == "batch" else []
        layers.append(nn.ReLU(inplace=True))
    image = (shape.channels, shape.size, shape.size)
    layers += [nn.Linear(widths[-1], math.prod(image)), nn.Unflatten(1, image), nn.Tanh()]
    stem = layers[0]
    assert isinstance(stem, nn.Linear)
    return stem, nn.Identity(), nn.Sequential(*layers[1:])


def _convolutional_layers(config: TrainConfig, shape: ImageShape, noise: torch.Generator | None) -> Layers:
    sizes = map_sizes(shape.size)
    widths = _map_widths(config.discriminator_width, len(sizes) - 1)
    layers: list[nn.Module] = []
    for i, (inputs, outputs) in enumerate(zip([shape.channels, *widths], widths, strict=False)):
        layers += [
            _down(inputs, outputs, config.kernel_size, config.discriminator_norm, first=i == 0),
            nn.LeakyReLU(LEAK, inplace=i > 0),  # in place on the first layer's view would reorder its gradient
        ]
        if config.dropout:
            layers.append(Dropout(config.dropout, noise))
    return layers, widths[-1], sizes[0] ** 2


def _connected_layers(config: TrainConfig, shape: ImageShape, noise: torch.Generator | None) -> Layers:
    """Two hidden layers, the second half as wide as the first."""
    norm = config.discriminator_norm
    widths = [config.discriminator_width * ROWS * 2, config.discriminator_width * ROWS]
    layers: list[nn.Module] = [FlattenChannelsLast()]
    for i, (wide, narrow) in enumerate(itertools.pairwise([shape.channels * shape.size**2, *widths])):
        layers.append(_normed(nn.Linear(wide, narrow, bias=norm != "batch" or i == 0), norm))
        layers += _evening(norm, narrow, BatchNorm1d) if i > 0 else []
        layers.append(nn.LeakyReLU(LEAK, inplace=True))
        if config.dropout:
            layers.append(Dropout(config.dropout, noise))
    return layers, widths[-1], 1


def _up(inputs: int, outputs: int, kernel: int, norm: str) -> list[nn.Module]:
    edge = padding(kernel)
    conv = nn.ConvTranspose2d(inputs, outputs, kernel, STRIDE, edge, kernel % 2, bias=norm != "batch")
    return [conv, BatchNorm2d(outputs)] if norm == "batch" else [_normed(conv, norm)]


def _down(inputs: int, outputs: int, kernel: int, norm: str, *, first: bool) -> nn.Module:
    # The paper leaves the first layer without batch norm: it must see the real pixel statistics.
    if first:
        return _normed(FromImage(inputs, outputs, kernel), norm)
    conv = nn.Conv2d(inputs, outputs, kernel, STRIDE, padding(kernel), bias=norm != "batch")
    evened = _evening(norm, outputs, BatchNorm2d)
    return nn.Sequential(conv, *evened) if evened else _normed(conv, norm)


def _evening(norm: str, width: int, batch_norm: Callable[[int], nn.Module]) -> list[nn.Module]:
    """The layer after one of `width` that evens out its signals: over the batch, or over all maps of one image."""
    match norm:
        case "batch":
            return [batch_norm(width)]
        case "layer":  # Ba, Kiros, Hinton, arXiv 1607.06450, with a scale for each map
            return [nn.GroupNorm(1, width)]
    return []


def _normed(layer: Module, norm: str) -> Module:
    """`layer` with its largest singular value held at 1 where `norm` is spectral (Miyato et al., arXiv 1802.05957)."""
    if norm == "spectral":
        nn.utils.parametrizations.spectral_norm(layer)  # changes the layer itself
    return layer


def _fan_in(module: nn.Linear | nn.Conv2d | nn.ConvTranspose2d) -> float:
    """How many inputs meet in one output."""
    if isinstance(module, nn.Linear):
        return module.in_features
    window = math.prod(module.kernel_size) / (math.prod(module.stride) if isinstance(module, nn.ConvTranspose2d) else 1)
    return module.in_channels * window


@torch.no_grad()
def _find_singular_vectors(module: nn.Module, generator: torch.Generator) -> None:
    """Start spectral norm's power iteration for the weight as it is now; torch would draw from its global state."""
    norm: Any = module.parametrizations.weight[0]  # type: ignore[index,union-attr]
    weight = _raw_weight(module)
    matrix = (weight.transpose(0, 1) if isinstance(module, nn.ConvTranspose2d) else weight).flatten(1)
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
