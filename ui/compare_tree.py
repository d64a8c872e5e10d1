"""Who descends from whom among the compared runs: a drawing over epochs, one line a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from dcgan.config import field_info
from dcgan.family import branch_epoch, branch_moment, changes_from, parent_among
from dcgan.runs import Run
from ui.compare_figures import chip
from ui.compare_runs import Compared
from ui.words import setting_words

ROW: Final = 46  # CSS pixels
_LINE: Final = 35  # of a row's pixels, where its line lies under its words
_ASIDE: Final = 0.55  # of the width: words of a run that begins farther right end at the right edge


@dataclass(frozen=True)
class Branch:
    """One line of the drawing: from `start` to `end` on the axis of epochs, out of the line `parent` (an index)."""

    run: Run
    start: float
    end: float
    parent: int | None
    words: str


def branches(compared: Sequence[Compared], known: Sequence[Run]) -> list[Branch]:
    """The compared runs that are related to another of them, and the runs through which they are; else nothing."""
    lines = {each.run.name: _ancestors(each.run, known) for each in compared}
    names = [name for line in lines.values() for name in line]
    related = {each.run.name for each in compared if any(names.count(name) > 1 for name in lines[each.run.name])}
    if len(related) < 2:
        return []
    drawn = {name for own in related for name in _up_to_shared(lines[own], names)}
    members = _latest_first([run for run in known if run.name in drawn])
    places = {run.name: place for place, run in enumerate(members)}
    return [_branch(run, known, places) for run in members]


def _latest_first(drawn: Sequence[Run]) -> list[Run]:
    """Each run before its branches, the one that left last first: then no line crosses another's words."""
    parents = {run.name: parent_among(run, drawn) for run in drawn}

    def below(parent: Run | None) -> list[Run]:
        own = [run for run in drawn if parents[run.name] == parent]
        own.sort(key=lambda run: (-branch_epoch(run), run.created))
        return [each for run in own for each in (run, *below(run))]

    return below(None)


def tree_html(compared: Sequence[Compared], known: Sequence[Run]) -> str:
    """The drawing, with its title; empty where the runs are not related."""
    found = branches(compared, known)
    if not found:
        return ""
    by_name = {each.run.name: each for each in compared}
    reach = max(branch.end for branch in found) or 1.0
    rows = "".join(_row(branch, by_name.get(branch.run.name), place, reach) for place, branch in enumerate(found))
    turns = "".join(_turn(b, by_name.get(b.run.name), place, reach) for place, b in enumerate(found))
    told = "; ".join(f"{_name(branch, by_name)} {branch.words}" for branch in found if branch.words)
    return (
        '<h2 class="lab-part">Where they come from</h2>'
        f'<div class="lab-tree" role="img" aria-label="{escape(told)}" style="height:{ROW * len(found)}px">'
        f"{turns}{rows}</div>"
        f'<p class="lab-axis"><span>epoch 0</span><span>epoch {reach:.3g}</span></p>'
    )


def _ancestors(run: Run, known: Sequence[Run]) -> list[str]:
    """`run` and those it descends from, the nearest first."""
    found = [run.name]
    while parent := parent_among(run, known):
        found.append(parent.name)
        run = parent
    return found


def _up_to_shared(line: list[str], names: list[str]) -> list[str]:
    """Of a run and its ancestors, those up to the nearest that another compared run has too."""
    shared = next((place for place, name in enumerate(line) if names.count(name) > 1), len(line) - 1)
    return line[: shared + 1]


def _branch(run: Run, known: Sequence[Run], places: dict[str, int]) -> Branch:
    status, parent = run.status(), parent_among(run, known)
    end = status.step * status.epochs / status.total_steps if status.total_steps else float(status.epoch)
    if parent is None or parent.name not in places:
        return Branch(run, 0.0, end, None, "")
    start = branch_epoch(run)
    words = f"branched {branch_moment(run)}{_changed(parent, run)}"
    return Branch(run, start, max(end, start), places[parent.name], words)


def _changed(parent: Run, run: Run) -> str:
    """`: learning rate of G 0.001 (was 0.0002)`; empty where nothing was changed."""
    words = [
        f"{field_info(name).label} {setting_words(after)} (was {setting_words(before)})"
        for name, (before, after) in changes_from(parent, run).items()
    ]
    return f": {', '.join(words)}" if words else ""


def _name(branch: Branch, by_name: dict[str, Compared]) -> str:
    each = by_name.get(branch.run.name)
    return each.letter if each else branch.run.title


def _row(branch: Branch, each: Compared | None, place: int, reach: float) -> str:
    left, width = 100 * branch.start / reach, 100 * (branch.end - branch.start) / reach
    words = f"{chip(each)} {escape(each.title)}" if each else f"<span>{escape(branch.run.title)}</span>"
    words += f" <span>{escape(branch.words)}</span>" if branch.words else ""
    room = f"max-width:{100 - left:.2f}%"
    where = f"left:{left:.2f}%;{room}" if left < 100 * _ASIDE else "right:0;text-align:right"
    top = ROW * place
    return (
        f'<p style="top:{top + 6}px;{where}">{words}</p>'
        f'<i style="top:{top + _LINE}px;left:{left:.2f}%;width:{width:.2f}%;{_colour(each)}"></i>'
    )


def _turn(branch: Branch, each: Compared | None, place: int, reach: float) -> str:
    """The line down from the parent to where this run begins."""
    if branch.parent is None:
        return ""
    top, bottom = ROW * branch.parent + _LINE, ROW * place + _LINE
    left = 100 * branch.start / reach
    return f'<b style="top:{top}px;height:{bottom - top}px;left:{left:.2f}%;{_colour(each)}"></b>'


def _colour(each: Compared | None) -> str:
    light, dark = (each.colour(False), each.colour(True)) if each else ("#8a867c", "#8a867c")
    return f"--light:{light};--dark:{dark}"
