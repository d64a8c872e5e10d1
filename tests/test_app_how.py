"""The How it works page as Streamlit runs it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dcgan.config import TrainConfig
from dcgan.failures import FAILURES
from dcgan.models import count_parameters
from dcgan.players import load_discriminator
from dcgan.presets import PRESETS
from dcgan.runs import create_run, open_run
from dcgan.session import run_training
from ui.glossary import ENTRIES

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture
def app(runs_dir: Path) -> AppTest:
    """The page on an empty place of runs, not run yet."""
    page = AppTest.from_file(str(PROJECT / "streamlit_app.py"), default_timeout=120)
    page.switch_page("pages/how_it_works.py")
    return page


def html(app: AppTest) -> str:
    assert not app.exception
    bodies = [block.proto.body for block in app.get("html")]
    return "\n".join(body for body in bodies if not body.startswith("<style>"))


def trained(runs_dir: Path, config: TrainConfig, name: str = "mine") -> None:
    run_training(create_run(runs_dir / name, config.with_changes(epochs=1), "quick"))


def test_the_networks_change_with_the_fields(app: AppTest) -> None:
    assert "64 maps of 7×7" in html(app.run()) and app.selectbox(key="preset").value == "quick"
    app.number_input(key="how.quick.generator_width").set_value(16).run()
    assert "32 maps of 7×7" in html(app) and "64 maps of 7×7</p><p>" not in html(app)
    app.selectbox(key="preset").set_value("mlp").run()
    shown = html(app)
    assert "transposed convolution" not in shown and "fully connected" in shown


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_drawn(app: AppTest, preset: str) -> None:
    app.run()
    app.selectbox(key="preset").set_value(preset).run()
    assert html(app).count('<section class="how-net"') == 2 and not app.error


def test_what_cannot_be_built_is_one_sentence(app: AppTest) -> None:
    app.run()
    app.selectbox(key="how.quick.family").set_value("mlp").run()
    assert not app.exception
    assert "generator" in app.error[0].value and "how-net" not in html(app)


def test_without_a_run_the_game_is_told_without_values(app: AppTest) -> None:
    app.query_params["part"] = "Game"
    app.run()
    assert "No run here has kept its discriminator" in app.info[0].value
    assert html(app).count("how-title") == 7
    assert len(app.code) == 7 and len(app.latex) == 7 and "how-tiles" not in html(app)


def test_the_game_has_the_values_of_the_newest_run(app: AppTest, runs_dir: Path, small_config: TrainConfig) -> None:
    trained(runs_dir, small_config, "first")
    trained(runs_dir, small_config.with_changes(objective="lsgan", seed=8), "second")
    app.query_params["part"] = "Game"
    shown = html(app.run())
    assert app.query_params["run"] in ("second", ["second"]) and "objective lsgan" in app.caption[0].value
    assert "Real images" in shown and "Drawn by G" in shown and shown.count("<img") == 1 + 16 + 8
    assert "(real_logits - 1).square()" in app.code[2].value
    before = shown
    app.button(key="how_other").click().run()
    assert html(app) != before and html(app).count("<img") == 25
    app.selectbox(key="how_run").set_value("first").run()
    assert app.query_params["run"] in ("first", ["first"]) and "objective non-saturating" in app.caption[0].value


def test_a_link_chooses_the_run(app: AppTest, runs_dir: Path, small_config: TrainConfig) -> None:
    for name in ("first", "second"):
        trained(runs_dir, small_config, name)
    app.query_params["part"] = "Game"
    app.query_params["run"] = "first"
    app.run()
    assert app.selectbox(key="how_run").value == "first"


def test_a_run_without_its_data_says_so(
    app: AppTest, runs_dir: Path, small_config: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(runs_dir, small_config)
    record = runs_dir / "mine" / "run.json"
    record.write_text(record.read_text().replace('"dataset": "digits"', '"dataset": "mnist"'))
    monkeypatch.setenv("DCGAN_DATA_DIR", str(runs_dir / "none"))
    app.query_params["part"] = "Game"
    shown = html(app.run())
    assert "are not on this computer" in app.info[0].value.replace("\\", "")
    assert "Drawn by G" in shown and "Real images</b>" not in shown


def test_a_damaged_discriminator_is_one_sentence(app: AppTest, runs_dir: Path, small_config: TrainConfig) -> None:
    trained(runs_dir, small_config)
    for state in (runs_dir / "mine" / "resume").iterdir():
        state.write_bytes(b"torn")
    app.query_params["part"] = "Game"
    app.run()
    assert not app.exception and "gone or damaged" in app.error[0].value
    assert len(app.code) == 7


def test_the_bundled_run_can_be_asked(app: AppTest, runs_dir: Path) -> None:
    shutil.copytree(PROJECT / "checkpoints" / "bundled-mnist", runs_dir / "bundled-mnist")
    app.query_params["part"] = "Game"
    shown = html(app.run())
    learned = count_parameters([load_discriminator(open_run(runs_dir / "bundled-mnist")).network])
    assert "Drawn by G" in shown and f"{learned:,}" in shown


def test_a_word_is_looked_up_and_linked_to(app: AppTest) -> None:
    app.query_params["part"] = "Glossary"
    assert html(app.run()).count("<dt>") == len(ENTRIES)
    app.text_input(key="word").set_value("slerp").run()
    assert html(app).split('<div id="')[1].startswith("term-slerp")
    app.text_input(key="word").set_value("qwertz").run()
    assert "No entry has the words" in app.info[0].value and "<dt>" not in html(app)


def test_a_link_to_a_word_shows_it_first(app: AppTest) -> None:
    app.query_params |= {"part": "Glossary", "word": "D(G(z))"}
    assert html(app.run()).split("<dt>")[1].startswith("D(G(z))</dt>")


def test_a_failure_and_its_cure_are_trained_and_compared(
    app: AppTest, runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, float]] = []

    def start(config: TrainConfig, preset: str, max_seconds: float, title: str) -> str:
        run = create_run(runs_dir / f"run-{len(asked)}", config, preset)
        asked.append((title, max_seconds))
        return run.name

    monkeypatch.setattr("ui.launch.start", start)
    app.query_params["part"] = "Failures"
    shown = html(app.run())
    assert shown.count("how-recipe") == len(FAILURES) and "0.0000001" in shown
    app.number_input(key="failure_seconds").set_value(30).run()
    app.button(key="train_one-trick").click().run()
    assert not app.exception
    assert asked == [("A judge that never learns", 30.0), ("A judge that never learns: cured", 30.0)]
    rates = [open_run(runs_dir / name).config.lr_d for name in ("run-0", "run-1")]
    assert rates == [1e-7, 1e-3]
    assert app.multiselect[0].value == ["run-0", "run-1"]
