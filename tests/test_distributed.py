"""Several processes train what one would: same curves, one run directory, one sentence when one of them is lost."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from train_together import curves

from dcgan import jobs, runs
from dcgan.config import TrainConfig
from dcgan.distributed import ALONE, BatchNorm2d, World, lost
from dcgan.errors import UserError
from dcgan.session import run_training

PROJECT = Path(__file__).resolve().parent.parent
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
PATIENCE = 120.0  # seconds; a busy machine loads torch slowly

pytestmark = pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="this torch has no gloo")


def launch(*arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([*TORCHRUN, *arguments], env=environment, cwd=PROJECT, stderr=subprocess.PIPE, text=True)


def flags(config: TrainConfig) -> list[str]:
    values = {name: value for name, value in config.to_dict().items() if not isinstance(value, bool)}
    return [f"--{name.replace('_', '-')}={value}" for name, value in values.items()]


def every_kind(small_config: TrainConfig) -> list[TrainConfig]:
    """Each layer that looks at a whole batch, each kind of normalisation, with and without a condition."""
    small = small_config.with_changes(batch_size=128, epochs=1)
    return [
        small.with_changes(discriminator_norm="batch"),
        small.with_changes(discriminator_norm="none", minibatch_std=True, dropout=0.2, label_smoothing=0.1),
        small.with_changes(discriminator_norm="spectral", conditioning="none", ema_decay=0.0),
        small.with_changes(
            conditioning="clusters", clusters=5, generator_finish=4, discriminator_features=8, class_loss=0.2
        ),
        small.with_changes(objective="wgan-gp", discriminator_norm="none", critic_steps=2, family="mlp"),
        small.with_changes(
            objective="rpgan", r1=0.1, r2=0.1, penalty_every=2, discriminator_norm="layer", class_loss=0.2
        ),
    ]


def test_two_processes_train_what_one_trains(small_config: TrainConfig, tmp_path: Path) -> None:
    configs = [config.to_dict() for config in every_kind(small_config)]
    (tmp_path / "configs.json").write_text(json.dumps(configs))
    program = launch(
        str(PROJECT / "tests" / "train_together.py"), str(tmp_path / "configs.json"), str(tmp_path / "curves.json")
    )
    alone = curves(configs, ALONE)
    assert program.wait(timeout=PATIENCE) == 0, program.stderr and program.stderr.read()
    for one, two in zip(alone, json.loads((tmp_path / "curves.json").read_text()), strict=True):
        assert len(one) == 7
        assert_close(one, two, 1e-3)  # sums in another order: 1e-6 at first, ten times as much every few steps


def assert_close(one: Any, two: Any, tolerance: float) -> None:
    if isinstance(one, dict):
        assert one.keys() == two.keys()
        for name in one:  # accuracy counts: one logit of 512 at zero may fall to either side
            assert_close(one[name], two[name], 1 / 256 if name == "accuracy" else tolerance)
    elif isinstance(one, list):
        assert len(one) == len(two)
        for a, b in zip(one, two, strict=True):
            assert_close(a, b, tolerance)
    else:
        assert two == pytest.approx(one, abs=tolerance, rel=tolerance)


def test_one_run_directory_is_written_and_goes_on_with_any_number(runs_dir: Path, small_config: TrainConfig) -> None:
    config = small_config.with_changes(batch_size=128, conditioning="clusters", clusters=5, discriminator_norm="batch")
    program = launch("-m", "dcgan", "train", *flags(config), "--run-dir", str(runs_dir / "two"))
    whole = runs.create_run(runs_dir / "one", config.with_changes(epochs=3), "quick")
    run_training(whole)
    assert program.wait(timeout=PATIENCE) == 0, program.stderr and program.stderr.read()
    assert sorted(path.name for path in runs_dir.iterdir()) == ["one", "two"]
    run = runs.open_run(runs_dir / "two")
    status = run.status()
    assert (status.state, status.epoch, status.step) == ("finished", 2, 28) and status.device.startswith("2 × ")
    run_training(runs.change_config(run, config.with_changes(epochs=3)))
    clock = ("seconds", "images_per_second")
    one, two = ([{k: v for k, v in row.items() if k not in clock} for row in r.metrics()] for r in (whole, run))
    assert len(one) == 21
    assert_close(one, two, 1e-3)


def test_a_killed_process_ends_the_run_with_a_sentence_and_a_state(runs_dir: Path, small_config: TrainConfig) -> None:
    config = small_config.with_changes(batch_size=128, epochs=10_000)
    program = launch("-m", "dcgan", "train", *flags(config), "--run-dir", str(runs_dir / "r"))
    try:
        wait_for_epochs(runs_dir / "r", 2)
        process_of_rank(program.pid, "1").kill()
        assert program.wait(timeout=PATIENCE) != 0
    finally:
        program.kill()
    assert program.stderr and "dcgan: One of the 2 processes" in program.stderr.read()
    run = runs.open_run(runs_dir / "r")
    assert run.status().state == "failed"
    assert "One of the 2 processes that train together ended or cannot be reached" in run.status().message
    saved = run.states()[-1].step
    assert run_training(run, max_seconds=0.2).step > saved > 0


@pytest.mark.parametrize("how", ["stop", "limit"])
def test_several_processes_end_whole_when_asked_and_when_time_is_up(
    runs_dir: Path, small_config: TrainConfig, how: str
) -> None:
    config = small_config.with_changes(batch_size=128, epochs=10_000)
    limit = ["--max-seconds", "1.5"] if how == "limit" else []
    program = launch("-m", "dcgan", "train", *flags(config), "--run-dir", str(runs_dir / "r"), *limit)
    try:
        if how == "stop":
            wait_for_epochs(runs_dir / "r", 1)
            ask(runs_dir / "r", "pause")
            wait_for_state(runs_dir / "r", "paused")
            step = runs.open_run(runs_dir / "r").status().step
            ask(runs_dir / "r", "step")
            wait_until(lambda: runs.open_run(runs_dir / "r").status().step == step + 1)
            ask(runs_dir / "r", "stop")
        assert program.wait(timeout=PATIENCE) == 0, program.stderr and program.stderr.read()
    finally:
        program.kill()
    run = runs.open_run(runs_dir / "r")
    status = run.status()
    assert status.state == ("stopped" if how == "stop" else "finished") and 0 < status.step < status.total_steps
    assert run.states()[-1].step == run.snapshots()[-1].step == status.step
    assert run_training(run, max_seconds=0.2).step > status.step


def ask(path: Path, command: str) -> None:
    jobs.send(runs.open_run(path), command)


def wait_for_state(path: Path, state: str) -> None:
    wait_until(lambda: runs.open_run(path).status().state == state)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def wait_for_epochs(path: Path, count: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while not (path / "run.json").exists() or runs.open_run(path).status().epoch < count:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def process_of_rank(launcher: int, rank: str) -> psutil.Process:
    children = psutil.Process(launcher).children(recursive=True)
    (found,) = [child for child in children if child.environ().get("RANK") == rank]
    return found


def test_a_batch_that_cannot_be_shared_is_refused() -> None:
    with pytest.raises(UserError, match="batch_size 128 cannot be shared evenly by 3 processes; take a multiple of 3"):
        World(rank=0, size=3).check_batch(128)


def test_shares_make_up_the_batch() -> None:
    batch = torch.arange(12).reshape(6, 2)
    assert torch.equal(torch.cat([World(rank, 3).share(batch) for rank in range(3)]), batch)


def test_batch_norm_over_given_moments_is_torchs_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """One process, made to believe that it is one of two that have the same rows."""
    monkeypatch.setattr(World, "gather", lambda self, x: torch.stack([x, x]))
    x = torch.randn(6, 3, 4, 4, generator=torch.Generator().manual_seed(0)) * 3 + 100
    ours, torchs = BatchNorm2d(3), torch.nn.BatchNorm2d(3)
    ours.world = World(0, 2)
    torch.testing.assert_close(ours(x), torchs(torch.cat([x, x]))[:6], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(ours.state_dict(), torchs.state_dict())


def test_only_what_a_lost_process_causes_is_called_so() -> None:
    assert lost(RuntimeError("[gloo/transport/tcp/pair.cc:534] Connection closed by peer"), World(0, 2))
    assert lost(RuntimeError("Connection closed by peer"), ALONE) is None
    assert lost(RuntimeError("out of memory"), World(0, 2)) is None
