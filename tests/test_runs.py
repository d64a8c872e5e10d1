import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcgan import records, runs
from dcgan.config import TrainConfig
from dcgan.errors import UserError
from dcgan.files import write_json


@pytest.fixture
def run(runs_dir: Path) -> runs.Run:
    return runs.create_run(runs_dir / "quick-1", TrainConfig(dataset="digits"), "quick")


def write_status(run: runs.Run, **values: Any) -> None:
    mine = {"pid": os.getpid(), "process_started": records.process_start(os.getpid()), "updated": time.time()}
    write_json(run.path / "status.json", {"state": "running", **mine, **values})


def test_created_run_reads_back(run: runs.Run) -> None:
    again = runs.open_run(run.path)
    assert again == run
    assert (again.name, again.label, again.preset, again.dataset_title) == (
        "quick-1", "", "quick", "Embedded digits",
    )  # fmt: skip
    assert (again.image_size, again.channels, again.num_classes) == (28, 1, 10)
    assert again.config == TrainConfig(dataset="digits")


def test_a_directory_in_use_is_not_overwritten(run: runs.Run, tmp_path: Path) -> None:
    before = (run.path / "run.json").read_bytes()
    with pytest.raises(UserError, match="already holds a run"):
        runs.create_run(run.path, TrainConfig(), "quick")
    assert (run.path / "run.json").read_bytes() == before
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").touch()
    with pytest.raises(UserError, match="not an empty directory"):
        runs.create_run(tmp_path / "photos", TrainConfig(), "quick")


def test_an_unwritable_place_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"cannot be written|not an empty directory"):
        runs.create_run(tmp_path / "file" / "run", TrainConfig(), "quick")


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (None, "has no run.json"),
        ("{", "run.json is damaged"),
        ("[]", "run.json is damaged"),
        ('{"format": 99}', "has format 99 and this program reads format 1"),
        ('{"format": 1}', "incomplete or damaged"),
    ],
)
def test_what_is_not_a_run_says_so(runs_dir: Path, content: str | None, match: str) -> None:
    (runs_dir / "odd").mkdir()
    if content is not None:
        (runs_dir / "odd" / "run.json").write_text(content)
    with pytest.raises(UserError, match=match):
        runs.open_run(runs_dir / "odd")
    assert runs.list_runs(runs_dir) == []


def test_a_field_of_another_version_is_named(run: runs.Run) -> None:
    record = json.loads((run.path / "run.json").read_text())
    record["config"]["epoch"] = 3
    write_json(run.path / "run.json", record)
    with pytest.raises(UserError, match="Unknown setting 'epoch'; did you mean 'epochs'"):
        runs.open_run(run.path)
    assert [name for name, _ in runs.unreadable_runs(run.path.parent)] == ["quick-1"]


@pytest.mark.parametrize("name", ["../quick-1", "/etc", "a/b", "..", "", ".hidden", "x" * 200, "a\x00b", "con."])
def test_names_from_outside_cannot_leave_the_directory(run: runs.Run, name: str) -> None:
    with pytest.raises(UserError):
        runs.open_named(name, run.path.parent)


def test_find_run_takes_names_and_paths_and_suggests(run: runs.Run) -> None:
    assert runs.find_run("quick-1") == runs.find_run(str(run.path)) == run
    with pytest.raises(UserError, match="did you mean 'quick-1'"):
        runs.find_run("quick-2")


def test_metrics_are_tailed_from_an_offset_and_a_torn_line_waits(run: runs.Run) -> None:
    row = dict.fromkeys(records.METRIC_COLUMNS, 1.5)
    line = json.dumps(row) + "\n"
    file = run.path / "metrics.jsonl"
    assert records.read_metrics(run.path) == ([], 0)
    file.write_text(line + line[:20])
    rows, offset = records.read_metrics(run.path)
    assert (rows, offset) == ([row], len(line))
    file.write_text(line + line + "garbage\n")
    rows, offset = records.read_metrics(run.path, offset)
    assert (rows, offset) == ([row], 2 * len(line) + 8)
    assert records.read_metrics(run.path, offset) == ([], offset)


def test_what_is_no_file_holds_no_rows(run: runs.Run) -> None:
    for name in ("metrics.jsonl", "quality.jsonl", "status.json", "label.json", "log.txt"):
        (run.path / name).mkdir()
    assert run.metrics() == [] and run.quality() == [] and run.status().state in records.STATES and run.title


def test_frames_are_sorted_by_step_and_strangers_ignored(run: runs.Run) -> None:
    (run.path / "snapshots").mkdir()
    for name in ("epoch-0002-step-001874", "epoch-0001-step-000937", "epoch-0001-step-000100", "notes"):
        (run.path / "snapshots" / f"{name}.safetensors").touch()
    assert [(f.epoch, f.step) for f in run.snapshots()] == [(1, 100), (1, 937), (2, 1874)]
    assert run.snapshot(1).step == 937 and run.snapshot().step == 1874
    with pytest.raises(UserError, match="kept no generator of epoch 7; kept are 1, 2"):
        run.snapshot(7)


def test_run_without_snapshots_says_to_wait(run: runs.Run) -> None:
    with pytest.raises(UserError, match="no trained generator yet"):
        run.snapshot()


def test_state_is_that_of_the_process(run: runs.Run) -> None:
    write_status(run, epoch=3)
    assert (run.status().state, run.status().epoch) == ("running", 3)
    write_status(run, process_started=1.0)  # the same pid, but it belongs to another process by now
    assert run.status().state == "interrupted" and run.status().message
    write_status(run, pid=2**22 + 1)
    assert run.status().state == "interrupted"
    write_status(run, state="finished", pid=0)
    assert run.status().state == "finished"


def test_launched_process_counts_until_it_speaks(run: runs.Run) -> None:
    (run.path / "log.txt").write_text("Traceback\nModuleNotFoundError: no torch\n")
    assert (run.status().state, run.status().message) == ("failed", "ModuleNotFoundError: no torch")
    mine = {"pid": os.getpid(), "process_started": records.process_start(os.getpid())}
    write_json(run.path / "job.json", {**mine, "updated": time.time()})
    assert run.status().state == "starting"
    write_status(run, state="paused")
    assert run.status().state == "paused"


def test_a_process_that_died_at_once_is_told_although_an_earlier_one_ended_well(run: runs.Run) -> None:
    write_status(run, state="stopped", pid=2**22 + 1, updated=100.0)
    write_json(run.path / "job.json", {"pid": 2**22 + 2, "process_started": 5.0, "updated": 200.0})
    (run.path / "log.txt").write_text("ModuleNotFoundError: no torch\n")
    assert (run.status().state, run.status().message) == ("failed", "ModuleNotFoundError: no torch")


def test_a_silent_process_is_told_of_and_the_wall_clock_does_not_matter(run: runs.Run) -> None:
    write_status(run, updated=time.time() - 9e6, beat=time.monotonic() - 1)
    assert run.status().message == ""
    write_status(run, updated=time.time() + 9e6, beat=time.monotonic() - records.SILENT_SECONDS - 1)
    assert run.status().state == "running" and "has not answered for 9 s" in run.status().message
    assert run.status().silent == pytest.approx(9.0, abs=0.9)


def test_a_launch_counts_although_the_clock_was_set_back_before_it(run: runs.Run) -> None:
    write_status(run, state="stopped", pid=2**22 + 1, updated=time.time() + 3600, beat=time.monotonic() - 50)
    mine = {"pid": os.getpid(), "process_started": records.process_start(os.getpid())}
    write_json(run.path / "job.json", {**mine, "updated": time.time(), "beat": time.monotonic() - 5})
    assert run.status().state == "starting"
    write_status(run, updated=time.time() - 3600, beat=time.monotonic())
    assert run.status().state == "running"


def test_a_launch_counts_after_the_machine_was_started_anew(run: runs.Run) -> None:
    write_status(run, state="stopped", pid=2**22 + 1, beat=time.monotonic() + 9e5)
    mine = {"pid": os.getpid(), "process_started": records.process_start(os.getpid())}
    write_json(run.path / "job.json", {**mine, "updated": time.time(), "beat": time.monotonic()})
    assert run.status().state == "starting"


def test_a_run_whose_launcher_lingers_has_ended(run: runs.Run) -> None:
    """A launcher that is not the trainer itself may outlive it for a moment."""
    mine = {"pid": os.getpid(), "process_started": records.process_start(os.getpid())}
    write_json(run.path / "job.json", {**mine, "updated": time.time() - 60, "beat": time.monotonic() - 60})
    write_status(run, state="finished", pid=2**22 + 1, beat=time.monotonic())
    assert run.status().state == "finished"


def test_deleting_a_link_leaves_what_it_points_to(run: runs.Run, tmp_path: Path) -> None:
    elsewhere = runs.create_run(tmp_path / "elsewhere", TrainConfig(dataset="digits"), "quick")
    write_status(elsewhere, state="finished")
    (run.path.parent / "linked").symlink_to(elsewhere.path)
    runs.delete_run(runs.open_named("linked", run.path.parent))
    assert not (run.path.parent / "linked").exists() and (elsewhere.path / "run.json").is_file()
    write_status(run, state="finished")
    (run.path / "samples").mkdir()
    (run.path / "samples" / "out").symlink_to(elsewhere.path)
    runs.delete_run(run)
    assert (elsewhere.path / "run.json").is_file()


def test_a_run_without_a_name_is_called_by_what_it_is(run: runs.Run, runs_dir: Path) -> None:
    now = time.localtime()
    assert run.title == f"Quick on Embedded digits, {time.strftime('%H:%M', time.localtime(run.created))}"
    moment = time.mktime((now.tm_year - 1, 11, 7, 10, 20, 0, 0, 0, -1))
    assert replace(run, created=moment).title == "Quick on Embedded digits, 7 Nov, 10:20"
    assert replace(run, created=1e300).title
    assert replace(run, preset="mine", path=runs_dir / "bundled-a").title == "mine on Embedded digits"


def test_rename_and_delete(run: runs.Run) -> None:
    runs.rename_run(run, "  my   digits ")
    assert run.title == run.label == "my digits" and run.name == "quick-1"
    for title in ("", " ", "x" * 81):
        with pytest.raises(UserError, match="1 to 80 characters"):
            runs.rename_run(run, title)
    write_status(run)
    with pytest.raises(UserError, match="still training; stop it"):
        runs.delete_run(run)
    write_status(run, state="stopped")
    runs.delete_run(run)
    assert not run.path.exists()
    with pytest.raises(UserError, match="may have been deleted"):
        runs.open_run(run.path)


def test_bundled_runs_are_kept(runs_dir: Path) -> None:
    run = runs.create_run(runs_dir / "bundled-mnist", TrainConfig(), "quick")
    write_status(run, state="finished")
    for change in (lambda: runs.rename_run(run, "x"), lambda: runs.delete_run(run)):
        with pytest.raises(UserError, match="ships with the app"):
            change()


def test_runs_are_listed_newest_first_then_bundled_ones_by_name(runs_dir: Path) -> None:
    names = ["bundled-a", "b", "c", "bundled-b"]
    for i, name in enumerate(names):
        run = runs.create_run(runs_dir / name, TrainConfig(), "quick")
        record = json.loads((run.path / "run.json").read_text())
        write_json(run.path / "run.json", {**record, "created": 100.0 + i})
    (runs_dir / "README.md").touch()
    assert [run.name for run in runs.list_runs()] == ["c", "b", "bundled-a", "bundled-b"]


@pytest.mark.parametrize(
    "changes", [{"image_size": 14336}, {"channels": 4}, {"num_classes": 10**6}, {"config": {"source": "\ud800"}}]
)
def test_a_run_that_asks_for_more_than_can_be_trained_is_refused(run: runs.Run, changes: dict[str, Any]) -> None:
    record = json.loads((run.path / "run.json").read_text())
    (run.path / "run.json").write_text(json.dumps({**record, **changes}))
    with pytest.raises(UserError, match="cannot be read"):
        runs.open_run(run.path)


def test_halves_of_characters_are_shown_as_question_marks(run: runs.Run) -> None:
    record = json.loads((run.path / "run.json").read_text())
    broken = {"dataset_title": "a\udcff", "preset": "\ud800", "class_names": ["\udfff"] * 10}
    (run.path / "run.json").write_text(json.dumps({**record, **broken}))
    again = runs.open_run(run.path)
    assert again.title.startswith("? on a?, ") and again.class_names == ("?",) * 10
    (run.path / "label.json").write_text('{"title": "x\\ud800"}')
    assert again.title == "x?"


def test_unique_names_never_collide(runs_dir: Path) -> None:
    made = {
        runs.create_run(runs_dir / runs.unique_name("quick", runs_dir), TrainConfig(), "quick").name for _ in range(5)
    }
    assert len(made) == 5 and all(runs.valid_name(name) for name in made)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
STATUS_FIELDS = st.sampled_from(list(records.Status.__dataclass_fields__))


@settings(max_examples=200, deadline=None)
@given(values=st.dictionaries(STATUS_FIELDS, JSON))
def test_any_status_file_reads(tmp_path_factory: pytest.TempPathFactory, values: dict[str, Any]) -> None:
    folder = tmp_path_factory.mktemp("status")
    (folder / "status.json").write_text(json.dumps(values))
    status = records.read_status(folder)
    assert status.state in records.STATES and isinstance(status.message, str) and isinstance(status.step, int)


@settings(max_examples=200, deadline=None)
@given(
    key=st.sampled_from(
        ["format", "preset", "config", "dataset_title", "image_size", "channels", "created", "versions"]
    ),
    value=JSON,
)
def test_any_run_file_opens_or_is_refused(tmp_path_factory: pytest.TempPathFactory, key: str, value: Any) -> None:
    run = runs.create_run(tmp_path_factory.mktemp("runs") / "r", TrainConfig(), "quick")
    record = json.loads((run.path / "run.json").read_text())
    (run.path / "run.json").write_text(json.dumps({**record, key: value}))
    try:
        runs.open_run(run.path)
    except UserError as error:
        assert "'r'" in str(error)
