"""The recipes are what they say: one cause each, told by the doctor, cured by its change alone."""

import math
from dataclasses import replace

import pytest

from dcgan.data import ImageData
from dcgan.doctor import SENTENCES
from dcgan.errors import TrainingDiverged, UserError
from dcgan.events import Progress
from dcgan.failures import BASE, FAILURES, Failure, get_failure
from dcgan.training import Trainer


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_both_are_valid_and_differ_in_their_cause_only(failure: Failure) -> None:
    broken, cured = failure.configs("digits", seed=3)
    differ = {name for name, value in broken.to_dict().items() if getattr(cured, name) != value}
    assert differ and differ <= {"lr_g", "lr_d", "objective"}
    assert broken.seed == cured.seed == 3 and broken.dataset == "digits"
    assert failure.finding in SENTENCES
    assert all(text.endswith(".") for text in (failure.happens, failure.why, failure.watch))


def last_progress(failure: Failure, digits: ImageData, steps: int, *, cured: bool) -> Progress | None:
    """The mean of the last `log_every` steps; None where the losses were not finite."""
    changes = {"device": "cpu", "precision": "float32", "epochs": 1000, "log_every": 20}
    config = failure.configs("digits")[cured].with_changes(**changes)
    last = None
    try:
        for event in Trainer(replace(config), digits).events():
            if isinstance(event, Progress):
                last = event
                if event.step >= steps:
                    return last
    except TrainingDiverged:
        return None
    return last


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_the_broken_one_fails_as_it_says_and_the_cured_one_does_not(failure: Failure, digits: ImageData) -> None:
    broken, cured = (last_progress(failure, digits, 200, cured=cured) for cured in (False, True))
    assert cured is not None and math.isfinite(cured.loss_g) and abs(cured.loss_g) < 30
    signs = {
        "diverged": broken is None or max(broken.loss_d, broken.loss_g) > 30,
        "d-wins": broken is not None and broken.d_real > 0.95 and broken.d_fake < 0.05,
        "g-wins": broken is not None and broken.d_fake > broken.d_real + 0.05,
    }
    assert signs[failure.finding], broken
    if failure.name == "no-advice":
        assert broken is not None and abs(broken.loss_g) < 0.01 and cured.loss_g > 1


def test_an_unknown_failure_is_one_sentence() -> None:
    assert get_failure("runaway").title and BASE.conditioning == "none"
    with pytest.raises(UserError, match="did you mean 'runaway'"):
        get_failure("runway")
