"""The drawing of who descends from whom among compared runs."""

from __future__ import annotations

import json
import re
from pathlib import Path

from test_family import make

from dcgan.runs import Run, list_runs, rename_run
from ui.compare_runs import Compared
from ui.compare_tree import branches, tree_html


def compared(*runs: Run) -> list[Compared]:
    return [Compared(run, slot, run.title) for slot, run in enumerate(runs)]


def family(folder: Path) -> dict[str, Run]:
    """a, of which early (epoch 2) and late (epoch 5) left, and of early a grandchild; and one that is no relative."""
    runs = {"a": make(folder, "a"), "other": make(folder, "other")}
    runs["early"] = make(folder, "early", "a", 200, lr_g=1e-3)
    runs["late"] = make(folder, "late", "a", 500)
    runs["grandchild"] = make(folder, "grandchild", "early", 300, lr_g=1e-3)
    for run in runs.values():
        status = {"state": "finished", "epoch": 10, "epochs": 10, "step": 1000, "total_steps": 1000}
        (run.path / "status.json").write_text(json.dumps(status))
    return runs


def test_a_run_is_drawn_after_its_parent_and_the_last_branch_first(tmp_path: Path) -> None:
    runs = family(tmp_path)
    found = branches(compared(*runs.values()), list_runs(tmp_path))
    assert [branch.run.name for branch in found] == ["a", "late", "early", "grandchild"]
    assert [branch.parent for branch in found] == [None, 0, 0, 2]
    assert [(branch.start, branch.end) for branch in found] == [(0, 10), (5, 10), (2, 10), (3, 10)]
    assert found[2].words == "branched after epoch 2: Learning rate of G 0.001 (was 0.0002)"
    assert found[1].words == "branched after epoch 5"


def test_the_run_through_which_two_are_related_is_drawn_too(tmp_path: Path) -> None:
    runs = family(tmp_path)
    known = list_runs(tmp_path)
    found = branches(compared(runs["late"], runs["grandchild"]), known)
    assert [branch.run.name for branch in found] == ["a", "late", "early", "grandchild"]
    assert [b.run.name for b in branches(compared(runs["early"], runs["grandchild"]), known)] == ["early", "grandchild"]


def test_runs_that_are_not_related_are_not_drawn(tmp_path: Path) -> None:
    runs = family(tmp_path)
    assert tree_html(compared(runs["a"], runs["other"]), list_runs(tmp_path)) == ""
    assert tree_html(compared(make(tmp_path, "x", "gone"), make(tmp_path, "y", "gone")), list_runs(tmp_path)) == ""


def test_the_drawing_says_in_words_what_it_shows_and_holds_no_markup_of_others(tmp_path: Path) -> None:
    runs = family(tmp_path)
    rename_run(runs["late"], "<img src=x onerror=alert(1)>")
    html = tree_html(compared(runs["a"], runs["late"]), list_runs(tmp_path))
    assert 'aria-label="B branched after epoch 5"' in html and "<img" not in html
    assert re.findall(r"<i style=\"top:\d+px;left:([\d.]+)%;width:([\d.]+)%", html) == [
        ("0.00", "100.00"),
        ("50.00",) * 2,
    ]
