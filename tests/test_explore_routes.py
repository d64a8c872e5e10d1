"""The Explore page's addresses, asked of a generator that was really trained."""

from __future__ import annotations

import base64
import io
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image, ImageSequence
from starlette.applications import Starlette
from starlette.testclient import TestClient

from dcgan import latent
from dcgan.browser import ONNXRUNTIME_VERSION, RUNTIME_SCRIPT
from dcgan.config import TrainConfig
from dcgan.data import load_dataset
from dcgan.export import generator_as
from dcgan.onnx_export import onnx_bytes
from dcgan.runs import Run, create_run, open_run
from dcgan.sampling import TrainedGenerator, load_generator
from dcgan.session import run_training
from ui import explore_models, explore_routes
from ui.engine_routes import ADDRESSES
from ui.explore_state import Point

PROJECT = Path(__file__).resolve().parent.parent
SIZE, CLASSES = 8, 10
BYTES = {"Content-Type": "application/octet-stream"}


@pytest.fixture(scope="module")
def trained_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a conditional run of two epochs on real digits."""
    config = TrainConfig(
        dataset="digits", epochs=2, batch_size=256, latent_dim=SIZE, generator_width=4, discriminator_width=4,
        conditioning="labels", ema_decay=0.9, device="cpu", precision="float32",
    )  # fmt: skip
    made = create_run(tmp_path_factory.mktemp("trained") / "mine", config, "quick")
    assert run_training(made).state == "finished"
    return made.path


@pytest.fixture
def run(trained_run: Path, runs_dir: Path) -> Run:
    """A copy of that run among the runs of this test."""
    shutil.copytree(trained_run, runs_dir / "mine")
    return open_run(runs_dir / "mine")


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(Starlette(routes=explore_routes.routes())) as client:
        yield client


def _floats(text: str) -> NDArray[np.float32]:
    return np.frombuffer(base64.b64decode(text), "<f4")


def _rows(trained: TrainedGenerator, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    noise = torch.Generator().manual_seed(1)
    return trained.random_z(count, noise), trained.condition(trained.random_labels(count, noise))


def _png(content: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(content)))


def test_draw_answers_the_generators_pixels(client: TestClient, run: Run) -> None:
    for epoch in (1, 2):
        trained = load_generator(run, epoch)
        z, condition = _rows(trained, 5)
        body = torch.cat([z, condition], dim=1).numpy().astype("<f4").tobytes()
        answer = client.post(f"/lab/runs/mine/draw?epoch={epoch}", content=body, headers=BYTES)
        assert (answer.status_code, answer.headers["x-shape"]) == (200, "5,1,28,28")
        assert answer.content == trained.draw(z, condition).numpy().tobytes()


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        (b"", 400, "at least one row"),
        (b"123", 400, "32-bit"),
        (np.zeros(19, "<f4").tobytes(), 400, "rows of 18"),
        (np.full(18, np.nan, "<f4").tobytes(), 400, "finite"),
        (np.full(18, np.inf, "<f4").tobytes(), 400, "finite"),
        (np.full(18, 1e9, "<f4").tobytes(), 400, "between"),
        (np.zeros(18 * 401, "<f4").tobytes(), 400, "At most 400"),
        (bytes(400 * 1512 * 4 + 4), 413, "At most 400"),
    ],
)
def test_rows_that_do_not_fit_are_refused_with_a_sentence(
    client: TestClient, run: Run, body: bytes, status: int, word: str
) -> None:
    answer = client.post("/lab/runs/mine/draw", content=body, headers=BYTES)
    assert answer.status_code == status
    assert word in answer.json()["error"]


def test_a_search_is_begun_and_looked_at(client: TestClient, run: Run) -> None:
    trained = load_generator(run)
    target = np.zeros((1, 28, 28), np.uint8)
    target[:, 6:22, 12:16] = 255
    number = client.post("/lab/runs/mine/searches", content=target.tobytes(), headers=BYTES).json()["search"]
    end = time.monotonic() + 60
    while not (told := client.get(f"/lab/runs/mine/searches/{number}").json())["done"] and time.monotonic() < end:
        time.sleep(0.05)
    assert (told["trouble"], told["step"]) == ("", told["steps"])
    image = np.frombuffer(base64.b64decode(told["image"]), np.uint8).reshape(1, 28, 28)
    label = trained.condition([told["label"]])
    again = trained.draw(torch.from_numpy(_floats(told["z"]).copy())[None], label)[0].numpy()
    assert np.abs(image.astype(int) - again.astype(int)).max() <= 1
    assert told["error"] == pytest.approx(np.abs(image / 255 - target / 255).mean(), abs=0.003)


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [(bytes(784), 400, "empty"), (bytes(783), 400, "784 bytes"), (bytes((1 << 20) + 1), 413, "one")],
)
def test_a_target_that_cannot_be_searched_is_one_sentence(
    client: TestClient, run: Run, body: bytes, status: int, word: str
) -> None:
    answer = client.post("/lab/runs/mine/searches", content=body, headers=BYTES)
    assert answer.status_code == status and word in answer.json()["error"]
    assert client.post("/lab/runs/mine/searches", content=b"x").status_code == 415
    assert client.get("/lab/runs/mine/searches/none").status_code == 400


def test_draw_takes_no_form_that_a_foreign_page_could_send(client: TestClient, run: Run) -> None:
    assert client.post("/lab/runs/mine/draw", content=b"x", headers={"Content-Type": "text/plain"}).status_code == 415


def test_the_samples_of_a_seed_do_not_depend_on_the_epoch_shown(client: TestClient, run: Run) -> None:
    data = client.get("/lab/runs/mine/samples-of?seed=5").json()
    z = _floats(data["z"]).reshape(48, SIZE)
    np.testing.assert_array_equal(z, torch.randn(48, SIZE, generator=torch.Generator().manual_seed(5)).numpy())
    assert len(data["labels"]) == 48
    assert set(data["labels"]) <= set(range(10))
    assert client.get("/lab/runs/mine/samples-of?seed=5").json() == data
    assert client.get("/lab/runs/mine/samples-of?seed=6").json() != data


def test_space_answers_the_principal_directions(client: TestClient, run: Run) -> None:
    data = client.get("/lab/runs/mine/space?epoch=1").json()
    expected = latent.principal_directions(load_generator(run, 1).network, SIZE)
    np.testing.assert_array_equal(_floats(data["vectors"]).reshape(SIZE, SIZE), expected.vectors.numpy())
    assert data["shares"] == pytest.approx(expected.shares.tolist())


def test_epochs(client: TestClient, run: Run) -> None:
    assert client.get("/lab/runs/mine/epochs").json() == {"epochs": [1, 2], "active": False}


def test_a_point_is_composed_as_its_words_say(run: Run) -> None:
    point = Point(
        seed=3, index=4, directions={1: 150}, coordinates={0: -25}, truncation=80, digit=2, blend=(7, 30), basis=1
    )
    z, condition = explore_models.locate(run, 2, point)
    base = torch.randn(48, SIZE, generator=torch.Generator().manual_seed(3))[4]
    expected = 0.8 * base + 1.5 * latent.principal_directions(load_generator(run, 1).network, 2).vectors[1]
    expected[0] = -0.25
    torch.testing.assert_close(z, expected)
    assert condition.tolist() == pytest.approx([0, 0, 0.7, 0, 0, 0, 0, 0.3, 0, 0])


def test_the_picture_of_a_point(client: TestClient, run: Run) -> None:
    answer = client.get("/lab/runs/mine/image.png?epoch=2&at=3.4_n2&scale=2")
    trained = load_generator(run, 2)
    base = torch.randn(48, SIZE, generator=torch.Generator().manual_seed(3))[4:5]
    expected = trained.draw(base, trained.condition([2])).numpy()[0, 0]
    np.testing.assert_array_equal(_png(answer.content), expected.repeat(2, 0).repeat(2, 1))
    assert "attachment" in answer.headers["content-disposition"]


def test_a_path_and_its_lengths(client: TestClient, run: Run) -> None:
    query = "epoch=2&pick=0.1&pick=0.2_n3&pick=1.0&steps=5"
    data = client.get(f"/lab/runs/mine/path?{query}&method=lerp").json()
    points = torch.stack([explore_models.locate(run, 2, p)[0] for p in (Point(index=1), Point(index=2), Point(seed=1))])
    expected = latent.interpolate(points, 5, "lerp")
    z = _floats(data["z"]).reshape(-1, SIZE)
    assert data["count"] == len(z) == 11
    np.testing.assert_allclose(z, expected, rtol=1e-6)
    np.testing.assert_allclose(data["norms"]["lerp"], np.linalg.norm(z, axis=1), rtol=1e-5)
    np.testing.assert_allclose(np.diff(data["norms"]["slerp"][:6], 2), 0, atol=1e-5)
    conditions = _floats(data["conditions"]).reshape(-1, CLASSES)
    np.testing.assert_allclose(conditions.sum(1), 1, rtol=1e-6)
    assert conditions[5].argmax() == 3


def test_the_walk_as_an_animation(client: TestClient, run: Run) -> None:
    answer = client.get("/lab/runs/mine/walk.gif?epoch=2&pick=0.1&pick=0.2&steps=4&loop=1&scale=2&milliseconds=50")
    with Image.open(io.BytesIO(answer.content)) as gif:
        assert (gif.format, gif.size) == ("GIF", (56, 56))
        first = np.asarray(gif.convert("L"))
        # Pillow writes equal neighbours as one picture that stays longer.
        assert sum(frame.info["duration"] for frame in ImageSequence.Iterator(gif)) == 8 * 50
    z, condition = explore_models.locate(run, 2, Point(index=1))
    expected = load_generator(run, 2).draw(z[None], condition[None]).numpy()[0, 0].repeat(2, 0).repeat(2, 1)
    np.testing.assert_array_equal(first, expected)


@pytest.mark.parametrize("form", ["mp4", "webm"])
def test_the_walk_as_a_video(client: TestClient, run: Run, form: str) -> None:
    answer = client.get(f"/lab/runs/mine/walk.{form}?epoch=2&pick=0.1&pick=0.2&steps=4&loop=1&scale=3&milliseconds=50")
    assert answer.headers["content-disposition"] == f'attachment; filename="mine-walk.{form}"'
    with av.open(io.BytesIO(answer.content)) as file:
        frames = [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]
    assert len(frames) == 8 and frames[0].shape == (84, 84, 3)
    z, conditions = explore_models.path(run, 2, [Point(index=1), Point(index=2)], 4, "slerp", loop=True)
    expected = load_generator(run, 2).draw(z, conditions).numpy().repeat(3, 2).repeat(3, 3)[:, 0]
    assert np.abs(np.array(frames)[..., 0].astype(int) - expected.astype(int)).mean() < 6


@pytest.mark.parametrize(
    ("address", "status", "word"),
    [
        ("gone/epochs", 404, "deleted"),
        ("..%2Fmine/epochs", 404, ""),
        ("-x/epochs", 404, "not the name"),
        ("mine/space?epoch=9", 404, "no generator of epoch 9"),
        ("mine/space?epoch=x", 400, "whole number"),
        ("mine/samples-of?seed=-1", 400, "whole number"),
        ("mine/samples-of?seed=9999999", 400, "whole number"),
        ("mine/image.png?at=zzz", 400, "does not describe an image"),
        ("mine/image.png?at=0.0&scale=999", 400, "scale"),
        ("mine/path?pick=0.1", 400, "2 to 12"),
        ("mine/path?" + "&".join(["pick=0.1"] * 13), 400, "2 to 12"),
        ("mine/path?pick=0.1&pick=0.2&steps=31", 400, "steps"),
        ("mine/path?pick=0.1&pick=0.2&method=spline", 400, "slerp or lerp"),
        ("mine/walk.gif?pick=0.1&pick=0.2&milliseconds=0", 400, "milliseconds"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(
    client: TestClient, run: Run, address: str, status: int, word: str
) -> None:
    answer = client.get(f"/lab/runs/{address}")
    assert answer.status_code == status
    assert word in answer.text


def test_a_run_without_a_generator_says_so(client: TestClient, runs_dir: Path, small_config: TrainConfig) -> None:
    create_run(runs_dir / "empty", small_config, "quick")
    answer = client.get("/lab/runs/empty/space")
    assert answer.status_code == 400
    assert "no trained generator yet" in answer.json()["error"]


def test_generators_are_kept_and_the_oldest_is_let_go(run: Run) -> None:
    models = explore_models.Models(limit=1)
    second = models.get(run)
    assert models.get(run, 2) is second
    models.get(run, 1)
    assert models.get(run, 2) is not second


@pytest.mark.parametrize(("conditioning", "classes"), [("clusters", 30), ("none", 0)])
def test_other_conditions_are_drawn_too(
    client: TestClient, runs_dir: Path, small_config: TrainConfig, conditioning: str, classes: int
) -> None:
    config = small_config.with_changes(conditioning=conditioning, clusters=30, epochs=1)
    run_training(create_run(runs_dir / "other", config, "quick"))
    trained = load_generator(open_run(runs_dir / "other"))
    z = torch.randn(48, SIZE, generator=torch.Generator().manual_seed(0))[1:2]
    token = "0.1_n29" if classes else "0.1"
    expected = trained.draw(z, trained.condition([29]) if classes else None).numpy()
    answer = client.get(f"/lab/runs/other/image.png?at={token}&scale=1")
    np.testing.assert_array_equal(_png(answer.content), expected[0, 0])
    data = client.get(f"/lab/runs/other/path?pick={token}&pick=0.2&steps=2").json()
    assert len(_floats(data["conditions"])) == 3 * classes


def test_a_snapshot_replaced_on_disk_is_read_anew(run: Run) -> None:
    models = explore_models.Models()
    before = models.get(run, 2)
    first, second = run.snapshot(1).path, run.snapshot(2).path
    second.write_bytes(first.read_bytes())
    after = models.get(run, 2)
    assert after is not before
    torch.testing.assert_close(after.trained.network.stem.weight, load_generator(run, 1).network.stem.weight)


def test_a_generator_goes_to_the_browser_once(client: TestClient, run: Run) -> None:
    answer = client.get("/lab/runs/mine/generator.onnx?epoch=1")
    assert answer.content == onnx_bytes(load_generator(run, 1))
    again = client.get("/lab/runs/mine/generator.onnx?epoch=1", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = client.get("/lab/runs/mine/generator.onnx?epoch=2", headers={"If-None-Match": answer.headers["etag"]})
    assert other.status_code == 200 and other.content != answer.content
    assert client.get("/lab/runs/mine/generator.onnx?epoch=9").status_code == 404


def test_the_engine_is_served_whole_and_kept_for_good(client: TestClient) -> None:
    script = client.get("/" + ADDRESSES["script"])
    assert script.content == RUNTIME_SCRIPT.read_bytes() and script.headers["content-type"].startswith(
        "text/javascript"
    )
    wasm = client.get("/" + ADDRESSES["wasm"])
    assert (wasm.content[:4], wasm.headers["content-type"]) == (b"\0asm", "application/wasm")
    assert int(wasm.headers["content-length"]) < 4_000_000
    assert all("immutable" in answer.headers["cache-control"] for answer in (script, wasm))
    assert client.get(f"/lab/engine/{ONNXRUNTIME_VERSION}/LICENSE").status_code == 404
    assert client.get("/lab/engine/0.0.0/" + RUNTIME_SCRIPT.name).status_code == 404


def test_the_engine_says_the_version_it_is_kept_under() -> None:
    assert f"ONNX Runtime Web v{ONNXRUNTIME_VERSION}\n" in RUNTIME_SCRIPT.read_text(encoding="utf-8")[:200]
    assert f"onnxruntime-web@{ONNXRUNTIME_VERSION}" in (PROJECT / "ui/vendor/README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("form", ["safetensors", "onnx", "html"])
def test_the_generator_can_be_taken_away(client: TestClient, run: Run, form: str) -> None:
    answer = client.get(f"/lab/runs/mine/take?format={form}&epoch=1")
    assert answer.content == generator_as(run, form, 1)
    assert answer.headers["content-disposition"] == f'attachment; filename="mine-epoch-1.{form}"'
    assert client.get("/lab/runs/mine/take?format=exe").status_code == 400


def test_the_nearest_training_images_come_with_their_distances(client: TestClient, run: Run) -> None:
    told = client.get("/lab/runs/mine/nearest?epoch=2&at=0.3&count=4").json()
    z, condition = explore_models.locate(run, 2, Point(index=3))
    image = load_generator(run, 2).draw(z[None], condition[None])[0].double() / 255
    real = load_dataset("digits").images
    every = (real.double() / 255 - image).flatten(1).norm(dim=1)
    assert told["distances"] == pytest.approx(every.sort().values[:4].tolist(), rel=1e-4)
    pixels = np.frombuffer(base64.b64decode(told["images"]), np.uint8).reshape(4, 1, 28, 28)
    assert np.array_equal(pixels[0], real[every.argmin()].numpy())
    assert client.get("/lab/runs/mine/nearest?count=99").status_code == 400


def test_without_the_data_one_sentence_says_so(client: TestClient, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explore_models, "has_data", lambda config: False)
    answer = client.get("/lab/runs/mine/nearest?at=0.3")
    assert answer.status_code == 400 and "are not on this computer" in answer.json()["error"]
