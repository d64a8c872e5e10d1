"""What real digits get from the classifier once they were coloured or enlarged and brought back, as JSON.

    python -m benchmarks.real_views --output dcgan/assets/real_views.json

The numbers are shipped beside the classifier's own, in the same form: by split, the report on 10,000 real digits of
another split, and the distance that 2,000 of them have.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dcgan.colored import color_digits
from dcgan.datasets import default_data_dir
from dcgan.distances import Gaussian
from dcgan.evaluation import LightJudge
from dcgan.files import write_json
from dcgan.real_digits import FEW, MANY
from dcgan.references import SPLITS, every_pair, load_split
from dcgan.reports import View
from dcgan.shaping import to_shape

VIEWS = (
    *(View("gray", size, 1) for size in (64, 128)),
    *(View("colored", size, channels) for size in (28, 64, 128) for channels in (1, 3)),
)
_DRAWS = 20


def main() -> int:
    """Measure all views and write them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.real_views", description=__doc__.split("\n")[0])
    parser.add_argument("--data-dir", type=Path, default=default_data_dir(), help="folder that holds MNIST/raw")
    parser.add_argument("--output", type=Path, required=True, help="JSON file to write")
    options = parser.parse_args()
    write_json(options.output, {view.name: measure(view, options.data_dir) for view in VIEWS})
    return 0


def measure(view: View, data_dir: Path) -> dict[str, Any]:
    """`real` and `few_fd` of one view, by split."""
    real, few = {}, {}
    generator = torch.Generator().manual_seed(0)
    for split in SPLITS:
        images, labels = load_split("train" if split == "held_out" else "held_out", data_dir)
        rows = every_pair(torch.arange(len(labels)), len(labels) // MANY)
        judge = LightJudge(split=split, view=view)
        seen = judge.see(drawn(images[rows], view))
        real[split] = judge.references.report(seen, split, labels[rows]).to_dict()
        draws = [seen.features[torch.randperm(MANY, generator=generator)[:FEW]] for _ in range(_DRAWS)]
        gaussian = judge.references.gaussians[split]
        few[split] = sum(Gaussian.fit(draw).distance(gaussian) for draw in draws) / len(draws)
    return {"real": real, "few_fd": few}


def drawn(digits: Tensor, view: View) -> Tensor:
    """Real digits uint8 [N, 1, 28, 28] as a data set of this view has them."""
    if view.ink == "colored":
        digits = color_digits(digits, seed=0)
    return to_shape(digits, view.size, view.channels)


if __name__ == "__main__":
    sys.exit(main())
