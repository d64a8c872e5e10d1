"""The form that starts a run: preset, data, epochs, device, time limit; all other settings behind Advanced."""

from __future__ import annotations

import math
from typing import Any, Final

import streamlit as st

from dcgan import queue
from dcgan.config import IMAGE_SIZES, config_fields, field_info
from dcgan.datasets import DATASETS, OWN_IMAGES, download_size, download_words, is_on_disk, on_look_alikes
from dcgan.fields import FIELD_GROUPS, FieldInfo
from dcgan.presets import Preset
from dcgan.runs import Run
from ui import launch, warm
from ui.glossary import glossary_link
from ui.own_images import choose_own_images
from ui.page import errors_as_sentences
from ui.preset_cards import choose_preset
from ui.words import plain

_NUMBERS: Final[dict[str, dict[int, str]]] = {  # fields that take a few numbers only, and what those mean
    "image_size": {0: "0, as the data has it", **{size: f"{size} pixels" for size in IMAGE_SIZES}},
    "channels": {0: "0, as the data has it", 1: "1, gray", 3: "3, colour"},
}


def train_form(known_runs: list[Run]) -> None:
    """Show the form; Start launches a run and turns the page to it."""
    preset = choose_preset(known_runs)
    values: dict[str, Any] = {"dataset": _choose_dataset(preset)}
    own, with_classes = choose_own_images() if values["dataset"] == OWN_IMAGES else ({}, True)
    left, right = st.columns(2)
    with left:
        values["epochs"] = field_widget(preset, "epochs", int, field_info("epochs"))
    with right:
        max_seconds = _choose_limit(preset)
    values["device"] = _choose_device(preset)
    with st.expander("Advanced"):
        values |= _advanced(preset, without=tuple(own)) | own
    grouped = values["conditioning"] == "labels" and not (with_classes and _has_classes(values["dataset"]))
    if grouped:
        st.caption("These images have no classes; both networks will be told of groups of look-alikes instead.")
    if queue.busy():
        st.caption("A run is training; yours will wait in the queue for its turn.")
    if st.button("Start", type="primary", key="start", width="stretch"):
        with errors_as_sentences():
            config = preset.config.with_changes(**values)
            name = launch.start(on_look_alikes(config) if grouped else config, preset.name, max_seconds)
            st.query_params.from_dict({"run": name})
            st.rerun()


def restart_on_digits(run: Run) -> None:
    """A button that starts `run` once more, on the data that is always at hand."""
    digits = DATASETS["digits"]
    if st.button(f"Start the same on the {digits.title.lower()}", type="primary", key="restart_on_digits"):
        with errors_as_sentences():
            name = launch.start(run.config.with_changes(dataset=digits.name, source=""), run.preset, run.status().limit)
            st.query_params.from_dict({"run": name})
            st.rerun()


def _choose_dataset(preset: Preset) -> str:
    names = list(DATASETS)
    info = field_info("dataset")
    chosen = st.selectbox(
        info.label, names, index=names.index(preset.config.dataset), format_func=_dataset_words, help=info.help,
        key=_key(preset, "dataset"), persist_state="session",
    )  # fmt: skip
    data = DATASETS[chosen or names[0]]
    if data.name == OWN_IMAGES:
        return data.name
    st.caption(plain(data.description))
    if not is_on_disk(data.name):
        st.info(
            f"{data.title} is not on this machine yet: Start downloads {plain(download_words(data.name))}. "
            f"Without a network, choose the {DATASETS['digits'].title.lower()}, which are always at hand."
        )
    return data.name


def _dataset_words(name: str) -> str:
    data = DATASETS[name]
    if name == OWN_IMAGES:
        return f"{data.title} · from a zip"
    if data.download_mb == 0:
        return f"{data.title} · always at hand"
    return f"{data.title} · {'on disk' if is_on_disk(name) else f'download, {download_size(name)}'}"


def _choose_limit(preset: Preset) -> int | None:
    return st.number_input(
        "Time limit (seconds)", min_value=1, value=None, step=10, placeholder="no limit", key=_key(preset, "limit"),
        help="Ends the run cleanly after this much training time.", persist_state="session",
    )  # fmt: skip


def _choose_device(preset: Preset) -> str:
    info = field_info("device")
    return st.selectbox(
        info.label, info.choices, index=info.choices.index(preset.config.device), format_func=_device_words,
        help=info.help, key=_key(preset, "device"), persist_state="session",
    )  # fmt: skip


def _device_words(name: str) -> str:
    """The device's name, and its hardware once that is known: asking for it needs torch."""
    words = {"auto": "auto", "cpu": "CPU", "cuda": "NVIDIA GPU", "mps": "Apple GPU"}[name]
    if not warm.torch_is_ready():
        return words
    titles = device_titles()
    if name == "auto":
        return f"auto · {next(iter(titles.values()))}"
    return titles.get(name, f"{words} · not on this machine")


@st.cache_data(show_spinner=False)
def device_titles() -> dict[str, str]:
    """Name and title of each device of this machine, the one `auto` takes first. Loads torch."""
    from dcgan.devices import list_devices

    return {device.name: device.title for device in list_devices()}


def _has_classes(dataset: str) -> bool:
    return dataset == OWN_IMAGES or DATASETS[dataset].num_classes > 1


def _advanced(preset: Preset, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """All other fields, but for those in `without`."""
    values = {}
    glossary_link()
    for group, title in FIELD_GROUPS.items():
        fields = [entry for entry in config_fields() if entry[2].group == group and entry[0] not in without]
        if fields and group != "main":
            st.markdown(f"**{title}**")
            columns = st.columns(2)
            for place, (name, kind, info) in enumerate(fields):
                with columns[place % 2]:
                    values[name] = field_widget(preset, name, kind, info)
    return values


def field_widget(preset: Preset, name: str, kind: type, info: FieldInfo, form: str = "form") -> Any:
    """The input for one field of `TrainConfig` in the form called `form`, with its label, explanation and limits."""
    value = getattr(preset.config, name)
    common: dict[str, Any] = {"key": _key(preset, name, form), "help": info.help, "persist_state": "session"}
    if name in _NUMBERS:
        numbers = _NUMBERS[name]
        return st.selectbox(
            info.label, list(numbers), index=list(numbers).index(value), format_func=numbers.__getitem__, **common
        )
    if info.choices:
        return st.selectbox(info.label, info.choices, index=info.choices.index(value), **common)
    if kind is bool:
        return st.toggle(info.label, value, **common)
    if kind is int:
        return st.number_input(info.label, int(info.low), int(info.high), value, step=1, **common)
    if kind is float:
        return st.number_input(info.label, info.low, info.high, value, step=_step(value), format="%g", **common)
    return st.text_input(info.label, value, **common)


def _step(value: float) -> float:
    """A tenth of a small value, so that the arrows of a learning rate move it sensibly."""
    return 10.0 ** (math.floor(math.log10(value)) - 1) if 0 < value < 0.05 else 0.05


def _key(preset: Preset, name: str, form: str = "form") -> str:
    return f"{form}.{preset.name}.{name}"
