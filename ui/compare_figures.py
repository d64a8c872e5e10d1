"""What two to six runs came to and how their settings differ: the rows of the Compare page's table."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

from safetensors import SafetensorError, safe_open

from dcgan.config import config_fields
from dcgan.errors import UserError
from dcgan.real_digits import real_digits
from dcgan.records import Status, recent
from dcgan.reports import LightReport, View, view_for, why_not
from dcgan.runs import Run
from ui.compare_runs import COLOURS, Compared
from ui.live_data import mean_speed
from ui.quality import LIGHT_IMAGES, LIGHT_SPLIT
from ui.words import duration, preset_title, progress, setting_words

NOTHING: Final = "–"
_BUFFERS: Final = ("running_mean", "running_var", "num_batches_tracked", "._u", "._v")


@dataclass(frozen=True)
class Row:
    """One line of the table: a cell a run, what real digits get, and which cells are the best."""

    label: str
    cells: tuple[str, ...]
    real: str = ""
    best: frozenset[int] = frozenset()


def generator_parameters(run: Run) -> int | None:
    """How many numbers G learned, told by the header of its newest snapshot; None where there is none to read.

    Running statistics of batch norm and singular vectors of spectral norm are kept in the file and are no parameters.
    """
    kept = run.snapshots()
    return _count(kept[-1].path) if kept else None


def discriminator_parameters(run: Run, status: Status) -> int | None:
    """How many numbers D learned, by the word of the process that trained it or the file of a bundle."""
    kept = run.discriminators()
    return status.parameters_d or (_count(kept[-1].path) if kept else None)


def real_report(chosen: Sequence[Run]) -> LightReport | None:
    """What real digits get from the judge of these runs, in their size and colours.

    None where it sees the runs it judges in several ways, which have no one figure, or where its file cannot be read.
    """
    try:
        views = {view.name: view for view in map(_view, chosen) if view}
        return real_digits(LIGHT_SPLIT, LIGHT_IMAGES, view=views.popitem()[1]) if len(views) == 1 else None
    except UserError:
        return None


def unjudged(chosen: Sequence[Run]) -> list[str]:
    """Why the judge has nothing to say of some of these runs, each reason once."""
    return list(dict.fromkeys(filter(None, map(_why_not, chosen))))


def final_figures(compared: Sequence[Compared]) -> list[Row]:
    """What each run came to so far."""
    chosen = [each.run for each in compared]
    statuses = [run.status() for run in chosen]
    speeds = [mean_speed(run, status) for run, status in zip(chosen, statuses, strict=True)]
    counts = {
        "G": [generator_parameters(run) for run in chosen],
        "D": [discriminator_parameters(run, status) for run, status in zip(chosen, statuses, strict=True)],
    }
    return [
        Row("State", tuple(_state(status) for status in statuses)),
        Row("Training time", tuple(duration(status.seconds) for status in statuses)),
        *_quality_rows(chosen),
        _ranked("Speed, images/s", speeds, "{:,.0f}", highest=True),
        *(
            Row(f"Parameters of {player}", tuple(NOTHING if count is None else f"{count:,}" for count in found))
            for player, found in counts.items()
        ),
    ]


def differences(compared: Sequence[Compared]) -> list[Row]:
    """The settings that are not the same in all runs, by their labels, in the order of the form; the machine last."""
    chosen = [each.run for each in compared]
    rows = [Row("Preset", tuple(preset_title(run) for run in chosen))]
    for name, _, info in config_fields():
        values = [run.dataset_title if name == "dataset" else getattr(run.config, name) for run in chosen]
        rows.append(Row(info.label, tuple(setting_words(value) for value in values)))
    rows.append(Row("Trained on", tuple(_device(run.status()) for run in chosen)))
    return [row for row in rows if len(set(row.cells)) > 1]


def table_html(compared: Sequence[Compared], caption: str, rows: Sequence[Row]) -> str:
    """A table with a column a run, and one for real digits where a row has something for it; names are escaped."""
    with_real = any(row.real for row in rows)
    heads = "".join(f'<th scope="col">{chip(each)} <span>{escape(each.title)}</span></th>' for each in compared)
    heads += '<th scope="col" class="real">real digits</th>' if with_real else ""
    body = "".join(_row_html(row, with_real) for row in rows)
    return (
        f'<h2 class="lab-part">{escape(caption)}</h2><div class="lab-table" tabindex="0" role="region" '
        f'aria-label="{escape(caption)}"><table><thead><tr><td></td>{heads}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def chip(each: Compared) -> str:
    """The run's letter on its colour."""
    light, dark = COLOURS[each.slot]
    return f'<b class="lab-chip" style="--light:{light};--dark:{dark}">{each.letter}</b>'


def _row_html(row: Row, with_real: bool) -> str:
    cells = (f"<b>{escape(cell)}</b>" if i in row.best else escape(cell) for i, cell in enumerate(row.cells))
    words = "".join(f"<td>{cell}</td>" for cell in cells)
    words += f'<td class="real">{escape(row.real)}</td>' if with_real else ""
    return f'<tr><th scope="row">{escape(row.label)}</th>{words}</tr>'


def _quality_rows(chosen: Sequence[Run]) -> list[Row]:
    """The judge's last words; nothing where it has looked at none of the runs."""
    reports = [next(reversed(recent(run.path)[1]), None) for run in chosen]
    if not any(reports):
        return []
    real = real_report(chosen)
    distances = [report["fd_lenet"] if report else None for report in reports]
    sure, shares = (
        [100 * report[name] if report else None for report in reports] for name in ("confident_share", "readable_share")
    )
    lacking = tuple(_missing(report["missing_classes"]) if report else NOTHING for report in reports)
    return [
        _ranked("Distance to real digits, fd_lenet", distances, "{:.1f}", real=real.fd_lenet if real else None),
        _ranked("Confident share", sure, "{:.1f} %", highest=True, real=100 * real.confident_share if real else None),
        _ranked("Readable digits", shares, "{:.1f} %", highest=True, real=100 * real.readable_share if real else None),
        Row("Missing digits", lacking, _missing(real.missing_classes) if real else ""),
    ]


def _ranked(
    label: str, values: Sequence[float | None], words: str, *, highest: bool = False, real: float | None = None
) -> Row:
    """A row of numbers with the best marked, unless all runs got the same words."""
    cells = tuple(NOTHING if value is None or not math.isfinite(value) else words.format(value) for value in values)
    known = [value for value, cell in zip(values, cells, strict=True) if value is not None and cell != NOTHING]
    best = words.format((max if highest else min)(known)) if len(known) > 1 else ""
    marked = frozenset(i for i, cell in enumerate(cells) if cell == best)
    marked = marked if len(marked) < len(known) else frozenset()
    return Row(label, cells, "" if real is None else words.format(real), marked)


def _view(run: Run) -> View | None:
    """How the judge sees the images of `run`; None where it cannot, as of data that this program does not know."""
    try:
        return view_for(run.config)
    except UserError:
        return None


def _why_not(run: Run) -> str | None:
    try:
        return why_not(run.config.dataset, run.channels)
    except UserError as error:
        return str(error)


def _count(path: Path) -> int | None:
    try:
        with safe_open(path, framework="numpy") as file:
            names = [name for name in file.keys() if not name.endswith(_BUFFERS)]  # noqa: SIM118
            shapes: list[list[int]] = [file.get_slice(name).get_shape() for name in names]
            return sum(math.prod(shape) for shape in shapes)
    except (OSError, SafetensorError, json.JSONDecodeError):
        return None


def _state(status: Status) -> str:
    return status.state if status.state == "queued" else f"{status.state}, {progress(status)}"


def _device(status: Status) -> str:
    return ", ".join(filter(None, (status.device, status.precision))) or NOTHING


def _missing(digits: Sequence[int]) -> str:
    return ", ".join(map(str, digits)) or "none"
