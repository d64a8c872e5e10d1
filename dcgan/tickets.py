"""Tickets of runs that wait, and the fair order among them. Used by `dcgan.queue`, which holds its lock meanwhile."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dcgan import jobs
from dcgan.datasets import default_data_dir
from dcgan.errors import UserError
from dcgan.files import read_json, write_json
from dcgan.runs import Run, list_runs


def in_order(known: list[Run]) -> list[tuple[Run, jobs.Order]]:
    """The waiting runs, fairly: first everybody's first, then everybody's second ...

    What an owner has in training, or had since the oldest waiting run came, counts among theirs.
    """
    tickets = [(run, ticket) for run in known if (ticket := read_ticket(run))]
    since = min((ticket["queued"] for _, ticket in tickets), default=0.0)
    served = Counter(job.owner for job in map(jobs.read_job, known) if job and (job.alive or job.spoke >= since))
    rounds: Counter[str] = Counter()
    keyed = []
    for run, ticket in sorted(tickets, key=lambda entry: (entry[1]["number"], entry[0].name)):
        owner = ticket["owner"]
        keyed.append((served[owner] + rounds[owner], ticket["number"], run.name, run, ticket))
        rounds[owner] += 1
    return [(run, jobs.Order.from_ticket(ticket)) for *_, run, ticket in sorted(keyed, key=lambda key: key[:3])]


def read_ticket(run: Run) -> dict[str, Any] | None:
    """The ticket of a waiting run, its values checked; None where it does not wait."""
    if run.status().state != "queued":
        return None
    ticket = read_json(run.path / "ticket.json") or {}
    number, queued = (_number(ticket.get(name)) for name in ("number", "queued"))
    return {**ticket, "number": number, "queued": queued, "owner": str(ticket.get("owner") or "")}


def ticket_of(run: Run) -> dict[str, Any]:
    """The ticket of a run that should be waiting.

    Raises:
        UserError: it does not wait (any more).
    """
    ticket = read_ticket(run)
    if ticket is None:
        raise UserError(f"Run {run.title!r} does not wait any more.")
    return ticket


def take_ticket(run: Run, order: jobs.Order) -> None:
    """Put `run` at the end of the queue.

    Raises:
        UserError: the ticket cannot be written.
    """
    numbers = [ticket["number"] for other in list_runs(run.path.parent) if (ticket := read_ticket(other))]
    ticket = {**asdict(order), "number": max(numbers, default=0.0) + 1, "queued": time.time()}
    try:
        write_json(run.path / "ticket.json", ticket)
    except OSError as error:
        raise UserError(f"Run {run.title!r} could not be queued ({error.strerror}).") from error


def data_folder(folder: Path | None) -> str:
    """Where the data are, for a process that starts elsewhere: the ticket may be served by another than took it."""
    return str((folder or default_data_dir()).absolute())


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and abs(value) < 1e15 else 0.0
