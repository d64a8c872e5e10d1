"""Measured effects, maps, D's opinion and real images, asked of a run that was really trained."""

from __future__ import annotations

import base64
import io
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient
from test_explore_routes import BYTES, SIZE, trained_run

from dcgan.clusters import load_clusters
from dcgan.config import TrainConfig
from dcgan.data import load_dataset
from dcgan.effects import measure_effects, names_of
from dcgan.images import untile
from dcgan.latent import principal_directions
from dcgan.maps import lay_out
from dcgan.players import load_discriminator
from dcgan.runs import Run, create_run, open_run
from dcgan.sampling import load_generator
from dcgan.session import run_training
from ui import explore_routes, insights

__all__ = ["trained_run"]


@pytest.fixture
def run(trained_run: Path, runs_dir: Path) -> Run:
    """A copy of a conditional run of two epochs among the runs of this test."""
    shutil.copytree(trained_run, runs_dir / "mine")
    return open_run(runs_dir / "mine")


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(Starlette(routes=explore_routes.routes())) as client:
        yield client


def finished(client: TestClient, address: str) -> dict[str, Any]:
    end = time.monotonic() + 60
    while True:
        answer = client.get(f"/lab/runs/{address}")
        assert answer.status_code == 200, answer.text
        data: dict[str, Any] = answer.json()
        if data["done"]:
            return data
        assert time.monotonic() < end
        time.sleep(0.05)


def numbers(text: str, kind: str) -> NDArray[Any]:
    return np.frombuffer(base64.b64decode(text), kind)


def picture(content: bytes) -> NDArray[np.uint8]:
    pixels = np.asarray(Image.open(io.BytesIO(content)))
    return pixels[..., None] if pixels.ndim == 2 else pixels


def test_directions_are_named_by_their_measured_effects(client: TestClient, run: Run) -> None:
    trained = load_generator(run, 1)
    expected = measure_effects(trained, principal_directions(trained.network, SIZE).vectors)
    data = finished(client, "mine/effects?epoch=1")
    assert data["names"] == names_of(expected)
    assert data["words"] == [effect.words if effect else "" for effect in expected]
    assert (data["share"], data["seconds_left"]) == (1.0, 0.0)


@pytest.mark.parametrize("kind", ["pca", "tsne"])
def test_a_map_holds_the_samples_of_21_seeds(client: TestClient, run: Run, kind: str) -> None:
    data = finished(client, f"mine/map?epoch=2&kind={kind}")
    sheet = untile(picture(client.get("/lab/runs/mine/map.png?epoch=2").content), 28)
    assert sheet.shape == (21 * 48, 1, 28, 28)
    trained = load_generator(run, 2)
    answer = client.get("/lab/runs/mine/samples-of?seed=20").json()
    z = torch.from_numpy(numbers(answer["z"], "<f4").reshape(48, SIZE).copy())
    assert np.array_equal(sheet[-48:], trained.draw(z, trained.condition(answer["labels"])).numpy())
    assert data["groups"][-48:] == answer["labels"] and data["meaning"] == "asked"
    places = numbers(data["places"], "<f4").reshape(-1, 2)
    assert np.array_equal(places, lay_out(sheet, kind))


def test_ds_opinion_is_its_score_and_its_gradient(client: TestClient, run: Run) -> None:
    image = torch.from_numpy(load_dataset("digits").images[5].numpy())
    condition = torch.zeros(10)
    condition[3] = 1
    body = image.numpy().tobytes() + condition.numpy().astype("<f4").tobytes()
    told = client.post("/lab/runs/mine/opinion?epoch=2", content=body, headers=BYTES).json()
    judge = load_discriminator(run, 2)
    score = float(judge.scores(image[None], condition[None])[0])
    assert told["epoch"] == 2 and told["score"] == pytest.approx(score, abs=1e-5)
    assert told["probability"] == pytest.approx(1 / (1 + np.exp(-score)), abs=1e-5)
    assert 0 <= told["above"] <= 1
    slope = judge.pixel_gradient(image[None], condition[None])[0, 0].numpy()
    where = numbers(told["where"], "i1").reshape(28, 28)
    assert np.abs(where / 127 - slope / np.abs(slope).max()).max() < 0.01


def test_an_output_that_is_no_probability_is_not_called_one(
    client: TestClient, runs_dir: Path, small_config: TrainConfig
) -> None:
    config = small_config.with_changes(epochs=1, objective="hinge", minibatch_std=True, conditioning="none")
    run_training(create_run(runs_dir / "points", config, "quick"))
    told = client.post("/lab/runs/points/opinion", content=bytes(784), headers=BYTES).json()
    judge, images = load_discriminator(open_run(runs_dir / "points")), torch.zeros(32, 1, 28, 28, dtype=torch.uint8)
    trained = load_generator(open_run(runs_dir / "points"))
    images[1:] = trained.draw(trained.random_z(48, torch.Generator().manual_seed(0)))[:31]
    assert told["probability"] is None
    assert told["score"] == pytest.approx(float(judge.scores(images)[0]), abs=1e-5)


def test_an_opinion_that_cannot_be_had_is_one_sentence(client: TestClient, run: Run) -> None:
    image = bytes(784 + 40)
    assert "bytes" in client.post("/lab/runs/mine/opinion", content=bytes(784), headers=BYTES).json()["error"]
    assert client.post("/lab/runs/mine/opinion", content=image).status_code == 415
    assert client.post("/lab/runs/mine/opinion", content=bytes(1 << 19), headers=BYTES).status_code == 413
    nan = bytes(784) + np.full(10, np.nan, "<f4").tobytes()
    assert "finite" in client.post("/lab/runs/mine/opinion", content=nan, headers=BYTES).json()["error"]
    for folder in ("resume", "discriminators"):
        shutil.rmtree(run.path / folder, ignore_errors=True)
    answer = client.post("/lab/runs/mine/opinion", content=image, headers=BYTES)
    assert answer.status_code == 400 and "kept no discriminator" in answer.json()["error"]


def test_real_images_are_offered_as_targets(client: TestClient, run: Run) -> None:
    real = {image.numpy().tobytes() for image in load_dataset("digits").images}
    first = client.get("/lab/runs/mine/targets?count=6").json()
    images = numbers(first["images"], "u1").reshape(6, -1)
    assert {image.tobytes() for image in images} <= real and len({image.tobytes() for image in images}) == 6
    assert first["split"] == "train"  # these have no other
    assert client.get("/lab/runs/mine/targets?count=6&start=1").json() != first


def test_test_images_come_first_where_there_are_some(
    client: TestClient, runs_dir: Path, small_config: TrainConfig, mnist_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_run(runs_dir / "other", small_config.with_changes(dataset="mnist"), "quick")
    monkeypatch.setenv("DCGAN_DATA_DIR", str(runs_dir))
    answer = client.get("/lab/runs/other/targets")
    assert answer.status_code == 400 and "not on this computer" in answer.json()["error"]
    monkeypatch.setenv("DCGAN_DATA_DIR", str(mnist_dir))
    data = client.get("/lab/runs/other/targets?count=3").json()
    test = {image.numpy().tobytes() for image in load_dataset("mnist", split="test").images}
    assert data["split"] == "test"
    assert {image.tobytes() for image in numbers(data["images"], "u1").reshape(3, -1)} <= test


def test_of_many_real_images_an_even_choice_is_kept(
    runs_dir: Path, small_config: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(insights, "_REAL_BYTES", 100 * 28 * 28)
    kept, split = insights._real_images(create_run(runs_dir / "other", small_config, "quick"))
    assert split == "train" and torch.equal(kept, load_dataset("digits").images[::18])


def test_conditions_have_pictures(client: TestClient, run: Run, runs_dir: Path, small_config: TrainConfig) -> None:
    trained = load_generator(run)
    pictures = untile(picture(client.get("/lab/runs/mine/conditions.png").content), 28)
    assert np.array_equal(pictures, trained.draw(torch.zeros(10, SIZE), torch.eye(10)).numpy())
    config = small_config.with_changes(conditioning="clusters", clusters=50, epochs=1)
    run_training(create_run(runs_dir / "groups", config, "quick"))
    means = load_clusters(runs_dir / "groups" / "clusters.safetensors")[1].numpy()
    sheet = picture(client.get("/lab/runs/groups/conditions.png").content)
    assert sheet.shape == (56, 48 * 28, 1)
    assert np.array_equal(untile(sheet, 28)[:50], means)
    (runs_dir / "groups" / "clusters.safetensors").unlink()
    drawn = untile(picture(client.get("/lab/runs/groups/conditions.png").content), 28)
    assert not np.array_equal(drawn[:50], means)
    create_run(runs_dir / "plain", small_config.with_changes(conditioning="none"), "quick")
    assert client.get("/lab/runs/plain/conditions.png").status_code == 400
