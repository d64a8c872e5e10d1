"""Kill training, fill its disk, stop it, cut it: does a run survive, and does it end as if nothing had happened?

    python -m benchmarks.faults [--kills 30] [--only NAME] [--json FILE]

Small networks on the embedded digits, on the CPU, in real processes. A fault is passed when the run stays readable, its
pages have a sentence on what happened, and the run, continued, equals one that was left alone: log points without their
clock, sample grids, final weights and final state, bit for bit. Prints a table; exits 1 unless all are passed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path

import torch

from benchmarks import fault_processes as processes
from benchmarks import fault_surroundings as surroundings
from benchmarks.fault_bench import Bench, Outcome
from benchmarks.machine import setting


def main() -> int:
    """Try all faults; the exit status."""
    options = _options()
    torch.set_num_threads(1)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        outcomes = list(tried(Bench(Path(folder)), options.kills, options.only))
    tries, lost, differing = (sum(getattr(o, name) for o in outcomes) for name in ("tried", "lost", "differing"))
    print(f"\nfaults tried: {tries}   runs lost: {lost}   differing metrics: {differing}")
    if options.json:
        report = {
            **setting(torch.device("cpu")), "seconds": round(time.monotonic() - began), "tried": tries, "lost": lost,
            "differing": differing, "faults": [asdict(outcome) for outcome in outcomes],
        }  # fmt: skip
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 1 if lost or differing else 0


def tried(bench: Bench, kills: int, only: str = "") -> Iterator[Outcome]:
    """Each kind of fault after the other, printed as it is done."""
    faults = {
        "kill_at_random": partial(processes.kill_at_random, count=kills),
        **{f.__name__: f for f in (
            processes.kill_while_writing, processes.two_processes, processes.suspended, processes.damaged_state,
            processes.server_killed, surroundings.full_disk, surroundings.removed_directory,
            surroundings.clock_set_back, surroundings.not_finite, surroundings.device_lost,
        )},
    }  # fmt: skip
    print(f"{'fault':32} {'tried':>5} {'lost':>5} {'differing':>9}  what its page says")
    for name, fault in faults.items():
        if only in name:
            for outcome in fault(bench):
                print(f"{outcome.fault:32} {outcome.tried:5} {outcome.lost:5} {outcome.differing:9}  {outcome.says}")
                for problem in outcome.problems:
                    print(f"    {problem}")
                sys.stdout.flush()
                yield outcome


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=30, help="random moments at which a run is killed (default 30)")
    parser.add_argument("--only", default="", help="only faults whose function has this in its name")
    parser.add_argument("--json", type=Path, help="also write the table to this file")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
