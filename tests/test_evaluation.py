"""The judge: real digits get what they deserve, and so do noise, missing digits, wrong digits and copies."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from dcgan.classifier import ASSET, load_classifier, read_asset
from dcgan.cli import main
from dcgan.config import TrainConfig
from dcgan.data import load_dataset
from dcgan.errors import UserError
from dcgan.evaluation import LightJudge, evaluate_images, evaluate_run, judge_for, memorisation, why_not
from dcgan.models import Generator, ImageShape
from dcgan.references import SPLITS, Seen, load_references, load_split, make_references, references_asset
from dcgan.reports import Report, read_report
from dcgan.runs import Run, create_run
from dcgan.sampling import draw_samples, load_generator, save_snapshot

NOWHERE = Path("/nonexistent")


@pytest.fixture(scope="module")
def judge() -> LightJudge:
    return LightJudge()


@pytest.fixture(scope="module")
def test_digits(mnist_dir: Path) -> tuple[Tensor, Tensor]:
    return load_split("test", mnist_dir)


@pytest.fixture(scope="module")
def held_out_digits(mnist_dir: Path) -> tuple[Tensor, Tensor]:
    return load_split("held_out", mnist_dir)


@pytest.fixture(scope="module")
def noise() -> Tensor:
    return torch.randint(0, 256, (600, 1, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def test_splits_are_disjoint_and_complete(mnist_dir: Path, held_out_digits: tuple[Tensor, Tensor]) -> None:
    train, labels = load_split("train", mnist_dir)
    everything = load_dataset("mnist", mnist_dir, "train", download=False)
    assert (len(train), len(held_out_digits[0])) == (50_000, 10_000)
    counts = torch.bincount(labels, minlength=10) + torch.bincount(held_out_digits[1], minlength=10)
    assert torch.equal(counts, torch.bincount(everything.labels))
    assert torch.equal(held_out_digits[0][:2], everything.images[10:12])
    with pytest.raises(UserError, match="did you mean 'test'"):
        load_split("tests", mnist_dir)


def test_shipped_statistics_are_those_of_the_real_digits(test_digits: tuple[Tensor, Tensor]) -> None:
    images, labels = test_digits
    features = LightJudge(split="test").see(images).features.double()
    references = load_references()
    torch.testing.assert_close(references.gaussians["test"].mean, features.mean(0), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(references.gaussians["test"].covariance, features.T.cov(), rtol=1e-3, atol=1e-3)
    shares = (torch.bincount(labels).double() / 10_000).tolist()
    assert references.class_shares["test"] == pytest.approx(shares)


def test_real_digits_are_judged_real(
    test_digits: tuple[Tensor, Tensor], held_out_digits: tuple[Tensor, Tensor]
) -> None:
    judge = LightJudge(split="test")
    report = judge.measure(*held_out_digits)
    assert report.fd_lenet == pytest.approx(judge.real(10_000).fd_lenet, rel=1e-3)
    assert 0.5 < report.fd_lenet < 1.5
    assert report.confident_share > 0.975 and 0.965 < report.readable_share <= report.confident_share
    assert report.label_agreement == pytest.approx(0.9953, abs=5e-4)
    assert report.missing_classes == () and report.kl_to_uniform < 0.003
    assert (report.num_images, report.split, report.extractor) == (10_000, "test", "lenet-64")
    assert judge.measure(test_digits[0]).fd_lenet < 1e-3


def test_fewer_real_digits_get_the_distance_foretold(held_out_digits: tuple[Tensor, Tensor]) -> None:
    judge = LightJudge(split="test")
    generator = torch.Generator().manual_seed(5)
    draws = [held_out_digits[0][torch.randperm(10_000, generator=generator)[:3000]] for _ in range(6)]
    measured = sum(judge.measure(draw).fd_lenet for draw in draws) / len(draws)
    assert measured == pytest.approx(judge.real(3000).fd_lenet, rel=0.1)
    assert judge.real(2000).fd_lenet > judge.real(3000).fd_lenet > judge.real(10_000).fd_lenet


def test_noise_is_far_from_digits(judge: LightJudge, noise: Tensor) -> None:
    report = judge.measure(noise)
    assert report.fd_lenet > 500
    assert report.confident_share == report.readable_share == 0.0


def test_a_collapsed_generator_is_seen(judge: LightJudge, held_out_digits: tuple[Tensor, Tensor]) -> None:
    images, labels = held_out_digits
    report = judge.measure(images[labels == 3], labels[labels == 3])
    assert report.missing_classes == (0, 1, 2, 4, 5, 6, 7, 8, 9)
    assert report.class_histogram[3] > 0.98 and sum(report.class_histogram) == pytest.approx(1.0)
    assert report.kl_to_uniform == pytest.approx(math.log(10), abs=0.1)
    assert report.fd_lenet > 100
    without = judge.measure(images[(labels != 4) & (labels != 9)])
    assert without.missing_classes == (4, 9)


def test_wrong_digits_lower_the_agreement(judge: LightJudge, held_out_digits: tuple[Tensor, Tensor]) -> None:
    images, labels = held_out_digits[0][:1000], held_out_digits[1][:1000].clone()
    labels[::4] = (labels[::4] + 1) % 10
    assert judge.measure(images, labels).label_agreement == pytest.approx(0.75, abs=0.01)
    assert judge.measure(images).label_agreement is None


def test_confidently_wrong_shapes_are_not_readable(judge: LightJudge, held_out_digits: tuple[Tensor, Tensor]) -> None:
    mirrored = judge.measure(held_out_digits[0][:2000].flip(3))
    assert mirrored.confident_share - mirrored.readable_share > 0.04


def test_the_same_images_get_the_same_report_and_no_random_number_is_drawn(judge: LightJudge, noise: Tensor) -> None:
    before = torch.get_rng_state()
    assert judge.measure(noise) == judge.measure(noise)
    assert torch.equal(before, torch.get_rng_state())


def test_wrong_images_are_refused_in_a_sentence(judge: LightJudge, noise: Tensor) -> None:
    with pytest.raises(UserError, match="uint8 in"):
        judge.measure(noise.float())
    with pytest.raises(UserError, match="At least 2 images"):
        judge.measure(noise[:1])
    with pytest.raises(UserError, match=r"shape \[N, 1, 28, 28\]"):
        judge.measure(noise[..., :14])
    with pytest.raises(UserError, match="600 images were given with"):
        judge.measure(noise, torch.zeros(5, dtype=torch.int64))
    with pytest.raises(UserError, match="did you mean 'held_out'"):
        LightJudge(split="heldout")


def test_sets_of_mnist_like_digits_have_a_judge() -> None:
    for name in ("mnist", "emnist-digits", "color-mnist", "stacked-mnist"):
        assert isinstance(judge_for(TrainConfig(dataset=name)), LightJudge) and why_not(name) is None
    for name in ("digits", "kmnist", "svhn", "cifar10", "celeba", "folder"):
        assert judge_for(TrainConfig(dataset=name)) is None and why_not(name)
    assert judge_for(TrainConfig(dataset="stacked-mnist", channels=1)) is None
    assert "cannot be told apart" in str(why_not("stacked-mnist", 1))


def test_copies_are_told_from_new_digits(mnist_dir: Path, test_digits: tuple[Tensor, Tensor]) -> None:
    training = load_split("held_out", mnist_dir)[0]
    real, new = test_digits[0][:400], test_digits[0][5000:5400]
    copied, fresh = memorisation(training[:200], real, training), memorisation(new, real, training)
    assert (copied.generated_median, copied.closer_share) == (0.0, 1.0)
    assert fresh.generated_median == pytest.approx(fresh.real_median, rel=0.15)
    assert fresh.closer_share < 0.05 and copied.real_median == fresh.real_median > 3


def test_without_mnist_the_report_says_what_it_can(noise: Tensor) -> None:
    report = evaluate_images(noise, data_dir=NOWHERE)
    assert report.fd_lenet > 500 and report.real == LightJudge(split="test").real(600)
    absent = (report.kd_lenet, report.density, report.coverage, report.memorisation, report.fid)
    assert absent == (None,) * 5
    with pytest.raises(UserError, match="FID compares with the real digits"):
        evaluate_images(noise, data_dir=NOWHERE, inception=torch.nn.Identity())


def test_with_mnist_the_report_is_complete(mnist_dir: Path, held_out_digits: tuple[Tensor, Tensor]) -> None:
    report = evaluate_images(held_out_digits[0][:600], data_dir=mnist_dir)
    assert report.density == pytest.approx(1.0, abs=0.15)
    assert report.coverage == pytest.approx(0.97, abs=0.03)
    assert report.kd_lenet is not None and abs(report.kd_lenet) < 5
    assert report.memorisation is not None
    assert report.memorisation.closer_share == 1.0, "training digits are copies of training digits"
    assert report.memorisation.real_median == pytest.approx(4.37, abs=0.05)


@pytest.fixture(scope="module")
def untrained_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    config = TrainConfig(conditioning="labels", latent_dim=4, generator_width=4, discriminator_width=4, seed=1)
    run = create_run(tmp_path_factory.mktemp("runs") / "untrained", config, "quick")
    shape = ImageShape(28, 1, 10)
    (run.path / "snapshots").mkdir(exist_ok=True)
    weights = Generator(config, shape).state_dict()
    frame = run.path / "snapshots" / "epoch-0002-step-000938.safetensors"
    save_snapshot(frame, weights, config, shape, [6000] * 10, epoch=2, step=938)
    return run


def test_a_run_is_judged_by_its_own_digits(untrained_run: Run) -> None:
    report = evaluate_run(untrained_run, 300, data_dir=NOWHERE)
    images, asked = draw_samples(load_generator(untrained_run), 300, 0)
    expected = evaluate_images(images, asked, data_dir=NOWHERE)
    assert report == replace(expected, epoch=2, step=938)
    assert report.label_agreement is not None and report.fd_lenet > 500
    assert evaluate_run(untrained_run, 300, seed=1, data_dir=NOWHERE) != report


def test_the_command_prints_a_table_or_json_and_keeps_the_report(
    untrained_run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["evaluate", str(untrained_run.path), "--num-samples", "300", "--data-dir", str(NOWHERE)]
    assert main([*command, "--split", "held_out"]) == 0
    assert "300 images, held-out digits" in capsys.readouterr().out
    assert read_report(untrained_run.path) is None
    assert main([*command, "--json", "--save"]) == 0
    report = Report.from_dict(json.loads(capsys.readouterr().out))
    assert report == read_report(untrained_run.path) == evaluate_run(untrained_run, 300, data_dir=NOWHERE)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("--num-samples 1", "dcgan: At least 2 images are needed to judge a generator, not 1.\n"),
        ("--num-samples many", "dcgan: --num-samples must be a whole number, not 'many'.\n"),
        ("--split tset", "dcgan: Unknown reference split 'tset'; did you mean 'test'.\n"),
    ],
)
def test_wrong_commands_are_one_sentence(
    untrained_run: Run, capsys: pytest.CaptureFixture[str], arguments: str, sentence: str
) -> None:
    assert main(["evaluate", str(untrained_run.path), *arguments.split()]) == 2
    assert capsys.readouterr().err == sentence


def test_runs_on_other_data_are_refused_with_the_reason(tmp_path: Path, small_config: TrainConfig) -> None:
    run = create_run(tmp_path / "run", small_config, "quick")
    with pytest.raises(UserError, match="classifier of MNIST digits, which cannot judge Embedded digits"):
        evaluate_run(run)


def test_statistics_survive_the_file(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    labels = {split: torch.arange(10_000) % 10 for split in SPLITS}
    logits = torch.nn.functional.one_hot(labels["test"], 10) * 9.0
    seen = {split: Seen.of(torch.rand(10_000, 64, generator=generator), logits) for split in SPLITS}
    made = make_references("other", seen, labels)
    tensors, metadata = references_asset(made)
    save_file(tensors, tmp_path / "r.safetensors", metadata | {"format": _metadata()["format"]})
    back = load_references(tmp_path / "r.safetensors")
    for name in ("extractor", "real", "few_fd", "class_shares", "readable_distance"):
        assert getattr(back, name) == getattr(made, name)
    torch.testing.assert_close(back.gaussians["train"].covariance, made.gaussians["train"].covariance)
    assert made.real["test"].readable_share == pytest.approx(0.99, abs=1e-3)


def test_a_classifier_without_statistics_is_refused(tmp_path: Path) -> None:
    weights = {name: value for name, value in load_file(ASSET).items() if name.startswith("classifier.")}
    save_file(weights, tmp_path / "c.safetensors", _metadata())
    load_classifier(tmp_path / "c.safetensors")
    with pytest.raises(UserError, match="is not a digit classifier of this project"):
        LightJudge(path=tmp_path / "c.safetensors")
    save_file(load_file(ASSET), tmp_path / "d.safetensors", _metadata() | {"references": json.dumps({"few_fd": {}})})
    with pytest.raises(UserError, match=r"The statistics in .* are incomplete"):
        LightJudge(path=tmp_path / "d.safetensors")


def _metadata() -> dict[str, str]:
    return read_asset(ASSET, {})[1]
