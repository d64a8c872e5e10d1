"""Which runs are compared, and how each is told from the others: letter, colour, line style, marker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dcgan import runs
from dcgan.errors import UserError
from dcgan.runs import Run

FEWEST: Final = 2
MOST: Final = 6
LETTERS: Final = "ABCDEF"
DASHES: Final = ("solid", "dash", "dashdot", "longdash", "dot", "longdashdot")
MARKERS: Final = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross")
# A light and a dark value each. Told apart with a red or green weakness too (CIE76 distance of 20 and more), none of
# them is a role of `ui.theme`, and each has a contrast of 3:1 and more with its background.
COLOURS: Final = (
    ("#22211e", "#ece8df"),
    ("#a48e12", "#e5ab0b"),
    ("#5a3fe0", "#7f86f8"),
    ("#2898c3", "#388fbe"),
    ("#70340c", "#d6622b"),
    ("#d81b60", "#fc5a8a"),
)


@dataclass(frozen=True)
class Compared:
    """A run among those compared; `slot` from 0 decides how it looks, `title` is unlike that of the others."""

    run: Run
    slot: int
    title: str

    @property
    def letter(self) -> str:
        """What charts and tables call it."""
        return LETTERS[self.slot]

    def colour(self, dark: bool) -> str:
        """Its colour, `#rrggbb`."""
        return COLOURS[self.slot][dark]


def names_asked_for(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Of the names in an address: those of runs there are, each once and at most `MOST`, and sentences on the rest."""
    found: list[str] = []
    problems: list[str] = []
    for name in dict.fromkeys(names):
        try:
            found.append(runs.open_named(name).name)
        except UserError as error:
            problems.append(str(error))
    if len(found) > MOST:
        problems.append(f"At most {MOST} runs are compared at once; these are the first {MOST} of {len(found)}.")
    return found[:MOST], problems


def newest_with_samples(known: Sequence[Run]) -> list[str]:
    """The two newest runs that have something to show; fewer where there are no two."""
    return [run.name for run in known if run.samples()][:FEWEST]


def slots_for(names: Sequence[str], before: Mapping[str, int]) -> dict[str, int]:
    """A slot for each name: the one it had `before`, so that nothing changes colour when another run goes."""
    kept = {name: before[name] for name in names if name in before}
    free = iter(slot for slot in range(MOST) if slot not in kept.values())
    return {name: kept[name] if name in kept else next(free) for name in names}


def titles_of(known: Sequence[Run]) -> dict[str, str]:
    """Name to title; where two runs share a title, their names follow it."""
    titles = {run.name: run.title for run in known}
    shared = {title for title in titles.values() if list(titles.values()).count(title) > 1}
    return {name: f"{title} ({name})" if title in shared else title for name, title in titles.items()}
