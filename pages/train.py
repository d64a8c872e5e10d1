"""Train: start a run, watch it live, come back to any run there is."""

import streamlit as st

from dcgan import runs
from dcgan.runs import Run
from ui import launch, page
from ui.preset_cards import preset_pictures
from ui.run_list import run_list
from ui.run_view import cured_panel, run_view, title_line
from ui.train_form import train_form


def chosen_run() -> Run | None:
    """The run the address names; without one the run that is training now, unless a new one is to be started."""
    name = st.query_params.get("run")
    if name:
        with page.errors_as_sentences():
            return runs.open_named(name)
        return None
    active = None if "new" in st.query_params else launch.active_run()
    if active:
        st.query_params["run"] = active.name  # so that the page stays with it when it ends
    return active


known = runs.list_runs()
page.style(preset_pictures(known))
run = chosen_run()
if run:
    run_view(run)
else:
    left, right = st.columns([5, 8], gap="large")
    with left:
        st.html('<h1 class="lab-title">Train your own</h1>')
        train_form(known)
    with right:
        if known:
            st.html(title_line(known[0], known[0].status()))
            cured_panel(known[0])
        else:
            st.info("No run yet. Press Start: the first digits show here within half a minute.")
run_list(known, run)
