"""A branch is its parent up to a step, and goes on from there by itself."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.equality import differences
from dcgan import runs
from dcgan.branching import branch, branch_epochs
from dcgan.config import TrainConfig
from dcgan.errors import UserError
from dcgan.sampling import load_generator
from dcgan.session import run_training


@pytest.fixture
def parent(runs_dir: Path, small_config: TrainConfig) -> runs.Run:
    run = runs.create_run(runs_dir / "parent", small_config.with_changes(epochs=3, dropout=0.2), "quick")
    run_training(run)
    return run


def test_a_branch_without_changes_becomes_its_parent_again(parent: runs.Run) -> None:
    made = branch(parent, 1, {}, title="again")
    assert made.parent == runs.open_run(made.path).parent == runs.Parent("parent", 7)
    assert (made.title, made.status().state, made.status().epoch, made.status().step) == ("again", "stopped", 1, 7)
    assert made.metrics() == [row for row in parent.metrics() if row["step"] <= 7]
    assert [frame.step for frame in made.samples()] == [0, 7] and [frame.step for frame in made.snapshots()] == [7]
    runs.delete_run(parent_copy := runs.open_run(parent.path.rename(parent.path.with_name("kept"))))
    assert not parent_copy.path.exists() and run_training(made).state == "finished"


def test_it_ends_bit_for_bit_like_its_parent(parent: runs.Run) -> None:
    made = branch(parent, 2, {})
    run_training(made)
    assert differences(parent, made) == []


def test_a_changed_setting_changes_what_follows_and_nothing_before(parent: runs.Run) -> None:
    made = branch(parent, 1, {"lr_g": 1e-2, "epochs": 4})
    assert run_training(made).epoch == 4
    mine, theirs = made.metrics(), parent.metrics()
    assert [row["step"] for row in mine] == list(range(2, 29, 2))
    assert mine[:3] == theirs[:3] and mine[5]["loss_g"] != theirs[5]["loss_g"]
    assert made.config == parent.config.with_changes(lr_g=1e-2, epochs=4)
    stem = [load_generator(run, 3).network.stem.weight for run in (made, parent)]
    assert not torch.equal(*stem)


@pytest.mark.parametrize(
    "changes",
    [
        {"objective": "hinge"}, {"objective": "rpgan", "r1": 0.5, "r2": 0.5, "penalty_every": 2},
        {"objective": "wgan-gp", "gradient_penalty": 5.0, "critic_steps": 2}, {"objective": "lsgan"}, {"r1": 1.0},
    ],
)  # fmt: skip
def test_the_game_can_change_where_the_networks_suit_it(
    runs_dir: Path, small_config: TrainConfig, changes: dict[str, Any]
) -> None:
    parent = runs.create_run(runs_dir / "parent", small_config.with_changes(discriminator_norm="none"), "quick")
    run_training(parent)
    made = branch(parent, 1, changes)
    assert run_training(made).state == "finished"
    mine, theirs = made.metrics(), parent.metrics()
    assert mine[:3] == theirs[:3] and mine[-1]["step"] == 14 and mine[-1]["loss_d"] != theirs[-1]["loss_d"]


def test_a_branch_needs_no_look_at_the_data(parent: runs.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    record = json.loads((parent.path / "run.json").read_text())
    config = {**record["config"], "dataset": "folder", "source": str(parent.path / "gone"), "image_size": 28}
    changed = {**record, "config": config, "dataset_title": "Own images", "class_names": list("abcdefghij")}
    (parent.path / "run.json").write_text(json.dumps(changed))
    made = branch(runs.open_run(parent.path), 1, {"lr_g": 1e-3})
    assert made.dataset_title == "Own images" and made.class_names == tuple("abcdefghij")


@pytest.mark.parametrize(
    ("epoch", "changes", "match"),
    [
        (9, {}, "kept no state of epoch 9 to branch at; kept are 1, 2, 3"),
        (1, {"latent_dim": 9}, "latent_dim cannot change in the middle of a run; what can is lr_g, lr_d"),
        (1, {"lr_g": -1}, "lr_g must be between"),
        (1, {"dropout": 0.0}, "not begun or ended"),
        (1, {"objective": "wgan-gp"}, "take discriminator_norm none, layer or spectral"),
        (3, {}, "begins after epoch 3; ask for more than 3 epochs"),
    ],
)
def test_what_cannot_be_is_one_sentence(parent: runs.Run, epoch: int, changes: dict[str, float], match: str) -> None:
    with pytest.raises(UserError, match=match):
        branch(parent, epoch, changes)
    assert [run.name for run in runs.list_runs()] == ["parent"]


def test_a_damaged_state_is_not_branched_at(parent: runs.Run) -> None:
    state = parent.states()[0].path
    state.write_bytes(state.read_bytes()[:-1])
    with pytest.raises(UserError, match="gone or damaged"):
        branch(parent, 1, {})
    assert branch_epochs(parent) == [1, 2, 3]


@pytest.mark.parametrize("value", [3, "x", {"run": "a"}, {"run": "a", "step": -1}, {"run": "a", "step": "7"}])
def test_a_damaged_parent_is_one_sentence(parent: runs.Run, value: object) -> None:
    record = json.loads((parent.path / "run.json").read_text())
    (parent.path / "run.json").write_text(json.dumps({**record, "parent": value}))
    with pytest.raises(UserError, match="incomplete or damaged"):
        runs.open_run(parent.path)
