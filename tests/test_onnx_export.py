"""ONNX models, run by two engines that are not ours and compared with torch."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

from dcgan.config import TrainConfig
from dcgan.errors import UserError
from dcgan.models import Generator, ImageShape, initialise
from dcgan.onnx_export import onnx_bytes
from dcgan.presets import PRESETS
from dcgan.sampling import TrainedGenerator

onnx = pytest.importorskip("onnx")
CONFIGS = {
    **{name: preset.config for name, preset in PRESETS.items()},
    "clusters": TrainConfig(conditioning="clusters", clusters=30, latent_dim=12, generator_width=8),
    "finish": TrainConfig(conditioning="labels", generator_width=8, generator_finish=8),
    "three": TrainConfig(kernel_size=3, generator_norm="spectral", generator_width=8),
    "connected": TrainConfig(family="mlp", generator_norm="none", generator_width=8, conditioning="labels"),
}
SHAPES = {"grey": ImageShape(28, 1, 10), "colour": ImageShape(32, 3, 10)}


def trained_by(config: TrainConfig, shape: ImageShape, spread: float = 0.1) -> TrainedGenerator:
    """A generator whose statistics and weights are those of no layer at its start."""
    noise = torch.Generator().manual_seed(3)
    network = Generator(config, shape)
    initialise(network, noise)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3, generator=noise)
            module.running_var.uniform_(0.01, 2, generator=noise)
            nn.init.uniform_(module.bias, -0.5, 0.5, generator=noise)
        elif isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0, spread, generator=noise)
    return TrainedGenerator(network.eval().requires_grad_(False), config, shape, (1,) * 10, epoch=3, step=9)


@pytest.fixture(params=[(c, s) for c in CONFIGS for s in SHAPES], ids="-".join)
def trained(request: pytest.FixtureRequest) -> TrainedGenerator:
    config, shape = request.param
    spread = 2.0 if CONFIGS[config].generator_norm == "spectral" else 0.05  # pixels neither gray nor all saturated
    return trained_by(CONFIGS[config], SHAPES[shape], spread)


def rows_and_images(trained: TrainedGenerator, count: int) -> tuple[np.ndarray, np.ndarray]:
    noise = torch.Generator().manual_seed(count)
    z = trained.random_z(count, noise)
    condition = torch.rand(count, trained.num_conditions, generator=noise)
    exact = copy.deepcopy(trained.network).double()  # so that only the other engine's rounding is left to see
    images = exact(z.double(), condition.double() if trained.conditional else None)
    assert images.std() > 0.05
    return torch.cat([z, condition], dim=1).numpy(), images.float().numpy()


def test_the_model_is_a_valid_one_and_says_what_it_is(trained: TrainedGenerator) -> None:
    model = onnx.load_from_string(onnx_bytes(trained))
    onnx.checker.check_model(model, full_check=True)
    facts = {entry.key: entry.value for entry in model.metadata_props}
    assert (facts["epoch"], facts["latent_dim"]) == ("3", str(trained.config.latent_dim))
    assert facts["classes"] == str(trained.num_conditions)


@pytest.mark.parametrize("count", [1, 5])
def test_it_computes_what_torch_does(trained: TrainedGenerator, count: int) -> None:
    runtime = pytest.importorskip("onnxruntime")
    rows, images = rows_and_images(trained, count)
    (found,) = runtime.InferenceSession(onnx_bytes(trained)).run(["images"], {"rows": rows})
    assert found.dtype == np.float32 and np.abs(found - images).max() < 1e-5


def test_the_formats_own_reference_agrees() -> None:
    from onnx.reference import ReferenceEvaluator

    trained = trained_by(CONFIGS["finish"], SHAPES["grey"])
    rows, images = rows_and_images(trained, 2)
    (found,) = ReferenceEvaluator(onnx.load_from_string(onnx_bytes(trained))).run(None, {"rows": rows})
    assert np.abs(found - images).max() < 1e-5


def test_a_layer_it_does_not_know_is_one_sentence() -> None:
    trained = trained_by(CONFIGS["finish"], SHAPES["grey"])
    trained.network.body.append(nn.Softplus())
    with pytest.raises(UserError, match="a Softplus layer, which cannot be written as ONNX"):
        onnx_bytes(trained)
