"""What a run keeps on disk: which epochs stay when there are many, how much it takes, what can be given up.

Nothing here needs torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dcgan.errors import UserError
from dcgan.runs import Frame, Run

RECENT_EPOCHS = 10
NEWEST = 2  # files that always stay: the last one, and the one before it should the last be damaged
STATE_BYTES = 512 * 2**20  # that the states of one run may take


@dataclass(frozen=True)
class Usage:
    """Bytes on disk, by what they are for."""

    samples: int
    generators: int
    states: int
    other: int

    @property
    def total(self) -> int:
        """All bytes of the run directory."""
        return self.samples + self.generators + self.states + self.other


def disk_usage(run: Run) -> Usage:
    """Bytes of the files in the run directory; links are not followed."""
    samples, generators, states = (_bytes(run.path / name) for name in ("samples", "snapshots", "resume"))
    return Usage(samples, generators, states, _bytes(run.path) - samples - generators - states)


def freed_by_pruning(run: Run) -> int:
    """Bytes that `prune` would free."""
    return sum(_size(frame.path) for frame in run.states()[:-1])


def prune(run: Run) -> int:
    """Delete the states of earlier epochs; returns the bytes freed.

    The run can still be continued from its newest state, replayed and explored; it can no longer be set back.

    Raises:
        UserError: it is still training, or ships with the project.
    """
    if run.bundled:
        raise UserError(f"Run {run.title!r} ships with the app and cannot be pruned.")
    if run.status().active:
        raise UserError(f"Run {run.title!r} is still training; stop it before you prune it.")
    freed = freed_by_pruning(run)
    for frame in run.states()[:-1]:
        frame.path.unlink(missing_ok=True)
    return freed


def thin(frames: Sequence[Frame], steps_per_epoch: int, *, most_bytes: int | None = None) -> None:
    """Delete files of `frames` (oldest first) that need not stay; see `kept`.

    With `most_bytes` the oldest go first when what stays would take more; the newest two stay in any case.
    """
    staying = kept(frames, steps_per_epoch)
    if most_bytes is not None:
        sizes = {frame: _size(frame.path) for frame in staying}
        while len(staying) > NEWEST and sum(sizes[frame] for frame in staying) > most_bytes:
            staying.pop(0)
    for frame in set(frames) - set(staying):
        frame.path.unlink(missing_ok=True)


def kept(frames: Sequence[Frame], steps_per_epoch: int) -> list[Frame]:
    """Of `frames`, oldest first, those that stay: the newest two, the last ten epochs, and every `landmark` epoch.

    Files from within an epoch stay only while they are among the newest two.
    """
    newest = set(frames[-NEWEST:])
    last = max((frame.epoch for frame in frames), default=0)
    return [
        frame
        for frame in frames
        if frame in newest
        or (frame.step % steps_per_epoch == 0 and (frame.epoch > last - RECENT_EPOCHS or landmark(frame.epoch)))
    ]


def landmark(epoch: int) -> bool:
    """Whether an epoch stays for good: 1, 2, 3, 4, 6, 8, 12, 16, 24 ... two to each doubling."""
    while epoch > 3 and epoch % 2 == 0:
        epoch //= 2
    return epoch in (1, 2, 3)


def _bytes(folder: Path) -> int:
    return sum(map(_size, _files(folder)))


def _files(folder: Path) -> Iterable[Path]:
    for path in folder.rglob("*"):  # does not walk through links
        if not path.is_symlink() and path.is_file():
            yield path


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0
