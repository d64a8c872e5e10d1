"""Many samples laid out on a plane so that look-alikes lie together: principal components, and t-SNE."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dcgan.classifier import load_classifier
from dcgan.clusters import find_clusters
from dcgan.digit_view import as_mnist
from dcgan.errors import UserError
from dcgan.images import Pixels
from dcgan.reports import view_for
from dcgan.sampling import TrainedGenerator

KINDS: Final = ("pca", "tsne")
GROUPS: Final = 10  # look-alikes that stand in for digits where nobody can tell them
PERPLEXITY: Final = 30.0
ROUNDS: Final = 4  # of 250 steps each, scikit-learn's least; the first one exaggerates
_EXAGGERATION: Final = 12.0  # van der Maaten & Hinton 2008, section 3.4, and scikit-learn's default
_COMPONENTS: Final = 50  # of the pixels, before t-SNE; idem, section 4.2
_LEAST_RATE: Final = 50.0
Places = NDArray[np.float32]
Report = Callable[[float, Places], None]


def lay_out(images: Pixels, kind: str, report: Report = lambda share, places: None) -> Places:
    """Places float32 [N, 2] in [0, 1] of uint8 images [N, C, H, W], by their pixels.

    `kind` is `pca` (first two principal components: an honest projection, in which groups may overlap) or `tsne`
    (van der Maaten & Hinton, JMLR 9, 2008: neighbours stay neighbours, distances between groups mean little).
    `report` hears, on the way, the share done and the places by then.

    Raises:
        UserError: fewer than four images, or an unknown kind.
    """
    if kind not in KINDS:
        raise UserError(f"The map must be {' or '.join(KINDS)}, not {kind!r}.")
    if len(images) < 4:
        raise UserError(f"A map takes at least 4 images, not {len(images)}.")
    from sklearn.decomposition import PCA
    from threadpoolctl import threadpool_limits

    pixels = images.reshape(len(images), -1).astype(np.float32) / 255
    count = min(_COMPONENTS, *pixels.shape)
    # Sums in one order only: of another rounding t-SNE makes another map, and a link names a place on this one.
    with threadpool_limits(1):
        components: Places = PCA(count, svd_solver="randomized", random_state=0).fit_transform(pixels)
        places = components[:, :2]
        report(0.05, _framed(places))
        return _framed(places if kind == "pca" else _tsne(components, report))


def _tsne(components: Places, report: Report) -> Places:
    """scikit-learn's t-SNE in rounds that each go on from where the last one ended, so that it can be watched."""
    from sklearn.manifold import TSNE

    count = len(components)
    places: Places = components[:, :2] / max(components[:, 0].std(), 1e-9) * 1e-4  # 0 where all images are one
    for turn in range(ROUNDS):
        exaggeration = _EXAGGERATION if turn == 0 else 1.0
        rounds = TSNE(
            2, perplexity=min(PERPLEXITY, (count - 1) / 3), early_exaggeration=exaggeration,
            learning_rate=max(count / _EXAGGERATION / 4, _LEAST_RATE), max_iter=250, init=places, random_state=0,
        )  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            places = rounds.fit_transform(components)
        report(0.05 + 0.95 * (turn + 1) / ROUNDS, _framed(places))
    return places


def _framed(places: Places) -> Places:
    """Moved and stretched so that each axis fills [0, 1]."""
    low, high = places.min(0), places.max(0)
    framed: Places = ((places - low) / np.maximum(high - low, 1e-9)).astype(np.float32)
    return framed


def tell_apart(trained: TrainedGenerator, images: Tensor, labels: Tensor | None) -> tuple[Tensor, str]:
    """A group for each image uint8 [N, C, H, W], int64 [N], and what the groups are: asked, read or grouped.

    `asked`: the class `labels` that the generator was told. `read`: the digit that the shipped classifier reads, for
    generators of digits that are told nothing. `grouped`: `GROUPS` groups of look-alikes, for all others.
    """
    if trained.conditional:
        assert labels is not None
        return labels, "asked"
    view = view_for(trained.config)
    if view is not None and view.ink != "stacked":
        with torch.no_grad():
            return load_classifier()(as_mnist(images, view)).argmax(1), "read"
    return find_clusters(images, min(GROUPS, len(images)), seed=0), "grouped"
