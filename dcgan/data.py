"""Named data sets as uint8 tensors that fit in memory; batches are scaled to [-1, 1] where they are used.

torch is imported only where images are read, so that asking what there is never waits for it.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dcgan.config import TrainConfig
from dcgan.datasets import (
    FILES,
    OWN_IMAGES,
    DatasetInfo,
    dataset_info,
    default_data_dir,
    find_file,
    info_for,
    is_on_disk,
    own_folder,
    own_listing,
)
from dcgan.errors import UserError
from dcgan.image_files import Listing, left_out, read_images

if TYPE_CHECKING:
    from torch import Tensor

    from dcgan.image_cache import Decoded

Progress = Callable[[str, float], None]  # what is being done, and the share of it that is done, in [0, 1]


@dataclass(frozen=True)
class ImageData:
    """A data set in memory: `images` uint8 [N, C, H, W], `labels` int64 [N] (zeros where there are no classes).

    `note` is a sentence on images that were left out, empty where all are there.
    """

    info: DatasetInfo
    images: Tensor
    labels: Tensor
    note: str = ""

    def __len__(self) -> int:
        return len(self.images)


# MD5 of the unpacked files.
_MNIST_MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
_COLOR_SEEDS = {"train": 0, "test": 1}  # fixed: the made sets are the same in every run
_CACHE = "cache"


def load_for(
    config: TrainConfig,
    data_dir: Path | None = None,
    split: str = "train",
    *,
    download: bool = True,
    progress: Progress = lambda what, share: None,
) -> ImageData:
    """The images of a run at its size and number of channels, `info` included; evenly thinned where memory ends.

    Raises:
        UserError: as for `load_dataset`, or the run's own images are gone, empty, or lack the classes it wants.
    """
    info = info_for(config, data_dir)
    size, channels = info.image_size, info.channels
    if config.dataset == OWN_IMAGES:
        return _own_images(config, info, data_dir, split, progress)
    if config.dataset == "celeba":
        return _celeba(info, data_dir or default_data_dir(), split, download, progress)
    found = load_dataset(config.dataset, data_dir, split, download=download, progress=progress)
    from dcgan.shaping import thinned, to_shape

    kept, note = thinned(len(found), size, channels), found.note
    images, labels = found.images, found.labels
    if kept is not None:
        images, labels, note = images[kept], labels[kept], _thinned_words(len(kept), len(found), size)
    if images.shape[1:] != (channels, size, size):
        progress("Resizing the images", 0.0)
    return ImageData(info, to_shape(images, size, channels), labels, note)


def load_dataset(
    name: str,
    data_dir: Path | None = None,
    split: str = "train",
    *,
    download: bool = True,
    progress: Progress = lambda what, share: None,
) -> ImageData:
    """Read a data set as it comes, downloading it first when it is not on disk.

    Raises:
        UserError: the name or split is unknown, the files are damaged, or they are absent and cannot be downloaded.
    """
    info, folder = dataset_info(name), data_dir or default_data_dir()
    if split not in ("train", "test"):
        raise UserError(f"Unknown split {split!r}; known are train, test.")
    if name in (OWN_IMAGES, "celeba"):
        return load_for(TrainConfig(dataset=name), data_dir, split, download=download, progress=progress)
    if name == "digits":
        return _load_digits(info, split)
    if info.made_from:
        return _made(info, load_dataset(info.made_from, folder, split, download=download, progress=progress), split)
    _fetch_if_absent(info, folder, download, progress)
    from dcgan import formats

    if name == "svhn":
        images, labels = formats.read_svhn(_file(folder, FILES[name][0], split), info.title)
    elif name == "cifar10":
        files = FILES[name] if split == "train" else ("cifar-10-batches-bin/test_batch.bin",)
        images, labels = formats.read_cifar([_file(folder, file, "train") for file in files], info.title)
    else:
        images, labels = _load_idx(info, folder, split)
    return ImageData(info, images, labels)


def to_unit_range(images: Tensor) -> Tensor:
    """uint8 [0, 255] to float32 [-1, 1], any shape; the inverse is `to_uint8`."""
    return images.float().mul_(1 / 127.5).sub_(1)


def to_uint8(images: Tensor) -> Tensor:
    """Float [-1, 1] to uint8 [0, 255], rounded and clamped, any shape."""
    import torch

    return images.float().add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)


def _load_digits(info: DatasetInfo, split: str) -> ImageData:
    if split != "train":
        raise UserError("The embedded digits have no test split; use mnist to measure quality.")
    import torch
    from sklearn.datasets import load_digits

    raw, labels = load_digits(return_X_y=True)
    small = torch.from_numpy(raw).float().reshape(-1, 1, 8, 8) / 16
    large = torch.nn.functional.interpolate(small, size=(20, 20), mode="bicubic", antialias=True).clamp(0, 1)
    framed = torch.nn.functional.pad(large, (4, 4, 4, 4))
    return ImageData(info, (framed * 255).round().to(torch.uint8), torch.from_numpy(labels).long())


def _made(info: DatasetInfo, digits: ImageData, split: str) -> ImageData:
    from dcgan import colored

    if info.name == "color-mnist":
        return ImageData(info, colored.color_digits(digits.images, _COLOR_SEEDS[split]), digits.labels)
    return ImageData(info, *colored.stack_digits(digits.images, digits.labels, _COLOR_SEEDS[split]))


def _load_idx(info: DatasetInfo, folder: Path, split: str) -> tuple[Tensor, Tensor]:
    """The sets in MNIST's format: EMNIST's images lie on their side, and its letters count from 1."""
    from dcgan import formats

    images, labels = (_file(folder, file, split) for file in FILES[info.name][:2])
    if info.name == "mnist":
        _verify_mnist([images, labels])
    pixels, classes = formats.read_idx_pair(images, labels, info.title)
    if info.name.startswith("emnist"):
        pixels = pixels.transpose(2, 3).contiguous()
    if info.name == "emnist-letters":
        classes = classes - 1
    if pixels.shape[1:] != (1, 28, 28) or classes.min() < 0 or classes.max() >= info.num_classes:
        raise formats.damaged(images, info.title)
    return pixels, classes


def _file(folder: Path, file: str, split: str) -> Path:
    """The file of `split` that stands where `file` of the training split does.

    Raises:
        UserError: it is not there.
    """
    path = Path(file)
    if split == "test":  # t10k-... beside train-..., but ...-test-... and test_... where the name says it otherwise
        name = "t10k" + path.name.removeprefix("train") if path.name.startswith("train-") else ""
        path = path.with_name(name or path.name.replace("train", "test"))
    found = find_file(folder, path.as_posix())
    if not found.is_file():
        raise UserError(f"{path.name} is not in {folder}; put it there, or take the training split.")
    return found


def _fetch_if_absent(info: DatasetInfo, folder: Path, download: bool, progress: Progress) -> None:
    if is_on_disk(info.name, folder):
        return
    if not download:
        raise UserError(
            f"{info.title} is not in {folder} and no download was asked for; the data set 'digits' is always at hand."
        )
    from dcgan import downloads

    downloads.download(info.name, folder, lambda share: progress(f"Downloading {info.title}", share))


def _verify_mnist(files: list[Path]) -> None:
    for path in files:
        if path.suffix == ".gz":
            continue  # gzip has a checksum of its own
        if hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() != _MNIST_MD5[path.name]:
            raise UserError(
                f"{path} is not the MNIST file it should be (its checksum is wrong); delete it and it is "
                "downloaded again."
            )


def _celeba(info: DatasetInfo, folder: Path, split: str, download: bool, progress: Progress) -> ImageData:
    """Faces of the split, cut to the square in the middle; decoded once for each size and kept."""
    from dcgan import formats

    _fetch_if_absent(info, folder, download, progress)
    place = folder / "celeba"
    wanted = 0 if split == "train" else 2
    parts = formats.read_partition(place / "list_eval_partition.txt", info.title)
    names = tuple(name for name, part in parts.items() if part == wanted)
    if not names:
        raise formats.damaged(place / "list_eval_partition.txt", info.title)
    listing = Listing(place / "img_align_celeba", names, (0,) * len(names), ())
    if listing.folder.is_dir():
        return _decoded(info, listing, "crop", folder, (info.name, split), progress)
    try:
        with zipfile.ZipFile(place / "img_align_celeba.zip") as packed:
            return _decoded(info, listing, "crop", folder, (info.name, split), progress, packed)
    except zipfile.BadZipFile as error:
        raise formats.damaged(place / "img_align_celeba.zip", info.title) from error


def _own_images(
    config: TrainConfig, info: DatasetInfo, data_dir: Path | None, split: str, progress: Progress
) -> ImageData:
    if split != "train":
        raise UserError("Own images have no test split.")
    listing = own_listing(config, data_dir)
    folder = data_dir or default_data_dir()
    if folder.absolute().is_relative_to(own_folder(config.source, data_dir)):
        folder = default_data_dir()  # --data-dir names the images themselves; nothing is put among them
    try:
        key = (config.source, listing.digest())
    except OSError as error:
        raise UserError(f"{listing.folder} changed while it was read; start again.") from error
    return _decoded(info, listing, config.fit, folder, key, progress)


def _decoded(
    info: DatasetInfo,
    listing: Listing,
    fit: str,
    folder: Path,
    key: tuple[object, ...],
    progress: Progress,
    packed: zipfile.ZipFile | None = None,
) -> ImageData:
    """The images of a listing from the cache or, the first time, from their files."""
    import torch

    from dcgan.image_cache import Decoded, cached
    from dcgan.shaping import thinned

    size, channels = info.image_size, info.channels

    def make() -> Decoded:
        kept = thinned(len(listing.files), size, channels)
        rows = range(len(listing.files)) if kept is None else kept.tolist()
        some = replace(
            listing, files=tuple(listing.files[i] for i in rows), classes=tuple(listing.classes[i] for i in rows)
        )
        opened = None if packed is None else lambda name: packed.open(f"img_align_celeba/{name}")
        images, classes, refused = read_images(
            some, size, channels, fit, lambda share: progress("Reading the images", share), opened
        )
        notes = [left_out(refused, len(rows))]
        if kept is not None:
            notes.append(_thinned_words(len(kept), len(listing.files), size))
        if listing.beside:
            notes.append(f"{listing.beside:,} images beside the classes' folders were passed over.")
        return Decoded(torch.from_numpy(images), torch.from_numpy(classes), " ".join(filter(None, notes)))

    found = cached(folder / _CACHE, (*key, size, channels, fit), make)
    if len(found.images) < 2:
        raise UserError(f"There are no two usable images in {listing.folder}. {found.note}".strip())
    return ImageData(info, found.images, found.classes, found.note)


def _thinned_words(kept: int, total: int, size: int) -> str:
    return f"{kept:,} of {total:,} images are used, evenly chosen: as many as fit into memory at {size}x{size} pixels."
