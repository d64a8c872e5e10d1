"""Named data sets as uint8 tensors that fit in memory; batches are scaled to [-1, 1] where they are used.

torch is imported only where images are read, so that asking what there is never waits for it.
"""

from __future__ import annotations

import hashlib
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dcgan.datasets import DatasetInfo, dataset_info, default_data_dir, is_on_disk, mnist_folder
from dcgan.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

DownloadProgress = Callable[[float], None]


@dataclass(frozen=True)
class ImageData:
    """A data set in memory: `images` uint8 [N, C, H, W], `labels` int64 [N]."""

    info: DatasetInfo
    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.images)


# MD5 of the unpacked files, and the bytes torchvision downloads for them.
_MNIST_MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
_MNIST_DOWNLOAD_BYTES = 11_594_722


def load_dataset(
    name: str,
    data_dir: Path | None = None,
    split: str = "train",
    *,
    download: bool = True,
    progress: DownloadProgress | None = None,
) -> ImageData:
    """Read a data set, downloading it first when it is not on disk; `progress` hears the share done, in [0, 1].

    Raises:
        UserError: the name or split is unknown, the files are damaged, or they are absent and cannot be downloaded.
    """
    info = dataset_info(name)
    if split not in ("train", "test"):
        raise UserError(f"Unknown split {split!r}; known are train, test.")
    if name == "digits":
        return _load_digits(info, split)
    return _load_mnist(info, data_dir or default_data_dir(), split, download, progress)


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


def _load_mnist(
    info: DatasetInfo, data_dir: Path, split: str, download: bool, progress: DownloadProgress | None
) -> ImageData:
    from torchvision.datasets import MNIST

    if not is_on_disk("mnist", data_dir):
        if not download:
            raise UserError(
                f"MNIST is not in {data_dir} and no download was asked for; the data set 'digits' is always at hand."
            )
        _download_mnist(data_dir, progress)
    _verify_mnist(mnist_folder(data_dir))
    data = MNIST(str(data_dir), train=split == "train", download=False)
    return ImageData(info, data.data.unsqueeze(1), data.targets.long())


def _verify_mnist(raw: Path) -> None:
    for file, expected in _MNIST_MD5.items():
        digest = hashlib.md5((raw / file).read_bytes(), usedforsecurity=False).hexdigest()
        if digest != expected:
            raise UserError(
                f"{raw / file} is not the MNIST file it should be (its checksum is wrong); delete it and it is "
                "downloaded again."
            )


def _download_mnist(data_dir: Path, progress: DownloadProgress | None) -> None:
    """Download aside and move verified files in place, so that a cut connection leaves nothing torn."""
    from torchvision.datasets import MNIST

    try:
        raw = mnist_folder(data_dir)
        raw.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=data_dir, prefix=".download-") as folder:
            with _watched(Path(folder), progress):
                MNIST(folder, download=True)
            _verify_mnist(mnist_folder(Path(folder)))
            for file in _MNIST_MD5:
                (mnist_folder(Path(folder)) / file).replace(raw / file)
    except (OSError, RuntimeError) as error:
        raise UserError(
            f"MNIST could not be downloaded to {data_dir} ({_reason(error)}); connect to the internet, name a folder "
            "that has it with --data-dir, or train on the data set 'digits', which is always at hand."
        ) from error


def _reason(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".:")


@contextmanager
def _watched(folder: Path, progress: DownloadProgress | None) -> Iterator[None]:
    """Report the share of the packed files that has arrived, five times a second."""
    done = threading.Event()

    def watch() -> None:
        """Look until the block ends."""
        while not done.wait(0.2):
            arrived = sum(p.stat().st_size for p in mnist_folder(folder).glob("*.gz"))
            if progress:
                progress(min(arrived / _MNIST_DOWNLOAD_BYTES, 1.0))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
