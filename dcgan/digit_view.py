"""Digits of any size and colour brought back to what the classifier was trained on: 28x28, white ink on black.

What real digits get under the same conversion is measured by `benchmarks/real_views.py` and shipped, so that generated
ones stand beside it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from dcgan.reports import View
from dcgan.shaping import to_gray

SIZE = 28
_BLOCK = 500
DIGITS_AN_IMAGE = 3  # of stacked digits
_INK_PIXELS = 40  # of 784; even a thin 1 has as many that are nearly white


def as_mnist(images: Tensor, view: View) -> Tensor:
    """uint8 [N, C, S, S] as uint8 [M, 1, 28, 28]: M is 3 N for stacked digits (image by image, red first), else N."""
    if images.shape[1:] == (1, SIZE, SIZE) and view.ink == "gray":
        return images
    return torch.cat([_converted(part, view) for part in torch.split(images, _BLOCK)])


def as_digits(asked: Tensor, view: View) -> Tensor:
    """The digits int64 [M] that images of the classes `asked` int64 [N] should show, in the order of `as_mnist`."""
    if view.ink != "stacked":
        return asked
    return torch.stack([asked // 100, asked // 10 % 10, asked % 10], dim=1).flatten()


def _converted(images: Tensor, view: View) -> Tensor:
    if view.ink == "stacked":
        images = images.flatten(0, 1).unsqueeze(1)
    elif view.ink == "gray":
        images = to_gray(images)
    small = _at_28(images.float())
    if view.ink == "colored":
        small = _ink(small)
    return small.round().clamp(0, 255).to(torch.uint8)


def _at_28(images: Tensor) -> Tensor:
    """Smoothly made smaller; the frame that made 32 pixels of 28 is cut off."""
    if images.shape[-1] == SIZE + 4:
        return images[..., 2:-2, 2:-2]
    if images.shape[-1] == SIZE:
        return images
    # Of area, bilinear and bicubic this one brings enlarged real digits back nearest to themselves.
    smaller: Tensor = F.interpolate(images, size=(SIZE, SIZE), mode="bicubic", antialias=True)
    return smaller


def _ink(images: Tensor) -> Tensor:
    """How far each pixel is on the way from the background's colour to the ink's: float [N, 1, H, W] in [0, 255].

    The background of images float [N, C, H, W] is the median of their border, the ink the mean of the pixels least like
    it. An image of one colour is blank.
    """
    border = torch.cat([images[:, :, 0], images[:, :, -1], images[:, :, 1:-1, 0], images[:, :, 1:-1, -1]], dim=2)
    change = images - border.median(dim=2).values[:, :, None, None]
    places = torch.linalg.vector_norm(change, dim=1).flatten(1).topk(_INK_PIXELS, dim=1).indices
    places = places[:, None].expand(-1, images.shape[1], -1)
    ink = change.flatten(2).gather(2, places).mean(dim=2)[:, :, None, None]
    along = (change * ink).sum(1, keepdim=True) / ink.square().sum(1, keepdim=True).clamp(min=1.0)
    way: Tensor = along.clamp(0, 1) * 255
    return way
