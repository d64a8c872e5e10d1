from __future__ import annotations

import pytest
import torch
from test_onnx_export import SHAPES, trained_by

from dcgan.config import TrainConfig
from dcgan.data import to_uint8
from dcgan.errors import UserError
from dcgan.inversion import _Search, invert
from dcgan.models import ImageShape
from dcgan.sampling import TrainedGenerator

SMALL = TrainConfig(conditioning="labels", latent_dim=6, generator_width=8)


def drawn(trained: TrainedGenerator, label: int | None) -> torch.Tensor:
    """An image that this generator can draw."""
    z = torch.randn(1, trained.config.latent_dim, generator=torch.Generator().manual_seed(5)) * 0.7
    return trained.draw(z, None if label is None else trained.condition([label]))[0]


@pytest.mark.parametrize("shape", ["grey", "colour"])
@pytest.mark.parametrize("conditioning", ["none", "labels"])
def test_what_a_generator_drew_is_found_again(shape: str, conditioning: str) -> None:
    trained = trained_by(SMALL.with_changes(conditioning=conditioning), SHAPES[shape])
    label = 4 if conditioning == "labels" else None
    steps = list(invert(trained, drawn(trained, label), starts=8, steps=200))
    first, last = steps[0], steps[-1]
    assert (first.step, last.step, last.steps, len(steps)) == (0, 200, 200, 11)
    assert last.error < 0.5 * first.error and last.error < 0.05
    condition = None if label is None else trained.condition([last.label])
    again = trained.draw(last.z[None], condition)[0]
    assert (again.int() - to_uint8(last.image).int()).abs().max() <= 1


def test_every_class_is_tried_however_many_there_are() -> None:
    config = SMALL.with_changes(conditioning="clusters", clusters=300)
    trained = trained_by(config, SHAPES["grey"])
    found = _Search(trained, torch.zeros(1, 1, 28, 28), 300, seed=0)
    assert sorted(found.labels.tolist()) == list(range(300))


def test_the_same_seed_finds_the_same() -> None:
    trained = trained_by(SMALL, SHAPES["grey"])
    target = drawn(trained, 2)
    one, two = (list(invert(trained, target, starts=2, steps=10, seed=3))[-1] for _ in range(2))
    assert torch.equal(one.z, two.z)
    assert trained.network.stem.weight.grad is None


def test_targets_that_cannot_be_drawn_are_one_sentence() -> None:
    trained = trained_by(SMALL, SHAPES["grey"])
    with pytest.raises(UserError, match="The drawing is empty"):
        invert(trained, torch.full((1, 28, 28), 3, dtype=torch.uint8))
    with pytest.raises(UserError, match=r"draws images of \[1, 28, 28\], not \[3, 32, 32\]"):
        invert(trained, torch.zeros(3, 32, 32, dtype=torch.uint8))
    colour = trained_by(SMALL, ImageShape(32, 3, 10))
    with pytest.raises(UserError, match="empty"):
        invert(colour, torch.zeros(3, 32, 32, dtype=torch.uint8))
