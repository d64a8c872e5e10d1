"""In the dialog of a run: back to an epoch and on from there with one setting changed; what the run takes on disk."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dcgan import disk
from dcgan.branching import CHANGEABLE, branch, branch_epochs
from dcgan.config import config_fields, field_info
from dcgan.runs import Run
from ui import launch
from ui.page import errors_as_sentences
from ui.words import plain, setting_words, size


def branch_form(run: Run) -> None:
    """Choose an epoch and one setting; the branch trains as a run of its own, at once or when its turn comes."""
    epochs = branch_epochs(run)
    if not epochs:
        return
    left, right = st.columns(2)
    with left:
        epoch = st.selectbox("Go back to epoch", epochs, index=max(len(epochs) - 2, 0), key="branch_epoch")
    with right:
        name = st.selectbox("Change", CHANGEABLE, format_func=lambda name: field_info(name).label, key="branch_setting")
    value = _new_value(run, name)
    if st.button("Branch from here", key="branch", help="The run stays as it is; the branch is a new run."):
        with errors_as_sentences():
            title = f"{run.title[:50]}, from epoch {epoch}"
            made = launch.begin(branch(run, epoch, {name: value}, title=title))
            st.query_params.from_dict({"run": made})
            st.rerun()


def disk_use(run: Run) -> None:
    """What the run takes, and a button that frees what is needed for going back only."""
    usage, freed = disk.disk_usage(run), disk.freed_by_pruning(run)
    st.caption(
        f"Takes {size(usage.total)}: samples {size(usage.samples)}, generators {size(usage.generators)}, "
        f"states to go back to {size(usage.states)}."
    )
    if freed and st.button(f"Free {size(freed)}", key="prune", help="Keeps the newest state: only going back is lost."):
        with errors_as_sentences():
            disk.prune(run)
            st.rerun(scope="fragment")


def _new_value(run: Run, name: str) -> Any:
    kind, info, value = next((kind, info, getattr(run.config, name)) for n, kind, info in config_fields() if n == name)
    label, key = f"{info.label} (now {plain(setting_words(value))})", f"branch_value_{name}"
    if info.choices:
        return st.selectbox(label, info.choices, index=info.choices.index(value), key=key)
    if kind is int:
        more = min(value + 10, int(info.high)) if name == "epochs" else value
        return st.number_input(label, int(info.low), int(info.high), more, step=1, key=key)
    return st.number_input(label, info.low, info.high, value, format="%g", key=key)
