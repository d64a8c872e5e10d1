"""The doctor on curves made by hand, on recorded ones of real runs that failed, and on a run that fails here.

`data/curves.json` holds the last log points and the judge's reports of runs on MNIST (preset quick but for `settings`,
30 to 60 s on two CPU cores).
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from dcgan.config import TrainConfig
from dcgan.data import ImageData
from dcgan.doctor import FASTEST, SENTENCES, count_swings, diagnose, remedy
from dcgan.errors import TrainingDiverged
from dcgan.events import Progress
from dcgan.presets import get_preset
from dcgan.records import Status
from dcgan.training import train

RECORDED = json.loads((Path(__file__).parent / "data" / "curves.json").read_text())
CONFIG = get_preset("quick").config.with_changes(r1=0.0, lr_g=2e-3, lr_d=2e-3, minibatch_std=False, label_smoothing=0.0)
Rows = list[dict[str, Any]]


def rows(count: int = 60, **columns: Any) -> Rows:
    """Log points of 10 steps each; a column is a number or a function of the place in [0, 1]."""
    usual = {"loss_d": 1.1, "loss_g": 1.6, "d_real": 0.65, "d_fake": 0.35, "accuracy": 0.72}
    values = {**usual, **columns}
    return [
        {"step": 10 * (i + 1), **{k: v(i / count) if callable(v) else v for k, v in values.items()}}
        for i in range(count)
    ]


def report(fd: float = 8.0, readable: float = 0.95, missing: tuple[int, ...] = (), kl: float = 0.005) -> dict[str, Any]:
    shares = [0.0 if digit in missing else 1 / (10 - len(missing)) for digit in range(10)]
    return {
        "epoch": 1, "step": 500, "fd_lenet": fd, "readable_share": readable, "kl_to_uniform": kl,
        "missing_classes": list(missing), "class_histogram": shares,
    }  # fmt: skip


def names(metrics: Rows, quality: Rows, status: Status | None = None, config: TrainConfig = CONFIG) -> list[str]:
    return [found.name for found in diagnose(config, metrics, quality, status or Status(state="running"))]


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({}, "healthy"),
        ({"d_real": 0.99, "d_fake": 0.01, "loss_g": lambda at: 4 + 4 * at}, "d-wins"),
        ({"d_real": 0.9, "d_fake": 0.1}, "healthy"),
        ({"d_real": 0.3, "d_fake": 0.6, "accuracy": 0.2}, "g-wins"),
        ({"d_real": 0.51, "d_fake": 0.5, "accuracy": 0.5}, "guessing"),
        ({"loss_g": 3000.0}, "diverged"),
        ({"loss_d": math.nan}, "diverged"),
        ({"d_real": lambda at: 0.5 + 0.3 * math.sin(40 * at), "d_fake": 0.5}, "swings"),
    ],
)
def test_curves_made_by_hand(columns: dict[str, Any], expected: str) -> None:
    assert names(rows(**columns), [])[0] == expected


@pytest.mark.parametrize(("objective", "words"), [("minimax", "loss 1.6 nats, not"), ("hinge", "loss 1.6, not")])
def test_a_loss_has_its_unit(objective: str, words: str) -> None:
    config = CONFIG.with_changes(objective=objective)
    (found,) = diagnose(config, rows(d_real=0.99, d_fake=0.01), [], Status(state="running"))
    assert words in found.evidence


def test_the_judge_is_heard() -> None:
    guessing = rows(d_real=0.51, d_fake=0.5, accuracy=0.5)
    assert names(guessing, [report()]) == ["healthy"], "a G as good as real digits leaves D nothing but guessing"
    sure = rows(d_real=0.97, d_fake=0.03)
    assert names(sure, [report(20.0), report(10.0)]) == ["learning"], "a strong D that still teaches is none too many"
    assert names(sure, [report(20.0), report(19.0)]) == ["d-wins"]
    assert names(rows(), [report(missing=(4,))]) == ["missing"]
    assert names(rows(), [report(missing=(1, 4, 7))]) == ["collapse"]
    assert names(rows(), [report(missing=(4,), kl=0.7)]) == ["collapse"]
    (found,) = diagnose(CONFIG, rows(), [report(missing=(1, 4, 7))], Status(state="running"))
    assert found.evidence.startswith("Missing after epoch 1: 1, 4, 7; 14% of all images")


def test_too_early_too_little_and_the_end_of_a_run_that_diverged() -> None:
    sure = {"d_real": 0.99, "d_fake": 0.01}
    assert names(rows(15, **sure), []) == ["early"]
    assert names(rows(25, **sure), []) == ["d-wins"]
    assert names([], []) == []
    failed = Status(state="failed", message=str(TrainingDiverged(7)))
    assert names([], [], failed) == names(rows(), [], failed) == ["diverged"]
    assert names([], [], Status(state="failed", message="The disk is full.")) == []


def test_a_process_that_lives_and_says_nothing_is_named() -> None:
    stalled = Status(state="running", silent=12.3)
    (found,) = diagnose(CONFIG, rows(), [report()], stalled)
    assert (found.name, found.trouble, found.remedy) == ("stalled", True, None)
    assert found.evidence.startswith("The last word came 12 s ago; it is suspended or the machine is busy")
    assert names([], [], stalled) == ["stalled"]


def test_what_is_trouble_in_one_game_is_none_in_another() -> None:
    ahead = rows(d_real=0.99, d_fake=0.01, loss_g=-80.0, loss_d=-120.0)
    critic = CONFIG.with_changes(objective="wgan-gp", discriminator_norm="none", label_smoothing=0.0)
    assert names(ahead, [], config=critic) == ["healthy"], "a critic is meant to be ahead, and its loss has no unit"
    assert names(rows(loss_g=90.0), [], config=critic) == ["healthy"]
    assert names(ahead, []) == ["d-wins"]
    hinge = CONFIG.with_changes(objective="hinge", label_smoothing=0.0)
    changes = remedy("d-wins", hinge)
    assert changes == {"lr_d": CONFIG.lr_d / 2} and hinge.with_changes(**changes)


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        ("d_wins", ["d-wins", "collapse"]),
        ("no_momentum", ["d-wins", "collapse"]),
        ("g_wins", ["g-wins", "collapse"]),
        ("blown_up", ["diverged", "collapse"]),
        ("collapse", ["collapse"]),
        ("healthy", ["learning"]),
        ("unconditional", ["healthy"]),
    ],
)
def test_runs_that_were_recorded(run: str, expected: list[str]) -> None:
    recorded = RECORDED[run]
    columns = recorded["metrics"]
    metrics = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    config = CONFIG.with_changes(**recorded["settings"])
    found = diagnose(config, metrics, recorded["quality"], Status(state="finished"))
    assert [one.name for one in found] == expected
    for one in found:
        assert one.sentence == SENTENCES[one.name] and one.evidence
        assert (one.remedy is not None) == one.trouble
        if one.remedy:
            better = config.with_changes(**one.remedy)
            assert better != config and max(better.lr_g, better.lr_d) <= FASTEST and better.beta1 <= 0.5


def test_every_trouble_has_a_remedy_that_changes_something() -> None:
    odd = CONFIG.with_changes(lr_d=5e-2, beta1=0.9, conditioning="none")
    small = CONFIG.with_changes(lr_g=1e-7, lr_d=1e-7, label_smoothing=0.1, minibatch_std=True)
    for name in ("diverged", "d-wins", "g-wins", "guessing", "collapse", "missing", "swings"):
        for config in (CONFIG, odd):
            changes = remedy(name, config)
            assert changes and config.with_changes(**changes) != config
        small.with_changes(**remedy(name, small) or {})
    assert remedy("healthy", CONFIG) is None and remedy("nonsense", CONFIG) is None
    assert remedy("d-wins", CONFIG.with_changes(lr_g=4e-5)) == {"lr_g": 2e-3}
    assert remedy("collapse", CONFIG) == {"minibatch_std": True}


def test_swings_are_counted() -> None:
    assert count_swings([], 0.3) == count_swings([1.0] * 9, 0.3) == count_swings([0, 0.5, 1, 2], 0.3) == 0
    assert count_swings([0, 1, 0], 0.5) == 1
    assert count_swings([0, 0.4, 0, 1, 0.8, 1.1, 0.2, 0.9], 0.5) == 2
    assert count_swings([math.sin(x / 10) for x in range(0, 314)], 0.5) == 10


def test_a_discriminator_fifty_times_as_fast_wins_and_the_remedy_ends_that(digits: ImageData) -> None:
    sick = TrainConfig(
        dataset="digits", epochs=8, batch_size=64, latent_dim=16, generator_width=8, discriminator_width=8,
        conditioning="labels", lr_g=4e-5, lr_d=2e-3, device="cpu", precision="float32",
    )  # fmt: skip
    assert _course(sick, digits) == "d-wins"
    changes = remedy("d-wins", sick)
    assert changes == {"lr_g": 2e-3} and _course(sick.with_changes(**changes), digits) == "healthy"


def _course(config: TrainConfig, data: ImageData) -> str:
    metrics = [vars(event) for event in train(config, data) if isinstance(event, Progress)]
    return names(metrics, [], Status(state="finished"), config)[0]


def test_a_d_that_a_penalty_put_to_sleep_is_woken() -> None:
    """Recorded: quick with R1 of 1 and batch norm in D came to fd_lenet 3.3 in epoch 2 and 22.4 in epoch 9."""
    asleep = rows(d_real=0.502, d_fake=0.499, accuracy=0.51, loss_d=1.386, loss_g=0.70)
    course = [report(fd) for fd in (4.2, 3.3, 3.9, 4.1, 3.5, 10.7, 17.2, 22.4)]
    config = CONFIG.with_changes(r1=1.0)
    (found,) = diagnose(config, asleep, course, Status(state="running"))
    assert found.name == "guessing" and "fd_lenet rose from 3.3 to 22.4" in found.evidence
    assert found.remedy == {"r1": 0.1}
    assert names(asleep, course[:4], config=config) == ["healthy"]
