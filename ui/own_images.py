"""Own images on the Train page: upload a zip, choose among the sets there are, delete one."""

from __future__ import annotations

from typing import Any, Final

import streamlit as st

from dcgan import uploads
from dcgan.config import IMAGE_SIZES, field_info
from dcgan.datasets import DATASETS, OWN_IMAGES
from dcgan.errors import UserError
from dcgan.uploads import OwnSet
from ui.page import errors_as_sentences
from ui.words import plain

_CHOSEN: Final = "own.set"
_ROUND: Final = "own.round"  # counts uploads: a file chooser with a new key is an empty one
_REFUSED: Final = "own.refused"
_FITS: Final = {"crop": "Cut out the middle", "pad": "Keep all, black bars"}
_COLOURS: Final = {3: "Colour", 1: "Gray"}


def choose_own_images() -> tuple[dict[str, Any], bool]:
    """The part of the form for own images: values of `TrainConfig`, and whether the chosen images have classes."""
    known = uploads.own_sets()
    if not known:
        _upload()
        return {"source": ""}, True
    chosen = _choose(known)
    with st.container(horizontal=True, key="own_actions"):
        # A new key closes it once its zip has become a set.
        with st.popover("Add images from a zip", type="tertiary", key=f"own.add.{st.session_state.get(_ROUND, 0)}"):
            _upload()
        with st.popover("Delete this set", type="tertiary", key=f"own.delete.{chosen.name}"):
            _delete(chosen)
    left, middle, right = st.columns([3, 2, 2])
    with left:
        fit = st.selectbox(
            field_info("fit").label, list(_FITS), format_func=_FITS.__getitem__, key="own.fit",
            help="What happens to images that are not square.", persist_state="session",
        )  # fmt: skip
    with middle:
        size = st.selectbox(
            "Size", IMAGE_SIZES, index=IMAGE_SIZES.index(DATASETS[OWN_IMAGES].image_size), key="own.size",
            format_func=lambda pixels: f"{pixels} pixels", help="Twice the side takes about four times as long.",
            persist_state="session",
        )  # fmt: skip
    with right:
        channels = st.selectbox(
            "Colours", list(_COLOURS), format_func=_COLOURS.__getitem__, key="own.channels", persist_state="session"
        )
    return {"source": chosen.name, "fit": fit, "image_size": size, "channels": channels}, chosen.classes > 1


def _choose(known: list[OwnSet]) -> OwnSet:
    by_name = {each.name: each for each in known}
    if added := st.session_state.pop("own.added", ""):
        st.session_state[_CHOSEN] = added
    if st.session_state.get(_CHOSEN) not in by_name:
        st.session_state[_CHOSEN] = known[0].name  # also after the chosen one was deleted elsewhere
    name = st.selectbox(
        "Images", list(by_name), format_func=lambda name: _words(by_name[name]), key=_CHOSEN, persist_state="session"
    )
    chosen = by_name[name]
    if chosen.note:
        st.caption(plain(chosen.note))
    return chosen


def _delete(chosen: OwnSet) -> None:
    st.write(f"Delete {plain(chosen.title)}? Runs that trained on it stay, but cannot go on. There is no undo.")
    if st.button("Delete for good", key="own.delete_for_good"):
        with errors_as_sentences():
            uploads.delete_set(chosen.name)
            st.rerun()


def _words(chosen: OwnSet) -> str:
    classes = f" · {chosen.classes} classes" if chosen.classes > 1 else ""
    return f"{chosen.title} · {chosen.images:,} images{classes}"


def _upload() -> None:
    """Take a zip as soon as it is there; what it brings is chosen next."""
    turn = st.session_state.get(_ROUND, 0)
    file = st.file_uploader(
        "A zip of images",
        "zip",
        key=f"own.zip.{turn}",
        max_upload_size=uploads.MAX_ZIP_MB,
        label_visibility="collapsed",
    )
    st.caption(plain(uploads.ZIP_LIMITS))
    if file is None:
        return
    refused, sentence = st.session_state.get(_REFUSED, ("", ""))
    if refused == file.file_id:
        st.error(plain(sentence))
        return
    bar = st.progress(0.0, "Unpacking and checking the images …")
    try:
        made = uploads.add_zip(
            file,
            file.name.rsplit(".", 1)[0],
            progress=lambda share: bar.progress(share, f"Unpacking and checking the images … {share:.0%}"),
        )
    except UserError as error:
        st.session_state[_REFUSED] = file.file_id, str(error)  # not read again at every click elsewhere
        bar.empty()
        st.error(plain(str(error)))
        return
    st.session_state[_ROUND] = turn + 1
    st.session_state["own.added"] = made.name
    st.rerun()
