"""The part of the Manage dialog that goes back to an epoch, and the one that frees disk space."""

from pathlib import Path

import psutil
import pytest
from streamlit.testing.v1 import AppTest

from dcgan.config import TrainConfig
from dcgan.disk import disk_usage
from dcgan.runs import Parent, Run, create_run, delete_run, list_runs, open_run
from dcgan.session import run_training
from ui import words


@pytest.fixture
def trained(runs_dir: Path, small_config: TrainConfig, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A real run of two epochs, the one the dialog is about."""
    run = create_run(runs_dir / "small-1", small_config, "quick")
    run_training(run)
    monkeypatch.setenv("DIALOG_RUN", run.name)
    return run


def _dialog() -> None:
    import os

    from dcgan.runs import open_named
    from ui.branch_form import branch_form, disk_use

    branch_form(open_named(os.environ["DIALOG_RUN"]))
    disk_use(open_named(os.environ["DIALOG_RUN"]))


def test_a_branch_goes_on_from_the_epoch_with_the_setting(trained: Run, runs_dir: Path) -> None:
    dialog = AppTest.from_function(_dialog, default_timeout=60).run()
    dialog.selectbox(key="branch_epoch").set_value(1).run()
    dialog.selectbox(key="branch_setting").set_value("epochs").run()
    assert dialog.number_input(key="branch_value_epochs").value == 12
    dialog.selectbox(key="branch_setting").set_value("lr_g").run()
    dialog.number_input(key="branch_value_lr_g").set_value(3e-4)
    dialog.button(key="branch").click().run()
    assert not dialog.error
    made = next(run for run in list_runs(runs_dir) if run.name != trained.name)
    assert made.parent == Parent("small-1", 7) and made.config == trained.config.with_changes(lr_g=3e-4)
    assert made.status().state == "starting"
    psutil.Process(made.status().pid).kill()
    assert words.family_facts(made) == [f"branched from {trained.title} after epoch 1"]
    delete_run(trained)
    assert words.family_facts(made) == ["branched from small-1 after epoch 1"]


def test_disk_use_is_told_and_freed(trained: Run) -> None:
    dialog = AppTest.from_function(_dialog, default_timeout=60).run()
    assert dialog.caption[0].value.startswith(f"Takes {words.size(disk_usage(trained).total)}: samples ")
    dialog.button(key="prune").click().run()
    assert not dialog.error
    assert [frame.epoch for frame in open_run(trained.path).states()] == [2]


def test_sizes() -> None:
    assert [words.size(n) for n in (0, 1499, 12_300_000, 1_230_000_000)] == ["0 kB", "1 kB", "12 MB", "1.2 GB"]
