import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from dcgan import export, records, runs
from dcgan.config import TrainConfig
from dcgan.errors import UserError
from dcgan.images import from_png, tile, to_png, untile

IMAGES = torch.arange(10 * 28 * 28).reshape(10, 1, 28, 28).remainder(251).to(torch.uint8)


@pytest.fixture
def run(runs_dir: Path) -> runs.Run:
    run = runs.create_run(runs_dir / "r", TrainConfig(dataset="digits"), "quick")
    (run.path / "samples").mkdir()
    for step in (0, 10, 20):
        grid = tile(np.full((64, 1, 28, 28), step * 10, np.uint8), 8)
        (run.path / "samples" / f"epoch-0001-step-{step:06d}.png").write_bytes(to_png(grid))
    row = dict.fromkeys(records.METRIC_COLUMNS, 0.25)
    (run.path / "metrics.jsonl").write_text(json.dumps(row) + "\n")
    return run


@pytest.mark.parametrize("channels", [1, 3])
def test_tiling_is_undone_by_untiling(channels: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (16, channels, 28, 28), dtype=np.uint8)
    grid = tile(images, 8)
    assert grid.shape == (56, 224, channels)
    assert np.array_equal(untile(from_png(to_png(grid)), 28), images)


def test_npy_holds_the_images_as_they_are(tmp_path: Path) -> None:
    export.write_samples(IMAGES, tmp_path / "new" / "x.npy")
    array = np.load(tmp_path / "new" / "x.npy", allow_pickle=False)
    assert array.dtype == np.uint8 and np.array_equal(array, IMAGES[:, 0].numpy())
    colour = torch.zeros(2, 3, 8, 8, dtype=torch.uint8)
    export.write_samples(colour, tmp_path / "c.npy")
    assert np.load(tmp_path / "c.npy").shape == (2, 8, 8, 3)


def test_png_is_a_grid_of_crisp_images(tmp_path: Path) -> None:
    export.write_samples(IMAGES, tmp_path / "x.png")
    picture = from_png((tmp_path / "x.png").read_bytes())[..., 0]
    assert picture.shape == (2 * 58 - 2, 8 * 58 - 2)
    assert np.array_equal(picture[:56:2, 58:114:2], IMAGES[1, 0].numpy())
    assert np.array_equal(picture[:56:2, 58:114:2], picture[1:56:2, 59:114:2])


def test_of_too_many_grids_the_gif_shows_an_even_choice(run: runs.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "GIF_BYTES", 2 * 462 * 462 + 1)
    with Image.open(io.BytesIO(export.samples_gif(run))) as film:
        assert film.size == (462, 462) and film.n_frames == 2
        film.seek(1)
        assert film.convert("L").getpixel((5, 5)) == 200  # the last one


GIANT = to_png(np.zeros((280, 280, 1), np.uint8))


@pytest.mark.parametrize("content", [b"", b"no picture", to_png(np.zeros((100, 30, 1), np.uint8)), GIANT])
def test_damaged_samples_are_one_sentence(run: runs.Run, content: bytes) -> None:
    run.samples()[-1].path.write_bytes(content)
    with pytest.raises(UserError, match=r"epoch-0001-step-000020\.png are gone or damaged"):
        export.samples_png(run)


def test_folder_holds_single_images(tmp_path: Path) -> None:
    export.write_samples(IMAGES, tmp_path / "many")
    assert sorted(p.name for p in (tmp_path / "many").iterdir()) == [f"{i}.png" for i in range(10)]
    assert np.array_equal(from_png((tmp_path / "many" / "7.png").read_bytes())[..., 0], IMAGES[7, 0].numpy())


def test_wrong_targets_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"unknown ending; use \.npy, \.png or a folder"):
        export.write_samples(IMAGES, tmp_path / "x.jpg")
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be written"):
        export.write_samples(IMAGES, tmp_path / "file" / "x.npy")


def test_evolution_is_an_animation_that_rests_on_the_last_frame(run: runs.Run) -> None:
    with Image.open(io.BytesIO(export.samples_gif(run))) as gif:
        assert (gif.n_frames, gif.info["loop"]) == (3, 0)
        durations = []
        for i in range(gif.n_frames):
            gif.seek(i)
            durations.append(gif.info["duration"])
        assert durations == [250, 250, 2000]
        assert np.asarray(gif.convert("L"))[0, 0] == 200


def test_sample_grid_can_be_taken_at_a_step(run: runs.Run) -> None:
    assert from_png(export.samples_png(run, 10))[0, 0, 0] == 100
    assert from_png(export.samples_png(run))[0, 0, 0] == 200
    with pytest.raises(UserError, match="no such samples"):
        export.samples_png(run, 11)


def test_metrics_table_has_a_row_a_point(run: runs.Run) -> None:
    rows = list(csv.DictReader(io.StringIO(export.metrics_csv(run).decode())))
    assert list(rows[0]) == list(records.METRIC_COLUMNS) and [float(v) for v in rows[0].values()] == [0.25] * 9


def test_files_that_are_gone_are_one_sentence(run: runs.Run) -> None:
    (run.path / "samples" / "epoch-0001-step-000020.png").write_bytes(b"torn")
    with pytest.raises(UserError, match="gone or damaged"):
        export.samples_gif(run)
    with pytest.raises(UserError, match="no trained generator yet"):
        export.generator_file(run)
