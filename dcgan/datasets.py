"""The data sets there are and whether they are on disk; `dcgan.data` reads them. Nothing here needs torch."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from dcgan.config import nearest
from dcgan.errors import UserError

DATA_DIR_VARIABLE = "DCGAN_DATA_DIR"
MNIST_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


@dataclass(frozen=True)
class DatasetInfo:
    """What is known of a data set before it is read; `download_mb` is 0 for an embedded one."""

    name: str
    title: str
    description: str
    image_size: int
    channels: int
    num_classes: int
    download_mb: float
    licence: str


DATASETS: dict[str, DatasetInfo] = {
    info.name: info
    for info in (
        DatasetInfo(
            "mnist",
            "MNIST",
            "60,000 handwritten digits of 28x28 pixels (LeCun, Cortes, Burges).",
            28,
            1,
            10,
            11.6,
            "CC BY-SA 3.0",
        ),
        DatasetInfo(
            "digits",
            "Embedded digits",
            "1,797 real handwritten digits of 8x8 pixels that come with scikit-learn, enlarged; not MNIST.",
            28,
            1,
            10,
            0.0,
            "CC BY 4.0",
        ),
    )
}


def dataset_info(name: str) -> DatasetInfo:
    """What is known of the data set called `name`.

    Raises:
        UserError: there is no such data set.
    """
    if name not in DATASETS:
        raise UserError(f"Unknown data set {name!r}; {nearest(name, DATASETS)}.")
    return DATASETS[name]


def default_data_dir() -> Path:
    """The data directory: the environment variable `DCGAN_DATA_DIR`, else `data/` in the project."""
    return Path(os.environ.get(DATA_DIR_VARIABLE) or Path(__file__).resolve().parent.parent / "data")


def is_on_disk(name: str, data_dir: Path | None = None) -> bool:
    """Whether `load_dataset` can read the data set without a network."""
    if dataset_info(name).download_mb == 0:
        return True
    raw = mnist_folder(data_dir or default_data_dir())
    return all((raw / file).is_file() for file in MNIST_FILES)


def mnist_folder(data_dir: Path) -> Path:
    """Where torchvision keeps MNIST's unpacked files inside a data directory."""
    return data_dir / "MNIST" / "raw"
