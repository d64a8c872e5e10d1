import json
import os
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from dcgan.cli import main
from dcgan.config import config_fields
from dcgan.runs import open_run

PROJECT = Path(__file__).resolve().parent.parent
TINY_NETWORKS = ["--latent-dim", "8", "--generator-width", "4", "--discriminator-width", "4", "--generator-finish", "0"]
SMALL = ["--dataset", "digits", "--epochs", "1", "--batch-size", "256", "--device", "cpu", *TINY_NETWORKS]


@pytest.fixture
def trained(runs_dir: Path, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["train", *SMALL, "--run-dir", str(runs_dir / "mine")]) == 0
    assert "finished: epoch 1, step 7" in capsys.readouterr().out
    return "mine"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("train --preset quik", "dcgan: Unknown preset 'quik'; did you mean 'quick'.\n"),
        ("train --dataset mnst", "dcgan: Unknown data set 'mnst'; did you mean 'mnist'.\n"),
        ("train --epoch 3", "dcgan: '--epoch' is not known here; did you mean '--epochs'.\n"),
        ("train --epochs many", "dcgan: --epochs must be a whole number, not 'many'.\n"),
        ("train --epochs 0", "dcgan: epochs must be between 1 and 10000, not 0.\n"),
        ("train --lr-g nan", "dcgan: lr_g must be between 1e-07 and 1, not nan.\n"),
        ("train --max-seconds 0", "dcgan: --max-seconds must be more than 0.\n"),
        ("train --max-seconds nan", "dcgan: --max-seconds must be more than 0.\n"),
        ("sample r --output x.png --seed -1", "dcgan: --seed must be between 0 and 2147483647, not -1.\n"),
        (f"evaluate r --seed {10**30}", f"dcgan: --seed must be between 0 and 2147483647, not {10**30}.\n"),
        ("train --device tpu", "dcgan: device must be one of auto, cpu, cuda, mps, not 'tpu'.\n"),
        ("train --resume", "dcgan: --resume needs --run-dir: the directory of the run to go on with.\n"),
        ("sample nothing --output x.png", "dcgan: There is no run 'nothing'; there are no runs yet.\n"),
    ],
)
def test_wrong_requests_are_one_sentence_and_status_2(
    runs_dir: Path, capsys: pytest.CaptureFixture[str], arguments: str, sentence: str
) -> None:
    assert main(arguments.split()) == 2
    assert capsys.readouterr().err == sentence
    assert not list(runs_dir.iterdir())


@pytest.mark.parametrize("arguments", ["", "fly", "sample", "train --epochs"])
def test_incomplete_requests_are_one_line_and_status_2(capsys: pytest.CaptureFixture[str], arguments: str) -> None:
    assert main(arguments.split()) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_every_config_field_is_a_flag(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["train", "--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert all(f"--{name.replace('_', '-')}" in text for name, _, _ in config_fields())


def test_flags_reach_the_run(trained: str, runs_dir: Path) -> None:
    config = open_run(runs_dir / trained).config
    assert (config.dataset, config.epochs, config.generator_width, config.conditioning) == ("digits", 1, 4, "labels")


def test_a_run_directory_in_use_is_refused(trained: str, runs_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", *SMALL, "--run-dir", str(runs_dir / "mine")]) == 2
    assert "already holds a run" in capsys.readouterr().err


def test_resume_goes_on_for_more_epochs_only(trained: str, runs_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = ["--run-dir", str(runs_dir / "mine")]
    assert main(["train", "--resume", *directory, "--lr-g", "0.1"]) == 2
    assert "only --epochs can be changed" in capsys.readouterr().err
    assert main(["train", "--resume", *directory, "--epochs", "2"]) == 0
    assert open_run(runs_dir / "mine").status().step == 14


def test_sample_writes_what_was_asked(trained: str, tmp_path: Path) -> None:
    file = tmp_path / "x.npy"
    assert main(["sample", trained, "--num-samples", "9", "--seed", "4", "--digit", "3", "--output", str(file)]) == 0
    first = np.load(file)
    assert first.shape == (9, 28, 28) and first.dtype == np.uint8
    assert main(["sample", trained, "--num-samples", "9", "--seed", "4", "--digit", "8", "--output", str(file)]) == 0
    assert not np.array_equal(first, np.load(file))
    picture = tmp_path / "all.png"
    assert main(["sample", trained, "--every-digit", "--num-samples", "3", "--output", str(picture)]) == 0
    with Image.open(picture) as grid:  # a style in each row, a digit in each column
        assert grid.size == (10 * 58 - 2, 3 * 58 - 2)


@pytest.mark.parametrize(
    ("extra", "match"),
    [
        (["--digit", "12"], "between 0 and 9"),
        (["--digit", "x"], "--digit must be a whole number, or the name of a class; known are 0, 1, 2"),
        (["--epoch", "9"], "kept are 1"),
        (["--num-samples", "0"], "at least 1"),
        (["--every-digit", "--digit", "3"], "--every-digit draws all of them; leave --digit out."),
        (["--seed", "x"], "--seed must be a whole number"),
    ],
)
def test_sample_refuses_what_is_not_there(
    trained: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], extra: list[str], match: str
) -> None:
    assert main(["sample", trained, "--output", str(tmp_path / "x.npy"), *extra]) == 2
    assert match in capsys.readouterr().err and not (tmp_path / "x.npy").exists()


def test_export_writes_the_generator_for_other_programs(
    trained: str, tmp_path: Path, runs_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = open_run(runs_dir / "mine").snapshot()
    for form, start in (("safetensors", kept.path.read_bytes()), ("onnx", b"\x08\x08\x12\x09dcgan-lab")):
        output = tmp_path / "new" / f"g.{form}"
        assert main(["export", trained, "--format", form, "--output", str(output)]) == 0
        assert f"generator of run mine in {output}" in capsys.readouterr().out
        assert output.read_bytes().startswith(start)
    assert main(["export", trained, "--format", "tflite", "--output", "x"]) == 2
    assert "The format must be safetensors, onnx, html, gif, mp4 or webm" in capsys.readouterr().err
    assert main(["export", trained, "--format", "onnx", "--epoch", "7", "--output", "x"]) == 2
    assert "epoch 7" in capsys.readouterr().err


def test_export_films_a_walk_that_its_seed_decides(trained: str, tmp_path: Path) -> None:
    films = []
    for seed in ("1", "1", "2"):
        output = tmp_path / "walk.mp4"
        assert main(["export", trained, "--format", "mp4", "--seed", seed, "--output", str(output)]) == 0
        with av.open(str(output)) as file:
            films.append([frame.to_ndarray(format="gray") for frame in file.decode(video=0)])
    assert [len(film) for film in films] == [8 * 15] * 3 and films[0][0].shape == (252, 252)
    assert np.array_equal(films[0], films[1]) and not np.array_equal(films[0], films[2])


def test_runs_prints_a_table(trained: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs"]) == 0
    header, row = capsys.readouterr().out.strip().splitlines()
    assert header.split()[:4] == ["name", "state", "data", "preset"]
    assert row.split()[:4] == ["mine", "finished", "Embedded", "digits"]


def test_runs_without_any_says_what_to_do(runs_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs"]) == 0
    assert "python -m dcgan train" in capsys.readouterr().out


def test_failed_run_is_status_1_and_one_sentence(
    runs_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dcgan.losses.generator_loss", lambda logits, *_: logits.mean() * float("inf"))
    assert main(["train", *SMALL, "--log-every", "1", "--run-dir", str(runs_dir / "wild")]) == 1
    assert "stopped being finite numbers at step 1" in capsys.readouterr().err


def test_as_a_program_it_trains_on_mnist(mnist_dir: Path, runs_dir: Path) -> None:
    """On real MNIST, from another folder, as a user types it."""
    command = [sys.executable, "-m", "dcgan", "train", "--data-dir", str(mnist_dir), "--max-seconds", "2"]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    done = subprocess.run(command, cwd=runs_dir, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    run = open_run(Path(done.stdout.strip().splitlines()[-1]))
    assert run.path.parent == runs_dir and run.dataset_title == "MNIST"
    assert json.loads((run.path / "status.json").read_text())["state"] == "finished"


@pytest.fixture
def photographs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """300 small pictures of two colours, and a file that is none."""
    monkeypatch.setenv("DCGAN_DATA_DIR", str(tmp_path / "data"))
    folder = tmp_path / "photographs"
    for i in range(300):
        file = folder / ("red", "blue")[i % 2] / f"{i}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (30, 20 + i % 9), ((i, 0, 0), (0, 0, i))[i % 2]).save(file)
    (folder / "red" / "torn.jpg").write_bytes(b"")
    return folder


OWN = ["train", *SMALL[4:], "--dataset", "folder", "--epochs", "1", "--image-size", "32", "--channels", "3"]


def test_a_folder_of_photographs_trains_and_the_run_remembers_it(
    photographs: Path,
    runs_dir: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    directory = ["--run-dir", str(runs_dir / "mine")]
    assert main([*OWN, "--data-dir", str(photographs), *directory]) == 0
    assert "1 of 301 files could not be used: red/torn.jpg (not an image)." in capfd.readouterr().err
    run = open_run(runs_dir / "mine")
    assert (run.image_size, run.channels, run.class_names) == (32, 3, ("blue", "red"))
    assert (run.config.conditioning, run.config.source) == ("labels", str(photographs))
    output = str(tmp_path / "red.npy")
    assert main(["sample", str(run.path), "--digit", "red", "--num-samples", "2", "--output", output]) == 0
    assert np.load(output).shape == (2, 32, 32, 3)
    assert main(["train", "--resume", "--epochs", "2", *directory]) == 0
    assert open_run(run.path).status().epoch == 2
    photographs.rename(tmp_path / "elsewhere")
    assert main(["train", "--resume", "--epochs", "3", *directory]) == 2
    assert "is not there; it may have been moved or deleted" in capfd.readouterr().err


def test_images_without_classes_are_grouped_unless_labels_were_asked_for(
    photographs: Path,
    runs_dir: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = [*OWN, "--data-dir", str(photographs / "blue"), "--clusters", "3", "--batch-size", "100"]
    assert main([*own, "--conditioning", "labels"]) == 2
    assert "take conditioning clusters" in capfd.readouterr().err
    directory = ["--run-dir", str(runs_dir / "mine")]
    assert main([*own, *directory]) == 0
    assert "told of 3 groups of look-alikes" in capfd.readouterr().err
    assert open_run(runs_dir / "mine").num_conditions == 3
    for file in sorted((photographs / "blue").iterdir())[:9]:
        file.unlink()
    assert main(["train", "--resume", "--epochs", "2", *directory]) == 2
    assert "began with 150 images and now there are 141" in capfd.readouterr().err


def test_help_states_the_limits_of_own_images(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "50 megapixels and 64 MB each" in text and "200,000" in text
