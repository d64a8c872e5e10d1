"""The parts of the How it works page: networks, game, failures, glossary, one of them at a time."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Final

import streamlit as st

from ui.glossary import ENTRIES, Entry, find
from ui.how_diagram import diagram, layer_table
from ui.how_example import example_picture
from ui.how_failures import failures
from ui.how_form import choose_networks
from ui.how_game import game, torch_loaded
from ui.page import errors_as_sentences
from ui.words import plain

STYLE: Final = (Path(__file__).resolve().parent / "how" / "how.css").read_text(encoding="utf-8")


def choose_part() -> None:
    """Offer the parts and show the chosen one; it stands in the address as `part`."""
    part = st.segmented_control(
        "Part", list(PARTS), default=next(iter(PARTS)), required=True, key="part", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    PARTS[part or next(iter(PARTS))]()


def networks() -> None:
    """Both networks of a preset, and how they change with the settings."""
    with errors_as_sentences():
        config = choose_networks()
        with torch_loaded():
            from ui import how_models
        found = how_models.networks(config)
        for anatomy, role in zip(found, ("generator", "discriminator"), strict=True):
            st.html(diagram(anatomy, role, example_picture(found[1].input_shape)))
        st.caption(
            "Read from the networks themselves: each block is what leaves a step, its squares to scale. A map is a "
            "picture of numbers that says where something was found, or where something shall be drawn."
        )
        with st.expander("Every layer, one by one", icon=":material/list:"):
            for anatomy, role in zip(found, ("generator", "discriminator"), strict=True):
                st.markdown(f"**{role.capitalize()}**")
                st.html(layer_table(anatomy))


def glossary() -> None:
    """Every word the app uses, to be looked for; the text looked for stands in the address as `word`."""
    text = st.text_input(
        "Look for a word", key="word", bind="query-params", placeholder="such as truncation, FD, epoch", width=420
    )
    found = find(text)
    if text and found:
        st.caption(f"{len(found)} of {len(ENTRIES)} entries; empty the field to see all.")
    elif text:
        st.info(f"No entry has the words {plain(repr(text))}; try a shorter one, or empty the field to see all.")
    st.html(entries_html(found))


def entries_html(found: Sequence[Entry]) -> str:
    """The entries as a list of definitions, each with an anchor `term-...`."""
    rows = "".join(
        f'<div id="term-{entry.slug}"><dt>{escape(entry.term)}</dt>'
        f"<dd>{escape(entry.words)}<small>{escape(_places(entry))}</small></dd></div>"
        for entry in found
    )
    return f'<dl class="how-words">{rows}</dl>'


def _places(entry: Entry) -> str:
    """Where the entry is met, and under which labels."""
    also = ", ".join(label for label in entry.labels if label.lower() not in entry.term.lower())
    return f"Met in: {entry.seen}" + (f" · as: {also}" if also else "")


PARTS: Final = {
    "Networks": networks,
    "Game": game,
    "Failures": failures,
    "Glossary": glossary,
}  # as the page says them and its address holds them
