"""The game step by step, with the values of a run: what D said of these images, and what G was told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import streamlit as st

from dcgan import runs
from dcgan.config import TrainConfig
from dcgan.runs import Run
from ui import how_values, warm
from ui.how_source import excerpt
from ui.how_words import STEPS, Step
from ui.page import errors_as_sentences
from ui.words import plain, preset_title

if TYPE_CHECKING:
    from ui.how_models import Values

LOOK_SECONDS: Final = 2.0  # between two looks at a run that is going
_SEED: Final = "how_seed"
_CHOICE: Final = "how_run"
_READ: Final = "how_run_read"  # the name the address had when the page last looked


def game() -> None:
    """Choose a run, and tell a round of its game."""
    found = [run for run in runs.list_runs() if run.discriminators() or run.states()]
    if not found:
        st.info("No run here has kept its discriminator yet; train one, and its values stand here after an epoch.")
    run = _chosen(found) if found else None
    if run and run.status().active:
        st.fragment(_told, run_every=LOOK_SECONDS)(run.name)
    else:
        _told(run.name if run else "")


def _chosen(found: Sequence[Run]) -> Run:
    """The run that the address names or the field chose, else the newest."""
    names = [run.name for run in found]
    asked = st.query_params.get("run")
    if asked in names and asked != st.session_state.get(_READ):
        st.session_state[_CHOICE] = asked
    if st.session_state.get(_CHOICE) not in names:
        st.session_state[_CHOICE] = names[0]
    titles = {run.name: run.title for run in found}
    with st.container(horizontal=True, vertical_alignment="bottom", key="how_choice"):
        chosen = st.selectbox(
            "Values from the run", names, format_func=lambda name: titles.get(name, name), key=_CHOICE, width=420
        )
        if st.button("Other images", icon=":material/casino:", key="how_other"):
            st.session_state[_SEED] = st.session_state.get(_SEED, 0) + 1
    st.query_params["run"] = st.session_state[_READ] = chosen
    return found[names.index(chosen)]


def _told(name: str) -> None:
    """All steps; run anew while the run goes on, so that a new state brings new values."""
    values, config = None, TrainConfig()
    with errors_as_sentences():
        if name:
            run = runs.open_named(name)
            config = run.config
            with torch_loaded():
                from ui import how_models
            values = how_models.values(run, st.session_state.get(_SEED, 0))
            _say_of_what(run, values)
    for number, step in enumerate(STEPS, 1):
        with st.container(key=f"how_step_{step.key}"):
            _show(number, step, config, values)


@contextmanager
def torch_loaded() -> Iterator[None]:
    """Say what takes a few seconds while torch is imported, which the server does once."""
    if warm.torch_is_ready():
        yield
        return
    with st.spinner("PyTorch is being loaded: a few seconds, once after the app was started."):
        yield


def _say_of_what(run: Run, values: Values) -> None:
    going = " It is still training: whenever it saves its state, the values here follow." if run.status().active else ""
    st.caption(
        f"{plain(preset_title(run))} on {plain(run.dataset_title)}, both networks as they stood in epoch "
        f"{values.epoch} after step {values.step:,}; objective {run.config.objective}.{going}"
    )
    if values.without_real:
        st.info(f"{plain(values.without_real)} So D is shown G's images only.")


def _show(number: int, step: Step, config: TrainConfig, values: Values | None) -> None:
    text, shown = st.columns([4, 6], gap="medium")
    with text:
        st.html(f'<h3 class="how-title"><b>{number}</b> {step.title}</h3>')
        st.markdown(step.words)
        st.latex(step.formula(config))
    with shown:
        if values:
            st.html(how_values.figure(step.key, values, config))
        try:
            found = excerpt(step.anchor(config))
        except (LookupError, OSError, SyntaxError):
            st.caption("The source of this step has moved, and cannot be shown.")
            return
        st.code(found.code, language="python", wrap_lines=True)
        st.html(f'<p class="how-place">{found.place}</p>')
