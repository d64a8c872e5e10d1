import streamlit as st

from dcgan import runs
from ui.panel import live_panel

run = runs.list_runs()[0]
if name := st.query_params.get("run"):
    run = runs.open_named(name)
live_panel(run)
