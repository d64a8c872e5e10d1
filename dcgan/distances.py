"""Distances between sets of images or of their features; pure functions of tensors that know nothing of digits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from dcgan.errors import UserError

BLOCK = 1000  # rows held against all others at once: 1,000 x 10,000 distances are 40 MB


@dataclass(frozen=True)
class Gaussian:
    """Mean [F] and covariance [F, F] of features, float64 on the CPU."""

    mean: Tensor
    covariance: Tensor

    @classmethod
    def fit(cls, features: Tensor) -> Gaussian:
        """Of the rows of `features` [N, F], N at least 2 (unbiased: divided by N - 1)."""
        if len(features) < 2:
            raise UserError(f"A distribution needs at least 2 images, not {len(features)}.")
        rows = features.detach().cpu().double()
        return cls(rows.mean(0), rows.T.cov().reshape(rows.shape[1], -1))

    def distance(self, other: Gaussian) -> float:
        """`frechet_distance` to `other`."""
        return frechet_distance(self.mean, self.covariance, other.mean, other.covariance)


def frechet_distance(mean1: Tensor, cov1: Tensor, mean2: Tensor, cov2: Tensor) -> float:
    """|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^1/2) of two Gaussians: means [F], covariances [F, F], computed in float64.

    The trace of the root is the sum of the roots of the eigenvalues of C1^1/2 C2 C1^1/2, which is symmetric: this stays
    exact where features never vary and a general matrix root fails. Dowson, Landau 1982; used on network features by
    Heusel et al., arXiv 1706.08500.
    """
    mean1, cov1, mean2, cov2 = (value.detach().cpu().double() for value in (mean1, cov1, mean2, cov2))
    values, vectors = torch.linalg.eigh(cov1)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    product = torch.linalg.eigvalsh(root @ cov2 @ root).clamp(min=0)
    distance = (mean1 - mean2).square().sum() + cov1.trace() + cov2.trace() - 2 * product.sqrt().sum()
    return max(float(distance), 0.0)


def kernel_distance(first: Tensor, second: Tensor) -> float:
    """Unbiased squared maximum mean discrepancy of features [N, F] and [M, F] under the kernel (x.y / F + 1)^3.

    This is the kernel of KID (Binkowski et al., arXiv 1801.01401), over all pairs instead of random subsets; it is 0 on
    average for two draws from one distribution, so it may come out slightly negative.
    """
    if min(len(first), len(second)) < 2:
        raise UserError("A kernel distance needs at least 2 images on both sides.")
    within = sum(_kernel_sum(rows, rows, diagonal=False) / (len(rows) * (len(rows) - 1)) for rows in (first, second))
    return within - 2 * _kernel_sum(first, second) / (len(first) * len(second))


def density_coverage(real: Tensor, generated: Tensor, neighbours: int = 5) -> tuple[float, float]:
    """How much generated features [M, F] lie among real ones [N, F], and the share of real ones they reach.

    Around each real one a ball reaches to its fifth real neighbour. Density is the number of balls a generated one lies
    in, over 5, on average: about 1 for real images, lower when images look wrong. Coverage is the share of balls that
    hold a generated one, in [0, 1]: it falls when kinds of images are missing. Naeem et al., arXiv 2002.09797, where
    they also show why precision and recall rate garbage too high.
    """
    if len(real) <= neighbours or not len(generated):
        raise UserError(f"Density and coverage need more than {neighbours} real images and a generated one.")
    inside, reached = 0, 0
    for _, block in _blocks(real):
        radii = torch.cdist(block, real).kthvalue(neighbours + 1, dim=1, keepdim=True).values  # the first is itself
        within = torch.cdist(block, generated) <= radii
        inside += int(within.sum())
        reached += int(within.any(1).sum())
    return inside / (neighbours * len(generated)), reached / len(real)


def nearest_images(queries: Tensor, images: Tensor, count: int = 1) -> tuple[Tensor, Tensor]:
    """For each of `queries` uint8 [Q, C, H, W] the `count` nearest of `images` uint8 [N, C, H, W], nearest first.

    Returns indices int64 [Q, count] and Euclidean distances float32 [Q, count] over pixels in [0, 1]. Memory stays
    under 100 MB beside the images.
    """
    if not 1 <= count <= len(images):
        raise UserError(f"The number of neighbours must be between 1 and {len(images)}, not {count}.")
    if queries.shape[1:] != images.shape[1:]:
        raise UserError(f"Images of {list(queries.shape[1:])} and {list(images.shape[1:])} cannot be compared.")
    found = [_nearest(_rows(part), images, count) for part in torch.split(queries, max(1, BLOCK // count))]
    return torch.cat([indices for indices, _ in found]), torch.cat([distances for _, distances in found])


def _nearest(queries: Tensor, images: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Sought block by block by |q - x|^2 = |q|^2 - 2 q.x + |x|^2; those found are then measured exactly."""
    best = torch.full((len(queries), count), torch.inf)
    indices = torch.zeros(len(queries), count, dtype=torch.int64)
    step = max(100, min(2 * BLOCK, 2_000_000 // images[0].numel() * 10))
    for start in range(0, len(images), step):
        block = _rows(images[start : start + step])
        squared = torch.addmm(block.square().sum(1), queries, block.T, alpha=-2)
        near, places = squared.topk(min(count, len(block)), largest=False)
        best, order = torch.cat([best, near], dim=1).topk(count, largest=False)
        indices = torch.cat([indices, places + start], dim=1).gather(1, order)
    found = _rows(images[indices.flatten()]).view(*indices.shape, -1)
    distances = torch.linalg.vector_norm(queries[:, None] - found, dim=2)
    order = distances.argsort(dim=1, stable=True)
    return indices.gather(1, order), distances.gather(1, order)


def _rows(images: Tensor) -> Tensor:
    return images.flatten(1).float() / 255


def _kernel_sum(first: Tensor, second: Tensor, *, diagonal: bool = True) -> float:
    total = 0.0
    for start, block in _blocks(first.double()):
        kernel = (block @ second.double().T / first.shape[1] + 1) ** 3
        total += kernel.sum().item() - (0.0 if diagonal else kernel.diagonal(start).sum().item())
    return total


def _blocks(rows: Tensor) -> Iterator[tuple[int, Tensor]]:
    for start in range(0, len(rows), BLOCK):
        yield start, rows[start : start + BLOCK]
