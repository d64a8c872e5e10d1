"""The Home page's film of a run, as a Streamlit component."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import streamlit as st

from dcgan.runs import Run
from ui.panel import component_texts, noun, run_as_data

_LIVE: Final = Path(__file__).resolve().parent / "live"

SCRIPT: Final = component_texts(_LIVE / "feed.js", _LIVE / "grid.js", _LIVE / "reel.js")
_mount = st.components.v2.component(
    "lab_reel",
    html=component_texts(_LIVE / "reel.html"),
    css=component_texts(_LIVE / "reel.css"),
    js=SCRIPT,
)


def reel(run: Run, *, key: str = "reel") -> None:
    """Play the sample grids of `run` once, from noise to digits."""
    _mount(key=key, data={"run": run_as_data(run), "noun": noun(run)})
