"""What a run says to each step, for every objective, with real images and without."""

from dataclasses import replace
from pathlib import Path

import pytest

from dcgan.config import TrainConfig, field_info
from dcgan.runs import create_run
from dcgan.session import run_training
from ui import how_models
from ui.how_values import FIGURES, figure


@pytest.mark.parametrize("objective", field_info("objective").choices)
def test_every_step_has_something_to_say(
    runs_dir: Path, small_config: TrainConfig, monkeypatch: pytest.MonkeyPatch, objective: str
) -> None:
    config = small_config.with_changes(
        objective=objective, discriminator_norm="none", epochs=1, critic_steps=2, r1=0.1, minibatch_std=True
    )
    run = create_run(runs_dir / "r", config, "quick")
    run_training(run)
    values = how_models.values(run, 3)
    shown = {key: figure(key, values, config) for key in FIGURES}
    assert shown["judge"].count("<img") == 16 and shown["wish"].count("<img") == 8
    assert f"= {values.loss_d:.3f}".replace("-", "−") in shown["loss_d"]
    assert f"= {values.loss_g:.3f}".replace("-", "−") in shown["loss_g"]
    assert "2 times for each step of G" in shown["learn_d"] and "R1" in shown["learn_d"]
    assert f"{values.step // 2:,} times" in shown["learn_g"] and "all of them" in shown["judge"]
    assert all(0 <= sure <= 1 for sure in (*values.sure_real, *values.sure_fake))

    monkeypatch.setattr(how_models, "has_data", lambda config: False)
    monkeypatch.setattr("dcgan.game.load_for", _gone)
    how_models._real.cache_clear()
    alone = how_models.values(run, 3)
    assert "not on this computer" in alone.without_real and alone.real == () and alone.loss_d is None
    shown = {key: figure(key, alone, config) for key in FIGURES}
    assert shown["judge"].count("<img") == 8 and "real images" in shown["loss_d"]
    assert (alone.loss_g is None) == (objective == "rpgan")


def _gone(*_: object, **__: object) -> None:
    raise OSError("gone")


def test_a_class_loss_is_told_where_there_are_classes(runs_dir: Path, small_config: TrainConfig) -> None:
    run = create_run(runs_dir / "r", small_config.with_changes(epochs=1, class_loss=0.03), "quick")
    run_training(run)
    values = how_models.values(run, 0)
    assert "G is paid, 0.03 times as much, for images that it reads as what was asked" in figure(
        "loss_g", values, run.config
    )
    assert "class loss" not in figure("loss_g", values, run.config.with_changes(class_loss=0.0))
    assert "class loss" not in figure("loss_g", replace(values, asked=()), run.config)


def test_pictures_are_whole_multiples_and_numbers_of_z_are_told(runs_dir: Path, small_config: TrainConfig) -> None:
    run = create_run(runs_dir / "r", small_config.with_changes(epochs=1, image_size=32), "quick")
    run_training(run)
    values = how_models.values(run, 0)
    assert 'width="64" height="64"' in figure("judge", values, run.config)
    assert f", {len(values.z) - 3} more): bars" in figure("draw", values, run.config)
    named = replace(values, asked=('a "name" <b>',) * len(values.fake))
    expected = '<small title="a &quot;name&quot; &lt;b&gt;">a &quot;name&quot; &lt;b&gt;</small>'
    assert figure("judge", named, run.config).count(expected) == 16
    assert "z = (0.50, −1.25): bars" in figure("draw", replace(values, z=(0.5, -1.25)), run.config)


def test_a_new_state_brings_new_values_and_an_old_one_is_kept(runs_dir: Path, small_config: TrainConfig) -> None:
    run = create_run(runs_dir / "r", small_config, "quick")
    run_training(run, max_seconds=0.05)
    first = how_models.values(run, 0)
    assert how_models.values(run, 0) is first
    run_training(run)
    second = how_models.values(run, 0)
    assert second.step > first.step and second.sure_fake != first.sure_fake
