"""The app as a whole: the pages it offers and the first one."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from streamlit.testing.v1 import AppTest

from dcgan.config import LOGARITHMIC, OBJECTIVES, TrainConfig
from dcgan.losses import discriminator_loss, generator_loss
from dcgan.runs import Frame, create_run
from ui import charts, panel, theme
from ui.live_data import sample_url

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture
def app(runs_dir: Path) -> AppTest:
    return AppTest.from_file(str(PROJECT / "streamlit_app.py"), default_timeout=30)


def test_home_without_runs_says_what_to_do(app: AppTest) -> None:
    app.run()
    assert not app.exception
    assert "press Start" in app.info[0].value
    assert app.button(key="door_train").label == "Train your own"


def test_home_leads_to_train(app: AppTest) -> None:
    app.run()
    app.button(key="door_train").click().run()
    assert not app.exception
    assert app.button(key="start").label == "Start"


def test_the_server_finds_the_app_and_its_routes() -> None:
    code = "import streamlit_app; print([route.path for route in streamlit_app.app._user_routes])"
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "['/lab']", done.stderr


def test_looking_at_runs_loads_no_torch() -> None:
    modules = "sys, ui.server, ui.run_view, ui.run_list, ui.train_form, ui.home, ui.reel"
    code = f"import {modules}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "False", done.stderr


def test_every_line_has_a_colour_in_both_themes() -> None:
    roles = {line.role for chart in charts.CHARTS for line in chart.lines}
    for scheme in ("light", "dark"):
        assert roles <= set(theme.palette()[scheme])
    assert theme.COLOURS["generator"][0] == "#0072B2"
    assert theme.COLOURS["discriminator"][0] == "#D55E00"


def test_the_vendored_chart_library_carries_its_licence() -> None:
    folder = PROJECT / "ui" / "vendor" / "uplot"
    assert "MIT" in (folder / "LICENSE").read_text()
    version = (folder / "uPlot.iife.min.js").read_text()[:80].split("(v")[1].split(")")[0]
    assert f"uplot@{version}" in (PROJECT / "ui" / "vendor" / "README.md").read_text()


@pytest.mark.parametrize("name", ["panel", "reel"])
def test_component_scripts_are_modules_without_syntax_errors(name: str, tmp_path: Path, node: str) -> None:
    from ui import panel, reel

    texts = {"panel": panel.SCRIPT, "reel": reel.SCRIPT}
    file = tmp_path / "component.mjs"
    file.write_text(texts[name], encoding="utf-8")
    done = subprocess.run([node, "--check", str(file)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_losses_are_charted_in_the_unit_of_the_game(objective: str) -> None:
    config = TrainConfig(objective=objective, discriminator_norm="none")
    losses, *others = charts.live_charts(config)
    assert losses.unit == ("loss (nats)" if objective in LOGARITHMIC else "loss (score)")
    assert losses.hint.endswith(".") and others == list(charts.CHARTS[1:])


def test_an_undecided_discriminator_stands_where_the_charts_say() -> None:
    half, zero = torch.full((4,), 0.5), torch.zeros(4)
    assert discriminator_loss(half, half, 0.0, "lsgan").item() == pytest.approx(0.25)
    assert discriminator_loss(zero, zero, 0.0, "hinge").item() == pytest.approx(2)
    assert generator_loss(zero, zero, "rpgan").item() == pytest.approx(0.69, abs=0.005)


@pytest.mark.parametrize(("dataset", "noun"), [("mnist", "digits"), ("svhn", "digits"), ("cifar10", "images")])
def test_images_are_called_what_they_are(dataset: str, noun: str, runs_dir: Path) -> None:
    run = create_run(runs_dir / dataset, TrainConfig(dataset=dataset), "dcgan")
    assert panel.noun(run) == noun
    assert panel.noun(replace(run, config=TrainConfig(dataset="martian"))) == "images"


def test_a_directory_of_any_name_is_no_markup_in_addresses(runs_dir: Path) -> None:
    run = create_run(runs_dir / "it's (mine)", TrainConfig(), "dcgan")
    address = sample_url(run, Frame(1, 10, run.path / "samples" / "epoch-0001-step-000010.png"))
    assert address.startswith("lab/runs/it%27s%20%28mine%29/samples/epoch-0001-step-000010.png?v=")
