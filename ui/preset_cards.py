"""Presets as cards, a group of them at a time: what each is for, what it drew, how long it takes here."""

from __future__ import annotations

from typing import Final

import streamlit as st

from dcgan.presets import PRESET_GROUPS, PRESETS, Preset
from dcgan.records import Status
from dcgan.runs import Run
from ui.live_data import sample_url
from ui.words import about, plain

FIRST: Final = next(iter(PRESETS))  # the place to begin
_GROUP: Final = "preset_group"


def choose_preset(known_runs: list[Run]) -> Preset:
    """The preset chosen among those of the chosen group; each group remembers its own choice."""
    with st.container(key="presets", gap="small"):
        group = st.pills(
            "Start from", list(PRESET_GROUPS), format_func=PRESET_GROUPS.__getitem__, default=PRESETS[FIRST].group,
            required=True, key=_GROUP, persist_state="session",
        )  # fmt: skip
        names = _names(group)
        chosen = st.radio(
            PRESET_GROUPS[group], names, format_func=_title, key=card_key(group), persist_state="session",
            captions=[_caption(PRESETS[name], known_runs) for name in names], width="stretch",
            label_visibility="collapsed",
        )  # fmt: skip
    return PRESETS[chosen or names[0]]


def preset_pictures(known_runs: list[Run]) -> str:
    """CSS that shows four digits of the newest run of each preset, on the preset's own data, on its card."""
    rules = []
    for group in PRESET_GROUPS:
        for place, name in enumerate(_names(group), 1):
            own = (
                run for run in known_runs if run.preset == name and run.config.dataset == PRESETS[name].config.dataset
            )
            newest = next(((run, frames[-1]) for run in own if (frames := run.samples())), None)
            if newest:
                card = f'.st-key-{card_key(group)} [role="radiogroup"] > div:nth-child({place})'
                rules.append(f"{card} {{ padding-right: 84px; min-height: 76px; }}")
                picture = sample_url(*newest)
                rules.append(f'{card}::before {{ content: ""; background: url("{picture}"); }}')
    return "\n".join(rules)


def card_key(group: str) -> str:
    """The key of the cards of `group`."""
    return f"presets_{group}"


def seconds_an_epoch(status: Status) -> float | None:
    """Seconds of training an epoch took so far; None before there is a tenth of one."""
    done = status.epochs * status.step / status.total_steps if status.total_steps else 0.0
    return status.seconds / done if done >= 0.1 else None


def _names(group: str) -> list[str]:
    return [preset.name for preset in PRESETS.values() if preset.group == group]


def _title(name: str) -> str:
    mark = " :gray-badge[begin here]" if name == FIRST else ""
    return f"{plain(PRESETS[name].title)}{mark}"


def _caption(preset: Preset, known_runs: list[Run]) -> str:
    """The preset in a sentence, and how long it takes here once a run of it has been measured on this machine."""
    epochs = preset.config.epochs
    own = [run for run in known_runs if run.preset == preset.name and not run.bundled]
    same = (run for run in own if run.config.dataset == preset.config.dataset)
    seconds = next((found for run in same if (found := seconds_an_epoch(run.status()))), None)
    measured = f" About {about(seconds * epochs)} for {epochs} epochs on this machine." if seconds else ""
    return plain(preset.summary) + measured
