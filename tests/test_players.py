import dataclasses
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from dcgan.bundle import bundle_run
from dcgan.config import TrainConfig
from dcgan.data import ImageData, to_unit_range
from dcgan.errors import UserError
from dcgan.players import (
    discriminator_epochs,
    load_discriminator,
    load_players,
    read_discriminator,
    save_discriminator,
)
from dcgan.resume import read_state
from dcgan.runs import Run, create_run
from dcgan.sampling import load_generator
from dcgan.session import run_training
from dcgan.training import Trainer

# Spectral norm, dropout and a dense layer: what changes between training and asking.
CHANGES = {"discriminator_norm": "spectral", "dropout": 0.3, "discriminator_features": 8}


@pytest.fixture
def run(runs_dir: Path, small_config: TrainConfig) -> Run:
    run = create_run(runs_dir / "r", small_config.with_changes(epochs=2, **CHANGES), "quick")
    run_training(run)
    return run


def trainer_at(run: Run, digits: ImageData, place: int) -> Trainer:
    trainer = Trainer(run.config, digits)
    trainer.load_state_dict(read_state(run.states()[place]).trainer)
    return trainer


@pytest.mark.parametrize("place", [0, -1])
def test_it_says_what_the_trainers_discriminator_says(run: Run, digits: ImageData, place: int) -> None:
    trainer = trainer_at(run, digits, place)
    trained = load_discriminator(run, None if place else 1)
    assert (trained.epoch, trained.step) == (trainer.epoch, trainer.step)
    images, condition = digits.images[:9], trainer._condition(digits.labels[:9])
    expected = trainer.D.eval()(to_unit_range(images), condition).detach()
    close = {"rtol": 1e-4, "atol": float(expected.std()) * 1e-4}
    assert torch.allclose(trained.scores(images, condition), expected, **close)
    assert torch.allclose(trained.scores(to_unit_range(images), condition), expected, **close)
    # Each image is judged by itself.
    assert torch.allclose(trained.scores(images[3:4], condition[3:4]), expected[3:4], **close)  # type: ignore[index]


def test_the_gradient_is_what_a_nudge_changes(run: Run, digits: ImageData) -> None:
    trained = load_discriminator(run)
    images, condition = to_unit_range(digits.images[:2]), torch.eye(10)[:2]
    found = trained.pixel_gradient(digits.images[:2], condition)
    assert found.shape == (2, 1, 28, 28) and not any(p.grad is not None for p in trained.network.parameters())
    trained.network.double()
    size = float(found.abs().max())
    for row, column in ((14, 13), (3, 20), (27, 0)):
        nudge = torch.zeros(2, 1, 28, 28, dtype=torch.float64)
        nudge[:, 0, row, column] = 1e-5
        with torch.no_grad():
            up, down = (trained.network(images.double() + way * nudge, condition.double()) for way in (1, -1))
        assert torch.allclose((up - down) / 2e-5, found[:, 0, row, column].double(), rtol=1e-3, atol=1e-3 * size)


def test_both_players_are_of_one_moment(run: Run, digits: ImageData) -> None:
    players, trainer = load_players(run, 1), trainer_at(run, digits, 0)
    assert players.generator.step == players.discriminator.step == trainer.step
    drawn = players.generator.draw(trainer.sample_z, players.generator.condition(trainer.sample_classes))
    assert torch.equal(drawn, trainer.samples().images)
    assert players.generator.class_counts == load_generator(run).class_counts


def test_without_averaging_the_plain_generator_draws(
    runs_dir: Path, small_config: TrainConfig, digits: ImageData
) -> None:
    config = small_config.with_changes(ema_decay=0.0, conditioning="none", epochs=1, minibatch_std=True)
    run = create_run(runs_dir / "plain", config, "quick")
    run_training(run)
    players, trainer = load_players(run), trainer_at(run, digits, -1)
    assert torch.equal(players.generator.draw(trainer.sample_z), trainer.samples().images)
    judge = players.discriminator
    assert judge.depends_on_batch and not judge.conditional
    alone, together = judge.scores(digits.images[:1]), judge.scores(digits.images[:50])[:1]
    assert not torch.equal(alone, together)


def test_a_bundle_keeps_the_last_one(run: Run, digits: ImageData) -> None:
    copy = bundle_run(run, run.path.parent / "copy", [1])
    assert discriminator_epochs(copy) == [2] and discriminator_epochs(run) == [1, 2] and not copy.states()
    condition = torch.eye(10)
    first, second = (load_discriminator(r).scores(digits.images[:10], condition) for r in (run, copy))
    assert (first - second).abs().max() < 0.02 * first.abs().max()
    players = load_players(copy)
    assert players.generator.step == players.discriminator.step == run.states()[-1].step
    [file] = (frame.path for frame in copy.discriminators())
    assert {v.dtype for v in load_file(file).values()} <= {torch.float16, torch.int64}
    again = bundle_run(copy, run.path.parent / "again")
    assert discriminator_epochs(again) == [2]


def test_what_was_not_kept_is_one_sentence(run: Run) -> None:
    with pytest.raises(UserError, match="kept no discriminator of epoch 7; kept are 1, 2"):
        load_discriminator(run, 7)
    for frame in run.states():
        frame.path.unlink()
    for load in (load_discriminator, load_players):
        with pytest.raises(UserError, match="kept no discriminator; one is kept at the end of each epoch"):
            load(run)
    assert not bundle_run(run, run.path.parent / "bare").discriminators()


def test_a_damaged_state_is_passed_over_unless_asked_for(run: Run) -> None:
    run.states()[-1].path.write_bytes(b"torn")
    assert load_discriminator(run).epoch == 1
    with pytest.raises(UserError, match="gone or damaged"):
        load_discriminator(run, 2)
    run.states()[0].path.write_bytes(b"torn")
    with pytest.raises(UserError, match="gone or damaged"):
        load_discriminator(run)


@pytest.mark.parametrize("damage", ["gone", "cut", "foreign", "shapes", "number"])
def test_damaged_files_are_one_sentence(run: Run, tmp_path: Path, damage: str) -> None:
    trained, path = load_discriminator(run), tmp_path / "epoch-0002-step-000014.safetensors"
    if damage == "shapes":
        trained = dataclasses.replace(trained, config=trained.config.with_changes(discriminator_width=8))
    save_discriminator(path, trained, trained.network.state_dict())
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "foreign":
        save_file({"x": torch.zeros(2)}, path)
    elif damage == "number":
        path.write_bytes(content.replace(b'"epoch":"2"', b'"epoch":"x"'))
    with pytest.raises(UserError, match=r"epoch-0002-step-000014.safetensors (is|are)|discriminator epoch-0002"):
        read_discriminator(path)


def test_a_state_of_other_networks_is_one_sentence(run: Run) -> None:
    other = dataclasses.replace(run, config=run.config.with_changes(discriminator_width=8))
    with pytest.raises(UserError, match="does not fit its run"):
        load_discriminator(other)


def test_images_and_conditions_that_do_not_fit_are_refused(run: Run) -> None:
    trained = load_discriminator(run)
    with pytest.raises(UserError, match=r"images of \(1, 28, 28\), not of \(1, 32, 32\)"):
        trained.scores(torch.zeros(2, 1, 32, 32), torch.zeros(2, 10))
    with pytest.raises(UserError, match="give each image its condition"):
        trained.pixel_gradient(torch.zeros(2, 1, 28, 28))
    assert trained.scores(torch.zeros(0, 1, 28, 28), torch.zeros(0, 10)).shape == (0,)
