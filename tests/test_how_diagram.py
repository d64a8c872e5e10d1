"""The drawing holds what the anatomy says, for every preset."""

import re

import pytest

from dcgan.anatomy import anatomies
from dcgan.config import TrainConfig
from dcgan.models import ImageShape
from dcgan.presets import PRESETS
from ui.how_diagram import blocks, diagram, layer_table, rounded, shape_words

GRAY = ImageShape(28, 1, 10)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_layer_belongs_to_one_block(preset: str) -> None:
    for found in anatomies(PRESETS[preset].config, GRAY):
        steps = blocks(found)
        assert [layer for step in steps for layer in step.layers] == list(found.layers)
        assert all(step.main.kind in ("dense", "conv", "up") for step in steps)


def test_what_reads_the_class_stands_beside_the_way_to_the_score() -> None:
    judge = anatomies(TrainConfig(conditioning="labels", class_loss=0.1), ImageShape(28, 1, 10))[1]
    *_, score, told, reading = diagram(judge, "discriminator").split("<li ")
    assert "One score: real?" in score and "What the class adds" in told and "Reads the class" in reading
    assert "how-aside" in told and "how-aside" in reading and "how-aside" not in score


@pytest.mark.parametrize("preset", PRESETS)
def test_the_drawing_says_shapes_and_totals(preset: str) -> None:
    for found, role in zip(anatomies(PRESETS[preset].config, GRAY), ("generator", "discriminator"), strict=True):
        html = diagram(found, role)
        assert f"{found.parameters:,} learned numbers" in html
        for step in blocks(found):
            assert f"<p>{shape_words(step.shape)}</p>" in html
        learned = [int(number.replace(",", "")) for number in re.findall(r">([\d,]+) learned<", html)]
        assert sum(learned) == found.parameters
        assert html.count("<li") == len(blocks(found)) + 1


def test_maps_are_drawn_to_scale() -> None:
    found = anatomies(TrainConfig(), ImageShape(32, 3, 10))[0]
    sides = [int(side) for side in re.findall(r'how-sheet" style="[^"]*width: (\d+)px', diagram(found, "generator"))]
    assert max(sides) == 8 * min(sides)  # 32 pixels, and 4


def test_an_example_stands_for_the_image_only() -> None:
    generator, discriminator = anatomies(TrainConfig(), GRAY)
    assert diagram(generator, "generator", "background: red").count("background: red") == 1
    assert diagram(discriminator, "discriminator", "background: red").count("background: red") == 1
    assert "how-picture" not in diagram(generator, "generator")


def test_the_class_and_spectral_norm_and_reach_are_said() -> None:
    config = TrainConfig(conditioning="labels", discriminator_norm="spectral", minibatch_std=True, dropout=0.3)
    generator, discriminator = anatomies(config, GRAY)
    assert "which of 10 classes" in diagram(generator, "generator")
    html = diagram(discriminator, "discriminator")
    assert "What the class adds" in html and "spectral norm" in html and "+ spread of the batch" in html
    assert "a point sees 10×10 pixels" in html and "Switches 30 % off" in html
    table = layer_table(discriminator)
    assert table.count("<tr>") == len(discriminator.layers) + 1 and "window 4×4, stride 2, spectral norm" in table


def test_numbers_are_words() -> None:
    assert [rounded(n) for n in (842, 13_640, 1_083_456, 2_000_000_000)] == [
        "842", "13.6 thousand", "1.08 million", "2 billion",
    ]  # fmt: skip
    assert [shape_words(shape) for shape in ((1,), (3136,), (1, 28, 28), (64, 7, 7))] == [
        "one number", "3,136 numbers", "one map of 28×28", "64 maps of 7×7",
    ]  # fmt: skip
