"""Verified downloads of the public data sets: addresses and checksums are torchvision's, except where it says so."""

from __future__ import annotations

import hashlib
import http.client
import shutil
import tarfile
import tempfile
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from dcgan.datasets import dataset_info
from dcgan.errors import UserError

Progress = Callable[[float], None]

# The binary version, which torchvision does not offer; address and MD5 from https://www.cs.toronto.edu/~kriz/cifar.html
CIFAR_BINARY = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530"
_PATIENCE_SECONDS = 30
_BLOCK = 1 << 18


def download(name: str, data_dir: Path, progress: Progress = lambda share: None) -> None:
    """Fetch the files of a data set into `data_dir`: aside first, then in place, so that nothing torn is left.

    Raises:
        UserError: they cannot be had, or are not what they should be.
    """
    info = dataset_info(name)
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=data_dir, prefix=".download-") as folder:
            counter = _Counter(info.download_mb * 1e6, progress)
            for path in _FETCHERS[name](Path(folder), counter):
                _into_place(Path(folder), path, data_dir)
    except UserError:
        raise
    except (OSError, RuntimeError, ValueError, EOFError, KeyError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise UserError(
            f"{info.title} could not be downloaded to {data_dir} ({_reason(error)}); connect to the internet, name a "
            "folder that has it with --data-dir, or train on the data set 'digits', which is always at hand."
        ) from error


class _Counter:
    """Adds up what has arrived, as a share of all that is expected."""

    def __init__(self, total: float, progress: Progress) -> None:
        self._total, self._progress, self._arrived = total, progress, 0

    def add(self, count: int) -> None:
        self._arrived += count
        self._progress(min(self._arrived / self._total, 1.0))


def _fetch(addresses: list[str], path: Path, md5: str | None, counter: _Counter) -> None:
    """The first of `addresses` that answers with the content that has the checksum.

    Raises:
        OSError: none of them does.
    """
    last: OSError = OSError("no address is known")
    for address in addresses:
        try:
            return _fetch_one(address, path, md5, counter)
        except OSError as error:
            last = error
        except http.client.HTTPException as error:  # an answer that ends in the middle, or is none
            last = OSError(f"the answer of {urlsplit(address).hostname} is broken")
            last.__cause__ = error
    raise last


def _fetch_one(address: str, path: Path, md5: str | None, counter: _Counter) -> None:
    digest = hashlib.md5(usedforsecurity=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    request = urllib.request.Request(address, headers={"User-Agent": "dcgan-lab"})
    with urllib.request.urlopen(request, timeout=_PATIENCE_SECONDS) as answer, path.open("wb") as file:
        while block := answer.read(_BLOCK):
            file.write(block)
            digest.update(block)
            counter.add(len(block))
    if md5 and digest.hexdigest() != md5:
        raise OSError(f"the checksum of {path.name} is wrong")


def _into_place(folder: Path, path: Path, data_dir: Path) -> None:
    target = data_dir / path.relative_to(folder)
    target.parent.mkdir(parents=True, exist_ok=True)
    path.replace(target)


def _like_mnist(folder_name: str) -> Callable[[Path, _Counter], Iterator[Path]]:
    def fetch(folder: Path, counter: _Counter) -> Iterator[Path]:
        from torchvision import datasets

        source = getattr(datasets, folder_name)
        made = []
        for file, md5 in source.resources:
            made.append(folder / folder_name / "raw" / file)
            _fetch([mirror + file for mirror in source.mirrors], made[-1], md5, counter)
        yield from made

    return fetch


def _emnist(folder: Path, counter: _Counter) -> Iterator[Path]:
    """Letters and digits out of one archive that holds all of EMNIST."""
    from torchvision.datasets import EMNIST

    archive = folder / "gzip.zip"
    _fetch([EMNIST.url], archive, EMNIST.md5, counter)
    with zipfile.ZipFile(archive) as packed:
        for kind in ("letters", "digits"):
            for split in ("train", "test"):
                for part in ("images-idx3", "labels-idx1"):
                    file = f"emnist-{kind}-{split}-{part}-ubyte.gz"
                    path = folder / "EMNIST" / "raw" / file
                    path.parent.mkdir(parents=True, exist_ok=True)
                    with packed.open(f"gzip/{file}") as source, path.open("wb") as target:
                        shutil.copyfileobj(source, target)
                    yield path


def _svhn(folder: Path, counter: _Counter) -> Iterator[Path]:
    from torchvision.datasets import SVHN

    address, file, md5 = SVHN.split_list["train"]
    path = folder / "SVHN" / file
    _fetch([address], path, md5, counter)
    yield path


def _cifar(folder: Path, counter: _Counter) -> Iterator[Path]:
    address, md5 = CIFAR_BINARY
    archive = folder / "cifar-10-binary.tar.gz"
    _fetch([address], archive, md5, counter)
    made = []
    with tarfile.open(archive) as packed:
        for file in (*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"):
            content = packed.extractfile(f"cifar-10-batches-bin/{file}")
            if content is None:
                raise OSError(f"{file} is not in the archive")
            made.append(folder / "cifar-10-batches-bin" / file)
            made[-1].parent.mkdir(exist_ok=True)
            made[-1].write_bytes(content.read())
    yield from made


def _celeba(folder: Path, counter: _Counter) -> Iterator[Path]:
    """From Google Drive, which needs the package gdown and often refuses; the archive stays packed."""
    from torchvision.datasets import CelebA
    from torchvision.datasets.utils import download_file_from_google_drive

    made = []
    for number, md5, file in CelebA.file_list:
        if file in ("img_align_celeba.zip", "list_eval_partition.txt"):
            made.append(folder / "celeba" / file)
            try:
                download_file_from_google_drive(number, str(made[-1].parent), file, md5)
            except Exception as error:  # gdown has exceptions of its own, and may not be installed
                raise UserError(
                    f"CelebA could not be downloaded ({_reason(error)}); fetch img_align_celeba.zip and "
                    "list_eval_partition.txt from mmlab.ie.cuhk.edu.hk/projects/CelebA.html into the folder celeba of "
                    "the data directory, or train on another data set."
                ) from error
            counter.add(made[-1].stat().st_size)
    yield from made


_FETCHERS: dict[str, Callable[[Path, _Counter], Iterator[Path]]] = {
    "mnist": _like_mnist("MNIST"),
    "fashion-mnist": _like_mnist("FashionMNIST"),
    "kmnist": _like_mnist("KMNIST"),
    "emnist-letters": _emnist,
    "emnist-digits": _emnist,
    "svhn": _svhn,
    "cifar10": _cifar,
    "celeba": _celeba,
}


def _reason(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".:")
