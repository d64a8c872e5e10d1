from pathlib import Path

import pytest
from PIL import Image

from dcgan.bundle import bundle_run
from dcgan.cli import main
from dcgan.config import TrainConfig
from dcgan.errors import UserError
from dcgan.recording import Recorder
from dcgan.runs import Run, create_run
from dcgan.sampling import draw_samples, load_generator
from dcgan.session import run_training


@pytest.fixture
def run(runs_dir: Path, small_config: TrainConfig) -> Run:
    run = create_run(runs_dir / "r", small_config.with_changes(epochs=3), "quick")
    run_training(run)
    return run


def test_copy_reads_like_the_run(run: Run) -> None:
    copy = bundle_run(run, run.path.parent / "bundled-r", [1], "Digits to start with")
    assert copy.title == "Digits to start with"
    assert [f.epoch for f in copy.snapshots()] == [1, 3]
    assert [f.step for f in copy.samples()] == [f.step for f in run.samples()]
    assert copy.metrics() == run.metrics() and copy.config == run.config and copy.bundled
    assert copy.status().state == "finished" and copy.status().pid == 0
    first, second = (draw_samples(load_generator(r), 20, 0)[0].int() for r in (run, copy))
    assert (first - second).abs().max() <= 2
    names = {p.name for p in copy.path.iterdir()}
    assert names == {
        "run.json", "label.json", "status.json", "metrics.jsonl", "samples", "snapshots", "discriminators",
    }  # fmt: skip


def test_a_run_at_work_is_not_copied(run: Run) -> None:
    with Recorder(run), pytest.raises(UserError, match="still training"):
        bundle_run(run, run.path.parent / "copy")


def test_command_says_what_is_wrong(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    target = run.path.parent / "copy"
    assert main(["bundle", "r", str(target), "--epochs", "7"]) == 2
    assert "kept are 1, 2, 3" in capsys.readouterr().err and not target.exists()
    assert main(["bundle", "r", str(target), "--epochs", "1,x"]) == 2
    assert main(["bundle", "r", str(target)]) == 0
    assert main(["bundle", "r", str(target)]) == 2
    assert "exists already" in capsys.readouterr().err


def test_copy_and_generators_keep_the_place_of_own_images_to_themselves(
    runs_dir: Path, tmp_path: Path, small_config: TrainConfig
) -> None:
    photos = tmp_path / "secret" / "photos"
    photos.mkdir(parents=True)
    for number in range(4):
        Image.new("RGB", (28, 28), (60 * number, 0, 0)).save(photos / f"{number}.png")
    config = small_config.with_changes(
        dataset="folder", source=str(photos), conditioning="none", batch_size=2, epochs=1, image_size=28
    )
    run = create_run(runs_dir / "own", config, "quick")
    run_training(run)
    copy = bundle_run(run, tmp_path / "copy")
    assert run.config.source == str(photos) and copy.config.source == "photos"
    given_away = [file for file in copy.path.rglob("*") if file.is_file()] + [run.snapshot().path]
    assert not [file for file in given_away if b"secret" in file.read_bytes()]
