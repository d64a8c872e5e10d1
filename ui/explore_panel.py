"""The Explore page's one live component, and how the page, its address and the session agree on what it shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs

import streamlit as st

from dcgan import runs
from dcgan.browser import GENERATOR_SCRIPT
from dcgan.datasets import condition_noun, has_data
from dcgan.errors import UserError
from dcgan.runs import Run
from ui import engine_routes, explore_state
from ui.explore_routes import space_of
from ui.explore_state import ExploreState, parse_state
from ui.live_data import version_of
from ui.panel import COMMON_STYLE, component_texts

_HERE: Final = Path(__file__).resolve().parent / "explore"
_SCRIPTS: Final = (
    "engine.js",
    "worker.js",
    "local.js",
    "address.js",
    "picture.js",
    "sheet.js",
    "picks.js",
    "gallery.js",
    "sliders.js",
    "names.js",
    "walk.js",
    "arithmetic.js",
    "cloud.js",
    "map.js",
    "time.js",
    "draw.js",
    "nearest.js",
    "opinion.js",
    "view.js",
    "panel.js",
)
_KEY: Final = "explore_panel"
_KEPT: Final = "explore_query"
_CENTRED: Final = ("mnist", "digits", "kmnist", "emnist-letters", "emnist-digits")  # light ink, made as MNIST was
_mount = st.components.v2.component(
    "lab_explore_panel",
    html=component_texts(_HERE / "explore.html"),
    css=component_texts(COMMON_STYLE, _HERE / "explore.css"),
    js=component_texts(GENERATOR_SCRIPT, *(_HERE / script for script in _SCRIPTS)),
)


@dataclass(frozen=True)
class Choice:
    """What the page shows: a run that has a generator (None where no run has), its state, a word on the link."""

    run: Run | None
    state: ExploreState
    notice: str = ""


def explore_panel(found: Sequence[Run], choice: Choice) -> None:
    """Show `choice`, with the runs `found` to change to; dragging reruns nothing, letting go reports the state."""
    assert choice.run is not None
    data = {
        "runs": [
            {"name": run.name, "title": _title(run), "ready": bool(run.snapshots()), **_kind(run)} for run in found
        ],
        "run": _run_as_data(choice.run),
        "state": choice.state.as_data(),
        "notice": choice.notice,
        "engine": engine_routes.ADDRESSES,
        "limits": {name.lower(): getattr(explore_state, name) for name in _LIMITS},
    }
    _mount(key=_KEY, data=data, on_query_change=lambda: None)


def current_query() -> dict[str, list[str]]:
    """The state as the panel last reported it; on arrival the address, or what this session last looked at."""
    query = parse_qs(str(_reported() or "")) or _address() or st.session_state.get(_KEPT, {})
    st.session_state[_KEPT] = query
    return query


def choose(query: Mapping[str, Sequence[str]], found: Sequence[Run]) -> Choice:
    """The run and state that `query` asks for; what cannot be had falls back to the usual, with one sentence."""
    name = (list(query.get("run", ())) or [""])[-1]
    notice = ""
    if name:
        try:
            run = runs.open_named(name)
            run.snapshot()
            state, notice = parse_state(query, space_of(run))
            return Choice(run, state, notice)
        except UserError as error:
            notice = str(error)
    ready = next((run for run in found if run.snapshots()), None)
    if ready and notice:
        notice = f"{notice.rstrip('.')}. You see {ready.title!r} instead."
    return Choice(ready, ExploreState(), notice)


@st.fragment(run_every=3.0)
def wait_for_generator() -> None:
    """Run the page again as soon as some run has a generator."""
    if any(run.snapshots() for run in runs.list_runs()):
        st.rerun()


def _reported() -> str | None:
    value = st.session_state.get(_KEY)
    return value.get("query") if isinstance(value, Mapping) else getattr(value, "query", None)


def _address() -> dict[str, list[str]]:
    return {name: st.query_params.get_all(name) for name in st.query_params}


def _title(run: Run) -> str:
    """The run's name and the data it was trained on, each once."""
    title = run.title
    return title if run.dataset_title in title else f"{title} · {run.dataset_title}"


def _kind(run: Run) -> dict[str, int]:
    """What decides whether another run's z fits this one's generator, and how its images are painted."""
    return {
        "size": run.image_size,
        "channels": run.channels,
        "latent": run.config.latent_dim,
        "classes": run.num_conditions,
    }


def _run_as_data(run: Run) -> dict[str, Any]:
    space = space_of(run)
    return {
        "name": run.name,
        "version": version_of(run),
        **_kind(run),
        **_words(run),
        "dark": run.config.dataset in (*_CENTRED, "fashion-mnist"),
        "centred": run.config.dataset in _CENTRED,
        "epochs": space.epochs,
        "active": run.status().active,
        "data_at_hand": has_data(run.config),
    }


def _words(run: Run) -> dict[str, Any]:
    """What the run's conditions are called, together and one by one; groups of look-alikes have numbers only."""
    names = [] if run.config.conditioning == "clusters" else list(run.class_names)
    return {"noun": condition_noun(run.config.conditioning, run.class_names), "names": names}


_LIMITS: Final = (
    "SAMPLES", "DIRECTIONS", "REACH", "COORDINATE_REACH", "MAX_SEED", "MAX_PICKS", "MAX_STEPS", "MAX_OWN", "MAX_PARTS",
)  # fmt: skip
