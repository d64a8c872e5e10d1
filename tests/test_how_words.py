"""Every step of the game finds its lines in the source, its formula and its values, for every objective."""

import pytest

from dcgan.config import TrainConfig, field_info
from ui.how_source import excerpt
from ui.how_values import FIGURES
from ui.how_words import LOSSES, STEPS, Step

OBJECTIVES = field_info("objective").choices


def config_for(objective: str) -> TrainConfig:
    return TrainConfig(objective=objective, discriminator_norm="none")


def test_every_objective_has_its_formulas_and_every_step_its_values() -> None:
    assert set(LOSSES) == set(OBJECTIVES)
    assert {step.key for step in STEPS} == set(FIGURES)
    assert 5 <= len(STEPS) <= 7


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.key)
def test_the_source_of_every_step_is_found(step: Step, objective: str) -> None:
    """When this fails, code has moved: name its new place in `ui.how_words.STEPS`."""
    config = config_for(objective)
    found = excerpt(step.anchor(config))
    assert 1 <= len(found.code.splitlines()) <= 16, "a few lines: choose what to show"
    assert step.formula(config).count("{") == step.formula(config).count("}")


def test_the_lines_are_the_ones_meant() -> None:
    config = config_for("lsgan")
    code = {step.key: excerpt(step.anchor(config)).code for step in STEPS}
    assert "torch.randn" in code["draw"] and "logits" in code["judge"]
    assert "(real_logits - 1).square()" in code["loss_d"] and "softplus" not in code["loss_d"]
    assert "(fake_logits - 1).square()" in code["loss_g"]
    assert "optimizer_d.step()" in code["learn_d"] and "optimizer_g.step()" in code["learn_g"]
    assert "generator_loss" in code["wish"] and "type: ignore" not in code["wish"]
