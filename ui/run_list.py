"""The list of runs: one line each, branches under the run they left; some of them can be chosen and compared."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Final

import streamlit as st

from dcgan import runs
from dcgan.family import Member, in_families
from dcgan.records import recent
from dcgan.runs import Run
from ui.compare_runs import FEWEST, MOST
from ui.live_data import queue_words, sample_url
from ui.manage import open_manage_dialog
from ui.quality import quality_words
from ui.words import duration, family_facts, plain, progress, title_facts

FIRST: Final = 12
COMPARE: Final = Path(__file__).resolve().parent.parent / "pages" / "compare.py"
_DEEPEST: Final = 4  # generations that are drawn further in; the next ones stand below these
_STEP: Final = 26  # CSS pixels from one generation to the next
_MIDDLE: Final = 36  # CSS pixels from the top of a row to the middle of its picture


def run_list(known_runs: list[Run], shown: Run | None) -> None:
    """All runs but the one shown large, which stands here by its name only, where it has relatives."""
    members = _listed(known_runs, shown)
    broken = runs.unreadable_runs()
    if members or broken:
        _head(known_runs, shown)
    show_all = len(members) <= FIRST or st.session_state.get("all_runs", False)
    seen = members if show_all else members[:FIRST]
    st.html(f"<style>{_family_lines(seen)}</style>")
    with st.container(key="run_list", gap=None):
        for member in seen:
            _line(member, shown)
    if not show_all:
        st.button(f"Show all {len(members)}", key="all_runs_button", on_click=_show_all)
    for _, reason in broken:
        st.caption(plain(reason))


def _listed(known: Sequence[Run], shown: Run | None) -> list[Member]:
    members = in_families(known)
    if shown is None:
        return members
    parents = {run.parent.run for run in known if run.parent}
    related = any(member.run.name == shown.name and member.depth for member in members) or shown.name in parents
    return [member for member in members if related or member.run.name != shown.name]


def _show_all() -> None:
    st.session_state["all_runs"] = True


def _head(known: Sequence[Run], shown: Run | None) -> None:
    """The title, and the button that compares what is ticked, with the run shown large where there is one."""
    with st.container(horizontal=True, vertical_alignment="center", key="run_list_head"):
        st.subheader("Runs" if shown is None else "Other runs", width="stretch")
        if len(known) < FEWEST or not COMPARE.is_file():
            return
        names = [run.name for run in known if st.session_state.get(_tick(run))]
        names = [shown.name, *(name for name in names if name != shown.name)] if shown else names
        which = f"these {len(names)}" if len(names) >= FEWEST else "runs"
        label = f"Compare {'with this run' if shown and len(names) < FEWEST else which}"
        fits = FEWEST <= len(names) <= MOST
        wanted = "Tick a run below." if shown else "Tick two to six runs below."
        if st.button(label, key="compare_these", disabled=not fits, help=None if fits else wanted):
            st.switch_page("pages/compare.py", query_params={"run": names})


def _tick(run: Run) -> str:
    return f"tick_{run.name}"


def _line(member: Member, shown: Run | None) -> None:
    run = member.run
    with st.container(horizontal=True, vertical_alignment="center", key=_place(run)):
        if shown and run.name == shown.name:
            st.html(f'<div class="lab-run"><b>{escape(run.title)}</b><br><span>shown above</span></div>')
            return
        st.html(_thumbnail(run), width=57)
        st.html(_facts(run), width="stretch")
        if not run.bundled and st.button("Manage", key=f"manage_{run.name}", type="tertiary"):
            open_manage_dialog(run)
        st.checkbox("Compare", key=_tick(run))
        if st.button("View", key=f"view_{run.name}"):
            st.query_params.from_dict({"run": run.name})
            st.rerun()


def _place(run: Run) -> str:
    return f"run_line_{run.name}"


def _family_lines(members: Sequence[Member]) -> str:
    """CSS that moves branches in, and draws a line from each to the run it left."""
    return "\n".join(_rule(member) for member in members if member.depth)


def _rule(member: Member) -> str:
    """The lines of one row: those of earlier generations that go on below it, and its own, which turns to it."""
    lines = member.lines[-_DEEPEST:]
    parts = [
        f"linear-gradient(var(--lab-line), var(--lab-line)) {_STEP * place + 10}px 0 / 1px "
        f"{'100%' if more else f'{_MIDDLE}px'} no-repeat"
        for place, more in enumerate(lines)
        if more or place == len(lines) - 1
    ]
    last = _STEP * (len(lines) - 1) + 10
    parts.append(f"linear-gradient(var(--lab-line), var(--lab-line)) {last}px {_MIDDLE}px / 12px 1px no-repeat")
    name = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in _place(member.run))
    return f".st-key-{name} {{ padding-left: {_STEP * len(lines)}px; background: {', '.join(parts)}; }}"


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
