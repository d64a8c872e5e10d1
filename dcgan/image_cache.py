"""Decoded images kept in the data directory, so that a second start need not decode them again.

A file's name is a digest of everything that its content depends on; a foreign or damaged file is made anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, int64, uint8

KEPT = 8  # files; the one used longest ago goes first
_VERSION = 1
_TORN_SECONDS = 3600.0


@dataclass(frozen=True)
class Decoded:
    """Images uint8 [N, C, H, W], classes int64 [N], and what is to be said of files that were left out."""

    images: Tensor
    classes: Tensor
    note: str


def cached(folder: Path, key: tuple[object, ...], make: Callable[[], Decoded]) -> Decoded:
    """What `make` makes, from the file in `folder` that an earlier call with the same `key` left where there is one."""
    name = hashlib.sha256(repr((_VERSION, *key)).encode("utf-8", "surrogateescape")).hexdigest()[:32]
    file = folder / f"{name}.safetensors"
    found = _read(file)
    if found is None:
        found = make()
        with contextlib.suppress(OSError, SafetensorError):  # a full or read-only disk only costs the time of decoding
            _write(file, found)
    return found


def _read(file: Path) -> Decoded | None:
    try:
        with safe_open(file, framework="pt") as content:
            images, classes = content.get_tensor("images"), content.get_tensor("classes")
            note = str(json.loads((content.metadata() or {})["note"]))
        file.touch()
    except (OSError, SafetensorError, KeyError, ValueError):
        return None
    if images.dim() != 4 or (images.dtype, classes.dtype, classes.shape) != (uint8, int64, images.shape[:1]):
        return None
    return Decoded(images, classes, note)


def _write(file: Path, found: Decoded) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    for torn in file.parent.glob("*.tmp"):  # whoever wrote it was killed
        if time.time() - torn.stat().st_mtime > _TORN_SECONDS:
            torn.unlink(missing_ok=True)
    temporary = file.with_name(f"{file.stem}-{uuid.uuid4().hex}.tmp")  # two runs may start on the same images at once
    try:
        tensors = {"images": found.images.contiguous(), "classes": found.classes}
        save_file(tensors, temporary, {"note": json.dumps(found.note)})
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)
    oldest_first = sorted(file.parent.glob("*.safetensors"), key=lambda path: path.stat().st_mtime)
    for path in oldest_first[:-KEPT]:
        path.unlink(missing_ok=True)
