"""Families of runs: each after its parent, whatever run.json says of parents."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from dcgan.config import TrainConfig
from dcgan.family import branch_epoch, branch_moment, changes_from, in_families, parent_among
from dcgan.runs import Parent, Run, create_run, list_runs


def make(folder: Path, name: str, parent: str = "", step: int = 100, **changes: float) -> Run:
    """A run of 10 epochs of 100 steps; each is made after the one before it."""
    config = TrainConfig(dataset="digits", epochs=10).with_changes(**changes)
    run = create_run(folder / name, config, "quick")
    if parent:
        run = replace(run, parent=Parent(parent, step))
        record = json.loads((run.path / "run.json").read_text())
        (run.path / "run.json").write_text(json.dumps({**record, "parent": asdict(run.parent)}))
    (run.path / "status.json").write_text(json.dumps({"state": "stopped", "epochs": 10, "total_steps": 1000}))
    return run


def drawn(folder: Path) -> list[str]:
    """Names in order, each after a mark for each generation before it: `|` where more of that generation follow."""
    members = in_families(list_runs(folder))
    return ["".join("|" if more else "`" for more in member.lines) + member.run.name for member in members]


def test_each_run_follows_its_parent_and_the_newest_family_comes_first(tmp_path: Path) -> None:
    make(tmp_path, "a")
    make(tmp_path, "b")
    make(tmp_path, "late", "a", 500)
    make(tmp_path, "early", "a", 200)
    make(tmp_path, "grandchild", "early", 300)
    make(tmp_path, "orphan", "deleted")
    assert drawn(tmp_path) == ["orphan", "a", "|early", "|`grandchild", "`late", "b"]


@pytest.mark.parametrize("parents", [{"a": "a"}, {"a": "b", "b": "a"}, {"a": "b", "b": "c", "c": "a"}])
def test_runs_that_descend_from_themselves_have_no_parent(tmp_path: Path, parents: dict[str, str]) -> None:
    for name, parent in parents.items():
        make(tmp_path, name, parent)
    assert sorted(drawn(tmp_path)) == sorted(parents)


def test_a_child_of_a_circle_is_a_run_of_its_own(tmp_path: Path) -> None:
    for name, parent in {"a": "b", "b": "a", "c": "a"}.items():
        make(tmp_path, name, parent)
    assert sorted(drawn(tmp_path)) == ["a", "b", "c"]
    assert all(parent_among(run, list_runs(tmp_path)) is None for run in list_runs(tmp_path))


def test_where_a_branch_left_its_parent(tmp_path: Path) -> None:
    first = make(tmp_path, "a")
    whole, within = make(tmp_path, "b", "a", 300, lr_g=1e-3), make(tmp_path, "c", "a", 1250)
    assert [branch_epoch(run) for run in (first, whole, within)] == [0, 3, 12.5]
    assert [branch_moment(run) for run in (first, whole, within)] == ["", "after epoch 3", "at step 1,250"]
    assert changes_from(first, whole) == {"lr_g": (2e-4, 1e-3)}
