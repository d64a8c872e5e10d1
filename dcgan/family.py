"""Who branched from whom: runs in the order of a family tree, and where each left its parent.

Nothing here needs torch. What run.json says of a parent may be wrong (a deleted run, a circle): such a run has none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dcgan.config import config_fields
from dcgan.runs import Run


@dataclass(frozen=True)
class Member:
    """A run in its place: `depth` generations after the first, `lines[i]` whether more of generation `i + 1` follow."""

    run: Run
    lines: tuple[bool, ...] = ()

    @property
    def depth(self) -> int:
        """0 for a run whose parent is not among the others."""
        return len(self.lines)


def in_families(known: Sequence[Run]) -> list[Member]:
    """`known` so that each run follows its parent; families in the order of their first member in `known`."""
    children: dict[str, list[Run]] = {}
    parents = {run.name: parent_among(run, known) for run in known}
    for run in sorted(known, key=lambda run: (run.parent.step if run.parent else 0, run.created)):
        if parent := parents[run.name]:
            children.setdefault(parent.name, []).append(run)
    found: dict[str, Member] = {}
    for run in known:
        for member in _with_descendants(_oldest(run, parents), children):
            found.setdefault(member.run.name, member)
    return list(found.values())


def parent_among(run: Run, known: Sequence[Run]) -> Run | None:
    """The run of `known` that `run` branched from; None where there is none, or where it descends from itself."""
    by_name = {other.name: other for other in known}
    passed, parent = {run.name}, _parent(run, by_name)
    first = parent
    while parent is not None:
        if parent.name in passed:
            return None
        passed.add(parent.name)
        parent = _parent(parent, by_name)
    return first


def branch_epoch(run: Run) -> float:
    """Where on the axis of epochs `run` left its parent; 0 for a run without one."""
    if run.parent is None:
        return 0.0
    status = run.status()
    if status.total_steps and status.epochs:
        return run.parent.step * status.epochs / status.total_steps
    return float(max((f.epoch for f in run.samples() if f.step <= run.parent.step), default=0))


def branch_moment(run: Run) -> str:
    """`after epoch 3`, or `at step 1,234` for one within an epoch; empty for a run without a parent."""
    if run.parent is None:
        return ""
    epoch = branch_epoch(run)
    whole = epoch >= 1 and abs(epoch - round(epoch)) < 1e-6
    return f"after epoch {round(epoch)}" if whole else f"at step {run.parent.step:,}"


def changes_from(parent: Run, run: Run) -> dict[str, tuple[Any, Any]]:
    """The settings that `run` changed: what `parent` has, and what `run` has."""
    pairs = {name: (getattr(parent.config, name), getattr(run.config, name)) for name, _, _ in config_fields()}
    return {name: (before, after) for name, (before, after) in pairs.items() if before != after}


def _parent(run: Run, by_name: dict[str, Run]) -> Run | None:
    return by_name.get(run.parent.run) if run.parent else None


def _oldest(run: Run, parents: dict[str, Run | None]) -> Run:
    while parent := parents[run.name]:
        run = parent
    return run


def _with_descendants(run: Run, children: dict[str, list[Run]], lines: tuple[bool, ...] = ()) -> Iterator[Member]:
    yield Member(run, lines)
    own = children.get(run.name, [])
    for place, child in enumerate(own, start=1):
        yield from _with_descendants(child, children, (*lines, place < len(own)))
