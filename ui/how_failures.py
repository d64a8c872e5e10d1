"""The failure gallery: recipes that break, each beside its cure; both train with one press and are compared."""

from __future__ import annotations

from html import escape
from typing import Final

import streamlit as st

from dcgan.config import field_info
from dcgan.datasets import is_on_disk
from dcgan.failures import BASE, FAILURES, Failure
from ui import launch
from ui.page import errors_as_sentences
from ui.words import about, setting_words

SECONDS: Final = 60
EPOCHS: Final = 100  # it is the time that ends both


def failures() -> None:
    """All recipes, and how long and on what they train."""
    st.markdown(
        "What goes wrong teaches more than what goes right. Each of these recipes fails for one reason, and its cure "
        "changes just that. Both train one after the other, with the same data and seed, and stand side by side on the "
        "Compare page."
    )
    seconds = st.number_input("Seconds for each", 10, 3600, SECONDS, step=10, key="failure_seconds", width=180)
    names = list(FAILURES)
    for start in range(0, len(names), 2):
        for column, name in zip(st.columns(2, gap="medium"), names[start : start + 2], strict=False):
            with column:
                _card(FAILURES[name], float(seconds))


def train_both(failure: Failure, seconds: float) -> list[str]:
    """Let the broken and the cured one train when their turn comes; returns their names.

    Raises:
        UserError: a run directory cannot be made.
    """
    dataset = "mnist" if is_on_disk("mnist") else "digits"
    broken, cured = (config.with_changes(epochs=EPOCHS) for config in failure.configs(dataset))
    return [
        launch.start(broken, "dcgan", seconds, title=failure.title),
        launch.start(cured, "dcgan", seconds, title=f"{failure.title}: cured"),
    ]


def recipe_html(failure: Failure) -> str:
    """The settings in which the two differ, side by side."""
    broken, cured = failure.configs(BASE.dataset)
    names = [name for name in broken.to_dict() if getattr(broken, name) != getattr(cured, name)]
    rows = "".join(
        f"<tr><td>{escape(field_info(name).label)}</td><td>{setting_words(getattr(broken, name))}</td>"
        f"<td>{setting_words(getattr(cured, name))}</td></tr>"
        for name in names
    )
    head = "<tr><th>Setting</th><th>fails</th><th>cured</th></tr>"
    return f'<div class="how-table how-recipe"><table><thead>{head}</thead><tbody>{rows}</tbody></table></div>'


def _card(failure: Failure, seconds: float) -> None:
    with st.container(border=True, height="stretch", key=f"failure_{failure.name}"):
        st.html(f'<h3 class="how-title">{escape(failure.title)}</h3>')
        st.markdown(f"{failure.happens}\n\n**Why.** {failure.why}\n\n**Watch.** {failure.watch}")
        st.html(recipe_html(failure))
        if st.button("Train both", key=f"train_{failure.name}", help=f"About {about(2 * seconds)} in all."):
            with errors_as_sentences():
                st.switch_page("pages/compare.py", query_params={"run": train_both(failure, seconds)})
