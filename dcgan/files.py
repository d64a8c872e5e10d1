"""Small files that are replaced whole: a reader sees the old or the new content, never a part of one."""

from __future__ import annotations

import hashlib
import json
import os
import time
import uuid
from pathlib import Path
from typing import IO, Any


def read_json(path: Path) -> dict[str, Any] | None:
    """The JSON object in `path`; None when the file is absent, unreadable or holds anything else."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def write_json(path: Path, value: Any) -> None:
    """Replace the file `path` whole: readers see the old or the new text, never a part."""
    write_bytes(path, (json.dumps(value, indent=1) + "\n").encode())


def write_bytes(path: Path, content: bytes, *, sync: bool = False) -> None:
    """Replace the file `path` whole with `content`; with `sync` it outlives a power cut once this returns."""
    temporary = path.with_name(f".{path.name}-{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            if sync:
                sync_file(file)
        replace_file(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if sync:
        _sync_folder(path.parent)


def write_sealed(path: Path, mark: str, content: bytes) -> None:
    """Replace `path` whole: one line with `mark` and the digest of `content`, then `content`, synced."""
    head = f"{mark} {hashlib.sha256(content).hexdigest()}\n".encode()
    write_bytes(path, head + content, sync=True)


def read_sealed(path: Path, mark: str) -> bytes:
    """The content of what `write_sealed` wrote.

    Raises:
        ValueError: it is not what was written.
        OSError: it cannot be read.
    """
    head, _, content = path.read_bytes().partition(b"\n")
    if head != f"{mark} {hashlib.sha256(content).hexdigest()}".encode():
        raise ValueError("not what was written")
    return content


def sync_file(file: IO[Any]) -> None:
    """Wait until what was written to the open `file` is on the disk."""
    file.flush()
    os.fsync(file.fileno())


def remove_leftovers(folder: Path, *names: str) -> None:
    """Delete what writers of `names` (of any file, without names) left half-written in `folder` when they were killed.

    To be called only by who writes those files.
    """
    for path in folder.glob(".*.tmp"):
        if not names or path.name.startswith(tuple(f".{name}-" for name in names)):
            path.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # folders cannot be opened there
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_file(source: Path, target: Path) -> None:
    """`os.replace` that waits out a reader: Windows refuses to replace a file somebody has open."""
    for attempt in range(20):
        try:
            source.replace(target)
            return
        except PermissionError:
            if os.name != "nt" or attempt == 19:
                raise
            time.sleep(0.02)
