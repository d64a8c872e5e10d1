"""uint8 image batches to grids and PNG files, and back."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]


def tile(images: Pixels, columns: int, gap: int = 0) -> Pixels:
    """One picture [H', W', C] of images [N, C, H, W], row by row, `gap` black pixels apart; missing cells are black."""
    count, channels, height, width = images.shape
    columns = min(columns, count)
    rows = -(-count // columns)
    grid = np.zeros((rows * (height + gap) - gap, columns * (width + gap) - gap, channels), np.uint8)
    for i, image in enumerate(images):
        top, left = (i // columns) * (height + gap), (i % columns) * (width + gap)
        grid[top : top + height, left : left + width] = image.transpose(1, 2, 0)
    return grid


def untile(grid: Pixels, size: int) -> Pixels:
    """Images [N, C, size, size] of a gapless grid [H, W, C], row by row; the inverse of `tile`."""
    height, width, channels = grid.shape
    cells = grid.reshape(height // size, size, width // size, size, channels)
    return cells.transpose(0, 2, 4, 1, 3).reshape(-1, channels, size, size)


def to_png(picture: Pixels) -> bytes:
    """PNG bytes of a picture [H, W, C] with 1 or 3 channels."""
    buffer = io.BytesIO()
    to_pil(picture).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def from_png(content: bytes) -> Pixels:
    """The picture [H, W, C] in PNG bytes, gray as one channel."""
    with Image.open(io.BytesIO(content)) as image:
        pixels = np.asarray(image.convert("L" if image.mode in ("1", "L") else "RGB"))
    return pixels[..., None] if pixels.ndim == 2 else pixels


def to_pil(picture: Pixels) -> Image.Image:
    """A Pillow image of a picture [H, W, C] with 1 or 3 channels."""
    return Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture)
