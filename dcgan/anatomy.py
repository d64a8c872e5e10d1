"""What the two networks are made of, read from the real modules: every layer in the order it is used.

The networks are built on torch's meta device and shown a batch of nothing: shapes come from the forward pass itself,
no memory is taken for weights, and whatever `dcgan.models` builds is told here without being listed here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from dcgan.config import TrainConfig
from dcgan.errors import UserError
from dcgan.layers import FlattenChannelsLast
from dcgan.models import Discriminator, Dropout, Generator, ImageShape, MinibatchStd, count_parameters

_BATCH = 2  # images in the batch of nothing; batch statistics need more than one


@dataclass(frozen=True)
class Layer:
    """One layer as it was used.

    `kind` is one of dense, conv, up, norm, activation, dropout, spread, reshape, other. `shape` is that of its output
    without the batch: (numbers,) or (maps, height, width). `multiply_adds` are those of one image. `reach` is for
    layers of maps, in pixels: in D the width of the window of the image that one point of the output depends on, in G
    the width of the patch of the image that one point of the output takes part in; None where everything meets.
    `spectral` layers have their largest singular value held at 1; an `aside` layer reads the condition, not the image;
    a `reading` layer is D's second output, the class it takes the image for, which has no part in the score.
    """

    kind: str
    words: str
    term: str
    shape: tuple[int, ...]
    parameters: int
    multiply_adds: int
    reach: int | None = None
    spectral: bool = False
    aside: bool = False
    reading: bool = False


@dataclass(frozen=True)
class Anatomy:
    """One network: what goes in, its layers, and totals; `multiply_adds` are those of one image, normalisation free."""

    input_shape: tuple[int, ...]
    conditions: int
    layers: tuple[Layer, ...]
    parameters: int

    @property
    def multiply_adds(self) -> int:
        """Products summed up for one image; what normalisation and activations cost beside them is not counted."""
        return sum(layer.multiply_adds for layer in self.layers)


def anatomies(config: TrainConfig, shape: ImageShape) -> tuple[Anatomy, Anatomy]:
    """Generator and discriminator that `config` asks for.

    Raises:
        UserError: such networks cannot be built.
    """
    with torch.device("meta"):
        try:
            generator, discriminator = Generator(config, shape), Discriminator(config, shape)
        except RuntimeError as error:  # a tensor of more elements than there are numbers
            raise UserError("These networks are too large to be built; choose smaller widths.") from error
        conditions = config.num_conditions(shape.num_classes)
        condition = torch.zeros(_BATCH, conditions) if conditions else None
        z = torch.zeros(_BATCH, config.latent_dim)
        images = torch.zeros(_BATCH, shape.channels, shape.size, shape.size)
    return (
        _observed(generator, z, condition, _footprints, shape.size),
        _observed(discriminator, images, condition, _windows, shape.size),
    )


def _observed(
    network: nn.Module,
    x: Tensor,
    condition: Tensor | None,
    reaches: Callable[[Sequence[nn.Module]], list[int | None]],
    size: int,
) -> Anatomy:
    """Let `network` work once and write down its layers in the order they did."""
    layers: list[Layer] = []
    modules: list[nn.Module] = []
    reads = isinstance(network, Discriminator) and network.reads_classes

    def note(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        modules.append(module)
        layer = _described(module, inputs[0], output, aside=condition is not None and inputs[0] is condition)
        if reads and module is network.reading:
            layer = replace(layer, words="Reads which class the image shows, while training", reading=True)
        layers.append(layer)

    hooks = [module.register_forward_hook(note) for module in _leaves(network)]
    with torch.no_grad():
        network.eval()(x, condition, **({"read": True} if reads else {}))
    for hook in hooks:
        hook.remove()
    seen = tuple(
        layer if reach is None or len(layer.shape) != 3 else replace(layer, reach=min(reach, size))
        for layer, reach in zip(layers, reaches(modules), strict=True)
    )
    conditions = 0 if condition is None else condition.shape[1]
    return Anatomy(tuple(x.shape[1:]), conditions, seen, count_parameters([network]))


def _leaves(network: nn.Module) -> Iterable[nn.Module]:
    """The modules that compute something, those inside of a parametrization not among them."""
    for name, module in network.named_modules():
        inner = [child for child, _ in module.named_children() if child != "parametrizations"]
        if not inner and "parametrizations" not in name.split(".") and not isinstance(module, nn.Identity):
            yield module


def _described(module: nn.Module, x: Tensor, output: Tensor, *, aside: bool) -> Layer:
    kind, words, term = _names(module)
    return Layer(
        kind=kind,
        words="Turns the class into weights for what was found" if aside and kind == "dense" else words,
        term=term,
        shape=tuple(output.shape[1:]),
        parameters=count_parameters([module]),
        multiply_adds=_multiply_adds(module, x, output),
        spectral=nn.utils.parametrize.is_parametrized(module, "weight"),
        aside=aside,
    )


def _names(module: nn.Module) -> tuple[str, str, str]:
    """Kind, plain words and term of a layer."""
    match module:
        case nn.ConvTranspose2d():
            words = f"Draws larger: each point paints a patch of {_side(module)}"
            return "up", words, f"transposed convolution, {_window(module)}"
        case nn.Conv2d():
            does = "and halves the map" if max(_pair(module.stride)) == 2 else "at full size"
            return "conv", f"Looks through windows of {_side(module)} {does}", f"convolution, {_window(module)}"
        case nn.Linear():
            words = "Adds everything up to one score" if module.out_features == 1 else "Connects every number with all"
            return "dense", words, f"fully connected (Linear), {module.in_features:,} → {module.out_features:,}"
        case nn.BatchNorm1d() | nn.BatchNorm2d():
            return "norm", "Evens out the signals over the batch", "batch normalisation"
        case nn.GroupNorm():
            return "norm", "Evens out the signals of each image by itself", "layer normalisation"
        case nn.LeakyReLU():
            return "activation", "Dampens what is negative", f"LeakyReLU, slope {module.negative_slope:g}"
        case nn.Dropout() | Dropout():
            share = module.share if isinstance(module, Dropout) else module.p
            return "dropout", f"Switches {share:.0%} off at random while training".replace("%", " %"), "dropout"
        case MinibatchStd():
            return "spread", "Adds a map that says how varied the batch is", "minibatch standard deviation"
        case FlattenChannelsLast() | nn.Flatten():
            return "reshape", "Lays the maps out as one row", "flatten"
        case nn.Unflatten():
            return "reshape", "Arranges the numbers as maps", "reshape (Unflatten)"
    name = type(module).__name__
    return _ACTIVATIONS.get(name) or ("other", name, name)


_ACTIVATIONS = {
    "ReLU": ("activation", "Keeps what is positive", "ReLU"),
    "Tanh": ("activation", "Squeezes values into −1 to 1, black to white", "tanh"),
    "Sigmoid": ("activation", "Squeezes values into 0 to 1", "sigmoid"),
}


def _multiply_adds(module: nn.Module, x: Tensor, output: Tensor) -> int:
    match module:
        case nn.ConvTranspose2d():
            return module.weight.numel() * math.prod(x.shape[2:])
        case nn.Conv2d():
            return module.weight.numel() * math.prod(output.shape[2:])
        case nn.Linear():
            return module.weight.numel() * math.prod(output.shape[1:-1])
    return 0


def _windows(modules: Sequence[nn.Module]) -> list[int | None]:
    """How many pixels of the image a point after each of `modules` depends on; None from where all come together."""
    found: list[int | None] = []
    window, apart = 1, 1  # pixels; `apart` between the windows of two neighbours
    together = False
    for module in modules:
        if isinstance(module, nn.Conv2d):
            window += (max(module.kernel_size) - 1) * apart
            apart *= max(module.stride)
        together = together or isinstance(module, nn.Linear | MinibatchStd)
        found.append(None if together else window)
    return found


def _footprints(modules: Sequence[nn.Module]) -> list[int | None]:
    """On how many pixels of the image a point after each of `modules` has a say; None up to the last dense layer."""
    found: list[int | None] = []
    patch, apart = 1, 1
    together = False
    for module in reversed(modules):
        found.append(None if together else patch)
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            patch += (max(module.kernel_size) - 1) * apart
        if isinstance(module, nn.ConvTranspose2d):
            apart *= max(module.stride)
        together = together or isinstance(module, nn.Linear)
    return found[::-1]


def _window(module: nn.Conv2d | nn.ConvTranspose2d) -> str:
    return f"window {_side(module)}, stride {max(_pair(module.stride))}"


def _side(module: nn.Conv2d | nn.ConvTranspose2d) -> str:
    return "×".join(map(str, _pair(module.kernel_size)))


def _pair(value: int | tuple[int, ...]) -> tuple[int, ...]:
    return (value, value) if isinstance(value, int) else value
