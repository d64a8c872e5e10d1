import functools
import gzip
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torchvision.datasets import MNIST

from dcgan.config import TrainConfig
from dcgan.data import ImageData, load_dataset, load_for, to_uint8, to_unit_range
from dcgan.datasets import DATASETS, MNIST_FILES, dataset_info, default_data_dir, is_on_disk, mnist_folder
from dcgan.errors import UserError
from dcgan.shaping import thinned


def test_scaling_there_and_back_is_exact() -> None:
    levels = torch.arange(256, dtype=torch.uint8)
    scaled = to_unit_range(levels)
    assert (scaled[0].item(), scaled[-1].item()) == (-1.0, 1.0)
    assert torch.equal(to_uint8(scaled), levels)
    assert to_uint8(torch.tensor([-3.0, 3.0])).tolist() == [0, 255]


def test_embedded_digits_are_the_1797_of_scikit_learn() -> None:
    data = load_dataset("digits")
    assert data.images.shape == (1797, 1, 28, 28) and data.images.dtype == torch.uint8
    assert data.labels.bincount().tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert data.images[:, :, :4].max() == 0 and data.images[:, :, 4:24, 4:24].max() == 255
    assert "MNIST" not in data.info.title


def test_embedded_digits_have_no_test_split() -> None:
    with pytest.raises(UserError, match="no test split"):
        load_dataset("digits", split="test")


def test_mnist_is_read_whole(mnist_dir: Path) -> None:
    train, test = (load_dataset("mnist", mnist_dir, split) for split in ("train", "test"))
    assert (train.images.shape, test.images.shape) == ((60_000, 1, 28, 28), (10_000, 1, 28, 28))
    assert train.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert train.images.float().mean().item() / 255 == pytest.approx(0.1307, abs=1e-4)


@pytest.mark.parametrize(
    ("name", "split", "match"), [("mnst", "train", "did you mean 'mnist'"), ("mnist", "x", "split")]
)
def test_unknown_names_are_refused(name: str, split: str, match: str) -> None:
    with pytest.raises(UserError, match=match):
        load_dataset(name, split=split)


def test_a_damaged_file_is_named(mnist_dir: Path, tmp_path: Path) -> None:
    folder = mnist_folder(tmp_path)
    folder.mkdir(parents=True)
    for name in MNIST_FILES:
        (folder / name).write_bytes((mnist_folder(mnist_dir) / name).read_bytes()[:1000])
    with pytest.raises(UserError, match=r"train-images-idx3-ubyte is not the MNIST file it should be .* delete it"):
        load_dataset("mnist", tmp_path)


def test_absent_files_without_download_name_the_way_out(tmp_path: Path) -> None:
    assert not is_on_disk("mnist", tmp_path)
    with pytest.raises(UserError, match="the data set 'digits' is always at hand"):
        load_dataset("mnist", tmp_path, download=False)


def test_data_directory_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DCGAN_DATA_DIR", str(tmp_path))
    assert default_data_dir() == tmp_path
    monkeypatch.delenv("DCGAN_DATA_DIR")
    assert default_data_dir().name == "data"


def test_every_data_set_says_where_it_comes_from() -> None:
    for name, info in DATASETS.items():
        assert dataset_info(name) is info
        assert info.description.endswith(".") and info.licence
        assert len(set(info.class_names)) == info.num_classes != 1


@pytest.mark.parametrize(("size", "channels"), [(28, 1), (32, 3), (64, 1)])
def test_a_run_gets_its_images_at_its_size_and_channels(digits: ImageData, size: int, channels: int) -> None:
    data = load_for(TrainConfig(dataset="digits", image_size=size, channels=channels))
    assert data.images.shape == (1797, channels, size, size) and torch.equal(data.labels, digits.labels)
    assert (data.info.image_size, data.info.channels) == (size, channels)
    if size == 32:
        assert torch.equal(data.images[:, 1:2, 2:30, 2:30], digits.images) and data.images[:, :, :2].max() == 0


def test_sets_made_from_mnist_are_the_same_every_time(mnist_dir: Path) -> None:
    colored, again = (load_dataset("color-mnist", mnist_dir) for _ in range(2))
    assert torch.equal(colored.images, again.images)
    stacked, mnist = load_dataset("stacked-mnist", mnist_dir), load_dataset("mnist", mnist_dir)
    assert stacked.images.shape == (60_000, 3, 28, 28) and stacked.labels.unique().tolist() == list(range(1000))
    assert torch.equal((stacked.labels % 10).bincount(), mnist.labels.bincount())
    assert torch.equal(colored.labels, mnist.labels)


def test_images_that_do_not_fit_into_memory_are_thinned_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dcgan.shaping.MAX_BYTES", 1000 * 28 * 28)
    data = load_for(TrainConfig(dataset="digits"))
    assert len(data) == 1000 and data.labels.bincount().min() > 80
    assert data.note == "1,000 of 1,797 images are used, evenly chosen: as many as fit into memory at 28x28 pixels."


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A web server on this machine that torchvision downloads from; returns the folder it serves."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(MNIST, "mirrors", [f"http://127.0.0.1:{server.server_port}/"])
    yield folder
    server.shutdown()
    server.server_close()


def test_download_is_verified_and_reported(
    mirror: Path, mnist_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resources = []
    for name in MNIST_FILES:
        packed = gzip.compress((mnist_folder(mnist_dir) / name).read_bytes(), 1, mtime=0)
        (mirror / f"{name}.gz").write_bytes(packed)
        resources.append((f"{name}.gz", None))
    monkeypatch.setattr(MNIST, "resources", resources)
    heard: list[float] = []
    data = load_dataset("mnist", tmp_path / "data", progress=lambda what, share: heard.append(share))
    assert len(data) == 60_000 and is_on_disk("mnist", tmp_path / "data")
    assert heard and all(0 <= share <= 1 for share in heard) and heard == sorted(heard)
    assert [p.name for p in (tmp_path / "data").iterdir()] == ["MNIST"]


def test_a_failed_download_leaves_nothing_and_names_the_way_out(mirror: Path, tmp_path: Path) -> None:
    (mirror / "train-images-idx3-ubyte.gz").write_bytes(b"not what it should be")
    with pytest.raises(UserError, match="could not be downloaded") as caught:
        load_dataset("mnist", tmp_path / "data")
    assert "'digits'" in str(caught.value) and "--data-dir" in str(caught.value)
    assert not is_on_disk("mnist", tmp_path / "data")
    assert not [p for p in (tmp_path / "data").rglob("*") if p.is_file()]


def test_the_words_on_faces_say_how_many_fit_into_memory() -> None:
    assert thinned(162_770, 64, 3) is not None and thinned(60_000, 64, 1) is None
    assert f"{len(thinned(162_770, 64, 3)):,} of them" in dataset_info("celeba").description  # type: ignore[arg-type]
