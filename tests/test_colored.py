import pytest
import torch

from dcgan.colored import MIN_CONTRAST, color_digits, color_pairs, stack_digits
from dcgan.data import ImageData
from dcgan.shaping import to_gray, to_shape


def test_colours_differ_in_lightness_and_a_seed_fixes_them() -> None:
    back, front = color_pairs(5_000, seed=3)
    light = torch.tensor([0.299, 0.587, 0.114])
    assert ((back - front) @ light).abs().min() >= MIN_CONTRAST - 1e-6
    assert ((back - front) @ light > 0).float().mean() == pytest.approx(0.5, abs=0.03)  # either way
    assert torch.equal(color_pairs(5_000, seed=3)[0], back) and not torch.equal(color_pairs(5_000, seed=4)[0], back)


def test_black_becomes_one_colour_and_white_the_other() -> None:
    ramp = torch.tensor([[0, 255], [128, 0]], dtype=torch.uint8).view(1, 1, 2, 2)
    back, front = (pair[0].mul(255) for pair in color_pairs(1, seed=9))
    (image,) = color_digits(ramp, seed=9)
    assert torch.allclose(image[:, 0, 0].float(), back, atol=0.51)
    assert torch.allclose(image[:, 0, 1].float(), front, atol=0.51)
    assert torch.allclose(image[:, 1, 0].float(), back + (front - back) * 128 / 255, atol=0.51)


def test_stacked_digits_are_named_red_first(digits: ImageData) -> None:
    images, classes = stack_digits(digits.images, digits.labels, seed=0)
    assert images.shape == (1797, 3, 28, 28) and classes.max() < 1000
    for channel, part in enumerate((classes // 100, classes // 10 % 10, classes % 10)):
        assert torch.equal(part.bincount(), digits.labels.bincount())
        place = (digits.images[:, 0] == images[5, channel]).all(2).all(1).nonzero()[0, 0]
        assert digits.labels[place] == part[5]


def test_gray_is_luminance_and_resizing_keeps_the_mean() -> None:
    colors = torch.tensor([[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 9, 9]], dtype=torch.uint8).view(4, 3, 1, 1)
    assert to_gray(colors).flatten().tolist() == [76, 150, 29, 9]
    smooth = torch.linspace(0, 255, 64).round().to(torch.uint8).expand(2, 3, 64, 64)
    small = to_shape(smooth, 32, 3)
    assert small.shape == (2, 3, 32, 32) and small.float().mean().item() == pytest.approx(127.5, abs=1)
    assert to_shape(smooth, 64, 3) is smooth
