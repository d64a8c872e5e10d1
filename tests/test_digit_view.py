"""Digits of any size and colour, brought back to what the classifier knows; real ones keep their quality."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from benchmarks.real_views import VIEWS, drawn
from dcgan.colored import stack_digits
from dcgan.config import TrainConfig
from dcgan.data import load_dataset
from dcgan.digit_view import as_digits, as_mnist
from dcgan.evaluation import LightJudge, evaluate_images
from dcgan.real_digits import real_digits
from dcgan.references import load_split
from dcgan.reports import Report, View, report_text, view_for
from dcgan.shaping import to_shape


@pytest.fixture(scope="module")
def real(mnist_dir: Path) -> tuple[Tensor, Tensor]:
    images, labels = load_split("held_out", mnist_dir)
    return images[:1000], labels[:1000]


@pytest.mark.parametrize(("size", "channels"), [(28, 3), (32, 1), (32, 3)])
def test_a_frame_and_repeated_channels_are_undone_exactly(
    real: tuple[Tensor, Tensor], size: int, channels: int
) -> None:
    view = View("gray", size, channels)
    assert torch.equal(as_mnist(to_shape(real[0], size, channels), view), real[0]) and view.name == "gray-28"


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_real_digits_keep_their_quality(real: tuple[Tensor, Tensor], view: View) -> None:
    judge = LightJudge(split="test", view=view)
    report = judge.measure(drawn(real[0][:500], view), real[1][:500])
    assert report.label_agreement == pytest.approx(0.995, abs=0.01)
    assert report.readable_share == pytest.approx(judge.real(500).readable_share, abs=0.03)


def test_shipped_figures_are_those_of_real_coloured_digits(real: tuple[Tensor, Tensor], mnist_dir: Path) -> None:
    view = View("colored", 28, 3)
    images, labels = load_split("held_out", mnist_dir)
    measured = LightJudge(split="test", view=view).measure(drawn(images, view), labels)
    shipped = real_digits("test", 10_000, view=view)
    assert shipped.fd_lenet == pytest.approx(measured.fd_lenet, rel=0.02)
    assert shipped.confident_share == pytest.approx(measured.confident_share, abs=0.002)
    assert shipped.fd_lenet < real_digits("test", 2_000, view=view).fd_lenet  # fewer images, a larger distance


def test_an_image_of_one_colour_is_blank_and_ink_is_what_differs_from_the_border() -> None:
    plain = torch.full((2, 3, 28, 28), 77, dtype=torch.uint8)
    plain[1, :, 10:14, 10:14] = torch.tensor([77, 180, 77], dtype=torch.uint8).view(3, 1, 1)
    blank, square = as_mnist(plain, View("colored", 28, 3))
    assert blank.max() == 0
    assert (square == 255).sum() == 16 and square.sum() == 16 * 255


def test_stacked_digits_come_apart_in_order(real: tuple[Tensor, Tensor]) -> None:
    images, classes = stack_digits(*real, seed=0)
    view = view_for(TrainConfig(dataset="stacked-mnist", image_size=32))
    assert view == View("stacked", 32, 3)
    apart = as_mnist(to_shape(images, 32, 3), view)
    assert torch.equal(apart[3:6, 0], images[1])
    assert as_digits(classes[1:2], view).tolist() == [classes[1] // 100, classes[1] // 10 % 10, classes[1] % 10]
    assert LightJudge(view=view).measure(to_shape(images, 32, 3), classes).label_agreement > 0.98


def test_modes_of_stacked_digits_are_counted_beside_real_ones(mnist_dir: Path) -> None:
    view = View("stacked", 28, 3)
    images = load_dataset("stacked-mnist", mnist_dir).images[:600]
    report = evaluate_images(images, view=view, data_dir=mnist_dir, dataset="stacked-mnist")
    assert report.num_images == 1800 and report.modes == report.real_modes and report.mode_kl == report.real_mode_kl
    assert report.modes == pytest.approx(1000 * (1 - (1 - 1 / 1000) ** 600), abs=25)  # what chance leaves empty
    collapsed = evaluate_images(images[:4].repeat(50, 1, 1, 1), view=view, data_dir=Path("nowhere"))
    assert collapsed.modes == 4 and collapsed.mode_kl == pytest.approx(5.52, abs=0.01)  # ln(1000 / 4)
    assert collapsed.real_modes is None and "numbers shown, of 1,000" in report_text(collapsed)
    assert Report.from_dict(report.to_dict()) == report
