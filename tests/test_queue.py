"""The queue: so many at once, fairly, on disk; with a launcher that only says a run trains, and with the real one."""

import ast
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from dcgan import jobs, queue, runs
from dcgan.config import TrainConfig
from dcgan.errors import UserError
from dcgan.files import read_json, write_json
from dcgan.records import process_start
from dcgan.runs import Run, list_runs, open_named

PROJECT = Path(__file__).resolve().parent.parent
CONFIG = TrainConfig(dataset="digits", epochs=10)


@dataclass
class Pretender:
    """A launcher whose runs are "trained" by the process of this test."""

    number: int = 1
    launched: list[str] = field(default_factory=list)
    refuses: str = ""

    def places(self) -> int:
        return self.number

    def launch(self, run: Run, order: jobs.Order) -> None:
        if self.refuses:
            raise UserError(self.refuses)
        self.launched.append(run.name)
        mine = {"pid": os.getpid(), "process_started": process_start(os.getpid()), "updated": time.time()}
        write_json(run.path / "job.json", {**mine, "owner": order.owner, "queued": order.queued})
        write_json(run.path / "status.json", {**mine, "state": "running", "eta": 60.0, "beat": time.monotonic()})


def end(name: str) -> None:
    path = runs.default_runs_dir() / name / "status.json"
    write_json(path, {**(read_json(path) or {}), "state": "finished", "updated": time.time()})


@pytest.fixture
def one(runs_dir: Path) -> Pretender:
    return Pretender()


def submit(launcher: Pretender, owner: str, config: TrainConfig = CONFIG) -> str:
    return queue.submit(config, preset="quick", owner=owner, launcher=launcher)


def order(launcher: Pretender) -> list[str]:
    return [entry.run.name for entry in queue.waiting(launcher=launcher)]


def test_the_first_starts_at_once_and_the_others_wait(one: Pretender) -> None:
    names = [submit(one, "a") for _ in range(3)]
    assert one.launched == names[:1]
    assert [open_named(name).status().state for name in names] == ["running", "queued", "queued"]
    assert order(one) == names[1:]
    assert queue.advance(launcher=one, at_once=True) == []
    end(names[0])
    assert queue.advance(launcher=one, at_once=True) == names[1:2]
    assert open_named(names[1]).status().state == "running" and order(one) == names[2:]


def test_as_many_train_as_there_are_places(runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    launcher = Pretender(number=3)
    names = [submit(launcher, "a") for _ in range(5)]
    assert launcher.launched == names[:3]
    monkeypatch.setenv(queue.LIMIT_VARIABLE, "4")
    assert queue.advance(launcher=launcher, at_once=True) == names[3:4]


def test_nobodys_second_comes_before_anothers_first(one: Pretender) -> None:
    a = [submit(one, "a") for _ in range(4)]
    b = [submit(one, "b") for _ in range(2)]
    c = [submit(one, "c")]
    assert order(one) == [b[0], c[0], a[1], b[1], a[2], a[3]]
    started = []
    running = a[0]
    while order(one):
        end(running)
        (running,) = queue.advance(launcher=one, at_once=True)
        started.append(running)
    assert started == [b[0], c[0], a[1], b[1], a[2], a[3]]


def test_who_was_served_while_others_waited_waits_now(one: Pretender) -> None:
    first = submit(one, "x")
    a, b = [submit(one, "a"), submit(one, "a")], submit(one, "b")
    end(first)
    assert queue.advance(launcher=one, at_once=True) == a[:1]
    end(a[0])
    assert queue.advance(launcher=one, at_once=True) == [b]


def test_places_and_estimates(one: Pretender) -> None:
    done = submit(one, "a")
    path = open_named(done).path / "status.json"
    write_json(path, {**(read_json(path) or {}), "state": "finished", "step": 100, "total_steps": 100, "epochs": 10,
                      "seconds": 50.0})  # fmt: skip
    names = [submit(one, "a") for _ in range(3)]
    found = queue.waiting(launcher=one)
    assert [(entry.run.name, entry.place) for entry in found] == [(names[1], 1), (names[2], 2)]
    assert [entry.seconds for entry in found] == [60.0, 110.0]
    assert found[1].sentence == "Number 2 in the queue; starts in about 2 min."
    assert queue.place_of(open_named(names[0]), launcher=one) is None


def test_where_more_train_than_may_the_first_to_end_makes_no_room(
    runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher = Pretender(number=3)
    for name, eta in zip([submit(launcher, "a") for _ in range(3)], (0.0, 90.0, 30.0), strict=True):
        path = open_named(name).path / "status.json"
        write_json(path, {**(read_json(path) or {}), "eta": eta})
    submit(launcher, "a")
    assert [entry.seconds for entry in queue.waiting(launcher=launcher)] == [0.0]
    monkeypatch.setenv(queue.LIMIT_VARIABLE, "2")
    assert [entry.seconds for entry in queue.waiting(launcher=launcher)] == [30.0]
    monkeypatch.setenv(queue.LIMIT_VARIABLE, "1")
    assert [entry.seconds for entry in queue.waiting(launcher=launcher)] == [90.0]


def test_what_cannot_be_known_is_not_estimated(one: Pretender) -> None:
    for _ in range(3):
        submit(one, "a")
    assert [entry.seconds for entry in queue.waiting(launcher=one)] == [60.0, None]
    assert queue.waiting(launcher=one)[1].sentence == "Number 2 in the queue."


def test_a_cancelled_run_is_gone_and_a_continued_one_stays(one: Pretender) -> None:
    running, fresh, continued = (submit(one, "a") for _ in range(3))
    assert queue.cancel(open_named(fresh)) is True
    with pytest.raises(UserError, match="no run directory"):
        open_named(fresh)
    run = open_named(continued)
    write_json(run.path / "status.json", {"state": "stopped", "step": 5})
    assert queue.cancel(run) is False and run.status().state == "stopped"
    with pytest.raises(UserError, match="does not wait any more"):
        queue.cancel(open_named(running))


def test_own_runs_change_places_and_others_keep_theirs(one: Pretender) -> None:
    submit(one, "z")
    a1, b1, a2 = submit(one, "a"), submit(one, "b"), submit(one, "a")
    assert order(one) == [a1, b1, a2]
    queue.move_up(open_named(a2))
    assert order(one) == [a2, b1, a1]
    for name in (a2, b1):
        with pytest.raises(UserError, match="first of yours"):
            queue.move_up(open_named(name))


def test_a_run_that_cannot_start_says_so_and_the_next_is_tried(one: Pretender) -> None:
    running = submit(one, "a")
    waiting = submit(one, "a")
    end(running)
    one.refuses = "The training process could not be started (no interpreter)."
    queue.advance(launcher=one, at_once=True)
    status = open_named(waiting).status()
    assert (status.state, status.message) == ("failed", one.refuses)
    assert queue.waiting(launcher=one) == []


def test_a_ticket_left_by_a_killed_server_is_not_served_twice(one: Pretender) -> None:
    first, name = submit(one, "a"), submit(one, "a")
    ticket = read_json(open_named(name).path / "ticket.json")
    end(first)
    queue.advance(launcher=one, at_once=True)
    write_json(open_named(name).path / "ticket.json", ticket)  # as if it was killed before taking it away
    assert open_named(name).status().state == "running"
    end(name)
    assert open_named(name).status().state == "finished"
    assert queue.advance(launcher=one, at_once=True) == []
    assert not (open_named(name).path / "ticket.json").exists()


@pytest.mark.parametrize(
    "ticket", ["[]", "{", '{"number": "x", "queued": [], "owner": 3, "max_seconds": "no"}', '{"number": 1e999}']
)
def test_a_damaged_ticket_harms_nobody(one: Pretender, ticket: str) -> None:
    _, damaged, sound = (submit(one, "a") for _ in range(3))
    (open_named(damaged).path / "ticket.json").write_text(ticket)
    assert sound in order(one)
    for _ in range(2):
        end(one.launched[-1])
        queue.advance(launcher=one, at_once=True)
    assert sound in one.launched


def test_two_lookers_start_a_run_once(one: Pretender) -> None:
    from concurrent.futures import ThreadPoolExecutor

    running, waiting = submit(one, "a"), submit(one, "a")
    end(running)
    with ThreadPoolExecutor(8) as pool:
        started = list(pool.map(lambda _: queue.advance(launcher=one, at_once=True), range(8)))
    assert sorted(map(len, started)) == [0] * 7 + [1] and one.launched == [running, waiting]


def test_real_processes_take_turns(runs_dir: Path, small_config: TrainConfig) -> None:
    config = small_config.with_changes(epochs=1)
    names = [queue.submit(config, preset="quick", owner="a", launcher=Pinned()) for _ in range(2)]
    second = open_named(names[1])
    assert second.status().state == "queued"
    deadline = time.monotonic() + 120
    while second.status().state != "finished" and time.monotonic() < deadline:
        going = [run for run in list_runs() if run.status().active]
        assert len(going) <= 1
        queue.advance(launcher=Pinned())
        time.sleep(0.1)
    assert [open_named(name).status().state for name in names] == ["finished", "finished"]
    queue.submit_again(second, 2, owner="b", launcher=Pinned())
    assert second.status().state == "starting" and json.loads((second.path / "job.json").read_text())["owner"] == "b"
    psutil.Process(second.status().pid).kill()


def test_a_queue_empties_itself_though_nobody_looks(
    runs_dir: Path, small_config: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each training process starts the next one as it ends: finished, failed or asked to stop."""
    monkeypatch.setenv(queue.LIMIT_VARIABLE, "1")
    config = small_config.with_changes(epochs=1)
    endless, impossible = config.with_changes(epochs=10_000), config.with_changes(device="cuda")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("WORLD_SIZE", "2")  # as in a process of torchrun: what it starts is none of its group
    first = queue.submit(endless, preset="quick", owner="a")
    rest = [queue.submit(each, preset="quick", owner="a") for each in (impossible, config, config)]
    assert [open_named(name).status().state for name in rest] == ["queued"] * 3
    wait_for(lambda: open_named(first).status().state == "running")
    jobs.send(open_named(first), "stop")
    wait_for(lambda: most_at_once() <= 1 and open_named(rest[-1]).status().state == "finished")
    states = [open_named(name).status().state for name in (first, *rest)]
    assert states == ["stopped", "failed", "finished", "finished"]


def most_at_once() -> int:
    going = sum(run.status().active for run in list_runs())
    assert going <= 1
    return going


def wait_for(condition: Callable[[], bool], seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


LOOK = "from pathlib import Path; import sys; from dcgan import queue; print(queue.advance(Path(sys.argv[1])))"


def test_of_many_processes_that_look_at_once_one_starts_the_next(
    runs_dir: Path, small_config: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(queue.LIMIT_VARIABLE, "2")
    names = [queue.submit(small_config, preset="quick", launcher=Pretender(), owner="a") for _ in range(4)]
    for name in names[:2]:
        end(name)
    lookers = [
        subprocess.Popen([sys.executable, "-c", LOOK, str(runs_dir)], cwd=PROJECT, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    started = [name for looker in lookers for name in ast.literal_eval(looker.communicate(timeout=60)[0])]
    assert sorted(started) == sorted(names[2:])
    wait_for(lambda: all(open_named(name).status().state == "finished" for name in names[2:]))
    for name in names[2:]:
        assert "Another process" not in (open_named(name).path / "log.txt").read_text()


def test_the_process_that_gives_its_turn_on_takes_no_place_any_more(one: Pretender) -> None:
    first, second = submit(one, "a"), submit(one, "a")
    assert queue.advance(launcher=one, at_once=True) == []
    assert queue.advance(launcher=one, at_once=True, leaving=open_named(first).status().pid) == [second]


class Pinned(jobs.ChildProcesses):
    """Child processes, one at a time whatever the machine has."""

    def places(self) -> int:
        return 1


def test_gpus_are_counted_without_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("nvidia0", "nvidia1", "nvidia10", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    monkeypatch.setattr(jobs, "NVIDIA_DEVICES", tmp_path)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert jobs.gpus() == ["0", "1", "10"] and jobs.ChildProcesses().places() == 3
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,3")
    assert jobs.gpus() == ["2", "3"]
    monkeypatch.setenv(jobs.GPUS_VARIABLE, "4,5,6")  # told to a run that sees one of them
    assert jobs.gpus() == ["4", "5", "6"]
    monkeypatch.delenv(jobs.GPUS_VARIABLE)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert jobs.gpus() == [] and jobs.ChildProcesses().places() == 1
