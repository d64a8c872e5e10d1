"""The Compare page's parts: choosing runs, their samples, their figures and settings, their curves."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Final

import streamlit as st

from dcgan.runs import Run
from ui.compare_charts import AXES, compare_charts
from ui.compare_figures import chip, differences, final_figures, real_report, table_html, unjudged
from ui.compare_going import goes_on, still_going
from ui.compare_grids import sample_grids
from ui.compare_runs import FEWEST, MOST, Compared, names_asked_for, newest_with_samples, slots_for, titles_of
from ui.compare_tree import tree_html
from ui.glossary import glossary_link
from ui.words import plain

STYLE: Final = (Path(__file__).resolve().parent / "compare" / "page.css").read_text(encoding="utf-8")
_CHOICE: Final = "compare_choice"
_READ: Final = "compare_read"  # the names the address had when the choice was last set by it
_SLOTS: Final = "compare_slots"


def choose(known: Sequence[Run]) -> tuple[list[Compared], str]:
    """The runs to compare and the axis they share, one of `AXES`; both stand in the address."""
    for problem in _follow_address(known):
        st.warning(plain(problem))
    with st.container(horizontal=True, vertical_alignment="bottom", key="compare_choices"):
        return _runs(known), _axis()


def _runs(known: Sequence[Run]) -> list[Compared]:
    """The chosen runs out of `known`, by a field that writes to the address."""
    titles = titles_of(known)
    chosen = st.multiselect(
        "Runs to compare, two to six", list(titles), format_func=lambda name: titles.get(name, name), key=_CHOICE,
        max_selections=MOST, on_change=_write_address, select_all=False, placeholder="Choose runs",
    )  # fmt: skip
    slots = slots_for(chosen, st.session_state.get(_SLOTS, {}))
    st.session_state[_SLOTS] = slots
    by_name = {run.name: run for run in known}
    return [Compared(by_name[name], slots[name], titles[name]) for name in chosen]


def say_what_to_do(known: Sequence[Run]) -> None:
    """The page while fewer than two runs are chosen."""
    if len(known) >= FEWEST:
        st.info("Choose two to six runs above, and their samples, curves and settings stand here side by side.")
        return
    have = "there is one run so far: train another" if known else "there is no run yet: train two"
    st.info(f"Comparing takes two runs, and {have}, with one setting changed, and come back.")
    st.page_link("pages/train.py", label="Train a generator", icon=":material/play_arrow:")


def comparison(compared: Sequence[Compared], axis: str, known: Sequence[Run]) -> None:
    """Samples, figures, curves, settings and descent of two to six runs out of `known`."""
    sample_grids(compared, axis)
    going = [each for each in compared if goes_on(each)]
    if going:
        still_going(going)
    st.html(table_html(compared, "What they came to", final_figures(compared)))
    glossary_link()
    _charts(compared, axis)
    settings = differences(compared)
    if settings:
        st.html(table_html(compared, "What differs between them", settings))
    else:
        st.caption("All their settings are the same, and so is what they were trained on.")
    if tree := tree_html(compared, known):
        st.html(tree)


def _follow_address(known: Sequence[Run]) -> list[str]:
    """Set the field to what the address asks for when that is new, at first to the two newest runs.

    Returns sentences on what the address names and there is not.
    """
    asked = st.query_params.get_all("run")
    names, problems = names_asked_for(asked)
    known_names = {run.name for run in known}
    chosen = st.session_state.get(_CHOICE)
    if chosen is None and not asked:
        names = newest_with_samples(known)
        st.query_params["run"] = names
    if chosen is None or asked != st.session_state.get(_READ, asked):
        st.session_state[_CHOICE] = [name for name in names if name in known_names]
    elif not known_names.issuperset(chosen):  # deleted meanwhile, from elsewhere
        st.session_state[_CHOICE] = [name for name in chosen if name in known_names]
    st.session_state[_READ] = st.query_params.get_all("run")
    return problems


def _write_address() -> None:
    st.query_params["run"] = st.session_state[_CHOICE]
    st.session_state[_READ] = list(st.session_state[_CHOICE])


def _axis() -> str:
    """Which axis scrubber and curves share; it stands in the address as `over`."""
    return st.segmented_control(
        "At the same", AXES, default=AXES[0], required=True, key="over",
        bind="query-params", help="Samples and curves side by side after as many epochs, or after as long a training.",
    )  # fmt: skip


def _charts(compared: Sequence[Compared], axis: str) -> None:
    dark = st.context.theme.type == "dark"
    st.html('<h2 class="lab-part">How they got there</h2>')
    legend = "".join(f"<span>{chip(each)} {escape(each.title)}</span>" for each in compared)
    st.html(f'<div class="lab-legend">{legend}</div>')
    chosen = [each.run for each in compared]
    charts = compare_charts(compared, axis, real_report(chosen), dark)
    for pair in (charts[:-2], charts[-2:]):
        for column, chart in zip(st.columns(2, gap="medium"), pair, strict=False):
            with column, st.container(gap=None):
                st.html(f'<div class="lab-chart"><h4>{escape(chart.title)}</h4><p>{escape(chart.hint)}</p></div>')
                st.plotly_chart(
                    chart.figure, key=f"compare_{chart.key}", config={"displayModeBar": False}, alt=chart.alt
                )
    for reason in unjudged(chosen):
        st.caption(plain(reason))
