"""The data sets there are and whether they are on disk; `dcgan.data` reads them. Nothing here needs torch."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dcgan.config import TrainConfig
from dcgan.errors import UserError
from dcgan.fields import nearest
from dcgan.image_files import MAX_CLASSES, MAX_FILE_MB, MAX_FILES, MAX_MEGAPIXELS, Listing, kinds, list_images

DATA_DIR_VARIABLE = "DCGAN_DATA_DIR"
OWN_IMAGES = "folder"
OWN_IMAGES_FOLDER = "own-images"
DIGITS = tuple("0123456789")
_UPLOADED_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}")


@dataclass(frozen=True)
class DatasetInfo:
    """What is known of a data set before it is read; `download_mb` is 0 where nothing need be downloaded.

    `num_classes` is 0 and `class_names` empty where images have no classes. `made_from` is another data set whose files
    are read instead of own ones.
    """

    name: str
    title: str
    description: str
    image_size: int
    channels: int
    class_names: tuple[str, ...]
    download_mb: float
    licence: str
    made_from: str = ""

    @property
    def num_classes(self) -> int:
        """How many classes the images have."""
        return len(self.class_names)


_FASHION = (
    "T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip
_OBJECTS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_KANA = ("お o", "き ki", "す su", "つ tsu", "な na", "は ha", "ま ma", "や ya", "れ re", "を wo")
_LETTERS = tuple("abcdefghijklmnopqrstuvwxyz")
_THREE_DIGITS = tuple(f"{number:03d}" for number in range(1000))
_EMNIST_LICENCE = "licence unknown, see nist.gov/itl/products-and-services/emnist-dataset"

DATASETS: dict[str, DatasetInfo] = {
    info.name: info
    for info in (
        DatasetInfo(
            "mnist", "MNIST", "60,000 handwritten digits of 28x28 pixels (LeCun, Cortes, Burges).",
            28, 1, DIGITS, 11.6, "CC BY-SA 3.0",
        ),
        DatasetInfo(
            "digits", "Embedded digits",
            "1,797 real handwritten digits of 8x8 pixels that come with scikit-learn, enlarged; not MNIST.",
            28, 1, DIGITS, 0.0, "CC BY 4.0",
        ),
        DatasetInfo(
            "color-mnist", "Coloured MNIST",
            "MNIST's 60,000 digits, each in a random colour on a background of another.",
            28, 3, DIGITS, 11.6, "CC BY-SA 3.0", made_from="mnist",
        ),
        DatasetInfo(
            "stacked-mnist", "Stacked MNIST",
            "Three MNIST digits in one image, red, green and blue: 1,000 combinations, a test for lost modes.",
            28, 3, _THREE_DIGITS, 11.6, "CC BY-SA 3.0", made_from="mnist",
        ),
        DatasetInfo(
            "fashion-mnist", "Fashion-MNIST", "60,000 gray pictures of clothes, 28x28 pixels (Zalando Research).",
            28, 1, _FASHION, 30.9, "MIT",
        ),
        DatasetInfo(
            "kmnist", "Kuzushiji-MNIST", "60,000 characters of old Japanese handwriting, 28x28 pixels (CODH).",
            28, 1, _KANA, 21.2, "CC BY-SA 4.0",
        ),
        DatasetInfo(
            "emnist-letters", "EMNIST letters", "124,800 handwritten letters, capital and small, 28x28 pixels (NIST).",
            28, 1, _LETTERS, 561.8, _EMNIST_LICENCE,
        ),
        DatasetInfo(
            "emnist-digits", "EMNIST digits", "240,000 handwritten digits of 28x28 pixels (NIST).",
            28, 1, DIGITS, 561.8, _EMNIST_LICENCE,
        ),
        DatasetInfo(
            "svhn", "SVHN", "73,257 colour photographs of house numbers' digits, 32x32 pixels (Stanford).",
            32, 3, DIGITS, 182.0, "for non-commercial use only",
        ),
        DatasetInfo(
            "cifar10", "CIFAR-10", "50,000 colour photographs of ten kinds of things, 32x32 pixels (Krizhevsky).",
            32, 3, _OBJECTS, 170.1, "licence unknown, see cs.toronto.edu/~kriz/cifar.html",
        ),
        DatasetInfo(
            "celeba", "CelebA faces",
            "162,770 photographs of famous faces, cropped to squares (CUHK); at 64x64 pixels, 32,552 of them are used.",
            64, 3, (), 1446.3, "for non-commercial research only",
        ),
        DatasetInfo(
            OWN_IMAGES, "Own images", "Your own pictures, from a folder or a zip; each sub-folder is a class.",
            32, 3, (), 0.0, "your own",
        ),
    )
}  # fmt: skip

FILES: dict[str, tuple[str, ...]] = {  # that hold the training split, below the data directory
    "mnist": tuple(
        f"MNIST/raw/{name}" for name in (
            "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte",
        )
    ),
    "fashion-mnist": ("FashionMNIST/raw/train-images-idx3-ubyte", "FashionMNIST/raw/train-labels-idx1-ubyte"),
    "kmnist": ("KMNIST/raw/train-images-idx3-ubyte", "KMNIST/raw/train-labels-idx1-ubyte"),
    "emnist-letters": tuple(f"EMNIST/raw/emnist-letters-train-{kind}-ubyte" for kind in ("images-idx3", "labels-idx1")),
    "emnist-digits": tuple(f"EMNIST/raw/emnist-digits-train-{kind}-ubyte" for kind in ("images-idx3", "labels-idx1")),
    "svhn": ("SVHN/train_32x32.mat",),
    "cifar10": tuple(f"cifar-10-batches-bin/data_batch_{i}.bin" for i in range(1, 6)),
    "celeba": ("celeba/list_eval_partition.txt",),
}  # fmt: skip
CELEBA_IMAGES = ("img_align_celeba", "img_align_celeba.zip")  # a folder, or still packed
MNIST_FILES = tuple(Path(name).name for name in FILES["mnist"])

LIMITS = (
    f"{kinds()} of any size and shape, at most {MAX_FILES:,} of them, {MAX_MEGAPIXELS} megapixels and {MAX_FILE_MB} MB "
    f"each; two or more sub-folders with images are classes, at most {MAX_CLASSES:,}"
)


def dataset_info(name: str) -> DatasetInfo:
    """What is known of the data set called `name`.

    Raises:
        UserError: there is no such data set.
    """
    if name not in DATASETS:
        raise UserError(f"Unknown data set {name!r}; {nearest(name, DATASETS)}.")
    return DATASETS[name]


def info_for(config: TrainConfig, data_dir: Path | None = None) -> DatasetInfo:
    """The data set of a run as its networks see it: at the run's size and channels, with own images' classes.

    Raises:
        UserError: there is no such data set, own images are not where they should be, or the run wants labels of
            images that have none.
    """
    info = dataset_info(config.dataset)
    if config.dataset == OWN_IMAGES:
        classes = own_listing(config, data_dir).class_names
        info = replace(info, title=f"{info.title}: {Path(config.source).name}", class_names=classes)
    if config.conditioning == "labels" and info.num_classes < 2:
        raise UserError(
            f"Conditioning labels needs classes, and the data set {info.title} has none here; take conditioning "
            "clusters, which groups look-alikes, or none."
        )
    return replace(info, image_size=config.image_size or info.image_size, channels=config.channels or info.channels)


def on_look_alikes(config: TrainConfig, data_dir: Path | None = None) -> TrainConfig:
    """`config` conditioned on clusters, of own images on no more than one for every ten.

    Raises:
        UserError: own images are gone, or there are none.
    """
    count = config.clusters
    if config.dataset == OWN_IMAGES:
        count = min(count, max(2, len(own_listing(config, data_dir).files) // 10))
    return config.with_changes(conditioning="clusters", clusters=count)


def class_names(config: TrainConfig, data_dir: Path | None = None) -> tuple[str, ...]:
    """Names of the classes of a run's images, by number; empty where they have none or own images are gone."""
    try:
        return info_for(config.with_changes(conditioning="none"), data_dir).class_names
    except UserError:
        return ()


def condition_noun(conditioning: str, class_names: Sequence[str]) -> str:
    """What one of the things that a generator can be asked for is called: a digit, a class, a group of look-alikes."""
    if conditioning == "clusters":
        return "group"
    return "digit" if all(name.isdigit() for name in class_names) else "class"


def own_folder(source: str, data_dir: Path | None = None) -> Path:
    """Where own images called `source` are: a folder's path, or the name of an uploaded set.

    Raises:
        UserError: nothing is named, or the set is not there.
    """
    if not source:
        raise UserError(
            "There are no own images yet; upload a zip of them on the Train page, or name their folder with --data-dir."
        )
    if Path(source).is_absolute() and "\0" not in source:
        return Path(source)
    folder = (data_dir or default_data_dir()) / OWN_IMAGES_FOLDER / source
    if not _UPLOADED_NAME.fullmatch(source) or not folder.is_dir():
        raise UserError(f"The set of own images {source!r} is not there; it may have been deleted, so upload it again.")
    return folder


def own_listing(config: TrainConfig, data_dir: Path | None = None) -> Listing:
    """The files of a run's own images.

    Raises:
        UserError: they are gone, or there are none.
    """
    return list_images(own_folder(config.source, data_dir))


def default_data_dir() -> Path:
    """The data directory: the environment variable `DCGAN_DATA_DIR`, else `data/` in the project."""
    return Path(os.environ.get(DATA_DIR_VARIABLE) or Path(__file__).resolve().parent.parent / "data")


def is_on_disk(name: str, data_dir: Path | None = None) -> bool:
    """Whether the data set's files are there, so that no network is needed; own images always count as there."""
    info = dataset_info(name)
    if info.download_mb == 0:
        return True
    folder = data_dir or default_data_dir()
    there = all(find_file(folder, file).is_file() for file in FILES[info.made_from or name])
    return there and (name != "celeba" or any((folder / "celeba" / kept).exists() for kept in CELEBA_IMAGES))


def has_data(config: TrainConfig, data_dir: Path | None = None) -> bool:
    """Whether the images of a run can be read without a network."""
    try:
        if config.dataset == OWN_IMAGES:
            return own_folder(config.source, data_dir).is_dir()
        return is_on_disk(config.dataset, data_dir)
    except UserError:
        return False


def find_file(data_dir: Path, file: str) -> Path:
    """`file` below a data directory, the same packed with gzip, or where torchvision keeps it; else `file` itself."""
    path = data_dir / file
    others = [path.with_name(path.name + ".gz")] + ([data_dir / path.name] if path.suffix == ".mat" else [])
    return path if path.is_file() else next((other for other in others if other.is_file()), path)


def download_words(name: str) -> str:
    """What a download of the data set brings, to be said before it begins: `30.9 MB, MIT`."""
    return f"{download_size(name)}, {dataset_info(name).licence}"


def download_size(name: str) -> str:
    """What a download of the data set takes: `30.9 MB`, `1.4 GB`."""
    megabytes = dataset_info(name).download_mb
    return f"{megabytes:.1f} MB" if megabytes < 1000 else f"{megabytes / 1000:.1f} GB"


def mnist_folder(data_dir: Path) -> Path:
    """Where torchvision keeps MNIST's unpacked files inside a data directory."""
    return data_dir / "MNIST" / "raw"
