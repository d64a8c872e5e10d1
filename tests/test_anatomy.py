"""What is told of the networks, held against the networks: shapes, counts, and what a pixel really reaches."""

from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from dcgan.anatomy import Anatomy, anatomies
from dcgan.config import TrainConfig
from dcgan.models import Discriminator, Generator, ImageShape, count_parameters
from dcgan.presets import PRESETS

SHAPE = ImageShape(28, 1, 10)
BUILDS: dict[str, tuple[dict[str, Any], ImageShape]] = {
    **{name: (preset.config.to_dict(), SHAPE) for name, preset in PRESETS.items()},
    "all at once": (
        {"conditioning": "labels", "discriminator_norm": "spectral", "dropout": 0.3, "minibatch_std": True,
         "generator_finish": 8, "discriminator_features": 16, "generator_width": 8, "discriminator_width": 8},
        ImageShape(64, 3, 10),
    ),
}  # fmt: skip


@pytest.fixture(params=list(BUILDS))
def build(request: pytest.FixtureRequest) -> tuple[TrainConfig, ImageShape]:
    values, shape = BUILDS[request.param]
    return TrainConfig.from_dict(values), shape


def inputs(
    config: TrainConfig, shape: ImageShape, count: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
    conditions = config.num_conditions(shape.num_classes)
    draw = torch.Generator().manual_seed(0)
    return (
        torch.randn(count, config.latent_dim, generator=draw),
        torch.randn(count, shape.channels, shape.size, shape.size, generator=draw),
        torch.eye(max(conditions, 1))[:1].expand(count, -1) if conditions else None,
    )


def test_what_reads_the_classes_is_told() -> None:
    config = TrainConfig(conditioning="labels", class_loss=0.1)
    for taught in (config, config.with_changes(class_loss=0.0)):
        layers = anatomies(taught, ImageShape(28, 1, 10))[1].layers
        reading = [layer for layer in layers if layer.words.startswith("Reads which class")]
        assert [layer.shape for layer in reading] == [(10,)] * (taught is config)


def test_totals_are_those_of_the_networks(build: tuple[TrainConfig, ImageShape]) -> None:
    config, shape = build
    networks = Generator(config, shape).eval(), Discriminator(config, shape).eval()
    z, images, condition = inputs(config, shape, 2)
    for network, found, x in zip(networks, anatomies(config, shape), (z, images), strict=True):
        assert found.parameters == count_parameters([network]) == sum(layer.parameters for layer in found.layers)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            network(x, condition, **({"read": True} if getattr(network, "reads_classes", False) else {}))
        assert found.multiply_adds == counter.get_total_flops() / 2 / 2  # a product and a sum; two images
        assert found.input_shape == tuple(x.shape[1:])


def test_shapes_go_from_z_to_the_image_and_back_to_one_number(build: tuple[TrainConfig, ImageShape]) -> None:
    config, shape = build
    generator, discriminator = anatomies(config, shape)
    image = (shape.channels, shape.size, shape.size)
    assert generator.input_shape == (config.latent_dim,) and generator.layers[-1].shape == image
    assert discriminator.input_shape == image
    assert [layer.shape for layer in discriminator.layers if not layer.aside][-1] == (1,)
    assert generator.conditions == discriminator.conditions == config.num_conditions(shape.num_classes)
    assert [layer.kind for layer in discriminator.layers if layer.aside] == ["dense"] * bool(generator.conditions)


def test_every_layer_is_known_by_name(build: tuple[TrainConfig, ImageShape]) -> None:
    """A layer that is new in the networks gets its words in `dcgan.anatomy`."""
    layers = [layer for found in anatomies(*build) for layer in found.layers]
    assert not [layer.term for layer in layers if layer.kind == "other"]
    assert all(layer.words and layer.term for layer in layers)


@pytest.mark.parametrize("image_size", [28, 32])
def test_windows_of_the_discriminator_are_what_its_gradient_sees(image_size: int) -> None:
    config, shape = TrainConfig(discriminator_width=4), ImageShape(image_size, 1, 10)
    layers = [layer for layer in anatomies(config, shape)[1].layers if layer.kind == "conv"]
    network = Discriminator(config, shape).eval()
    maps: list[torch.Tensor] = []
    convolutions = [module for module in network.modules() if isinstance(module, torch.nn.Conv2d)]
    for module in convolutions:
        module.register_forward_hook(lambda _, __, output: maps.append(output))
    pixels = torch.randn(1, 1, image_size, image_size, requires_grad=True)
    network(pixels)
    for layer, output in zip(layers, maps, strict=True):
        assert tuple(output.shape[1:]) == layer.shape
        middle = output.shape[2] // 2
        touched = torch.autograd.grad(output[0, :, middle, middle].sum(), pixels, retain_graph=True)[0][0, 0] != 0
        rows, columns = touched.any(1).sum().item(), touched.any(0).sum().item()
        edge = middle * 2 ** (len(layers)) > image_size - layer.reach  # type: ignore[operator]
        assert (rows, columns) == (layer.reach, layer.reach) or (edge and rows < layer.reach)  # type: ignore[operator]
    assert [layer.reach for layer in layers] == [4, 10, 22][: len(layers)]


def test_patches_of_the_generator_are_what_its_points_change() -> None:
    config = TrainConfig(generator_width=4, generator_finish=4)
    shape = ImageShape(64, 1, 10)
    layers = anatomies(config, shape)[0].layers
    network = Generator(config, shape).eval()
    starts = network.unflatten(network.stem_activations(torch.randn(1, 100)))
    maps = starts.detach().requires_grad_(True)
    image = network.body(maps)
    middle = maps.shape[2] // 2
    changed = torch.zeros(64, 64, dtype=torch.bool)
    for row in range(64):
        for column in (30, 31, 32, 33):
            slope = torch.autograd.grad(image[0, 0, row, column], maps, retain_graph=True)[0]
            changed[row, column] = bool((slope[0, :, middle, middle] != 0).any())
    first = next(layer for layer in layers if len(layer.shape) == 3)
    assert changed.any(1).sum() == first.reach
    assert layers[-1].reach == 1 and layers[0].reach is None


def test_spectral_norm_and_spread_are_told(build: tuple[TrainConfig, ImageShape]) -> None:
    config = TrainConfig(discriminator_norm="spectral", minibatch_std=True, conditioning="clusters", clusters=30)
    _, found = anatomies(config, SHAPE)
    assert found.conditions == 30
    assert all(layer.spectral for layer in found.layers if layer.kind == "conv")
    kinds = [layer.kind for layer in found.layers]
    assert kinds.index("spread") == kinds.index("reshape") - 1
    assert found.layers[kinds.index("spread")].shape[0] == found.layers[kinds.index("spread") - 1].shape[0] + 1
    assert found.layers[kinds.index("spread")].reach is None


def test_nothing_takes_memory() -> None:
    """The widest networks are told as fast as the smallest: nothing is filled."""
    config = TrainConfig(generator_width=512, discriminator_width=512, latent_dim=512, discriminator_features=4096)
    generator, discriminator = anatomies(config, ImageShape(128, 3, 10))
    assert isinstance(generator, Anatomy) and generator.parameters + discriminator.parameters > 10**8
