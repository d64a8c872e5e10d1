"""Distances between sets, against scipy, formulas worked by hand and plain double loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from scipy.spatial.distance import cdist
from torch import Tensor

from dcgan.distances import Gaussian, density_coverage, frechet_distance, kernel_distance, nearest_images
from dcgan.errors import UserError


def _features(count: int, width: int, seed: int, scale: float = 1.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(width, width, generator=generator)
    return torch.randn(count, width, generator=generator) @ mixing * scale + seed


def _images(count: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 1, 6, 5), dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize("width", [1, 5, 64])
def test_frechet_distance_agrees_with_scipys_matrix_root(width: int) -> None:
    first, second = Gaussian.fit(_features(400, width, 1)), Gaussian.fit(_features(300, width, 2, 0.7))
    root = sqrtm((first.covariance @ second.covariance).numpy()).real
    mean_part = (first.mean - second.mean).square().sum().item()
    expected = mean_part + float(first.covariance.trace() + second.covariance.trace()) - 2 * np.trace(root)
    assert first.distance(second) == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_frechet_distance_of_gaussians_with_known_answer() -> None:
    mean1, mean2 = torch.tensor([0.0, 1.0, 2.0]), torch.tensor([3.0, 1.0, -2.0])
    cov1, cov2 = torch.diag(torch.tensor([1.0, 4.0, 9.0])), torch.diag(torch.tensor([4.0, 4.0, 0.0]))
    # |m1 - m2|^2 = 9 + 16, and on the diagonal (s1 - s2)^2 = 1 + 0 + 9
    assert frechet_distance(mean1, cov1, mean2, cov2) == pytest.approx(35.0, abs=1e-9)
    assert frechet_distance(mean2, cov2, mean1, cov1) == pytest.approx(35.0, abs=1e-9)


def test_frechet_distance_is_zero_to_itself_even_where_features_never_vary() -> None:
    features = torch.cat([_features(50, 20, 3), torch.zeros(50, 4)], dim=1)
    gaussian = Gaussian.fit(features)
    assert torch.linalg.matrix_rank(gaussian.covariance) < 24
    assert gaussian.distance(gaussian) == pytest.approx(0.0, abs=1e-6)


def test_a_gaussian_is_numpys_mean_and_unbiased_covariance() -> None:
    features = _features(30, 4, 5)
    gaussian = Gaussian.fit(features)
    np.testing.assert_allclose(gaussian.mean, features.double().numpy().mean(0))
    np.testing.assert_allclose(gaussian.covariance, np.cov(features.double().numpy(), rowvar=False))
    with pytest.raises(UserError, match="at least 2 images, not 1"):
        Gaussian.fit(features[:1])


def test_kernel_distance_is_the_sum_over_pairs() -> None:
    first, second = _features(12, 3, 1).double(), _features(9, 3, 2).double()

    def kernel(x: Tensor, y: Tensor) -> float:
        return (torch.dot(x, y).item() / 3 + 1) ** 3

    within = sum(
        sum(kernel(a, b) for i, a in enumerate(rows) for j, b in enumerate(rows) if i != j) / n / (n - 1)
        for rows, n in ((first, 12), (second, 9))
    )
    between = sum(kernel(a, b) for a in first for b in second) / (12 * 9)
    assert kernel_distance(first, second) == pytest.approx(within - 2 * between, rel=1e-9)


def test_kernel_distance_takes_blocks_of_any_length() -> None:
    features = torch.randn(2300, 4, generator=torch.Generator().manual_seed(0))
    gram = (features.double() @ features.double().T / 4 + 1) ** 3
    expected = 2 * (gram.sum() - gram.trace()) / (2300 * 2299) - 2 * gram.mean()
    assert kernel_distance(features, features) == pytest.approx(expected.item(), rel=1e-9)


def test_density_and_coverage_count_balls() -> None:
    real, generated = _features(60, 3, 1), _features(40, 3, 1)[:40] + 0.3
    between, within = cdist(real, generated), cdist(real, real)
    radii = np.sort(within, axis=1)[:, 5:6]
    density, coverage = density_coverage(real, generated)
    assert density == pytest.approx((between <= radii).sum() / (5 * 40))
    assert coverage == pytest.approx((between <= radii).any(axis=1).mean())


def test_density_and_coverage_tell_garbage_from_missing_kinds() -> None:
    generator = torch.Generator().manual_seed(0)
    two_kinds = torch.randn(1500, 4, generator=generator) + 20 * (torch.arange(1500) % 2)[:, None]
    like_real = torch.randn(1500, 4, generator=generator) + 20 * (torch.arange(1500) % 2)[:, None]
    density, coverage = density_coverage(two_kinds, like_real)
    assert density == pytest.approx(1.0, abs=0.1) and coverage > 0.93
    one_kind = density_coverage(two_kinds, torch.randn(1500, 4, generator=generator))
    assert one_kind[0] == pytest.approx(1.0, abs=0.1) and one_kind[1] == pytest.approx(0.5, abs=0.03)
    assert density_coverage(two_kinds, like_real + 10) == (0.0, 0.0)
    with pytest.raises(UserError, match="more than 5 real images"):
        density_coverage(two_kinds[:5], like_real)


@pytest.mark.parametrize("count", [1, 4])
def test_nearest_images_are_those_of_a_full_search(count: int) -> None:
    queries, images = _images(7, 1), _images(4100, 2)
    indices, distances = nearest_images(queries, images, count)
    full = cdist(queries.flatten(1).double() / 255, images.flatten(1).double() / 255)
    order = np.argsort(full, axis=1, kind="stable")[:, :count]
    np.testing.assert_array_equal(indices, order)
    np.testing.assert_allclose(distances, np.take_along_axis(full, order, axis=1), atol=1e-5)


def test_a_copy_is_found_at_distance_zero() -> None:
    images = _images(5000, 3)
    places = torch.tensor([4999, 0, 2000])
    indices, distances = nearest_images(images[places], images)
    assert indices.flatten().tolist() == places.tolist()
    assert distances.flatten().tolist() == [0.0, 0.0, 0.0]


def test_one_grey_level_in_one_pixel_is_a_distance_of_one_255th() -> None:
    image = torch.zeros(1, 1, 28, 28, dtype=torch.uint8)
    other = image.clone()
    other[0, 0, 3, 4] = 1
    assert nearest_images(image, other)[1].item() == pytest.approx(1 / 255)


def test_impossible_searches_are_refused() -> None:
    with pytest.raises(UserError, match="between 1 and 3, not 4"):
        nearest_images(_images(1, 1), _images(3, 2), 4)
    with pytest.raises(UserError, match="cannot be compared"):
        nearest_images(torch.zeros(1, 1, 28, 28, dtype=torch.uint8), _images(3, 2))
