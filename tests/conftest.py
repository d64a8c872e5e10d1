"""Fixtures shared by all tests: small real data, small configurations, the real MNIST files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from dcgan.config import TrainConfig
from dcgan.data import ImageData, load_dataset
from dcgan.datasets import DATA_DIR_VARIABLE, is_on_disk

PROJECT = Path(__file__).resolve().parent.parent
# Small networks gain nothing from several threads, and tests share the machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def mnist_dir() -> Path:
    """A data directory that holds the real MNIST files."""
    for folder in (os.environ.get(DATA_DIR_VARIABLE), PROJECT.parent / "shared" / "datasets", PROJECT / "data"):
        if folder and is_on_disk("mnist", Path(folder)):
            return Path(folder)
    message = f"the MNIST files are not at hand; set {DATA_DIR_VARIABLE} to a folder that holds MNIST/raw"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session")
def node() -> str:
    """The JavaScript engine that playwright brings along, for checks of scripts."""
    from playwright._impl._driver import compute_driver_executable

    return str(compute_driver_executable()[0])


@pytest.fixture(scope="session")
def digits() -> ImageData:
    """The embedded digits: real data that needs no file."""
    return load_dataset("digits")


@pytest.fixture
def small_config() -> TrainConfig:
    """Networks small enough for a test; six steps an epoch on the embedded digits, float32."""
    return TrainConfig(
        dataset="digits", epochs=2, batch_size=256, latent_dim=8, generator_width=4, discriminator_width=4,
        conditioning="labels", ema_decay=0.9, device="cpu", precision="float32", log_every=2, seed=7,
    )  # fmt: skip


@pytest.fixture
def runs_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory that this process and its children take for the place of all runs."""
    folder = tmp_path / "runs"
    folder.mkdir()
    monkeypatch.setenv("DCGAN_RUNS_DIR", str(folder))
    return folder
