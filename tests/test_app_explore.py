"""The Explore page as Streamlit runs it: which run it shows, and its empty states."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dcgan.config import TrainConfig
from dcgan.runs import create_run, open_run
from dcgan.session import run_training

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture
def app(runs_dir: Path) -> AppTest:
    """The Explore page on an empty place of runs, not run yet."""
    page = AppTest.from_file(str(PROJECT / "streamlit_app.py"), default_timeout=60)
    page.switch_page("pages/explore.py")
    return page


def panel(app: AppTest) -> dict[str, Any]:
    """What the page hands to the live panel."""
    assert not app.exception
    (found,) = app.get("bidi_component")
    data: dict[str, Any] = json.loads(found.proto.json)
    return data


def train(runs_dir: Path, name: str, config: TrainConfig) -> None:
    run_training(create_run(runs_dir / name, config, "quick"))


def test_without_runs_one_sentence_says_what_to_do(app: AppTest) -> None:
    app.run()
    assert not app.exception
    assert [box.value for box in app.info] == [
        "There is no trained generator yet; train one, and explore it after its first epoch."
    ]
    assert not app.get("bidi_component")


def test_a_link_to_a_deleted_run_says_so(app: AppTest) -> None:
    app.query_params["run"] = "gone"
    app.run()
    assert [box.value for box in app.info] == ["There is no run directory 'gone'; it may have been deleted."]


def test_a_run_without_a_generator_is_offered_later(app: AppTest, runs_dir: Path, small_config: TrainConfig) -> None:
    train(runs_dir, "done", small_config.with_changes(epochs=1))
    create_run(runs_dir / "begun", small_config, "quick")
    app.query_params["run"] = "begun"
    data = panel(app.run())
    assert data["run"]["name"] == "done"
    title = open_run(runs_dir / "done").title
    assert data["notice"] == (
        f"Run 'begun' has no trained generator yet; wait for its first epoch to end. You see {title!r} instead."
    )
    assert {run["name"]: run["ready"] for run in data["runs"]} == {"begun": False, "done": True}


def test_a_link_chooses_run_epoch_and_image(app: AppTest, runs_dir: Path, small_config: TrainConfig) -> None:
    train(runs_dir, "old", small_config)
    train(runs_dir, "new", small_config.with_changes(epochs=1))
    assert panel(app.run())["run"]["name"] == "new"
    link = AppTest.from_file(str(PROJECT / "streamlit_app.py"), default_timeout=60)
    link.switch_page("pages/explore.py")
    link.query_params.update({"run": "old", "epoch": "1", "at": "7.3_d2.150_n4", "view": "walk"})
    data = panel(link.run())
    assert (data["run"]["name"], data["run"]["epochs"], data["notice"]) == ("old", [1, 2], "")
    assert (data["state"]["epoch"], data["state"]["view"]) == (1, "walk")
    point = data["state"]["point"]
    assert (point["seed"], point["index"], point["directions"], point["digit"]) == (7, 3, {"1": 150}, 4)
