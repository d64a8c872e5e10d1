"""Names that any file system takes, made from what people call their folders and sets; nothing climbs out."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Collection
from pathlib import Path, PurePosixPath

from dcgan.errors import UserError
from dcgan.image_files import MAX_CLASSES


def class_folders(names: Collection[str]) -> dict[str, str]:
    """A safe folder name for each of a zip's members, where their `names` lie in two or more folders; empty otherwise.

    A folder around everything does not count.

    Raises:
        UserError: there are too many classes.
    """
    parts = {name: PurePosixPath(name).parts for name in names}
    least = min(len(path) for path in parts.values()) - 1
    ends = zip(min(parts.values()), max(parts.values()), strict=False)  # what these begin with, all begin with
    depth = min(least, sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], ends)))
    tops = {name: path[depth] for name, path in parts.items() if len(path) > depth + 1}
    classes = sorted(set(tops.values()))
    if len(classes) < 2:
        return {}
    if len(classes) > MAX_CLASSES:
        raise UserError(
            f"The zip has {len(classes):,} folders with images, and each is a class; at most {MAX_CLASSES:,} are "
            "possible, so put the images into fewer folders or into one."
        )
    safe: dict[str, str] = {}
    for top in classes:
        safe[top] = _unique(_readable(top), set(safe.values()))
    return {name: safe[top] for name, top in tops.items()}


def _readable(name: str) -> str:
    """A folder name that any file system takes and people recognise."""
    text = "".join(c if c.isalnum() or c in " _-" else "_" for c in unicodedata.normalize("NFC", name))
    return text.strip(" _")[:40].strip() or "class"


def _unique(name: str, taken: set[str]) -> str:
    known = {one.lower() for one in taken}
    tries = (name if i == 1 else f"{name} {i}" for i in range(1, MAX_CLASSES + 2))
    return next(each for each in tries if each.lower() not in known)


def free_name(parent: Path, title: str) -> str:
    """A name like `title` for a folder that `parent` does not have yet: ASCII letters, digits and dashes."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    stem = re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-").lower()[:40].strip("-") or "images"
    tries = (stem if i == 1 else f"{stem}-{i}" for i in range(1, 10_000))
    return next(name for name in tries if not (parent / name).exists())
