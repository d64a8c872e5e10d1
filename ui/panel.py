"""The live panel as a Streamlit component: it follows a run by itself and reports only when the state changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import streamlit as st

from dcgan.datasets import DATASETS, DIGITS
from dcgan.runs import SAMPLE_COLUMNS, Run
from ui.charts import charts_as_data, live_charts
from ui.live_data import version_of
from ui.quality import quality_block
from ui.theme import palette

_HERE: Final = Path(__file__).resolve().parent
COMMON_STYLE: Final = _HERE / "lab.css"  # what the live parts of all pages look like
_UPLOT: Final = _HERE / "vendor" / "uplot"
_FILES: Final = ("feed.js", "grid.js", "charts.js", "quality.js", "doctor.js", "words.js", "panel.js")


def component_texts(*paths: Path) -> str:
    """The files one after the other: a component takes one text of each kind, and its scripts share one scope."""
    return "\n".join(path.read_text(encoding="utf-8") for path in paths) + "\n"


SCRIPT: Final = component_texts(_UPLOT / "uPlot.iife.min.js", *(_HERE / "live" / name for name in _FILES))
_mount = st.components.v2.component(
    "lab_live_panel",
    html=component_texts(_HERE / "live" / "panel.html"),
    css=component_texts(_UPLOT / "uPlot.min.css", COMMON_STYLE, _HERE / "live" / "panel.css"),
    js=SCRIPT,
)


def live_panel(run: Run, *, key: str = "live_panel") -> str | None:
    """Show `run` as it goes, or as it went. The page reruns when the run's state is another than now.

    Returns the name of the doctor's finding whose remedy was just asked for, else None.
    """
    data = {
        "run": run_as_data(run),
        "state": run.status().state,
        "charts": charts_as_data(live_charts(run.config)),
        "quality": quality_block(run),
        "palette": palette(),
        "noun": noun(run),
    }
    told = _mount(key=key, data=data, on_state_change=lambda: None, on_remedy_change=lambda: None)
    return told.remedy if isinstance(told.remedy, str) else None


def noun(run: Run) -> str:
    """What a run's images are called: digits where its data shows one each."""
    known = DATASETS.get(run.config.dataset)  # None in a run of a program that knows more
    return "digits" if known and known.class_names == DIGITS else "images"


def run_as_data(run: Run) -> dict[str, Any]:
    """What the browser needs to know of a run to fetch and draw it."""
    return {
        "name": run.name,
        "version": version_of(run),
        "columns": SAMPLE_COLUMNS,
        "image_size": run.image_size,
    }
