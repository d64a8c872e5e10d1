"""Data sets made from MNIST's digits: coloured ones, and three of them stacked into the channels of one image."""

from __future__ import annotations

import torch
from torch import Tensor

STACKED_CLASSES = 1000
MIN_CONTRAST = 0.3  # between the lightness of digit and background, in [0, 1]
_BLOCK = 5_000
_LIGHTNESS = torch.tensor([0.299, 0.587, 0.114])  # luma, ITU-R BT.601


def color_digits(images: Tensor, seed: int) -> Tensor:
    """uint8 [N, 1, H, W] as [N, 3, H, W]: black becomes a random colour and white another one, for each image anew.

    The two differ by at least `MIN_CONTRAST` in lightness, so that no digit drowns in its background.
    """
    back, front = color_pairs(len(images), seed)
    colored = torch.empty(len(images), 3, *images.shape[2:], dtype=torch.uint8)
    for start in range(0, len(images), _BLOCK):
        rows = slice(start, start + _BLOCK)
        ink = images[rows].float().div_(255)
        base, change = (x[rows].mul(255).view(-1, 3, 1, 1) for x in (back, front - back))
        colored[rows] = ink.mul(change).add_(base).round_().to(torch.uint8)
    return colored


def color_pairs(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Colours of backgrounds and of digits, float32 [count, 3] each in [0, 1]; pairs too alike are drawn again."""
    generator = torch.Generator().manual_seed(seed)
    pairs = torch.rand(count, 2, 3, generator=generator)
    while True:
        lightness = pairs @ _LIGHTNESS
        alike = (lightness[:, 0] - lightness[:, 1]).abs() < MIN_CONTRAST
        if not alike.any():
            return pairs[:, 0], pairs[:, 1]
        pairs[alike] = torch.rand(int(alike.sum()), 2, 3, generator=generator)


def stack_digits(images: Tensor, labels: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """Three random digits as red, green and blue: uint8 [N, 3, H, W] and classes int64 [N], red digit first (0 to 999).

    Every digit of `images` uint8 [N, 1, H, W] occurs once in each channel. The set is that of arXiv 1611.02163,
    section 3.3.1, made from as many images as there are digits.
    """
    generator = torch.Generator().manual_seed(seed)
    orders = [torch.randperm(len(images), generator=generator) for _ in range(3)]
    stacked = torch.cat([images[order] for order in orders], dim=1)
    hundreds, tens, ones = (labels[order] for order in orders)
    return stacked, 100 * hundreds + 10 * tens + ones
