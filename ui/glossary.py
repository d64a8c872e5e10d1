"""Every word the app uses that a newcomer may not know: what it means, and where it is met."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

import streamlit as st

from ui.glossary_words import ENTRIES as _WRITTEN


@dataclass(frozen=True)
class Entry:
    """One term: plain words, the places it is met, and the labels of the interface that it explains."""

    term: str
    words: str
    seen: str
    labels: tuple[str, ...] = ()

    @property
    def slug(self) -> str:
        """The term as it stands in an address: `d-x`, `mode-collapse`."""
        return re.sub(r"[^a-z0-9]+", "-", self.term.lower()).strip("-")


ENTRIES: Final = tuple(sorted((Entry(*row) for row in _WRITTEN), key=lambda entry: entry.term.lower()))


def find(text: str) -> list[Entry]:
    """The entries that have all words of `text`; those whose term or label begins with it come first.

    Without text, all of them in alphabetical order.
    """
    wanted = text.lower().split()
    found = [entry for entry in ENTRIES if all(word in _everything(entry) for word in wanted)]
    whole = " ".join(wanted)
    return sorted(found, key=lambda entry: _rank(entry, whole)) if wanted else found


def explained() -> set[str]:
    """Every term and label that has an entry."""
    return {name for entry in ENTRIES for name in (entry.term, *entry.labels)}


def glossary_address(term: str = "") -> str:
    """The address, below the app's own, that shows what `term` means, or all terms; for links from other pages."""
    return f"how-it-works?{urlencode({'part': 'Glossary'} | ({'word': term} if term else {}))}"


def glossary_link() -> None:
    """A line that leads from another page to the glossary."""
    st.caption(f"[What do these words mean?]({glossary_address()})")


def _everything(entry: Entry) -> str:
    return " ".join((entry.term, entry.words, *entry.labels)).lower()


def _rank(entry: Entry, whole: str) -> int:
    names: Sequence[str] = [name.lower() for name in (entry.term, *entry.labels)]
    if whole in names:
        return 0
    return 1 if any(name.startswith(whole) for name in names) else 2
