"""The geometry of z: paths between points, truncation, and the directions along which a generator changes most."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from dcgan.errors import UserError
from dcgan.models import Generator

METHODS = ("slerp", "lerp")
_PARALLEL = 1e-6  # sine of an angle below which two directions count as one line


@dataclass(frozen=True)
class Directions:
    """Principal directions of a generator, the strongest first.

    `vectors` [k, latent_dim] are orthonormal; moving z by one of them moves the first layer's activations by one
    standard deviation of that component. `deviations` [k] are those standard deviations, in units of the activations;
    `shares` [k] are the parts of the activations' variance, 1 in all if k is latent_dim.
    """

    vectors: Tensor
    deviations: Tensor
    shares: Tensor


def principal_directions(generator: Generator, count: int) -> Directions:
    """The first `count` principal directions of the first layer, mapped back to z (at most latent_dim).

    GANSpace (arXiv 2004.02546, section 3.2) runs PCA on the activations of many random z and finds by regression the
    z-directions that produce the components. Here the first layer is linear, y = W z + V c, so both steps are exact:
    for z ~ N(0, I) and one condition c the covariance of y is W W^T, its components are the left singular vectors of W
    with the singular values as standard deviations, and the right singular vectors are the directions in z. The
    condition only shifts the mean, so every class shares these directions. Signs: the entry of largest magnitude in
    each vector is positive.

    Raises:
        UserError: `count` is not positive.
    """
    if count < 1:
        raise UserError(f"The number of directions must be at least 1, not {count}.")
    weight = generator.stem.weight[:, : generator.latent_dim].detach().double()
    _, deviations, vectors = torch.linalg.svd(weight, full_matrices=False)
    shares = deviations.square() / deviations.square().sum()
    peaks = vectors.gather(1, vectors.abs().argmax(1, keepdim=True))
    vectors = vectors * peaks.sign()
    return Directions(vectors[:count].float(), deviations[:count].float(), shares[:count].float())


def truncate(z: Tensor, amount: float) -> Tensor:
    """z [..., D] drawn towards the mean of N(0, I): amount 1 leaves it, 0 gives the mean itself.

    Shrinking, as StyleGAN does it in w (arXiv 1812.04948, appendix B), trades variety for typical images.
    """
    return z * amount


def move(z: Tensor, vectors: Tensor, amounts: Tensor) -> Tensor:
    """z [D] plus `amounts` [k] (standard deviations) times the directions `vectors` [k, D]."""
    return z + amounts.to(z) @ vectors


def lerp(start: Tensor, end: Tensor, t: Tensor) -> Tensor:
    """Points [T, D] on the straight line from `start` [D] (t = 0) to `end` [D] (t = 1), t [T]."""
    t = t.unsqueeze(1).to(start)
    return (1 - t) * start + t * end


def slerp(start: Tensor, end: Tensor, t: Tensor) -> Tensor:
    """Points [T, D] on the great arc from `start` [D] (t = 0) to `end` [D] (t = 1), t [T].

    The direction turns at even speed (Shoemake 1985; for z-space White, arXiv 1609.04468) and the length goes evenly
    from one to the other, so it stays where N(0, I) has its mass. Parallel points and a point at the origin give the
    straight line; between opposite points the arc turns towards the coordinate axis furthest from both.
    """
    first, last = start.double(), end.double()
    lengths = first.norm(), last.norm()
    if min(lengths) == 0:
        return lerp(start, end, t)
    u, v = first / lengths[0], last / lengths[1]
    sideways = v - (u @ v) * u
    if sideways.norm() < _PARALLEL:
        if u @ v > 0:
            return lerp(start, end, t)
        sideways = torch.zeros_like(u)
        sideways[u.abs().argmin()] = 1
        sideways = sideways - (u @ sideways) * u
    angle = torch.atan2((v - (u @ v) * u).norm(), u @ v)
    turn = (t.double() * angle).unsqueeze(1)
    length = lerp(lengths[0].view(1), lengths[1].view(1), t.double())
    way = turn.cos() * u + turn.sin() * sideways / sideways.norm()
    points: Tensor = (length * way).to(start)
    return points


def interpolate(points: Tensor, steps: int, method: str = "slerp", *, loop: bool = False) -> Tensor:
    """A path [T, D] through `points` [K, D], `steps` pictures from each to the next, T = (K - 1) * steps + 1.

    With `loop` the path returns to the first point and stops one step before it, T = K * steps, so that it repeats
    without a double picture.

    Raises:
        UserError: fewer than two points, fewer than one step, or an unknown method.
    """
    if len(points) < 2:
        raise UserError(f"A path needs at least two points, not {len(points)}.")
    if steps < 1:
        raise UserError(f"The number of steps must be at least 1, not {steps}.")
    if method not in METHODS:
        raise UserError(f"The way must be {' or '.join(METHODS)}, not {method!r}.")
    between = {"lerp": lerp, "slerp": slerp}[method]
    t = torch.arange(steps, dtype=torch.float64) / steps
    ends = torch.cat([points[1:], points[:1]]) if loop else points[1:]
    legs = [between(start, end, t) for start, end in zip(points, ends, strict=False)]
    return torch.cat(legs if loop else [*legs, points[-1:]])
