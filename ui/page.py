"""What every page has: its style sheet, and errors as one sentence each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import streamlit as st

from dcgan.errors import DcganError
from ui.words import plain

_STYLE: Final = Path(__file__).resolve().parent / "page.css"


def style(more: str = "") -> None:
    """Add the app's style sheet to the page, and `more` rules after it."""
    st.html(f"<style>{_STYLE.read_text(encoding='utf-8')}{more}</style>")


@contextmanager
def errors_as_sentences() -> Iterator[None]:
    """Show a `DcganError` raised inside as one sentence; the rest of the page goes on."""
    try:
        yield
    except DcganError as error:
        st.error(plain(str(error)))
