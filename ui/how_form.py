"""The fields of the How it works page from which both networks are built: a preset, data, and all that shapes them."""

from __future__ import annotations

from typing import Final

import streamlit as st

from dcgan.config import TrainConfig, config_fields, field_info
from dcgan.datasets import DATASETS
from dcgan.fields import NETWORK_GROUPS
from dcgan.presets import PRESETS
from ui.train_form import field_widget

_COLUMNS: Final = 4


def choose_networks() -> TrainConfig:
    """The configuration that the fields ask for.

    Raises:
        UserError: its settings cannot go together.
    """
    first, second, third = st.columns([3, 3, 6], gap="small", vertical_alignment="bottom")
    with first:
        name = st.selectbox(
            "Preset", list(PRESETS), format_func=lambda name: PRESETS[name].title, key="preset", bind="query-params"
        )
    preset = PRESETS[name or next(iter(PRESETS))]
    with second:
        dataset = _choose_dataset(preset.name, preset.config.dataset)
    third.caption(preset.summary)
    values = {"dataset": dataset}
    with st.expander("Change the networks", icon=":material/tune:"):
        fields = [entry for entry in config_fields() if entry[2].group in NETWORK_GROUPS]
        for start in range(0, len(fields), _COLUMNS):  # row by row, so that a phone shows them in their order
            for column, (field, kind, info) in zip(
                st.columns(_COLUMNS), fields[start : start + _COLUMNS], strict=False
            ):
                with column:
                    values[field] = field_widget(preset, field, kind, info, "how")
    return preset.config.with_changes(**values)


def _choose_dataset(preset: str, default: str) -> str:
    names = list(DATASETS)
    chosen = st.selectbox(
        field_info("dataset").label, names, index=names.index(default), key=f"how.{preset}.dataset",
        format_func=lambda name: DATASETS[name].title, persist_state="session",
    )  # fmt: skip
    return chosen or default
