"""Named sets of people's own images, unpacked from zip files into the data directory. No torch here.

Nothing that a zip says of its members is trusted: no name in it becomes a path, sizes are counted while reading, and
a member is kept only once it has been decoded.
"""

from __future__ import annotations

import contextlib
import io
import shutil
import struct
import time
import uuid
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final

from PIL import Image

from dcgan.datasets import OWN_IMAGES_FOLDER, default_data_dir, own_folder
from dcgan.errors import UserError
from dcgan.files import read_json, write_json
from dcgan.image_files import (
    FORMATS,
    MAX_FILE_MB,
    MAX_MEGAPIXELS,
    SUFFIXES,
    Unusable,
    decode,
    kinds,
    left_out,
)
from dcgan.safe_names import class_folders, free_name

MAX_ZIP_MB: Final = 200
MAX_MEMBERS: Final = 50_000
MAX_UNPACKED_GB: Final = 4
MAX_GIGAPIXELS: Final = 10  # of all images together; decoding them takes minutes, not hours
_ALL_PIXELS: Final = f"{MAX_GIGAPIXELS * 1000:,} megapixels in all"
ZIP_LIMITS: Final = (
    f"{kinds()} of any size and shape; at most {MAX_ZIP_MB} MB packed, {MAX_UNPACKED_GB} GB unpacked, {MAX_MEMBERS:,} "
    f"files, {MAX_MEGAPIXELS} megapixels and {MAX_FILE_MB} MB each, {_ALL_PIXELS}. Two or more folders in the zip are "
    "classes."
)
_END: Final = b"PK\x05\x06"  # of the zip's directory; 22 bytes and a comment of at most 65,535
_ENTRY: Final = b"PK\x01\x02"  # of one member in the directory
_END64: Final = b"PK\x06\x07"
_MAX_DIRECTORY: Final = 32 << 20
_MARK: Final = "set.json"
_SYMLINK: Final = 0o120000
_ENDINGS: Final = dict(zip(FORMATS, (".png", ".jpg", ".webp", ".bmp", ".gif"), strict=True))
_STALE_SECONDS: Final = 3600.0

Progress = Callable[[float], object]


@dataclass(frozen=True)
class OwnSet:
    """An uploaded set: `name` is what `TrainConfig.source` takes; `note` names what could not be used."""

    name: str
    title: str
    images: int
    classes: int
    note: str


def add_zip(
    file: IO[bytes], title: str, data_dir: Path | None = None, progress: Progress = lambda share: None
) -> OwnSet:
    """Unpack the images of a zip into a new set; damaged or foreign files are counted, never fatal.

    Raises:
        UserError: it is no zip, is encrypted, has members that climb out, is too large, or holds no usable image.
    """
    parent = (data_dir or default_data_dir()) / OWN_IMAGES_FOLDER
    temporary = parent / f".upload-{uuid.uuid4().hex}"
    try:
        with _opened(file) as packed:
            members = _checked(packed)
            _remove_stale(parent)
            temporary.mkdir(parents=True)
            count, refused = _unpack(packed, members, temporary, progress)
        if count < 2:
            raise UserError(f"The zip holds no two usable images. {left_out(refused, len(members))}".strip())
        name = free_name(parent, title)
        classes = sum(path.is_dir() for path in temporary.iterdir())
        made = OwnSet(name, title.strip()[:60] or name, count, classes, left_out(refused, len(members)))
        write_json(temporary / _MARK, {"title": made.title, "images": count, "classes": classes, "note": made.note})
        temporary.replace(parent / name)
    except (OSError, zipfile.BadZipFile) as error:
        raise UserError(f"The images could not be kept ({_reason(error)}); nothing was added.") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return made


def own_sets(data_dir: Path | None = None) -> list[OwnSet]:
    """The uploaded sets, by title."""
    parent = (data_dir or default_data_dir()) / OWN_IMAGES_FOLDER
    found = [_read(path) for path in parent.iterdir() if not path.name.startswith(".")] if parent.is_dir() else []
    return sorted((known for known in found if known), key=lambda known: known.title.lower())


def delete_set(name: str, data_dir: Path | None = None) -> None:
    """Delete an uploaded set for good; runs that trained on it stay, but cannot go on.

    Raises:
        UserError: there is none of that name, or it cannot be deleted.
    """
    folder = own_folder(name, data_dir)
    if folder.parent != (data_dir or default_data_dir()) / OWN_IMAGES_FOLDER:
        raise UserError("Only uploaded sets are deleted here.")
    gone = folder.with_name(f".upload-{uuid.uuid4().hex}")
    try:
        folder.replace(gone)  # at once out of sight, whatever happens to the rest
        shutil.rmtree(gone)
    except OSError as error:
        raise UserError(f"The set {name!r} could not be deleted ({error.strerror}).") from error


def _read(folder: Path) -> OwnSet | None:
    record: dict[str, Any] | None = read_json(folder / _MARK) if folder.is_dir() else None
    if record is None:
        return None
    images, classes = (value if isinstance(value := record.get(key), int) else 0 for key in ("images", "classes"))
    return OwnSet(
        folder.name, str(record.get("title") or folder.name)[:60], images, classes, str(record.get("note", ""))
    )


def _opened(file: IO[bytes]) -> zipfile.ZipFile:
    """The zip, once it is known that its directory is no larger than can be read at ease."""
    file.seek(0, io.SEEK_END)
    size = file.tell()
    if size > MAX_ZIP_MB * 10**6:
        raise UserError(f"The zip has {size / 1e6:,.0f} MB and at most {MAX_ZIP_MB} are possible; {_BY_COMMAND}.")
    file.seek(max(0, size - (1 << 16) - 64))
    tail = file.read()
    end = tail.rfind(_END)
    if end < 0 or len(tail) < end + 22:
        raise UserError("This is not a zip file, or its end is missing; choose a zip of images.")
    entries, directory = struct.unpack("<HI", tail[end + 10 : end + 16])
    end += size - len(tail)
    file.seek(max(0, end - directory))
    told = file.read(min(directory, _MAX_DIRECTORY)).count(_ENTRY)  # whatever number of them the end claims
    if _END64 in tail or max(entries, told) > MAX_MEMBERS or directory > _MAX_DIRECTORY:
        raise UserError(f"The zip holds more than {MAX_MEMBERS:,} files; {_BY_COMMAND}.")
    file.seek(0)
    try:
        return zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error, UnicodeDecodeError) as error:
        raise UserError(f"The zip is damaged ({_reason(error)}); pack it again.") from error


def _checked(packed: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The members that look like images.

    Raises:
        UserError: the zip as a whole is refused.
    """
    everything = packed.infolist()
    for member in everything:
        path = PurePosixPath(member.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or (path.parts and ":" in path.parts[0]):
            raise UserError(f"The zip is refused: {_shown(member)} would be written outside of its folder.")
        if (member.external_attr >> 16) & 0o170000 == _SYMLINK:
            raise UserError(
                f"The zip is refused: {_shown(member)} is a link and not a file; pack the images themselves."
            )
    members = [member for member in everything if _looks_like_an_image(member)]
    if any(member.flag_bits & 1 for member in members):
        raise UserError("The zip is encrypted; pack the images without a password.")
    if not members:
        raise UserError(f"There are no images in the zip; {kinds()} are read.")
    if len(members) > MAX_MEMBERS:
        raise UserError(f"The zip holds more than {MAX_MEMBERS:,} files; {_BY_COMMAND}.")
    if sum(member.file_size for member in members) > MAX_UNPACKED_GB * 10**9:
        raise UserError(f"The zip is refused: unpacked it takes more than {MAX_UNPACKED_GB} GB; {_BY_COMMAND}.")
    return members


def _looks_like_an_image(member: zipfile.ZipInfo) -> bool:
    parts = PurePosixPath(member.filename).parts
    hidden = any(part.startswith((".", "__MACOSX")) for part in parts)
    return not member.is_dir() and not hidden and member.filename.lower().endswith(SUFFIXES)


def _unpack(
    packed: zipfile.ZipFile, members: list[zipfile.ZipInfo], folder: Path, progress: Progress
) -> tuple[int, list[str]]:
    """Write every usable member under a name of our own; returns their number, and name and reason of the others.

    Raises:
        UserError: the zip has too many classes or pixels.
    """
    folders = class_folders([member.filename for member in members])
    count, pixels, refused = 0, 0, []
    for place, member in enumerate(members, 1):
        try:
            content = _content(packed, member)
            ending, more = _told(content)
            pixels += more
            if pixels > MAX_GIGAPIXELS * 10**9:  # few bytes can hold many of them, and each takes time
                raise UserError(f"The zip is refused: its images have more than {_ALL_PIXELS}; {_BY_COMMAND}.")
            decode(io.BytesIO(content), 32, 3, "crop")
            target = folder / folders.get(member.filename, "")
            target.mkdir(exist_ok=True)
            (target / f"{place:06d}{ending}").write_bytes(content)
            count += 1
        except Unusable as error:
            refused.append(f"{_shown(member)} ({error})")
        if place % 20 == 0 or place == len(members):
            progress(place / len(members))
    return count, refused


def _content(packed: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """A member, unpacked."""
    most = MAX_FILE_MB * 10**6
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # others may ask for any memory
        raise Unusable("packed by a method that is not read")
    if member.file_size > most:
        raise Unusable(f"more than {MAX_FILE_MB} MB")
    try:
        with packed.open(member) as source:
            content = source.read(most + 1)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, OSError, zlib.error) as error:
        raise Unusable("cannot be unpacked") from error
    if len(content) > most:
        raise Unusable(f"more than {MAX_FILE_MB} MB")
    return content


def _told(content: bytes) -> tuple[str, int]:
    """The ending that fits a file's format, and the pixels that decoding it will take; of what is no image, none."""
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            pixels = image.width * image.height
            return _ENDINGS[image.format or "PNG"], pixels if pixels <= MAX_MEGAPIXELS * 10**6 else 0
    except Exception:  # whatever it is, `decode` has the words for it
        return "", 0


def _remove_stale(parent: Path) -> None:
    """What uploads that were cut off left behind."""
    for path in parent.glob(".upload-*"):
        with contextlib.suppress(OSError):  # another upload may end meanwhile
            if time.time() - path.stat().st_mtime > _STALE_SECONDS:
                shutil.rmtree(path, ignore_errors=True)


def _shown(member: zipfile.ZipInfo) -> str:
    return member.filename[-80:].encode("utf-8", "replace").decode()


def _reason(error: BaseException) -> str:
    text = error.strerror if isinstance(error, OSError) else None
    return (text or str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".:")


_BY_COMMAND: Final = "for more, unpack it and train with --dataset folder --data-dir FOLDER on the command line"
