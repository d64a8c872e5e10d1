"""Public data sets, read by the real loader from small files of the same format that are made here."""

import gzip
import http.client
import io
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy.io import savemat

from dcgan import downloads
from dcgan.config import TrainConfig
from dcgan.data import ImageData, load_dataset, load_for
from dcgan.datasets import is_on_disk
from dcgan.errors import UserError

COUNT = 30
Numbers = NDArray[np.uint8]


@pytest.fixture
def numbers() -> np.random.Generator:
    return np.random.default_rng(0)


def idx(array: Numbers) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_idx(folder: Path, images: str, labels: str, pixels: Numbers, classes: Numbers, *, packed: bool) -> None:
    folder.mkdir(parents=True)
    for name, array in ((images, pixels), (labels, classes)):
        content = idx(array)
        (folder / (name + ".gz" * packed)).write_bytes(gzip.compress(content) if packed else content)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(("name", "folder"), [("fashion-mnist", "FashionMNIST"), ("kmnist", "KMNIST")])
def test_sets_like_mnist(tmp_path: Path, numbers: np.random.Generator, name: str, folder: str, packed: bool) -> None:
    pixels, classes = numbers.integers(0, 256, (COUNT, 28, 28), np.uint8), np.arange(COUNT, dtype=np.uint8) % 10
    files = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")
    assert not is_on_disk(name, tmp_path)
    write_idx(tmp_path / folder / "raw", *files, pixels, classes, packed=packed)
    data = load_dataset(name, tmp_path, download=False)
    assert is_on_disk(name, tmp_path) and np.array_equal(data.images[:, 0].numpy(), pixels)
    assert data.labels.tolist() == classes.tolist()
    with pytest.raises(UserError, match="t10k-images-idx3-ubyte is not in"):
        load_dataset(name, tmp_path, "test", download=False)


def test_emnist_stands_upright_and_its_letters_count_from_0(tmp_path: Path, numbers: np.random.Generator) -> None:
    pixels, letters = numbers.integers(0, 256, (COUNT, 28, 28), np.uint8), np.arange(COUNT, dtype=np.uint8) % 26 + 1
    files = ("emnist-letters-train-images-idx3-ubyte", "emnist-letters-train-labels-idx1-ubyte")
    write_idx(tmp_path / "EMNIST" / "raw", *files, pixels, letters, packed=True)
    data = load_dataset("emnist-letters", tmp_path, download=False)
    assert np.array_equal(data.images[:, 0].numpy(), pixels.transpose(0, 2, 1))
    assert [data.info.class_names[i] for i in data.labels[:3]] == ["a", "b", "c"]
    assert not is_on_disk("emnist-digits", tmp_path)


def test_svhn_has_its_ten_at_0(tmp_path: Path, numbers: np.random.Generator) -> None:
    pixels = numbers.integers(0, 256, (32, 32, 3, COUNT), np.uint8)
    digits = np.arange(COUNT, dtype=np.uint8) % 10 + 1
    savemat(tmp_path / "train_32x32.mat", {"X": pixels, "y": digits[:, None]})  # where torchvision puts it
    data = load_for(TrainConfig(dataset="svhn", image_size=28, channels=1), tmp_path, download=False)
    assert data.images.shape == (COUNT, 1, 28, 28) and data.labels[8:11].tolist() == [9, 0, 1]
    natural = load_dataset("svhn", tmp_path, download=False)
    assert np.array_equal(natural.images[3].numpy(), pixels[..., 3].transpose(2, 0, 1))


def cifar_rows(pixels: Numbers, classes: Numbers) -> bytes:
    return np.concatenate([classes[:, None], pixels.reshape(len(pixels), -1)], axis=1).tobytes()


def test_cifar10_is_read_from_its_binary_version(tmp_path: Path, numbers: np.random.Generator) -> None:
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    pixels, classes = numbers.integers(0, 256, (COUNT, 3, 32, 32), np.uint8), np.arange(COUNT, dtype=np.uint8) % 10
    for i in range(5):
        rows = slice(6 * i, 6 * i + 6)
        (folder / f"data_batch_{i + 1}.bin").write_bytes(cifar_rows(pixels[rows], classes[rows]))
    (folder / "test_batch.bin").write_bytes(cifar_rows(pixels[:4], classes[:4]))
    data = load_dataset("cifar10", tmp_path, download=False)
    assert np.array_equal(data.images.numpy(), pixels) and data.info.class_names[data.labels[3]] == "cat"
    assert len(load_dataset("cifar10", tmp_path, "test", download=False)) == 4


@pytest.mark.parametrize("packed", [False, True])
def test_faces_are_cut_square_and_kept_at_the_runs_size(tmp_path: Path, packed: bool) -> None:
    folder = tmp_path / "celeba"
    folder.mkdir()
    split = "".join(f"{i:06d}.jpg {0 if i < 5 else 2}\n" for i in range(8))
    (folder / "list_eval_partition.txt").write_text(split)
    faces = {f"{i:06d}.jpg": face(i) for i in range(8)}
    if packed:
        with zipfile.ZipFile(folder / "img_align_celeba.zip", "w") as archive:
            for name, content in faces.items():
                archive.writestr(f"img_align_celeba/{name}", content)
    else:
        (folder / "img_align_celeba").mkdir()
        for name, content in faces.items():
            (folder / "img_align_celeba" / name).write_bytes(content)
    data = load_for(TrainConfig(dataset="celeba", image_size=32), tmp_path, download=False)
    assert data.images.shape == (5, 3, 32, 32) and (data.info.image_size, data.info.num_classes) == (32, 0)
    assert data.images[:, 0].float().mean((1, 2)).round().tolist() == pytest.approx([0, 20, 40, 60, 80], abs=3)
    assert data.images[0, 2].max() < 30  # blue lies above the square only
    assert load_dataset("celeba", tmp_path, download=False).images.shape == (5, 3, 64, 64)
    with pytest.raises(UserError, match="conditioning clusters, which groups look-alikes"):
        load_for(TrainConfig(dataset="celeba", conditioning="labels"), tmp_path)


def test_a_face_that_is_not_in_the_archive_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "celeba"
    folder.mkdir()
    (folder / "list_eval_partition.txt").write_text("".join(f"{i}.jpg 0\n" for i in range(3)))
    with zipfile.ZipFile(folder / "img_align_celeba.zip", "w") as archive:
        for i in range(2):
            archive.writestr(f"img_align_celeba/{i}.jpg", face(i))
    data = load_for(TrainConfig(dataset="celeba", image_size=32), tmp_path, download=False)
    assert len(data) == 2 and data.note == "1 of 3 files could not be used: 2.jpg (not there)."


def face(number: int) -> bytes:
    image = Image.new("RGB", (178, 218), (20 * number, 0, 0))
    image.paste((0, 0, 255), (0, 0, 178, 16))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


@pytest.mark.parametrize("content", [b"", b"no", idx(np.zeros((2, 28, 28), np.uint8))[:-1], idx(np.zeros(3, np.uint8))])
def test_damaged_files_are_named(tmp_path: Path, content: bytes) -> None:
    folder = tmp_path / "KMNIST" / "raw"
    folder.mkdir(parents=True)
    (folder / "train-images-idx3-ubyte").write_bytes(content)
    (folder / "train-labels-idx1-ubyte").write_bytes(idx(np.zeros(2, np.uint8)))
    with pytest.raises(UserError, match="train-images-idx3-ubyte is not the Kuzushiji-MNIST file it should be"):
        load_dataset("kmnist", tmp_path, download=False)
    (tmp_path / "train_32x32.mat").write_bytes(content)
    with pytest.raises(UserError, match="SVHN file it should be"):
        load_dataset("svhn", tmp_path, download=False)


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    (tmp_path / "cifar-10-batches-py").mkdir()
    (tmp_path / "cifar-10-batches-py" / "data_batch_1").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    assert not is_on_disk("cifar10", tmp_path)


def answering(content: bytes) -> Callable[..., io.BytesIO]:
    return lambda request, timeout: io.BytesIO(content)


def test_archives_are_unpacked_into_place(
    tmp_path: Path, numbers: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    buffer = io.BytesIO()
    rows = cifar_rows(numbers.integers(0, 256, (2, 3, 32, 32), np.uint8), np.array([1, 2], np.uint8))
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name in (*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"):
            entry = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            entry.size = len(rows)
            archive.addfile(entry, io.BytesIO(rows))
    monkeypatch.setattr("urllib.request.urlopen", answering(buffer.getvalue()))
    with pytest.raises(UserError, match=r"CIFAR-10 could not be downloaded .*checksum of cifar-10-binary"):
        load_dataset("cifar10", tmp_path)
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(downloads, "CIFAR_BINARY", ("https://example.org/cifar", None))
    data: ImageData = load_dataset("cifar10", tmp_path)
    assert torch.equal(data.labels, torch.tensor([1, 2] * 5))
    assert [path.name for path in tmp_path.iterdir()] == ["cifar-10-batches-bin"]


def test_an_answer_that_breaks_off_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise http.client.IncompleteRead(b"")

    monkeypatch.setattr("urllib.request.urlopen", lambda request, timeout: Broken())
    with pytest.raises(UserError, match=r"could not be downloaded .*the answer of www.cs.toronto.edu is broken"):
        load_dataset("cifar10", tmp_path)
    assert not list(tmp_path.iterdir())


def test_without_a_network_every_set_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unplugged(*_: object, **__: object) -> None:
        raise OSError("Network is unreachable")

    monkeypatch.setattr("urllib.request.urlopen", unplugged)
    for name in ("fashion-mnist", "kmnist", "emnist-letters", "emnist-digits", "svhn", "cifar10", "color-mnist"):
        with pytest.raises(UserError, match=r"could not be downloaded .*Network is unreachable.*'digits'"):
            load_dataset(name, tmp_path)
    monkeypatch.setattr("torchvision.datasets.utils.download_file_from_google_drive", unplugged)
    with pytest.raises(UserError, match=r"CelebA could not be downloaded .*img_align_celeba.zip"):
        load_dataset("celeba", tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
