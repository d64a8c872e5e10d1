"""Explore: turn the knobs of a trained generator and see what it draws."""

import streamlit as st

from dcgan import runs
from ui.explore_panel import choose, current_query, explore_panel, wait_for_generator

found = runs.list_runs()
choice = choose(current_query(), found)
if choice.run is not None:
    explore_panel(found, choice)
else:
    st.title("Explore")
    st.info(choice.notice or "There is no trained generator yet; train one, and explore it after its first epoch.")
    st.page_link("pages/train.py", label="Train a generator", icon=":material/play_arrow:")
    wait_for_generator()
