"""Image files of any size and kind as small square arrays: finding them in a folder, decoding one. No torch here.

Nothing that a file can hold ends the reading of the others: what cannot be used is counted and named.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from dcgan.errors import UserError

SUFFIXES: Final = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif")
FORMATS: Final = ("PNG", "JPEG", "WEBP", "BMP", "GIF")
MAX_MEGAPIXELS: Final = 50
MAX_FILE_MB: Final = 64
MAX_FILES: Final = 200_000
MAX_CLASSES: Final = 1_000
NAMED: Final = 3  # of the unusable files
_LARGE: Final = 8_000_000  # pixels; larger images are decoded one at a time, to spare memory
_GROUP: Final = 256
_one_at_a_time: Final = threading.Lock()
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)  # our own limit is lower

Progress = Callable[[float], None]


@dataclass(frozen=True)
class Listing:
    """The image files of a folder, with the class of each; `class_names` is empty where there are no classes.

    `beside` counts images that lie beside the classes' folders and belong to none of them.
    """

    folder: Path
    files: tuple[str, ...]
    classes: tuple[int, ...]
    class_names: tuple[str, ...]
    beside: int = 0

    def digest(self) -> str:
        """Changes when a file is added, removed, renamed or written anew."""
        found = hashlib.sha256(repr(self.class_names).encode())
        for name in self.files:
            about = (self.folder / name).stat()
            found.update(f"{name}\0{about.st_size}\0{about.st_mtime_ns}\n".encode("utf-8", "surrogateescape"))
        return found.hexdigest()


class Unusable(Exception):
    """One file cannot be used; the message says why in a few words."""


def list_images(folder: Path) -> Listing:
    """The images below `folder`, in order; classes are its sub-folders where at least two of them hold images.

    A folder whose images all lie in one sub-folder counts as that sub-folder. Hidden files are passed over and links to
    folders are not followed.

    Raises:
        UserError: the folder is gone, holds no images, too many of them, or too many classes.
    """
    if not folder.is_dir():
        raise UserError(f"The folder of images {str(folder)!r} is not there; it may have been moved or deleted.")
    try:
        names = sorted(_found(folder), key=_natural)
    except OSError as error:
        raise UserError(f"The folder {str(folder)!r} cannot be read ({error.strerror}).") from error
    if not names:
        raise UserError(f"There are no images in {str(folder)!r}; {kinds()} are read.")
    while len({name.split("/")[0] for name in names}) == 1 and "/" in names[0]:
        folder = folder / names[0].split("/")[0]
        names = [name.split("/", 1)[1] for name in names]
    return _classified(folder, names)


def _classified(folder: Path, names: list[str]) -> Listing:
    tops = sorted({name.split("/")[0] for name in names if "/" in name}, key=_natural)
    if len(tops) < 2:
        return Listing(folder, tuple(names), (0,) * len(names), ())
    if len(tops) > MAX_CLASSES:
        raise UserError(
            f"{str(folder)!r} has {len(tops):,} sub-folders with images, and each is a class; at most {MAX_CLASSES:,} "
            "are possible, so put the images into fewer folders or into one."
        )
    kept = [name for name in names if "/" in name]
    number = {top: i for i, top in enumerate(tops)}
    classes = tuple(number[name.split("/")[0]] for name in kept)
    return Listing(folder, tuple(kept), classes, tuple(tops), len(names) - len(kept))


def _found(folder: Path) -> Iterator[str]:
    """Names relative to `folder`, with forward slashes."""
    count = 0
    for here, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith((".", "__MACOSX"))]
        for name in files:
            if name.startswith(".") or not name.lower().endswith(SUFFIXES):
                continue
            count += 1
            if count > MAX_FILES:
                raise UserError(f"{str(folder)!r} holds more than {MAX_FILES:,} images; choose a smaller folder.")
            yield (Path(here) / name).relative_to(folder).as_posix()


def _natural(name: str) -> list[tuple[bool, int, str]]:
    """Sorts `2.png` before `10.png`."""
    parts = re.split(r"([0-9]{1,18})", name)  # text and numbers in turn
    return [(bool(place % 2), int(part) if place % 2 else 0, part) for place, part in enumerate(parts)]


def read_images(
    listing: Listing,
    size: int,
    channels: int,
    fit: str,
    progress: Progress = lambda share: None,
    opened: Callable[[str], IO[bytes]] | None = None,
) -> tuple[NDArray[np.uint8], NDArray[np.int64], list[str]]:
    """Images uint8 [N, C, size, size], their classes int64 [N], and name and reason of each file that was left out.

    `opened` gives a file by its name where the files are not in the listing's folder but, say, in an archive.
    """
    images = np.empty((len(listing.files), channels, size, size), np.uint8)
    kept: list[int] = []
    refused: list[str] = []
    source = opened or partial(_opened, listing.folder)
    read = partial(_read_or_reason, source, size=size, channels=channels, fit=fit)
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        for start in range(0, len(listing.files), _GROUP):
            names = listing.files[start : start + _GROUP]
            for i, found in enumerate(pool.map(read, names), start):
                if isinstance(found, str):
                    refused.append(f"{listing.files[i]} ({found})")
                else:
                    images[len(kept)] = found
                    kept.append(i)
            progress(min(1.0, (start + len(names)) / len(listing.files)))
    return images[: len(kept)], np.array(listing.classes, np.int64)[kept], refused


def _opened(folder: Path, name: str) -> IO[bytes]:
    path = folder / name
    about = path.stat()
    if not stat.S_ISREG(about.st_mode):
        raise Unusable("not a file")
    if about.st_size > MAX_FILE_MB * 10**6:
        raise Unusable(f"more than {MAX_FILE_MB} MB")
    return path.open("rb")


def _read_or_reason(
    source: Callable[[str], IO[bytes]], name: str, size: int, channels: int, fit: str
) -> NDArray[np.uint8] | str:
    try:
        with source(name) as file:
            return decode(file, size, channels, fit)
    except Unusable as error:
        return str(error)
    except KeyError:  # of an archive
        return "not there"
    except OSError as error:
        return error.strerror or "cannot be read"


def decode(file: IO[bytes], size: int, channels: int, fit: str) -> NDArray[np.uint8]:
    """One image file as uint8 [C, size, size]: upright, `fit` to a square, on white where it is transparent.

    Only the first picture of an animation counts. JPEG files are decoded at a fraction of their size where that is
    enough.

    Raises:
        Unusable: it is no image, damaged, or larger than `MAX_MEGAPIXELS`.
    """
    try:
        with Image.open(file, formats=FORMATS) as image:
            pixels = image.width * image.height
            if pixels > MAX_MEGAPIXELS * 10**6:
                raise Unusable(f"{pixels / 1e6:.0f} megapixels, and {MAX_MEGAPIXELS} are the most")
            image.draft("L" if channels == 1 else "RGB", (2 * size, 2 * size))
            with _one_at_a_time if pixels > _LARGE else contextlib.nullcontext():
                turn = _turns.get(image.getexif().get(0x0112, 1))  # a PNG is decoded to find that out
                small = _small(_plain(image), size, fit)
    except (Unusable, MemoryError):
        raise
    except UnidentifiedImageError as error:
        raise Unusable("not an image") from error
    except Image.DecompressionBombError as error:  # Pillow's own limit, above ours
        raise Unusable(f"more than {MAX_MEGAPIXELS} megapixels") from error
    except Exception as error:  # decoders meet foreign bytes and raise whatever comes; the other files are fine
        raise Unusable("damaged") from error
    square = _framed(small.transpose(turn) if turn is not None else small, size)
    array = np.asarray(square.convert("L" if channels == 1 else "RGB"))
    return array[None] if channels == 1 else np.ascontiguousarray(array.transpose(2, 0, 1))


def _plain(image: Image.Image) -> Image.Image:
    """`image` in a mode whose values can be averaged: L, RGB or, where there is transparency, RGBA."""
    if image.mode.startswith("I"):  # 16 bits a pixel; converting would clip what is brighter than 255
        return Image.fromarray((np.asarray(image).clip(0, 65535) // 257).astype(np.uint8))
    if image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info:
        return image.convert("RGBA")
    return image if image.mode in ("L", "RGB") else image.convert("RGB")


def _small(image: Image.Image, size: int, fit: str) -> Image.Image:
    """The square in the middle, or all of the image, with `size` pixels as its longer side."""
    width, height = image.size
    if fit == "crop":
        side = min(width, height)
        left, top = (width - side) / 2, (height - side) / 2
        return _on_white(image.resize((size, size), _SMOOTH, (left, top, left + side, top + side), reducing_gap=3.0))
    longest = max(width, height)
    inner = max(1, round(width * size / longest)), max(1, round(height * size / longest))
    return _on_white(image.resize(inner, _SMOOTH, reducing_gap=3.0))


def _framed(small: Image.Image, size: int) -> Image.Image:
    if small.size == (size, size):
        return small
    framed = Image.new(small.mode, (size, size))
    framed.paste(small, ((size - small.width) // 2, (size - small.height) // 2))
    return framed


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image
    white = Image.new("RGBA", image.size, "white")
    white.alpha_composite(image)
    return white.convert("RGB")


_SMOOTH: Final = Image.Resampling.BICUBIC
_turns: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def kinds() -> str:
    """The kinds of files that are read, in words."""
    return "PNG, JPEG, WebP, BMP and GIF files"


def left_out(refused: list[str], total: int) -> str:
    """A sentence on files that could not be used, the first few by name; empty where there are none."""
    if not refused:
        return ""
    more = f" and {len(refused) - NAMED:,} more" if len(refused) > NAMED else ""
    return f"{len(refused):,} of {total:,} files could not be used: {', '.join(refused[:NAMED])}{more}."
