"""The list of runs: one line each, newest first."""

from __future__ import annotations

from html import escape
from typing import Final

import streamlit as st

from dcgan import runs
from dcgan.records import recent
from dcgan.runs import Run
from ui.live_data import queue_words, sample_url
from ui.manage import open_manage_dialog
from ui.quality import quality_words
from ui.words import duration, family_facts, plain, progress, title_facts

FIRST: Final = 12


def run_list(known_runs: list[Run], shown: Run | None) -> None:
    """All runs but the one shown large; `View` turns the page to one."""
    others = [run for run in known_runs if shown is None or run.name != shown.name]
    broken = runs.unreadable_runs()
    if others or broken:
        st.subheader("Runs" if shown is None else "Other runs")
    show_all = len(others) <= FIRST or st.session_state.get("all_runs", False)
    with st.container(key="run_list"):
        for run in others if show_all else others[:FIRST]:
            _line(run)
    if not show_all:
        st.button(f"Show all {len(others)}", key="all_runs_button", on_click=_show_all)
    for _, reason in broken:
        st.caption(plain(reason))


def _show_all() -> None:
    st.session_state["all_runs"] = True


def _line(run: Run) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.html(_thumbnail(run), width=57)
        st.html(_facts(run), width="stretch")
        if st.button("View", key=f"view_{run.name}"):
            st.query_params.from_dict({"run": run.name})
            st.rerun()
        if not run.bundled and st.button("Manage", key=f"manage_{run.name}", type="tertiary"):
            open_manage_dialog(run)


def _thumbnail(run: Run) -> str:
    frames = run.samples()
    if not frames:
        return '<div class="lab-thumb"></div>'
    alt = f"Four of the last samples of {escape(run.title)}"
    return f'<div class="lab-thumb"><img src="{escape(sample_url(run, frames[-1]))}" alt="{alt}"></div>'


def _facts(run: Run) -> str:
    status = run.status()
    facts = [*title_facts(run), *family_facts(run), status.state]
    facts += [queue_words(run)] if status.state == "queued" else [progress(status), duration(status.seconds)]
    facts += [quality_words(row) for row in recent(run.path)[1][-1:]]
    words = " · ".join(escape(fact) for fact in facts)
    return f'<div class="lab-run"><b>{escape(run.title)}</b><br><span>{words}</span></div>'
