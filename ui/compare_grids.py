"""The sample grids of all compared runs under one scrubber, as a component that asks the page for nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import streamlit as st

from ui.compare_charts import positions
from ui.compare_runs import COLOURS, Compared
from ui.live_data import frame_label, sample_url
from ui.panel import COMMON_STYLE, component_texts, run_as_data

_HERE: Final = Path(__file__).resolve().parent

SCRIPT: Final = component_texts(
    _HERE / "live" / "grid.js", _HERE / "live" / "words.js", *(_HERE / "compare" / "grids.js",)
)
_mount = st.components.v2.component(
    "lab_compare_grids",
    html=component_texts(_HERE / "compare" / "grids.html"),
    css=component_texts(COMMON_STYLE, _HERE / "compare" / "grids.css"),
    js=SCRIPT,
)


def sample_grids(compared: Sequence[Compared], axis: str, *, key: str = "compare_grids") -> None:
    """Show the samples of the same epoch, or of the same training time, of all runs side by side."""
    _mount(key=key, data={"axis": axis, "runs": [grid_as_data(each) for each in compared]})


def grid_as_data(each: Compared) -> dict[str, Any]:
    """One run and its frames for the browser; `epoch` and `time` (seconds of training) are places on the two axes."""
    run, status = each.run, each.run.status()
    frames = run.samples()
    epochs, seconds = positions(run, [frame.step for frame in frames])
    light, dark = COLOURS[each.slot]
    return {
        **run_as_data(run),
        "letter": each.letter,
        "title": each.title,
        "light": light,
        "dark": dark,
        "active": status.active or status.state == "queued",
        "frames": [
            {
                "step": frame.step,
                "epoch": round(epoch or frame.epoch, 2),
                "time": round(second, 1),
                "label": _caption(frame_label(frame, status), frame.epoch, frame.step),
                "url": sample_url(run, frame),
            }
            for frame, epoch, second in zip(frames, epochs, seconds, strict=True)
        ],
    }


def _caption(label: str, epoch: int, step: int) -> str:
    """`before training`, `after epoch 3`, `epoch 1, step 50`."""
    if step == 0:
        return "before training"
    return f"after epoch {epoch}" if label.startswith("ep") else f"epoch {epoch}, step {step:,}"
