"""The list of runs: branches stand under the run they left, and what is ticked is compared."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from test_family import make

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture
def app(runs_dir: Path) -> AppTest:
    """The Train page with a parent, its branch, that one's branch, and a run without relatives; not run yet."""
    make(runs_dir, "alone")
    make(runs_dir, "parent")
    make(runs_dir, "child", "parent", 300)
    make(runs_dir, "grandchild", "child", 500)
    page = AppTest.from_file(str(PROJECT / "streamlit_app.py"), default_timeout=60)
    page.switch_page("pages/train.py")
    return page


def listed(app: AppTest) -> list[str]:
    assert not app.exception
    return [str(box.key).removeprefix("tick_") for box in app.checkbox]


def bodies(app: AppTest) -> str:
    return "\n".join(element.proto.body for element in app.get("html"))


def test_branches_stand_under_the_run_they_left_and_further_in(app: AppTest) -> None:
    app.query_params["new"] = "1"
    app.run()
    assert listed(app) == ["parent", "child", "grandchild", "alone"]
    rules = {
        line.split(" ")[0]: line for line in bodies(app).splitlines() if line.startswith((".st-key", "<style>.st"))
    }
    child, grandchild = (
        rules[f"{start}.st-key-run_line_{name}"] for start, name in (("<style>", "child"), ("", "grandchild"))
    )
    assert "padding-left: 26px" in child and "padding-left: 52px" in grandchild
    assert "branched from Quick on Embedded digits" in bodies(app) and "after epoch 3" in bodies(app)


def test_the_run_shown_large_keeps_its_place_only_among_relatives(app: AppTest) -> None:
    app.query_params["run"] = "parent"
    app.run()
    assert listed(app) == ["child", "grandchild", "alone"] and "shown above" in bodies(app)
    app.query_params["run"] = "alone"
    app.run()
    assert listed(app) == ["parent", "child", "grandchild"] and "shown above" not in bodies(app)


def test_two_to_six_ticks_make_a_comparison(app: AppTest) -> None:
    app.query_params["new"] = "1"
    app.run()
    button = app.button(key="compare_these")
    assert button.disabled and button.label == "Compare runs"
    app.checkbox(key="tick_child").check()
    app.checkbox(key="tick_alone").check().run()
    button = app.button(key="compare_these")
    assert not button.disabled and button.label == "Compare these 2"
    app.query_params.clear()
    app.query_params["run"] = "parent"
    app.run()
    assert app.button(key="compare_these").label == "Compare these 3"
