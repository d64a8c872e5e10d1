"""One run, large: what it is, how to steer it, its live panel, what can be taken away."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from importlib import import_module
from pathlib import Path
from typing import Final

import streamlit as st

from dcgan import jobs, queue
from dcgan.datasets import DATASETS, has_data
from dcgan.doctor import remedy
from dcgan.errors import DcganError
from dcgan.records import Status
from dcgan.runs import Run
from ui import launch
from ui.manage import open_manage_dialog
from ui.page import errors_as_sentences
from ui.panel import live_panel
from ui.train_form import restart_on_digits
from ui.words import plain, title_facts

EXPLORE: Final = Path(__file__).resolve().parent.parent / "pages" / "explore.py"
DOWNLOADS: Final = (
    ("Evolution as GIF", ".gif", "image/gif", "export.samples_gif"),
    ("Last samples as PNG", ".png", "image/png", "export.samples_png"),
    ("Curves as PNG", "-curves.png", "image/png", "figures.curves_png"),
    ("Metrics as CSV", ".csv", "text/csv", "export.metrics_csv"),
    ("Generator as safetensors", ".safetensors", "application/octet-stream", "export.generator_file"),
)


def run_view(run: Run) -> None:
    """Show `run` with its controls; whoever looks sees the same, whichever browser started it."""
    status = run.status()
    with st.container(horizontal=True, vertical_alignment="center", key="run_header"):
        st.html(title_line(run, status), width="stretch")
        _controls(run, status)
    _trouble(run, status)
    cured_panel(run)


def cured_panel(run: Run) -> None:
    """The live panel; the doctor's button in it starts the run anew with other settings."""
    asked = live_panel(run)
    changes = remedy(asked, run.config) if asked else None
    if changes:
        with errors_as_sentences(), st.spinner("Ending this run and starting the next one …"):
            name = launch.start_again(run, changes)
            st.query_params.from_dict({"run": name})
            st.rerun()


def title_line(run: Run, status: Status) -> str:
    """Name, preset, data and state as HTML."""
    facts = "".join(f"{escape(text)} · " for text in title_facts(run))
    return f'<h1 class="lab-title">{escape(run.title)}<small>{facts}<b>{status.state}</b></small></h1>'


def _controls(run: Run, status: Status) -> None:
    if status.active:
        if status.state == "paused":
            _command("One step", run, "step", help="One update of D and one of G, then pause again.")
            _command("Resume", run, "run", type="primary")
        else:
            _command("Pause", run, "pause", disabled=status.state == "starting")
        _command("Stop", run, "stop", help="Ends the run and keeps all it has; it can be continued later.")
        return
    if status.state == "queued":
        _turn(run)
        return
    if _can_go_on(run, status) and st.button(
        "Continue", key="go_on", help="From the last saved state to the last epoch."
    ):
        with errors_as_sentences():
            launch.go_on(run, run.config.epochs)
            st.rerun()
    empty = not run.samples()
    with st.popover("Download", disabled=empty, help="There are no samples yet." if empty else None):
        _downloads(run)
    if run.snapshots() and EXPLORE.is_file() and st.button("Explore", key="explore_run"):
        st.switch_page("pages/explore.py", query_params={"run": run.name})
    if not run.bundled and st.button("Manage", key="manage", help="Rename, continue for more epochs, delete."):
        open_manage_dialog(run)
    if st.button("New run", key="new_run", type="primary"):
        st.query_params.from_dict({"new": "1"})
        st.rerun()


def _turn(run: Run) -> None:
    """What can be done with a waiting run."""
    if launch.may_move_up(run) and st.button("Move up", key="move_up", help="Before your run that waits before it."):
        with errors_as_sentences():
            queue.move_up(run)
            st.rerun()
    if st.button("Leave the queue", key="leave_queue", help="A run that has not trained yet is deleted."):
        with errors_as_sentences():
            if queue.cancel(run):
                st.query_params.from_dict({"new": "1"})
            st.rerun()
    if st.button("New run", key="new_run", type="primary"):
        st.query_params.from_dict({"new": "1"})
        st.rerun()


def _can_go_on(run: Run, status: Status) -> bool:
    unfinished = status.state != "finished" and status.step < status.total_steps
    return not run.bundled and unfinished and bool(run.states())


def _command(label: str, run: Run, command: str, **options: object) -> None:
    if st.button(label, key=f"command_{command}", **options):  # type: ignore[arg-type]
        with errors_as_sentences():
            jobs.send(run, command)


def _trouble(run: Run, status: Status) -> None:
    """What went wrong, in the run's own words, and the way out."""
    if status.state == "failed":
        st.error(plain(status.message or "Training failed without saying why."))
        if run.config.dataset != "digits" and not has_data(run.config):
            digits = DATASETS["digits"].title.lower()
            st.caption(f"The {digits} are always at hand; they are not {plain(run.dataset_title)}.")
            restart_on_digits(run)
    elif status.state == "interrupted":
        st.warning(plain(status.message))


def _downloads(run: Run) -> None:
    for label, ending, mime, function in DOWNLOADS:
        key = "download_" + ending.strip(".-").replace(".", "_")
        st.download_button(
            label, _made_when_asked(run, function), run.name + ending, mime, key=key,
            on_click="ignore", type="tertiary",
        )  # fmt: skip


def _made_when_asked(run: Run, function: str) -> Callable[[], bytes]:
    def make() -> bytes:
        module, name = function.split(".")
        try:
            # Imported here: torch and matplotlib load slowly, and looking at a run need not wait for them.
            content: bytes = getattr(import_module(f"dcgan.{module}"), name)(run)
        except DcganError as error:
            raise RuntimeError(str(error)) from error
        return content

    return make
