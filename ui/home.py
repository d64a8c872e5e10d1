"""The words and doors of the Home page, and which run plays there."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Final

import streamlit as st

from dcgan import runs
from dcgan.runs import Run
from ui.theme import COLOURS
from ui.words import preset_title

_PAGES: Final = Path(__file__).resolve().parent.parent / "pages"


def film_run() -> Run | None:
    """The first bundled run with samples, else the newest run that has some."""
    shown = [run for run in runs.list_runs() if run.samples()]
    return next((run for run in shown if run.bundled), shown[0] if shown else None)


def what_a_gan_is(run: Run | None) -> None:
    """Three sentences, the two players in their colours."""
    generator, discriminator = (_player(role) for role in ("generator", "discriminator"))
    st.html(
        '<h1 class="lab-title lab-large">Two networks, one game</h1>'
        f'<p class="lab-lead">The {generator} turns random numbers into pictures and has never seen a real digit. '
        f"The {discriminator} is shown real digits and the generator’s, and has to tell which is which. "
        "Each learns only by trying to beat the other, until the drawings pass for handwriting: "
        "that is a generative adversarial network, a GAN.</p>"
    )
    if run:
        origin = "a generator that comes with the app" if run.bundled else f"your run {run.title!r}"
        made = f"Drawn by {origin}, trained on {run.dataset_title} with the preset {preset_title(run)}."
        st.html(f'<p class="lab-note">{escape(made)}</p>')


def doors() -> None:
    """The ways on; the one to Explore when that page is there."""
    with st.container(horizontal=True, key="doors"):
        if st.button("Train your own", type="primary", key="door_train", help="Readable digits in about a minute."):
            st.switch_page("pages/train.py")
        if (_PAGES / "explore.py").is_file() and st.button("Explore one that is trained", key="door_explore"):
            st.switch_page("pages/explore.py")


def _player(role: str) -> str:
    light, dark = COLOURS[role]
    return f'<b class="lab-{role}" style="--light: {light}; --dark: {dark}">{role}</b>'
