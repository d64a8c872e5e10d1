from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dcgan.config import TrainConfig
from dcgan.data import ImageData, load_dataset
from dcgan.evaluation import LIGHT_COUNT, LightJudge
from dcgan.quality import TIME_SHARE, QualityWatch
from dcgan.recording import Recorder
from dcgan.runs import create_run
from dcgan.sampling import in_proportion
from dcgan.session import run_training
from dcgan.training import Trainer


@pytest.fixture(scope="module")
def few_digits(mnist_dir: Path) -> ImageData:
    data = load_dataset("mnist", mnist_dir)
    return replace(data, images=data.images[:2048], labels=data.labels[:2048])


@pytest.fixture
def mnist_config(small_config: TrainConfig) -> TrainConfig:
    return small_config.with_changes(dataset="mnist")


def test_what_the_watch_says_is_what_the_judge_says(mnist_config: TrainConfig, few_digits: ImageData) -> None:
    trainer = Trainer(mnist_config, few_digits)
    watch = QualityWatch(mnist_config, trainer.device)
    report = watch.look(trainer, 0.0)
    assert report is not None and report.num_images == LIGHT_COUNT and report.split == "held_out"
    noise = torch.Generator().manual_seed(mnist_config.seed)
    z = torch.randn(LIGHT_COUNT, 8, generator=noise)
    asked = in_proportion(few_digits.labels.bincount(), LIGHT_COUNT, noise)
    assert report == LightJudge().measure(trainer.draw(z, asked), asked)


def test_watching_takes_a_small_share_of_the_time(mnist_config: TrainConfig, few_digits: ImageData) -> None:
    trainer = Trainer(mnist_config, few_digits)
    watch = QualityWatch(mnist_config, trainer.device)
    assert watch.look(trainer, 10.0) is not None
    assert watch.look(trainer, 10.0) is None, "no training since the last look"
    assert watch.look(trainer, 10.0, at_any_cost=True) is not None
    assert watch.look(trainer, 10.0 + 1000 / TIME_SHARE) is not None


def test_watching_leaves_the_run_as_it_is(mnist_config: TrainConfig, few_digits: ImageData) -> None:
    watched, alone = Trainer(mnist_config, few_digits), Trainer(mnist_config, few_digits)
    watch = QualityWatch(mnist_config, watched.device)
    for _ in zip(watched.events(), alone.events(), strict=True):
        if watched.step == 3:
            watch.look(watched, 0.0, at_any_cost=True)
    first, second = watched.generator_weights(), alone.generator_weights()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_data_without_a_judge_are_not_watched(small_config: TrainConfig, digits: ImageData) -> None:
    trainer = Trainer(small_config, digits)
    assert QualityWatch(small_config, trainer.device).look(trainer, 0.0) is None


def test_a_run_keeps_its_quality(runs_dir: Path, mnist_dir: Path, mnist_config: TrainConfig) -> None:
    run = create_run(runs_dir / "r", mnist_config.with_changes(epochs=1), "quick")
    run_training(run, data_dir=mnist_dir)
    (row,) = run.quality()
    assert (row["epoch"], row["step"]) == (1, 234) and len(row["class_histogram"]) == 10
    (run.path / "quality.jsonl").open("a").write('{"epoch": 2}\ntorn')
    assert run.quality() == [row]
    with Recorder(run) as recorder:
        recorder.rewind(100)
    assert run.quality() == []
