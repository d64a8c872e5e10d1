"""The DCGAN paper's own test: are generated digits with the labels asked for as good to learn from as real ones?

A nearest-neighbour classifier that knows nothing but generated digits reads the real test split. The paper reports
2.98 % error with 50,000 digits of a conditional DCGAN (Radford, Metz, Chintala; arXiv 1511.06434, its part on MNIST).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor

from dcgan.data import load_dataset
from dcgan.distances import nearest_images
from dcgan.errors import UserError
from dcgan.reports import NeighbourTest
from dcgan.sampling import draw_samples, load_generator

if TYPE_CHECKING:
    from dcgan.runs import Run

NUM_IMAGES = 50_000


def nearest_neighbour_error(images: Tensor, labels: Tensor, known: Tensor, known_labels: Tensor) -> float:
    """Share of `images` uint8 [N, C, H, W] whose nearest of `known` uint8 [M, C, H, W] has another label, in [0, 1].

    Distances are Euclidean on pixels; `labels` and `known_labels` are int64 [N] and [M].
    """
    nearest, _ = nearest_images(images, known)
    return (known_labels[nearest[:, 0]] != labels).double().mean().item()


def neighbour_test(
    run: Run, num_images: int = NUM_IMAGES, *, seed: int = 0, epoch: int | None = None, data_dir: Path | None = None
) -> NeighbourTest:
    """Read the real test split by its nearest of `num_images` generated digits, and by as many real training digits.

    Raises:
        UserError: the run was not trained with the labels of MNIST at its own size, MNIST is not at hand, or the run
            has no generator.
    """
    if run.config.dataset != "mnist" or run.config.conditioning != "labels":
        raise UserError("The nearest-neighbour test needs a run on mnist with conditioning labels.")
    trained = load_generator(run, epoch)
    if (trained.shape.size, trained.shape.channels) != (28, 1):
        raise UserError("The nearest-neighbour test compares with MNIST's own pixels: 28x28, one channel.")
    test = load_dataset("mnist", data_dir, "test", download=False)
    training = load_dataset("mnist", data_dir, "train", download=False)
    images, asked = draw_samples(trained, num_images, seed)
    assert asked is not None
    count = min(num_images, len(training))
    return NeighbourTest(
        error=nearest_neighbour_error(test.images, test.labels, images, asked),
        real_error=nearest_neighbour_error(test.images, test.labels, training.images[:count], training.labels[:count]),
        num_images=num_images,
        num_test=len(test),
    )
