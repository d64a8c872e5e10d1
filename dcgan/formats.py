"""The files that public data sets come in, read into uint8 images [N, C, H, W] and int64 classes [N].

Nothing is unpickled: CIFAR-10 is read from its binary version, for the one torchvision takes is a pickle.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dcgan.errors import UserError

CIFAR_ROW = 1 + 3 * 32 * 32  # label, then the red, the green and the blue plane
_IDX_BYTES = 0x08  # the type code of unsigned bytes
_MAX_IDX = 1 << 30


def read_idx_pair(images: Path, labels: Path, title: str) -> tuple[Tensor, Tensor]:
    """Images and classes of two idx files (the format of MNIST), each packed with gzip or not.

    Raises:
        UserError: a file is damaged, or the two do not belong together.
    """
    pixels, classes = _idx(images, 3, title), _idx(labels, 1, title)
    if len(pixels) != len(classes) or pixels.shape[1] != pixels.shape[2]:
        raise damaged(images, title)
    return torch.from_numpy(pixels).unsqueeze(1), torch.from_numpy(classes).long()


def packed_or_not(path: Path) -> Path:
    """`path`, or the same with `.gz` where only that is there."""
    return path if path.is_file() else path.with_name(path.name + ".gz")


def read_svhn(path: Path, title: str) -> tuple[Tensor, Tensor]:
    """Images and classes of an SVHN .mat file; there, the digit 0 has the number 10.

    Raises:
        UserError: the file is damaged.
    """
    from scipy.io import loadmat

    try:
        with path.open("rb") as file:
            if not file.read(10).startswith(b"MATLAB 5.0"):
                raise ValueError("another version")
        found = loadmat(path, variable_names=["X", "y"])
        pixels, labels = found["X"], found["y"].astype(np.int64).ravel()
        if pixels.dtype != np.uint8 or pixels.shape != (32, 32, 3, len(labels)):
            raise ValueError(pixels.shape)
    except OSError as error:
        raise _unreadable(path, error) from error
    except Exception as error:  # whatever scipy's reader meets in a file that is none
        raise damaged(path, title) from error
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(3, 2, 0, 1))), _within(labels % 10, 10, path, title)


def read_cifar(paths: list[Path], title: str) -> tuple[Tensor, Tensor]:
    """Images and classes of CIFAR-10's binary files, one after the other.

    Raises:
        UserError: a file is damaged.
    """
    rows = []
    for path in paths:
        content = np.frombuffer(_content(path), np.uint8)
        if not len(content) or len(content) % CIFAR_ROW:
            raise damaged(path, title)
        rows.append(content.reshape(-1, CIFAR_ROW))
    table = np.concatenate(rows)
    images = torch.from_numpy(table[:, 1:].reshape(-1, 3, 32, 32))
    return images, _within(table[:, 0].astype(np.int64), 10, paths[0], title)


def read_partition(path: Path, title: str) -> dict[str, int]:
    """CelebA's file of splits: the number (0 train, 1 valid, 2 test) of each image name.

    Raises:
        UserError: the file is damaged.
    """
    try:
        pairs = [line.split() for line in _content(path).decode("ascii").splitlines() if line.strip()]
        return {name: int(number) for name, number in pairs}
    except ValueError as error:
        raise damaged(path, title) from error


def damaged(path: Path, title: str) -> UserError:
    """What is said about a file that is not what its name promises."""
    return UserError(
        f"{path} is not the {title} file it should be; delete it and it is downloaded again, or restore it."
    )


def _idx(path: Path, dimensions: int, title: str) -> NDArray[np.uint8]:
    content = _content(path)
    try:
        if path.suffix == ".gz":
            content = zlib.decompressobj(wbits=31).decompress(content, _MAX_IDX)
        zero, kind, count = struct.unpack(">HBB", content[:4])
        shape = struct.unpack(f">{count}I", content[4 : 4 + 4 * count])
        if (zero, kind, count) != (0, _IDX_BYTES, dimensions) or not shape[0]:
            raise ValueError(shape)
        return np.frombuffer(content, np.uint8, offset=4 + 4 * count).reshape(shape).copy()
    except (ValueError, struct.error, zlib.error, gzip.BadGzipFile) as error:
        raise damaged(path, title) from error


def _within(labels: NDArray[np.int64], count: int, path: Path, title: str) -> Tensor:
    if labels.min() < 0 or labels.max() >= count:
        raise damaged(path, title)
    return torch.from_numpy(labels)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> UserError:
    return UserError(f"{path} cannot be read ({error.strerror or error}).")
