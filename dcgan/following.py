"""What a process does that trains together with others and is not the first: compute its share, follow the words."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from dcgan.config import TrainConfig
from dcgan.data import load_for
from dcgan.devices import configure_torch
from dcgan.distributed import GO_ON, MERGE, WAIT, World
from dcgan.errors import UserError
from dcgan.events import Stepped
from dcgan.training import Trainer


def follow(world: World, data_dir: Path | None = None) -> None:
    """Train what process 0 trains until it says stop; nothing is written.

    Raises:
        UserError: the data or the device cannot be had here; said on stderr, for process 0 knows only that it lost us.
        RuntimeError: process 0 is gone.
    """
    config = TrainConfig.from_dict(world.take())
    configure_torch(config.threads, world.local_size)
    try:
        with world.first_here():
            data = load_for(config, data_dir)
        trainer = Trainer(config, data, world.take(), world)
    except UserError as error:
        print(f"dcgan: process {world.rank}: {error}", file=sys.stderr)
        raise
    if state := world.take():
        trainer.load_state_dict(state)
    for number in (signal.SIGINT, signal.SIGTERM):  # process 0 gets them too, and ends all of us after a whole step
        signal.signal(number, signal.SIG_IGN)
    for event in trainer.events():
        if isinstance(event, Stepped) and not _goes_on(trainer, world):
            return


def _goes_on(trainer: Trainer, world: World) -> bool:
    while (word := world.hear()) in (WAIT, MERGE):
        if word == MERGE:
            trainer.merge_sums()
    return word == GO_ON
