from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from dcgan.errors import UserError
from ui.background import Background, Job, Kept


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_work_is_done_once_and_can_be_watched() -> None:
    background, go, calls = Background(), threading.Event(), []

    def work(job: Job) -> str:
        calls.append(1)
        job.tell(0.5, "half")
        go.wait(30)
        return "whole"

    job = background.look("a", work)
    wait_for(lambda: job.share == 0.5)
    assert (job.result, job.done) == ("half", False)
    assert job.seconds_left is not None and job.seconds_left >= 0
    assert background.look("a", work) is job
    go.set()
    wait_for(lambda: job.done)
    assert (job.result, job.share, job.trouble, calls) == ("whole", 1.0, "", [1])


def test_trouble_is_told_once_and_then_tried_again() -> None:
    background = Background()

    def fail(job: Job) -> None:
        raise UserError("The file is gone.")

    first = background.look("a", fail)
    wait_for(lambda: first.done)
    assert background.look("a", fail).trouble == "The file is gone."
    again = background.look("a", lambda job: 7)
    wait_for(lambda: again.done)
    assert again.result == 7


def test_no_more_than_a_few_may_wait() -> None:
    background, go = Background(), threading.Event()
    for key in range(8):
        background.look(key, lambda job: go.wait(30))
    with pytest.raises(UserError, match="for others"):
        background.look(8, lambda job: None)
    go.set()


def test_values_are_made_once_and_the_oldest_is_let_go() -> None:
    kept: Kept[list[int]] = Kept(2)
    first = kept.get(1, lambda: [1])
    assert kept.get(1, lambda: [9]) is first
    kept.get(2, lambda: [2])
    kept.get(3, lambda: [3])
    assert kept.get(1, lambda: [9]) == [9]


def test_one_value_in_the_making_holds_up_no_other() -> None:
    kept: Kept[int] = Kept(2)
    go, begun = threading.Event(), threading.Event()

    def slow() -> int:
        begun.set()
        go.wait(30)
        return 1

    with ThreadPoolExecutor(2) as workers:
        first = workers.submit(kept.get, "a", slow)
        assert begun.wait(30)
        same = workers.submit(kept.get, "a", lambda: 9)
        assert kept.get("b", lambda: 2) == 2
        assert not first.done() and not same.done()
        go.set()
        assert (first.result(30), same.result(30)) == (1, 1)


def test_what_could_not_be_made_is_tried_again() -> None:
    kept: Kept[int] = Kept(2)

    def fail() -> int:
        raise UserError("Gone.")

    with pytest.raises(UserError, match="Gone"):
        kept.get("a", fail)
    assert kept.get("a", lambda: 3) == 3
