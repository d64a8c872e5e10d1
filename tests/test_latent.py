"""Paths, truncation and principal directions against numpy, scipy and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial import geometric_slerp
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression

from dcgan.config import TrainConfig
from dcgan.errors import UserError
from dcgan.latent import interpolate, lerp, move, principal_directions, slerp, truncate
from dcgan.models import Generator, ImageShape, condition_vector

T = torch.linspace(0, 1, 9)


def _points(count: int, size: int = 16, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, size, generator=torch.Generator().manual_seed(seed))


def _generator(config: TrainConfig) -> Generator:
    """A generator whose first layer has well separated singular values 9, 8, ... in z."""
    network = Generator(config, ImageShape(28, 1, 10)).eval()
    noise = torch.Generator().manual_seed(3)
    left = torch.linalg.qr(torch.randn(network.stem.out_features, config.latent_dim, generator=noise)).Q
    right = torch.linalg.qr(torch.randn(config.latent_dim, config.latent_dim, generator=noise)).Q
    with torch.no_grad():
        network.stem.weight.normal_(0, 1, generator=noise)
        network.stem.weight[:, : config.latent_dim] = left @ torch.diag(torch.arange(9.0, 1.0, -1.0)) @ right
    return network


def test_lerp_is_numpys_straight_line() -> None:
    a, b = _points(2)
    expected = np.stack([np.interp(T, [0, 1], [x, y]) for x, y in zip(a, b, strict=True)], axis=1)
    np.testing.assert_allclose(lerp(a, b, T), expected, atol=1e-6)


def test_slerp_of_unit_vectors_is_scipys() -> None:
    a, b = torch.nn.functional.normalize(_points(2).double())
    np.testing.assert_allclose(slerp(a, b, T), geometric_slerp(a.numpy(), b.numpy(), T.numpy()), atol=1e-7)


def test_slerp_lengths_go_evenly_from_one_to_the_other_and_lerp_cuts_through() -> None:
    a, b = _points(2, 64)
    lengths = slerp(a, b, T).norm(dim=1)
    np.testing.assert_allclose(lengths, np.linspace(a.norm().item(), b.norm().item(), 9), rtol=1e-5)
    assert lerp(a, b, T).norm(dim=1).min() < 0.8 * lengths.min()


@pytest.mark.parametrize("factor", [1.0, 2.5, 1 + 1e-9])
def test_slerp_between_parallel_points_is_the_straight_line(factor: float) -> None:
    a = _points(1)[0]
    torch.testing.assert_close(slerp(a, a * factor, T), lerp(a, a * factor, T))


def test_slerp_between_opposite_points_turns_half_a_circle_at_even_speed() -> None:
    a = _points(1)[0]
    way = slerp(a, -2 * a, T)
    cosines = torch.nn.functional.cosine_similarity(way, a.expand_as(way))
    np.testing.assert_allclose(cosines, np.cos(np.linspace(0, np.pi, 9)), atol=1e-5)
    torch.testing.assert_close(way[-1], -2 * a, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(way, slerp(a, -2 * a, T))


def test_slerp_from_the_origin_is_the_straight_line() -> None:
    a, nothing = _points(1)[0], torch.zeros(16)
    torch.testing.assert_close(slerp(nothing, a, T), lerp(nothing, a, T))
    torch.testing.assert_close(slerp(a, nothing, T), lerp(a, nothing, T))


@pytest.mark.parametrize("method", ["lerp", "slerp"])
def test_a_path_meets_every_point(method: str) -> None:
    points = _points(3)
    open_path = interpolate(points, 4, method)
    assert open_path.shape == (9, 16)
    torch.testing.assert_close(open_path[::4], points)
    closed = interpolate(points, 4, method, loop=True)
    assert closed.shape == (12, 16)
    torch.testing.assert_close(closed[::4], points)
    torch.testing.assert_close(closed[:9], open_path)
    half_way_home = {"lerp": lerp, "slerp": slerp}[method](points[2], points[0], torch.tensor([0.5]))[0]
    torch.testing.assert_close(closed[10], half_way_home)


@pytest.mark.parametrize(
    ("count", "steps", "method", "sentence"),
    [(1, 4, "lerp", "at least two"), (2, 0, "lerp", "at least 1"), (2, 4, "spline", "slerp or lerp")],
)
def test_a_path_that_cannot_be_is_refused(count: int, steps: int, method: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        interpolate(_points(count), steps, method)


def test_truncation_scales_the_spread_and_keeps_the_mean() -> None:
    z = _points(20_000, 4)
    torch.testing.assert_close(truncate(z, 1.0), z)
    assert truncate(z, 0.0).abs().max() == 0
    assert truncate(z, 0.7).std().item() == pytest.approx(0.7, abs=0.01)


@pytest.mark.parametrize("conditioning", ["none", "labels"])
def test_principal_directions_are_those_of_sampled_pca_and_regression(
    small_config: TrainConfig, conditioning: str
) -> None:
    # What GANSpace does: PCA of the activations of random z, then regression of z on the scores.
    config = small_config.with_changes(conditioning=conditioning)
    network = _generator(config)
    z = _points(20_000, config.latent_dim)
    condition = condition_vector(torch.full((len(z),), 7), 10) if network.num_classes else None
    with torch.no_grad():
        activations = network.stem_activations(z, condition).numpy()
    pca = PCA(config.latent_dim).fit(activations)
    scores = pca.transform(activations)
    sampled = LinearRegression().fit(scores / scores.std(0), z.numpy()).coef_.T
    found = principal_directions(network, config.latent_dim)
    np.testing.assert_allclose(found.deviations, pca.explained_variance_**0.5, rtol=0.02)
    np.testing.assert_allclose(found.shares, pca.explained_variance_ratio_, rtol=0.04)
    cosines = np.abs((sampled * found.vectors.numpy()).sum(1)) / np.linalg.norm(sampled, axis=1)
    assert cosines.min() > 0.99
    np.testing.assert_allclose(np.linalg.norm(sampled, axis=1), 1, atol=0.03)


def test_one_step_along_a_direction_moves_the_activations_by_one_deviation(small_config: TrainConfig) -> None:
    network = _generator(small_config.with_changes(conditioning="none"))
    found = principal_directions(network, 3)
    z = _points(1, small_config.latent_dim)[0]
    moved = move(z, found.vectors[[1]], torch.tensor([1.0]))
    with torch.no_grad():
        change = network.stem_activations(moved[None]) - network.stem_activations(z[None])
    assert change.norm().item() == pytest.approx(found.deviations[1].item(), rel=1e-4)
    np.testing.assert_allclose(found.deviations, [9, 8, 7], rtol=1e-5)


def test_directions_are_orthonormal_and_point_one_way(small_config: TrainConfig) -> None:
    network = _generator(small_config)
    found = principal_directions(network, 99)
    size = small_config.latent_dim
    assert found.vectors.shape == (size, size)
    torch.testing.assert_close(found.vectors @ found.vectors.T, torch.eye(size), atol=1e-5, rtol=0)
    assert (found.vectors.gather(1, found.vectors.abs().argmax(1, keepdim=True)) > 0).all()
    assert found.shares.sum().item() == pytest.approx(1)
    with torch.no_grad():
        network.stem.weight.neg_()
    torch.testing.assert_close(principal_directions(network, 99).vectors, found.vectors)
    with pytest.raises(UserError, match="at least 1"):
        principal_directions(network, 0)
