"""What each process of a test in test_distributed.py runs: all configurations, of which process 0 writes the curves."""

import json
import sys
from pathlib import Path

import torch

from dcgan.config import TrainConfig
from dcgan.data import load_dataset
from dcgan.distributed import World, joined, leave
from dcgan.events import Progress
from dcgan.training import Trainer


def curves(configs: list[dict[str, object]], world: World) -> list[list[dict[str, float]]]:
    """Log points of each configuration, trained by this process's share of `world`."""
    data = load_dataset("digits")
    trainers = (Trainer(TrainConfig.from_dict(values), data, world=world) for values in configs)
    return [[vars(event) for event in trainer.events() if isinstance(event, Progress)] for trainer in trainers]


def main() -> None:
    configs, target = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
    torch.set_num_threads(1)
    with joined() as world:
        results = curves(configs, world)
        if world.rank == 0:
            target.write_text(json.dumps(results))


if __name__ == "__main__":
    main()
    leave(0)
