"""Going on after an interruption: bit for bit, from the newest sound state."""

import hashlib
import io
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.equality import differences
from dcgan import disk, resume, runs
from dcgan.config import TrainConfig
from dcgan.errors import RunFailed, UserError
from dcgan.resume import newest_state, read_state
from dcgan.session import run_training

PROJECT = Path(__file__).resolve().parent.parent
CHILD = """
import sys
from pathlib import Path
from dcgan.runs import open_run
from dcgan.session import run_training
run_training(open_run(Path(sys.argv[1])), save_interval=0.1)
"""


@pytest.fixture
def config(small_config: TrainConfig) -> TrainConfig:
    return small_config.with_changes(batch_size=128, epochs=3, dropout=0.2, log_every=3)


@pytest.fixture
def whole(runs_dir: Path, config: TrainConfig) -> runs.Run:
    run = runs.create_run(runs_dir / "whole", config, "quick")
    run_training(run)
    return run


class PowerCut(BaseException):
    """Ends a run like SIGKILL would: nothing that follows is written."""


def test_cut_after_any_step_the_run_ends_alike(whole: runs.Run, config: TrainConfig, runs_dir: Path) -> None:
    steps = [*random.Random(1).sample(range(1, 42), 3), 14, 42]

    for step in steps:
        run = runs.create_run(runs_dir / f"cut-{step}", config, "quick")

        def cut(event: object, status: Any, step: int = step) -> None:
            if status.step == step:
                raise PowerCut

        with pytest.raises(PowerCut):
            run_training(run, save_interval=0.1, listener=cut)
        run_training(run, save_interval=0.1)
        assert differences(whole, run) == []


def test_stopped_anywhere_no_log_point_is_lost(whole: runs.Run, config: TrainConfig, runs_dir: Path) -> None:
    run = runs.create_run(runs_dir / "stopped", config, "quick")
    while (status := run_training(run, max_seconds=0.2)).step < status.total_steps:
        assert run.states()[-1].step == status.step
    assert [row["step"] for row in run.metrics()] == [row["step"] for row in whole.metrics()]
    assert [row["loss_g"] for row in run.metrics()] == [row["loss_g"] for row in whole.metrics()]


def test_killed_processes_lose_nothing(whole: runs.Run, config: TrainConfig, runs_dir: Path) -> None:
    """A real SIGKILL at random moments, from the first steps to the last, until the run is through."""
    run, moments = runs.create_run(runs_dir / "killed", config, "quick"), random.Random(2)
    for _ in range(2):
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(run.path)], cwd=PROJECT)
        before = len(run.states())
        deadline = time.monotonic() + 60
        while len(run.states()) <= before and child.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(moments.uniform(0, 0.3))
        child.kill()
        child.wait()
    run_training(run)
    assert differences(whole, run) == []
    assert not list(run.path.rglob("*.tmp"))


def damage(path: Path, kind: str) -> None:
    content = bytearray(path.read_bytes())
    if kind == "one bit":
        content[len(content) // 2] ^= 1
    path.write_bytes({"empty": b"", "torn": content[: len(content) // 2]}.get(kind, bytes(content)))


@pytest.mark.parametrize("kind", ["one bit", "empty", "torn"])
def test_a_damaged_state_is_named_and_the_one_before_it_is_used(
    whole: runs.Run, config: TrainConfig, runs_dir: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run = runs.create_run(runs_dir / "cut", config.with_changes(epochs=2), "quick")
    run_training(run)
    last = run.states()[-1]
    damage(last.path, kind)
    seen = []
    run = runs.change_config(run, config)
    run_training(run, listener=lambda event, status: seen.append((status.step, status.message)))
    sentence = f"The saved state resume/{last.path.name} is damaged; training went on from the one before it."
    assert seen[0] == (14, sentence) and sentence in capsys.readouterr().err
    assert differences(whole, run) == []


def test_when_all_states_are_damaged_the_run_stays_and_says_so(whole: runs.Run) -> None:
    for frame in whole.states():
        damage(frame.path, "one bit")
    before = whole.metrics()
    with pytest.raises(UserError, match=r"epoch-0001.*are damaged; start a new run"):
        run_training(runs.change_config(whole, whole.config.with_changes(epochs=9)))
    assert whole.status().state == "failed" and whole.metrics() == before and whole.snapshots()


def test_a_state_asking_for_memory_it_does_not_hold_is_refused(whole: runs.Run) -> None:
    frame = whole.states()[-1]
    small = io.BytesIO()
    torch.save({"config": {}, "seconds": 1.0, "trainer": {"step": frame.step}}, small)
    content = small.getvalue()
    at = content.index(b"PK\x01\x02")  # the first entry of the archive's directory
    forged = content[: at + 24] + (2**32 - 2).to_bytes(4, "little") + content[at + 28 :]
    for name, body in (("forged size", forged), ("pickle", b"cos\nsystem\n(S'echo'\ntR.")):
        frame.path.write_bytes(b"dcgan-resume-1 " + hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
        with pytest.raises(UserError, match="gone or damaged"):
            read_state(frame)
        assert newest_state(whole).damaged == (f"resume/{frame.path.name}",), name  # type: ignore[union-attr]


def test_a_state_under_another_step_is_refused(whole: runs.Run) -> None:
    first, last = whole.states()[0], whole.states()[-1]
    shutil.copy(first.path, last.path)
    with pytest.raises(UserError, match="gone or damaged"):
        read_state(last)


def test_weights_that_are_not_finite_are_never_saved(
    config: TrainConfig, runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two log points nothing looks at the losses; the state saved at an epoch's end has to."""
    run = runs.create_run(runs_dir / "nan", config.with_changes(log_every=1000), "quick")
    sound = resume.write_state
    monkeypatch.setattr("dcgan.recording.write_state", lambda path, *rest: (sound(path, *rest), poison(rest[-1])))

    def poison(state: dict[str, Any]) -> None:
        state["networks"][0]["stem.weight"].fill_(float("nan"))

    with pytest.raises(RunFailed, match="stopped being finite"):
        run_training(run)
    assert [frame.epoch for frame in run.states()] == [frame.epoch for frame in run.snapshots()] == [1]
    assert run.status().state == "failed"


def frames(*positions: tuple[int, int]) -> list[runs.Frame]:
    return [runs.Frame(epoch, step, Path(f"{epoch}-{step}")) for epoch, step in positions]


def test_recent_epochs_and_landmarks_stay() -> None:
    stay = disk.kept(frames(*((epoch, 10 * epoch) for epoch in range(1, 101))), 10)
    assert [frame.epoch for frame in stay] == [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, *range(91, 101)]


def test_thinning_step_by_step_keeps_the_same_as_at_once() -> None:
    stay: list[runs.Frame] = []
    for epoch in range(1, 201):
        stay = disk.kept([*stay, *frames((epoch, 10 * epoch - 5), (epoch, 10 * epoch))], 10)
    landmarks = [e for e in range(1, 191) if disk.landmark(e)]
    assert [f.epoch for f in stay if f.step % 10 == 0] == [*landmarks, *range(191, 201)]
    assert [f.step for f in stay if f.step % 10] == [1995]


def test_states_stay_within_their_bytes(tmp_path: Path) -> None:
    made = [runs.Frame(epoch, epoch, tmp_path / f"{epoch}.pt") for epoch in range(1, 9)]
    for frame in made:
        frame.path.write_bytes(bytes(1000))
    disk.thin(made, 1, most_bytes=3500)
    assert sorted(path.stem for path in tmp_path.iterdir()) == ["6", "7", "8"]
    disk.thin(made[-3:], 1, most_bytes=10)
    assert sorted(path.stem for path in tmp_path.iterdir()) == ["7", "8"]


def test_pruning_frees_what_it_says_and_the_run_goes_on(whole: runs.Run) -> None:
    usage, freed = disk.disk_usage(whole), disk.freed_by_pruning(whole)
    assert usage.total == sum(path.stat().st_size for path in whole.path.rglob("*") if path.is_file())
    assert usage.states > freed > 0
    assert disk.prune(whole) == freed == usage.states - disk.disk_usage(whole).states
    assert len(whole.states()) == 1 and len(whole.snapshots()) == 3
    assert run_training(runs.change_config(whole, whole.config.with_changes(epochs=4))).state == "finished"
