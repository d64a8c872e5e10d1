"""The Compare page as Streamlit runs it: which runs it shows, and its empty states."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from test_compare import make_run

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture
def app(runs_dir: Path) -> AppTest:
    """The Compare page on an empty place of runs, not run yet."""
    page = AppTest.from_file(str(PROJECT / "streamlit_app.py"), default_timeout=60)
    page.switch_page("pages/compare.py")
    return page


def shown(app: AppTest) -> list[str]:
    """Letters and names of the runs whose samples stand side by side."""
    assert not app.exception
    (grids,) = app.get("bidi_component")
    return [f"{run['letter']} {run['name']}" for run in json.loads(grids.proto.json)["runs"]]


def with_sample(runs_dir: Path, name: str, **changes: object) -> None:
    run = make_run(runs_dir, name, **changes)  # type: ignore[arg-type]
    (run.path / "samples").mkdir()
    (run.path / "samples" / "epoch-0000-step-000000.png").write_bytes(b"")


def test_without_two_runs_one_sentence_says_what_to_do(app: AppTest, runs_dir: Path) -> None:
    app.run()
    assert not app.exception and not app.get("bidi_component")
    assert "Comparing takes two runs, and there is no run yet" in app.info[0].value
    with_sample(runs_dir, "a")
    assert "there is one run so far" in app.run().info[0].value


def test_the_two_newest_runs_are_offered_and_stand_in_the_address(app: AppTest, runs_dir: Path) -> None:
    for name in ("old", "mid", "new"):
        with_sample(runs_dir, name, quality=[9.0])
    assert shown(app.run()) == ["A new", "B mid"]
    assert app.query_params["run"] == ["new", "mid"]
    assert len(app.get("plotly_chart")) == 4


def test_the_field_writes_the_address_and_colours_stay(app: AppTest, runs_dir: Path) -> None:
    for name in ("a", "b", "c"):
        with_sample(runs_dir, name)
    app.query_params["run"] = ["a", "b"]
    assert shown(app.run()) == ["A a", "B b"]
    assert len(app.get("plotly_chart")) == 2
    app.multiselect[0].set_value(["b", "c"]).run()
    assert shown(app) == ["B b", "A c"] and app.query_params["run"] == ["b", "c"]
    app.multiselect[0].set_value(["b"]).run()
    assert "Choose two to six runs above" in app.info[0].value


def test_a_link_with_deleted_and_bad_names_says_so(app: AppTest, runs_dir: Path) -> None:
    for name in ("a", "b"):
        with_sample(runs_dir, name)
    app.query_params["run"] = ["a", "gone", "b", "../b"]
    assert shown(app.run()) == ["A a", "B b"]
    assert [box.value.replace("\\", "") for box in app.warning] == [
        "There is no run directory 'gone'; it may have been deleted.",
        "'../b' is not the name of a run.",
    ]


def test_the_axis_is_shared_by_samples_and_curves(app: AppTest, runs_dir: Path) -> None:
    for name in ("a", "b"):
        with_sample(runs_dir, name)
    app.query_params["run"] = ["a", "b"]
    app.query_params["over"] = "time"
    app.run()
    (grids,) = app.get("bidi_component")
    assert json.loads(grids.proto.json)["axis"] == "time"
    (chart, _) = app.get("plotly_chart")
    assert "training time" in chart.proto.spec


def test_what_differs_is_a_table(app: AppTest, runs_dir: Path) -> None:
    with_sample(runs_dir, "a", lr_g=0.001)
    with_sample(runs_dir, "b")
    app.query_params["run"] = ["a", "b"]
    app.run()
    bodies = [element.proto.body for element in app.get("html")]
    (table,) = [body for body in bodies if "What differs between them" in body]
    assert '<th scope="row">Learning rate of G</th><td>0.001</td><td>0.0002</td>' in table
    assert table.count('<th scope="row">') == 1
