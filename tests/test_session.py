"""Training processes as they really run: children of this one, steered through files."""

import itertools
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import torch

from dcgan import jobs, losses, records, runs
from dcgan.config import TrainConfig
from dcgan.errors import RunFailed, UserError
from dcgan.recording import Recorder
from dcgan.sampling import load_generator
from dcgan.session import run_training

PATIENCE = 60.0  # seconds; only a broken program waits this long


def wait_for(run: runs.Run, condition: Callable[[records.Status], bool]) -> records.Status:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        status = run.status()
        if condition(status):
            return status
        assert status.state != "failed", status.message
        time.sleep(0.02)
    raise AssertionError(f"still {run.status()}; log: {(run.path / 'log.txt').read_text()[-2000:]}")


@pytest.fixture
def launched(runs_dir: Path, small_config: TrainConfig) -> Iterator[runs.Run]:
    """A run in a process of its own that would go on for a long time."""
    name = jobs.start(small_config.with_changes(epochs=10_000, batch_size=16), preset="quick")
    run = runs.open_named(name)
    yield run
    process = run.status()
    if run.path.exists() and process.active and psutil.pid_exists(process.pid):
        psutil.Process(process.pid).kill()


def test_child_starts_pauses_steps_goes_on_and_stops(launched: runs.Run) -> None:
    assert launched.status().state == "starting"
    wait_for(launched, lambda s: s.state == "running" and s.step > 20)
    jobs.send(launched, "pause")
    paused = wait_for(launched, lambda s: s.state == "paused")
    time.sleep(2.5)
    assert launched.status().step == paused.step and launched.status().beat > paused.beat + 1
    jobs.send(launched, "step")
    wait_for(launched, lambda s: s.step == paused.step + 1)
    jobs.send(launched, "run")
    wait_for(launched, lambda s: s.step > paused.step + 20)
    jobs.send(launched, "stop")
    stopped = wait_for(launched, lambda s: s.state == "stopped")
    assert launched.snapshots()[-1].step == launched.samples()[-1].step == stopped.step
    with pytest.raises(UserError, match="not training any more"):
        jobs.send(launched, "pause")


def test_killed_child_is_interrupted_and_can_be_continued(launched: runs.Run) -> None:
    wait_for(launched, lambda s: s.state == "running" and s.epoch >= 2 and launched.states())
    killed = launched.status()
    psutil.Process(killed.pid).kill()
    wait_for(launched, lambda s: s.state == "interrupted")
    jobs.continue_run(launched, 9_999)
    resumed = wait_for(launched, lambda s: s.state == "running" and s.step > killed.step)
    assert resumed.pid != killed.pid and resumed.epochs == 9_999
    jobs.send(launched, "stop")
    wait_for(launched, lambda s: s.state == "stopped")
    steps = [row["step"] for row in launched.metrics()]
    assert steps == sorted(set(steps)), "steps done twice after the kill appear once"


def test_stop_sent_while_the_process_is_starting_is_obeyed(launched: runs.Run) -> None:
    jobs.send(launched, "stop")
    assert wait_for(launched, lambda s: not s.active).state == "stopped"


def test_child_that_cannot_start_says_why(runs_dir: Path, small_config: TrainConfig, tmp_path: Path) -> None:
    config = small_config.with_changes(dataset="mnist", batch_size=64)
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name in ("train-images", "train-labels", "t10k-images", "t10k-labels"):
        (raw / f"{name}-idx{3 if 'images' in name else 1}-ubyte").write_bytes(b"not MNIST")
    run = runs.open_named(jobs.start(config, preset="quick", data_dir=tmp_path))
    deadline = time.monotonic() + PATIENCE
    while run.status().active and time.monotonic() < deadline:
        time.sleep(0.05)
    assert run.status().state == "failed" and "checksum is wrong" in run.status().message


def new_run(runs_dir: Path, config: TrainConfig, name: str = "r") -> runs.Run:
    return runs.create_run(runs_dir / name, config, "quick")


def test_whole_run_leaves_everything_a_reader_needs(runs_dir: Path, small_config: TrainConfig) -> None:
    run = new_run(runs_dir, small_config)
    status = run_training(run)
    assert (status.state, status.epoch, status.step, status.fraction) == ("finished", 2, 14, 1.0)
    assert run.status() == status
    assert [f.step for f in run.samples()] == [0, 7, 14]
    assert [(f.epoch, f.step) for f in run.snapshots()] == [(1, 7), (2, 14)]
    rows = run.metrics()
    assert [row["step"] for row in rows] == [2, 4, 6, 8, 10, 12, 14]
    assert [row["seconds"] for row in rows] == sorted(row["seconds"] for row in rows)
    assert not list(run.path.rglob("*.tmp"))


def test_interrupted_and_whole_run_end_alike(runs_dir: Path, small_config: TrainConfig) -> None:
    whole, cut = new_run(runs_dir, small_config, "whole"), new_run(runs_dir, small_config, "cut")
    run_training(whole)

    class PowerCut(BaseException):
        pass

    def cut_power(event: object, status: records.Status) -> None:
        if status.step == 9:
            raise PowerCut

    with pytest.raises(PowerCut):
        run_training(cut, listener=cut_power)
    run_training(cut)
    first, second = (load_generator(run).network.state_dict() for run in (whole, cut))
    assert all(torch.equal(first[name], second[name]) for name in first)
    clock = ("seconds", "images_per_second")
    rows = [[{k: v for k, v in row.items() if k not in clock} for row in run.metrics()] for run in (whole, cut)]
    assert rows[0] == rows[1]


def test_time_limit_ends_a_run_cleanly(runs_dir: Path, small_config: TrainConfig) -> None:
    run = new_run(runs_dir, small_config.with_changes(epochs=10_000))
    status = run_training(run, max_seconds=0.5)
    assert status.state == "finished" and 0 < status.step < status.total_steps
    assert status.limit == run.status().limit == 0.5
    assert run.snapshots()[-1].step == status.step and status.seconds == pytest.approx(0.5, abs=0.5)


def test_two_processes_cannot_train_one_run(runs_dir: Path, small_config: TrainConfig) -> None:
    run = new_run(runs_dir, small_config)
    with Recorder(run), pytest.raises(UserError, match="Another process is training run 'r'"):
        run_training(run)


def test_only_a_request_to_this_process_is_obeyed(runs_dir: Path, small_config: TrainConfig) -> None:
    run = new_run(runs_dir, small_config)
    request = {"command": "stop", "sent": time.time() + 9e9}  # as when the clock was set back since
    (run.path / "control.json").write_text(json.dumps({**request, "pid": 2**30}))
    assert run_training(run).state == "finished"
    other = new_run(runs_dir, small_config, "other")
    (other.path / "control.json").write_text(json.dumps({**request, "pid": os.getpid()}))
    assert run_training(other).state == "stopped"


def test_diverged_run_keeps_its_snapshots(
    runs_dir: Path, small_config: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run(runs_dir, small_config)
    calls = itertools.count(1)
    sound = losses.generator_loss
    monkeypatch.setattr(losses, "generator_loss", lambda *x: sound(*x) * (float("nan") if next(calls) > 9 else 1.0))
    with pytest.raises(RunFailed, match="stopped being finite numbers at step 10"):
        run_training(run)
    assert run.status().state == "failed" and "Lower the learning rates" in run.status().message
    assert [f.step for f in run.snapshots()] == [7]
    assert all(value.isfinite().all() for value in load_generator(run).network.state_dict().values())


def test_a_full_disk_is_one_sentence(
    runs_dir: Path, small_config: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run(runs_dir, small_config)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("dcgan.recording.save_snapshot", full)
    with pytest.raises(RunFailed, match="could not be written \\(No space left on device\\); free some space"):
        run_training(run)
    assert run.status().state == "failed" and run.samples()


def test_continue_refuses_what_cannot_be(runs_dir: Path, small_config: TrainConfig) -> None:
    run = new_run(runs_dir, small_config)
    with pytest.raises(UserError, match="no saved state"):
        jobs.continue_run(run, 5)
    run_training(run)
    with pytest.raises(UserError, match="already trained 2 epochs"):
        jobs.continue_run(run, 2)
