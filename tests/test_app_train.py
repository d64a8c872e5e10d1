"""The Train page: the form comes from TrainConfig, every mistake is one sentence, the page stays usable."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button

from dcgan import jobs
from dcgan.config import TrainConfig, config_fields
from dcgan.presets import PRESETS, get_preset
from dcgan.records import Status
from dcgan.runs import Run, create_run, list_runs, open_run, rename_run
from ui import launch, words
from ui.preset_cards import card_key, seconds_an_epoch

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture
def app(runs_dir: Path) -> Iterator[AppTest]:
    """The Train page on an empty place of runs; whatever it starts is ended afterwards."""
    page = AppTest.from_file(str(PROJECT / "streamlit_app.py"), default_timeout=60)
    page.switch_page("pages/train.py")
    yield page
    end_all(runs_dir)


def end_all(runs_dir: Path) -> None:
    for run in list_runs(runs_dir):
        status = run.status()
        if status.active and status.pid != psutil.Process().pid:
            psutil.Process(status.pid).kill()
            wait_for(lambda run=run: not run.status().active)


def wait_for(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def write_status(run: Run, **values: object) -> None:
    (run.path / "status.json").write_text(json.dumps({"state": "finished", "epochs": 20, **values}))


def make_run(runs_dir: Path, name: str = "quick-1", preset: str = "quick", **changes: object) -> Run:
    run = create_run(runs_dir / name, get_preset(preset).config.with_changes(**changes), preset)
    write_status(run)
    return run


def sentences(app: AppTest) -> list[str]:
    assert not app.exception
    return [element.value.replace("\\", "") for element in [*app.error, *app.warning]]


def test_the_form_has_every_field_of_the_configuration(app: AppTest) -> None:
    app.run()
    assert not app.exception
    keys = {widget.key for kind in ("selectbox", "number_input", "toggle", "text_input") for widget in app.get(kind)}
    for name, _, info in config_fields():
        if name in ("source", "fit"):  # of own images; see test_app_own_images
            continue
        assert f"form.quick.{name}" in keys, name
        widgets = [w for kind in ("selectbox", "number_input", "toggle") for w in app.get(kind)]
        widget = next(w for w in widgets if w.key == f"form.quick.{name}")
        assert widget.label == info.label
        assert widget.help == info.help


def test_the_fields_start_with_the_values_of_the_preset(app: AppTest) -> None:
    app.run()
    for preset in PRESETS.values():
        app.pills(key="preset_group").set_value(preset.group).run()
        app.radio(key=card_key(preset.group)).set_value(preset.name).run()
        for name, kind, info in config_fields():
            if name in ("image_size", "channels"):
                assert app.selectbox(key=f"form.{preset.name}.{name}").value == getattr(preset.config, name), name
            elif kind in (int, float) and not info.choices:
                widget = app.number_input(key=f"form.{preset.name}.{name}")
                assert widget.value == getattr(preset.config, name), name
                assert (widget.min, widget.max) == (info.low, info.high), name


def test_without_runs_the_page_says_what_to_do(app: AppTest) -> None:
    app.run()
    assert any("Press Start" in info.value for info in app.info)


def test_mnist_that_is_not_on_disk_is_announced(app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DCGAN_DATA_DIR", str(tmp_path / "nothing"))
    app.run()
    assert any("11.6 MB, CC BY-SA 3.0" in info.value.replace("\\", "") for info in app.info)
    app.selectbox(key="form.quick.dataset").set_value("digits").run()
    assert not any("11.6 MB" in info.value for info in app.info)
    assert any("not MNIST" in caption.value for caption in app.caption)


def test_start_trains_in_another_process_with_the_values_of_the_form(app: AppTest, runs_dir: Path) -> None:
    app.run()
    app.selectbox(key="form.quick.dataset").set_value("digits")
    app.number_input(key="form.quick.latent_dim").set_value(9)
    app.number_input(key="form.quick.epochs").set_value(500)
    app.button(key="start").click().run()
    assert sentences(app) == []
    run = list_runs(runs_dir)[0]
    assert app.query_params["run"] == [run.name] or app.query_params["run"] == run.name
    assert run.config == get_preset("quick").config.with_changes(dataset="digits", latent_dim=9, epochs=500)
    wait_for(lambda: run.status().state == "running")
    assert run.status().pid != psutil.Process().pid

    app.query_params.clear()
    app.query_params["new"] = "1"
    app.run()
    app.button(key="start").click().run()
    assert sentences(app) == []
    second = next(found for found in list_runs(runs_dir) if found.name != run.name)
    assert second.status().state == "queued"
    assert app.button(key="leave_queue").label == "Leave the queue"
    app.button(key="leave_queue").click().run()
    assert [found.name for found in list_runs(runs_dir)] == [run.name]

    del app.query_params["new"]
    app.run()
    assert app.button(key="command_pause").label == "Pause"
    app.button(key="command_pause").click().run()
    wait_for(lambda: run.status().state == "paused")
    app.run()
    assert app.button(key="command_run").label == "Resume"
    step = run.status().step
    app.button(key="command_step").click().run()
    wait_for(lambda: run.status().step == step + 1)
    app.button(key="command_stop").click().run()
    wait_for(lambda: run.status().state == "stopped")
    app.run()
    assert app.button(key="new_run").label == "New run"


def test_a_device_this_machine_lacks_is_one_sentence(app: AppTest, runs_dir: Path) -> None:
    app.run()
    app.selectbox(key="form.quick.dataset").set_value("digits")
    app.selectbox(key="form.quick.device").set_value("mps")
    app.button(key="start").click().run()
    wait_for(lambda: not list_runs(runs_dir)[0].status().active)
    app.run()
    assert sentences(app) == ["Device 'mps' is not available on this machine; available are cpu."]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("gone-1", "There is no run directory 'gone-1'; it may have been deleted."),
        ("../secret", "'../secret' is not the name of a run."),
    ],
)
def test_a_run_that_is_not_there_is_one_sentence(app: AppTest, name: str, sentence: str) -> None:
    app.query_params["run"] = name
    app.run()
    assert sentences(app) == [sentence]
    assert app.button(key="start").label == "Start"


def test_a_damaged_run_is_named_and_the_others_stay(app: AppTest, runs_dir: Path) -> None:
    make_run(runs_dir, "quick-1")
    broken = make_run(runs_dir, "quick-2")
    (broken.path / "run.json").write_text('{"format": 1, "preset"')
    app.run()
    assert sentences(app) == []
    assert any("run.json is damaged" in caption.value for caption in app.caption)
    assert app.button(key="view_quick-1").label == "View"


def test_a_failed_download_offers_the_embedded_digits(
    app: AppTest, runs_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DCGAN_DATA_DIR", str(tmp_path / "nothing"))
    run = make_run(runs_dir, epochs=300)
    write_status(run, state="failed", message="MNIST could not be downloaded.")
    app.query_params["run"] = run.name
    app.run()
    assert sentences(app) == ["MNIST could not be downloaded."]
    app.button(key="restart_on_digits").click().run()
    assert sentences(app) == []
    second = next(found for found in list_runs(runs_dir) if found.name != run.name)
    assert second.config == run.config.with_changes(dataset="digits")
    assert second.dataset_title == "Embedded digits"


def test_an_interrupted_run_says_so(app: AppTest, runs_dir: Path) -> None:
    run = make_run(runs_dir)
    write_status(run, state="running", pid=2**22 + 1, process_started=1.0)
    app.query_params["run"] = run.name
    app.run()
    assert sentences(app) == ["The training process ended without a word; continue from the last saved state."]


def test_a_run_is_called_by_what_it_is_until_it_gets_a_name(app: AppTest, runs_dir: Path) -> None:
    run = make_run(runs_dir, "quick-1")
    app.query_params["run"] = run.name
    app.run()
    titles = [element.proto.body for element in app.get("html") if "<h1" in element.proto.body]
    assert titles == [f'<h1 class="lab-title">{run.title}<small><b>finished</b></small></h1>']
    assert re.fullmatch(r"Quick on MNIST, \d\d:\d\d", run.title)
    rename_run(run, "My first")
    app.run()
    titles = [element.proto.body for element in app.get("html") if "<h1" in element.proto.body]
    assert titles == ['<h1 class="lab-title">My first<small>Quick · MNIST · <b>finished</b></small></h1>']


def test_names_people_give_are_never_markup(app: AppTest, runs_dir: Path) -> None:
    run = make_run(runs_dir)
    (run.path / "label.json").write_text(json.dumps({"title": "<img src=x onerror=alert(1)> **x**"}))
    app.query_params["run"] = run.name
    app.run()
    pages = [element.proto.body for element in app.get("html")]
    assert any("&lt;img src=x onerror=alert(1)&gt; **x**" in page for page in pages)
    assert not any("<img src=x" in page for page in pages)


def _dialog() -> None:
    import os

    from dcgan.runs import open_named
    from ui.manage import manage_dialog

    manage_dialog(open_named(os.environ["DIALOG_RUN"]))


def test_the_manage_dialog_renames_and_deletes(runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(runs_dir)
    monkeypatch.setenv("DIALOG_RUN", run.name)
    dialog = AppTest.from_function(_dialog).run()
    dialog.text_input[0].set_value("  ")
    named(dialog, "Rename").click().run()
    assert sentences(dialog) == ["A run's name has 1 to 80 characters."]
    dialog.text_input[0].set_value("My first")
    named(dialog, "Rename").click().run()
    assert open_run(run.path).title == "My first"
    named(dialog, "Continue").click().run()
    assert sentences(dialog) == ["Run 'My first' has no saved state to go on from; start a new run."]
    named(dialog, "Delete this run").click().run()
    named(dialog, "Keep it").click().run()
    named(dialog, "Delete this run").click().run()
    assert run.path.is_dir()
    named(dialog, "Delete for good").click().run()
    assert not run.path.exists()


def named(app: AppTest, label: str) -> Button:
    return next(button for button in app.button if button.label == label)


def test_a_run_without_saved_state_cannot_go_on(runs_dir: Path) -> None:
    run = make_run(runs_dir)
    with pytest.raises(ValueError, match="no saved state to go on from"):
        launch.go_on(run, 30)


def test_a_finished_run_goes_on_to_more_epochs(runs_dir: Path) -> None:
    config = TrainConfig(dataset="digits", epochs=1, batch_size=512, generator_width=4, discriminator_width=4)
    run = open_run(runs_dir / jobs.start(config, preset="dcgan"))
    wait_for(lambda: run.status().state == "finished")
    launch.go_on(run, 3)
    wait_for(lambda: run.status().state == "finished" and run.status().epoch == 3)
    assert open_run(run.path).config.epochs == 3


def test_started_again_it_has_as_much_time(runs_dir: Path) -> None:
    run = make_run(runs_dir, dataset="digits", epochs=10_000)
    write_status(run, limit=0.3)
    again = open_run(runs_dir / launch.start_again(run, {"lr_g": 1e-3}))
    assert again.config.lr_g == 1e-3
    wait_for(lambda: again.status().state == "finished")
    assert again.status().limit == 0.3
    assert words.progress(again.status()) == f"epoch {again.status().epoch}"


def test_the_time_an_epoch_takes_is_measured_on_earlier_runs() -> None:
    assert seconds_an_epoch(Status(epochs=20, step=50, total_steps=200, seconds=30.0)) == pytest.approx(6.0)
    assert seconds_an_epoch(Status(epochs=20, step=0, total_steps=200)) is None
    assert seconds_an_epoch(Status()) is None


def test_words() -> None:
    assert [words.duration(s) for s in (0, 59.4, 60, 3599, 7800)] == [
        "0 s", "59 s", "1 min 00 s", "59 min 59 s", "2 h 10 min",
    ]  # fmt: skip
    assert [words.about(s) for s in (2, 22, 480, 9000)] == ["5 s", "20 s", "8 min", "2.5 h"]
    values = (1e-7, 0.0, 0.5, 4096, False, "none")
    assert [words.setting_words(value) for value in values] == ["0.0000001", "0", "0.5", "4,096", "off", "none"]
    assert words.plain("a_b *c* <d>") == r"a\_b \*c\* \<d\>"
