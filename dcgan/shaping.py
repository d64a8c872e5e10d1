"""uint8 image batches brought to the size and number of channels a run asks for."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

MAX_BYTES = 400_000_000  # of images in memory; a set that takes more is thinned evenly
_BLOCK = 2_000
_LUMINANCE = (299, 587, 114)  # per mille, ITU-R BT.601


def to_shape(images: Tensor, size: int, channels: int) -> Tensor:
    """uint8 [N, C, H, H] as [N, channels, size, size]; 28 becomes 32 by a black frame, all else by smooth resizing."""
    if images.shape[1:] == (channels, size, size):
        return images
    shaped = torch.empty(len(images), channels, size, size, dtype=torch.uint8)
    for start in range(0, len(images), _BLOCK):
        part = images[start : start + _BLOCK]
        if channels == 1:
            part = to_gray(part)
        shaped[start : start + _BLOCK] = _resized(part, size)  # one channel is repeated where three are asked for
    return shaped


def to_gray(images: Tensor) -> Tensor:
    """Luminance uint8 [N, 1, H, W] of uint8 [N, 1 or 3, H, W]."""
    if images.shape[1] == 1:
        return images
    weights = torch.tensor(_LUMINANCE, dtype=torch.int32, device=images.device).view(1, 3, 1, 1)
    return ((images.int() * weights).sum(1, keepdim=True).add_(500) // 1000).to(torch.uint8)


def thinned(count: int, size: int, channels: int) -> Tensor | None:
    """Which of `count` images to keep, evenly spread, so that they fit into `MAX_BYTES`; None where all do."""
    most = MAX_BYTES // (channels * size * size)
    return None if count <= most else torch.linspace(0, count - 1, most, dtype=torch.float64).long()


def _resized(images: Tensor, size: int) -> Tensor:
    if images.shape[-1] == size:
        return images
    if images.shape[-1] == 28 and size == 32:
        return F.pad(images, (2, 2, 2, 2))
    larger: Tensor = F.interpolate(images.float(), size=(size, size), mode="bicubic", antialias=True)
    return larger.round_().clamp_(0, 255).to(torch.uint8)
