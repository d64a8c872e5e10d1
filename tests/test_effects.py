"""Measures against strokes of known width, slant and size; effects against a generator whose z means them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from dcgan.config import TrainConfig
from dcgan.effects import MEASURES, Effect, measure, measure_effects, names_of, strongest
from dcgan.errors import UserError
from dcgan.models import Generator, ImageShape
from dcgan.sampling import TrainedGenerator

FINE = 8  # points a pixel is averaged over, each way
SHEARS = [-0.6, -0.3, 0.0, 0.3, 0.6]


def stroke(width: float = 3, height: float = 16, shear: float = 0, ink: float = 1, size: int = 28) -> NDArray[np.uint8]:
    """[1, size, size]: a bar `width` wide across, `height` tall, that leans right by `shear` pixels a pixel upwards."""
    places = (np.arange(size * FINE) + 0.5) / FINE - size / 2
    down, across = places[:, None], places[None]
    inside = (np.abs(across + shear * down) < width / 2) & (np.abs(down) < height / 2)
    pixels = inside.reshape(size, FINE, size, FINE).mean((1, 3))
    return (pixels * ink * 255).round().astype(np.uint8)[None]


def one(name: str, image: NDArray[np.uint8]) -> float:
    return float(measure(image[None])[name][0])


@pytest.mark.parametrize("shear", SHEARS)
def test_slant_is_the_angle_a_stroke_leans(shear: float) -> None:
    assert one("slant", stroke(shear=shear)) == pytest.approx(math.degrees(math.atan(shear)), abs=0.5)


@pytest.mark.parametrize("width", [2, 3, 4, 5])  # thinner ones look a little thicker
def test_stroke_width_of_rings_whose_width_is_known(width: float) -> None:
    places = np.arange(28 * FINE) / FINE - 14
    radius = np.hypot(places[:, None], places[None])
    ring = (np.abs(radius - 8) < width / 2).reshape(28, FINE, 28, FINE).mean((1, 3))
    for ink in (1.0, 0.6):
        image = (255 * ink * ring).round().astype(np.uint8)[None]
        assert one("stroke width", image) == pytest.approx(width, rel=0.1)
        assert one("line length", image) == pytest.approx(2 * math.pi * 8, rel=0.07)


@pytest.mark.parametrize(("width", "height"), [(3, 16), (6, 10), (12, 4)])
def test_height_and_width_are_those_of_a_bar(width: float, height: float) -> None:
    assert one("height", stroke(width, height)) == pytest.approx(height, abs=0.35)
    assert one("width", stroke(width, height)) == pytest.approx(width, abs=0.35)


@pytest.mark.parametrize("degrees", [-60, -30, 0, 30, 60])
def test_tilt_is_the_turn_of_the_longer_axis(degrees: float) -> None:
    places = (np.arange(28 * FINE) + 0.5) / FINE - 14
    down, across = places[:, None], places[None]
    turn = math.radians(degrees)
    along = across * math.sin(turn) - down * math.cos(turn)
    aside = across * math.cos(turn) + down * math.sin(turn)
    bar = ((np.abs(along) < 9) & (np.abs(aside) < 1.5)).reshape(28, FINE, 28, FINE).mean((1, 3))
    image = (255 * bar).round().astype(np.uint8)[None]
    assert one("tilt", image) == pytest.approx(degrees, abs=0.5)
    assert math.isnan(one("tilt", stroke(10, 10)))


def test_brightness_and_place() -> None:
    assert one("brightness", stroke(4, 16, ink=0.5)) == pytest.approx(0.5, abs=0.005)
    moved = np.roll(stroke(), (3, -2), axis=(1, 2))
    assert one("sideways", moved) - one("sideways", stroke()) == pytest.approx(-2)
    assert one("up and down", moved) - one("up and down", stroke()) == pytest.approx(-3)


def test_dark_ink_and_colour_are_measured_on_their_gray() -> None:
    light = stroke(shear=0.3)
    for image in (255 - light, np.repeat(light, 3, axis=0)):
        for name in MEASURES:
            assert one(name, image) == pytest.approx(one(name, light), rel=1e-6, nan_ok=True), name


def test_an_image_that_shows_nothing_has_no_measure() -> None:
    assert all(math.isnan(one(name, np.full((1, 28, 28), 77, np.uint8))) for name in MEASURES)


class Strokes(TrainedGenerator):
    """z of four: slant, stroke width, something that changes either way, nothing."""

    def draw(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        turned = [math.sin(1e4 * float(row[3])) * float(row[2]) for row in z]
        leans, widths = (0.15 * z[:, 0]).tolist(), (4 + 0.6 * z[:, 1]).tolist()
        pictures = [stroke(*some) for some in zip(widths, (16 + turn for turn in turned), leans, strict=True)]
        return torch.from_numpy(np.stack(pictures))


@pytest.fixture
def strokes() -> TrainedGenerator:
    config = TrainConfig(latent_dim=4, generator_width=4)
    shape = ImageShape(28, 1, 10)
    return Strokes(Generator(config, shape), config, shape, (1,) * 10, 1, 1)


def test_directions_are_named_by_what_they_change(strokes: TrainedGenerator) -> None:
    shares: list[float] = []
    slant, width, either, nothing = measure_effects(strokes, torch.eye(4), samples=40, report=shares.append)
    assert slant and (slant.measure, slant.count) == ("slant", 40)
    assert slant.correlation > 0.98 and slant.change == pytest.approx(2 * math.degrees(math.atan(0.3)), rel=0.1)
    assert width and width.measure == "stroke width" and width.correlation > 0.98
    assert either is None and nothing is None
    assert shares == [0.25, 0.5, 0.75, 1]
    assert names_of([slant, width, None, width]) == ["slant", "stroke width", "direction 3", "stroke width 2"]
    (back,) = measure_effects(strokes, -torch.eye(4)[:1], samples=40)
    assert back and back.correlation == pytest.approx(-slant.correlation) and back.change < 0
    with pytest.raises(UserError, match="at least 2"):
        measure_effects(strokes, torch.eye(4), samples=1)


def test_an_effect_is_what_numpy_correlates() -> None:
    noise = np.random.default_rng(0)
    usual, start, change = noise.normal(size=(3, 200))
    low = {name: np.full(200, np.nan) for name in MEASURES} | {"height": start}
    high = low | {"height": start + 1 + change}
    found = strongest(low | {"height": usual}, low, high)
    assert found and found.measure == "height"
    middle = (low["height"] + high["height"]) / 2
    values = np.concatenate([low["height"] - middle, high["height"] - middle])
    ends = np.repeat([-2, 2], 200)
    assert found.correlation == pytest.approx(np.corrcoef(ends, values)[0, 1])
    assert found.change == pytest.approx((high["height"] - low["height"]).mean())
    assert strongest(low | {"height": 9 * usual}, low, high) is None


def test_its_words_hold_the_figures() -> None:
    words = Effect("slant", -0.987, -42.12, 200).words
    assert words == "dragged from left to right: 42.1 degrees further to the left; correlation −0.99 over 200 samples"
    assert Effect("stroke width", 0.8, 0.456, 50).words.startswith("dragged from left to right: 0.46 pixels wider;")
    less = [Effect(name, -0.8, -2.0, 50).words for name in MEASURES]
    assert len({text.split(";")[0] for text in less}) >= len(MEASURES) - 1  # lines and whole digits both get shorter
    assert "2.0 pixels shorter" in less[list(MEASURES).index("height")]
