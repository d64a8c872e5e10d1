from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from dcgan.config import TrainConfig
from dcgan.data import ImageData
from dcgan.events import Stepped
from dcgan.layers import FlattenChannelsLast, FromImage, ToImage, padding
from dcgan.models import Discriminator, ImageShape, initialise
from dcgan.presets import get_preset
from dcgan.training import Trainer


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def outcome(function: Any, x: Tensor, weight: Tensor, bias: Tensor) -> list[Tensor]:
    """The result and its gradients for x, weight and bias, under a cotangent that differs from place to place."""
    out = function(x)
    return [out.detach(), *torch.autograd.grad((out * random(*out.shape, seed=9)).sum(), (x, weight, bias))]


@pytest.mark.parametrize("kernel", [3, 4, 5])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [8, 14])
def test_first_convolution_is_torchs_own(channels: int, size: int, kernel: int) -> None:
    layer, edge = FromImage(channels, 5, kernel).double(), padding(kernel)
    assert layer.bias is not None
    x = random(3, channels, size, size).requires_grad_()
    expected = outcome(lambda x: F.conv2d(x, layer.weight, layer.bias, 2, edge), x, layer.weight, layer.bias)
    torch.testing.assert_close(outcome(layer, x, layer.weight, layer.bias), expected)
    torch.testing.assert_close(layer(x.detach()), expected[0])


@pytest.mark.parametrize("kernel", [3, 4, 5])
@pytest.mark.parametrize("channels", [1, 3])
def test_last_convolution_is_torchs_own(channels: int, kernel: int) -> None:
    layer, edge = ToImage(6, channels, kernel), padding(kernel)
    assert layer.bias is not None
    x = random(3, 6, 7, 5).float().contiguous(memory_format=torch.channels_last).requires_grad_()

    def reference(x: Tensor) -> Tensor:
        return F.conv_transpose2d(x, layer.weight, layer.bias, 2, edge, kernel % 2)

    results = (outcome(function, x, layer.weight, layer.bias) for function in (layer, reference))
    torch.testing.assert_close(*results)


def test_rows_hold_the_maps_pixel_by_pixel() -> None:
    maps = random(2, 3, 4, 5)
    rows = FlattenChannelsLast()(maps)
    assert rows.shape == (2, 60)
    assert torch.equal(rows[1, :3], maps[1, :, 0, 0]) and torch.equal(rows[1, 3:6], maps[1, :, 0, 1])


def test_score_is_that_of_the_usual_order_with_its_weights_reordered() -> None:
    config = TrainConfig(discriminator_width=4, discriminator_norm="none")
    judge = Discriminator(config, ImageShape(28, 1, 10))
    initialise(judge, torch.Generator().manual_seed(0))
    images = random(5, 1, 28, 28).float()
    maps = nn.Sequential(*list(judge.body)[:-1])(images)
    usual = judge.score.weight.view(7, 7, 8).permute(2, 0, 1).flatten()
    torch.testing.assert_close(judge(images), maps.flatten(1) @ usual + judge.score.bias)


class _Orders(TorchDispatchMode):
    """Notes the memory orders that meet in the gradients of activations."""

    def __init__(self) -> None:
        super().__init__()
        self.met: list[set[tuple[int, ...]]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in (torch.ops.aten.leaky_relu_backward.default, torch.ops.aten.threshold_backward.default):
            self.met.append({value.stride() for value in args if isinstance(value, Tensor) and value.dim() == 4})
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("preset", ["quick", "dcgan"])
@pytest.mark.parametrize("precision", ["float32", "auto"])
def test_gradients_come_back_in_the_memory_order_of_the_activations(
    digits: ImageData, preset: str, precision: str
) -> None:
    config = get_preset(preset).config.with_changes(
        dataset="digits",
        batch_size=4,
        generator_width=4,
        discriminator_width=4,
        precision=precision,
        device="cpu",
        r1=0.0,
    )
    trainer = Trainer(config, digits)
    events = trainer.events()
    with _Orders() as orders:
        while next(events) != Stepped(1):
            pass
    maps = [strides for strides in orders.met if strides]
    passes = 3 if trainer.D.looks_at_whole_batch else 2
    assert len(maps) >= 2 * passes + 2, "gradients through two layers of D for each pass, one through two of G"
    assert all(len(strides) == 1 for strides in maps)
