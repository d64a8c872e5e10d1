"""Maps of images whose groups are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.metrics import silhouette_score
from test_onnx_export import CONFIGS, SHAPES, trained_by

from dcgan.classifier import load_classifier
from dcgan.data import load_dataset
from dcgan.errors import UserError
from dcgan.maps import ROUNDS, lay_out, tell_apart


def some_digits(wanted: tuple[int, ...], each: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """`each` real images of each of the `wanted` digits, and which they are."""
    data = load_dataset("digits")
    places = np.concatenate([np.flatnonzero(data.labels.numpy() == digit)[:each] for digit in wanted])
    return data.images.numpy()[places], data.labels.numpy()[places]


def test_pca_is_the_projection_on_the_first_two_components() -> None:
    images, _ = some_digits((0, 1, 7), 30)
    exact = PCA(2, svd_solver="full").fit_transform(images.reshape(90, -1) / 255)
    exact = (exact - exact.min(0)) / np.ptp(exact, axis=0)
    found = lay_out(images, "pca")
    for axis in (0, 1):
        turned = min(np.abs(found[:, axis] - exact[:, axis]).max(), np.abs(1 - found[:, axis] - exact[:, axis]).max())
        assert turned < 0.02


def test_tsne_keeps_digits_together_and_shows_how_it_goes() -> None:
    images, labels = some_digits((0, 1, 7), 40)
    steps: list[tuple[float, NDArray[np.float32]]] = []
    places = lay_out(images, "tsne", lambda share, places: steps.append((share, places)))
    assert places.min() == 0 and places.max() == 1
    assert silhouette_score(places, labels) > 0.5
    shares = [share for share, _ in steps]
    assert shares == sorted(shares) and shares[-1] == pytest.approx(1) and len(shares) == ROUNDS + 1
    assert np.array_equal(steps[-1][1], places)
    assert np.array_equal(lay_out(images, "tsne"), places)


@pytest.mark.parametrize("kind", ["pca", "tsne"])
def test_images_that_are_all_one_have_places_too(kind: str) -> None:
    places = lay_out(np.full((40, 1, 28, 28), 7, np.uint8), kind)
    assert places.shape == (40, 2) and np.isfinite(places).all()


def test_what_cannot_be_laid_out_is_one_sentence() -> None:
    with pytest.raises(UserError, match="pca or tsne, not 'umap'"):
        lay_out(np.zeros((9, 1, 28, 28), np.uint8), "umap")
    with pytest.raises(UserError, match="at least 4"):
        lay_out(np.zeros((3, 1, 28, 28), np.uint8), "pca")


def test_groups_are_what_was_asked_read_or_found() -> None:
    images, labels = some_digits((0, 1, 7), 20)
    pictures = torch.from_numpy(images)
    told, untold = trained_by(CONFIGS["quick"], SHAPES["grey"]), trained_by(CONFIGS["dcgan"], SHAPES["grey"])
    asked, word = tell_apart(told, pictures, torch.from_numpy(labels))
    assert word == "asked" and asked.tolist() == labels.tolist()
    read, word = tell_apart(untold, pictures, None)
    assert word == "read" and torch.equal(read, load_classifier()(pictures).argmax(1))
    large = torch.nn.functional.pad(pictures, (2, 2, 2, 2))
    framed, word = tell_apart(trained_by(CONFIGS["dcgan"].with_changes(image_size=32), SHAPES["grey"]), large, None)
    assert word == "read" and torch.equal(framed, read)
    clothes = CONFIGS["dcgan"].with_changes(dataset="fashion-mnist")
    grouped, word = tell_apart(trained_by(clothes, SHAPES["grey"]), pictures, None)
    assert word == "grouped" and len(grouped) == 60 and int(grouped.max()) < 10
