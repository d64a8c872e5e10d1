"""The benchmarks measure what they say: equal networks, operations as counted by hand, both loops at work."""

import json
from pathlib import Path

import pytest
import torch

from benchmarks import seeds, threads, time_to_quality, training_speed
from benchmarks.classroom_memory import slope
from benchmarks.textbook import SHAPE, PlainDiscriminator, PlainGenerator, Textbook
from dcgan.config import TrainConfig
from dcgan.data import ImageData
from dcgan.errors import UserError
from dcgan.models import Discriminator, Generator, condition_vector, count_parameters
from dcgan.presets import get_preset

VARIANTS = [
    get_preset("quick").config,
    get_preset("dcgan").config,
    TrainConfig(discriminator_norm="none", minibatch_std=True, discriminator_features=8, generator_finish=8),
    TrainConfig(discriminator_norm="spectral", conditioning="labels"),
]


@pytest.mark.parametrize("config", VARIANTS)
def test_textbook_networks_are_ours(config: TrainConfig) -> None:
    config = config.with_changes(generator_width=4, discriminator_width=4, class_loss=0.0)
    ours, plain = Generator(config, SHAPE), PlainGenerator(config)
    judge, plain_judge = Discriminator(config, SHAPE), PlainDiscriminator(config)
    assert count_parameters([judge]) == count_parameters([plain_judge])
    for mine, theirs in zip(ours.parameters(), plain.parameters(), strict=True):
        theirs.data.copy_(mine.data)
    z = torch.randn(5, config.latent_dim, generator=torch.Generator().manual_seed(0))
    condition = condition_vector(torch.arange(5), 10) if config.conditioning == "labels" else None
    torch.testing.assert_close(ours(z, condition), plain(z, condition), atol=1e-5, rtol=1e-4)
    score = plain_judge(plain(z, condition), condition)
    assert score.shape == judge(ours(z, condition), condition).shape and 0 < score.min() <= score.max() < 1


def test_operations_are_those_one_counts_by_hand(digits: ImageData) -> None:
    config = TrainConfig(dataset="digits", latent_dim=10, generator_width=8, discriminator_width=4)
    first, second, score = 2 * 196 * 16 * 4, 2 * 49 * 16 * 4 * 8, 2 * 49 * 8
    # D: three passes forward, two back to weights; back to inputs three times, to the images once.
    judge = first * (3 + 2 + 1) + (second + score) * (3 + 2 + 3)
    stem, up, last = 2 * 10 * 16 * 49, 2 * 49 * 16 * 16 * 8, 2 * 196 * 16 * 8
    assert training_speed.operations_per_image(config, digits) == judge + stem * 2 + (up + last) * 3


def test_speed_is_measured_of_both_loops(mnist_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--data-dir", str(mnist_dir), "--seconds", "0.1", "--rounds", "2", "--device", "cpu", "--threads", "1"]
    assert training_speed.main([*options, "--batch-size", "4"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["batch_size"] == 4 and result["hardware"]["threads_used"] == 1
    assert len(result["speed_ratios_by_round"]) == 2
    for name, rate in result["images_per_second"].items():
        assert rate > 0 and 0 < result["share_of_matrix_peak"][name] < 1
        assert result["gigaflops"][name] == pytest.approx(rate * result["megaflop_per_image"] / 1e3, rel=0.1, abs=0.1)


def test_quality_is_measured_at_the_marks(mnist_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--data-dir", str(mnist_dir), "--device", "cpu", "--threads", "1", "--judged", "300"]
    assert time_to_quality.main([*options, "--at", "0.4", "0.1"]) == 0
    result = json.loads(capsys.readouterr().out)
    for series in result["series"].values():
        assert [row["seconds"] >= mark for row, mark in zip(series, (0.1, 0.4), strict=True)] == [True, True]
        assert 0 < series[0]["images"] < series[1]["images"]
        assert all(row["fd_lenet"] > result["real_digits"]["fd_lenet"] for row in series)


def test_threads_are_compared_in_processes_of_their_own(mnist_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--data-dir", str(mnist_dir), "--threads", "1", "--seconds", "0.1", "--rounds", "1", "--child"]
    assert threads.main(options) == 0
    assert float(capsys.readouterr().out) > 0


def test_the_slope_leaves_out_the_time_in_which_caches_fill() -> None:
    moments = [float(i) for i in range(10)]
    values = [100.0 * min(moment, 3) + 2 * moment for moment in moments]
    assert slope(moments, values, 3) == pytest.approx(2.0)
    assert slope(moments, values, 0) > 20
    assert slope(moments, values, 9) == 0


def test_textbook_loop_has_no_clusters(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no conditioning clusters; measure with none or labels"):
        Textbook(TrainConfig(conditioning="clusters"), tmp_path, torch.device("cpu"))


def test_a_seed_goes_on_from_look_to_look(
    mnist_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(__file__).parents[1])
    options = ["--seconds", "1", "2", "--seeds", "3", "--data-dir", str(mnist_dir), "--keep", str(tmp_path)]
    assert seeds.main(options) == 0
    head, first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert head["preset"] == "quick" and head["hardware"]["threads_used"] == 1
    assert (first["seed"], second["seed"]) == (3, 3)
    assert 1 <= first["seconds"] < 2 <= second["seconds"] < 4 and 0 < first["images"] < second["images"]
    assert first["nearest"][0] > first["nearest"][1] > 0  # after a second there are no digits yet
    assert sorted(path.name for path in tmp_path.glob("*.png")) == ["seed-3-1.png", "seed-3-2.png"]
