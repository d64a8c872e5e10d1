import json
from pathlib import Path

import numpy as np
import pytest

from dcgan.config import TrainConfig
from dcgan.errors import UserError
from dcgan.figures import BLUE, PURPLE, curves_png
from dcgan.images import from_png
from dcgan.records import METRIC_COLUMNS
from dcgan.runs import create_run


def test_curves_are_drawn_in_the_colours_of_the_app(runs_dir: Path) -> None:
    run = create_run(runs_dir / "r", TrainConfig(dataset="digits"), "quick")
    with pytest.raises(UserError, match="no curves yet"):
        curves_png(run)
    rows = [dict.fromkeys(METRIC_COLUMNS, 0.25) | {"step": step, "loss_g": 2.0} for step in (10, 20, 30)]
    (run.path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    picture = from_png(curves_png(run, 80))
    assert picture.shape == (400, 560, 3)
    for colour in (BLUE, PURPLE):
        wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
        assert (np.abs(picture.astype(int) - wanted).max(axis=2) < 30).sum() > 50
