"""The dialog in which a run is renamed, continued, branched, pruned or deleted."""

from __future__ import annotations

from typing import Final

import streamlit as st

from dcgan import runs
from dcgan.config import field_info
from dcgan.runs import Run
from ui import launch
from ui.branch_form import branch_form, disk_use
from ui.page import errors_as_sentences
from ui.words import plain

_ASKED: Final = "asked_to_delete"


def open_manage_dialog(run: Run) -> None:
    """Open the dialog for `run`, with nothing asked yet."""
    _ask("")
    manage_dialog(run)


@st.dialog("Manage run")
def manage_dialog(run: Run) -> None:
    """Rename, continue for more epochs, branch, free disk space, delete (asked twice)."""
    _rename(run)
    st.divider()
    _continue(run)
    st.divider()
    branch_form(run)
    disk_use(run)
    st.divider()
    _delete(run)


def _rename(run: Run) -> None:
    with st.form("rename", border=False):
        title = st.text_input("Name", run.title, max_chars=80)
        if st.form_submit_button("Rename"):
            with errors_as_sentences():
                runs.rename_run(run, title)
                st.rerun()


def _continue(run: Run) -> None:
    status = run.status()
    with st.form("continue", border=False):
        limit = int(field_info("epochs").high)
        unfinished = status.step < status.total_steps
        goal = run.config.epochs if unfinished else min(run.config.epochs + 10, limit)
        epochs = st.number_input("Train up to epoch", min(status.epoch, limit), limit, max(goal, status.epoch), step=1)
        if st.form_submit_button("Continue"):
            with errors_as_sentences():
                launch.go_on(run, epochs)
                st.query_params.from_dict({"run": run.name})
                st.rerun()


def _delete(run: Run) -> None:
    if st.session_state.get(_ASKED) != run.name:
        st.button("Delete this run", on_click=_ask, args=(run.name,))
        return
    count = len(run.samples())
    st.warning(f"Delete {plain(run.title)} with its {count} sample grids and all its generators? There is no undo.")
    with st.container(horizontal=True):
        if st.button("Delete for good", type="primary"):
            with errors_as_sentences():
                runs.delete_run(run)
                st.query_params.clear()
                st.rerun()
        st.button("Keep it", on_click=_ask, args=("",))


def _ask(name: str) -> None:
    st.session_state[_ASKED] = name
