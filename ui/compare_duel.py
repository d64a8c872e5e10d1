"""GAN against DCGAN: both trained one after the other with the same seed, data and time, and compared."""

from __future__ import annotations

from typing import Final

import streamlit as st

from dcgan.config import field_info
from dcgan.datasets import DATASETS, OWN_IMAGES, download_words, is_on_disk
from dcgan.presets import get_preset
from ui import launch
from ui.page import errors_as_sentences
from ui.words import about, plain

RIVALS: Final = ("mlp", "dcgan")
EPOCHS: Final = 10_000  # it is the time that ends both
SECONDS: Final = 120
_BEGUN: Final = "duel_begun"
_TO_THE_TOP: Final = "<script>document.querySelector('[data-testid=stMain]').scrollTo(0, 0)</script>"  # both are there


def duel(primary: bool) -> None:
    """The button that trains both and shows them, and what it takes: data, time, seed."""
    st.html('<h2 class="lab-part">GAN against DCGAN</h2>')
    st.caption(
        "Does it matter how networks look at an image? One pair sees every pixel at once (fully connected layers), the "
        "other looks through small windows (convolutions). The same for both: data, seed, training time."
    )
    with st.container(horizontal=True, vertical_alignment="bottom", key="duel"):
        dataset = st.selectbox(
            field_info("dataset").label, _at_hand(), format_func=lambda name: DATASETS[name].title, key="duel_data",
            width=200,
        )  # fmt: skip
        seconds = st.number_input("Seconds for each", 5, 36_000, SECONDS, step=10, key="duel_seconds", width=150)
        seed = st.number_input("Seed", 0, int(field_info("seed").high), 0, key="duel_seed", width=110)
        pressed = st.button("Train both", key="duel_start", type="primary" if primary else "secondary")
    absent = "" if is_on_disk(dataset) else f" The data are downloaded first: {download_words(dataset)}."
    words = f"About {about(2 * seconds)} in all: they train one after the other, and stand here meanwhile.{absent}"
    st.caption(plain(words))
    if pressed:
        with errors_as_sentences():
            st.query_params["run"] = train_rivals(dataset, seed, float(seconds))
            st.session_state[_BEGUN] = True
            st.rerun()
    if st.session_state.pop(_BEGUN, False):
        st.html(_TO_THE_TOP, unsafe_allow_javascript=True)


def train_rivals(dataset: str, seed: int, seconds: float) -> list[str]:
    """Let both train, at once or when their turn comes; returns their names.

    Raises:
        UserError: a run directory cannot be made.
    """
    alike = {"dataset": dataset, "seed": seed, "epochs": EPOCHS}
    return [launch.start(get_preset(name).config.with_changes(**alike), name, seconds) for name in RIVALS]


def _at_hand() -> list[str]:
    """MNIST, and what else needs no download."""
    return [name for name in DATASETS if name == "mnist" or (name != OWN_IMAGES and is_on_disk(name))]
