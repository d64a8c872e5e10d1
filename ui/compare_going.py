"""How far those of the compared runs are that still train or wait; the page follows them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

import streamlit as st

from dcgan.records import Status
from ui.compare_figures import chip
from ui.compare_runs import Compared
from ui.live_data import queue_words
from ui.words import duration, progress

EVERY: Final = 2  # seconds between two looks
REDRAW: Final = 10.0  # seconds for which charts are left as they are, so that they can be read
_DRAWN: Final = "compare_drawn"


def goes_on(each: Compared) -> bool:
    """Whether something of this run is still to come."""
    status = each.run.status()
    return status.active or status.state == "queued"


def still_going(going: Sequence[Compared]) -> None:
    """A line a run; the page is drawn anew when one begins or ends, and now and then when there is more to show."""
    st.session_state[_DRAWN] = (time.monotonic(), _states(going), _content(going))
    _lines(tuple(going))


@st.fragment(run_every=EVERY)
def _lines(going: tuple[Compared, ...]) -> None:
    for each in going:
        status = each.run.status()
        with st.container(horizontal=True, vertical_alignment="center", key=f"going_{each.letter}"):
            st.html(chip(each), width=24)
            st.progress(min(max(status.fraction, 0.0), 1.0), width=110)
            st.html(f'<div class="lab-going">{_words(each, status)}</div>', width="stretch")
    drawn, states, content = st.session_state.get(_DRAWN, (0.0, (), ()))
    old = time.monotonic() - drawn > REDRAW
    if _states(going) != states or (old and _content(going) != content):
        st.rerun()


def _words(each: Compared, status: Status) -> str:
    if status.state == "queued":
        return f"waits. {queue_words(each.run)}"
    left = f", {duration(status.eta)} left" if status.eta is not None and status.state == "running" else ""
    return f"{status.state}, {progress(status)}{left}"


def _states(going: Sequence[Compared]) -> tuple[str, ...]:
    return tuple(each.run.status().state for each in going)


def _content(going: Sequence[Compared]) -> tuple[int, ...]:
    """Grows with the samples and the looks of the judge."""
    return tuple(len(each.run.samples()) + len(each.run.quality()) for each in going)
