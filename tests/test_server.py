"""The addresses under /lab: what a watching page is told, and what a hostile one is not."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from dcgan.config import TrainConfig
from dcgan.real_digits import real_digits
from dcgan.records import process_start
from dcgan.runs import Run, create_run, open_run
from dcgan.session import run_training
from ui import live_data, server


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a real, small run on the embedded digits: 2 epochs of 7 steps, a log point every 2."""
    config = TrainConfig(
        dataset="digits", epochs=2, batch_size=256, latent_dim=8, generator_width=4, discriminator_width=4,
        conditioning="labels", device="cpu", precision="float32", log_every=2,
    )  # fmt: skip
    path = tmp_path_factory.mktemp("trained") / "small-1"
    run_training(create_run(path, config, "quick"))
    return path


@pytest.fixture
def run(trained: Path, runs_dir: Path) -> Run:
    """A copy of the trained run among the runs of this test."""
    shutil.copytree(trained, runs_dir / "small-1")
    return open_run(runs_dir / "small-1")


@pytest.fixture
def client(runs_dir: Path) -> Iterator[TestClient]:
    """A browser on the app's own address."""
    with TestClient(Starlette(routes=server.routes()), base_url="http://localhost:8501") as browser:
        yield browser


def test_a_first_look_tells_all_of_a_run(client: TestClient, run: Run) -> None:
    answer = client.get("/lab/runs/small-1/live")
    told = answer.json()
    assert answer.headers["cache-control"] == "no-store"
    assert told["metrics"]["step"] == [row["step"] for row in run.metrics()]
    assert told["metrics"]["loss_d"] == pytest.approx([row["loss_d"] for row in run.metrics()], abs=1e-4)
    assert told["offset"] == (run.path / "metrics.jsonl").stat().st_size
    assert [frame["step"] for frame in told["frames"]] == [frame.step for frame in run.samples()]
    assert told["status"]["state"] == "finished"
    assert told["status"]["active"] is False
    assert "pid" not in told["status"]


def test_a_run_that_stands_still_is_judged_though_nothing_is_new(client: TestClient, run: Run) -> None:
    mine = {"pid": os.getpid(), "process_started": process_start(os.getpid()), "beat": time.monotonic() - 60}
    status = json.loads((run.path / "status.json").read_text())
    (run.path / "status.json").write_text(json.dumps({**status, **mine, "state": "running"}))
    told = client.get("/lab/runs/small-1/live", params={"offset": (run.path / "metrics.jsonl").stat().st_size}).json()
    assert told["metrics"]["step"] == [] and [found["name"] for found in told["findings"]] == ["stalled"]


def test_the_next_look_brings_only_what_is_new(client: TestClient, run: Run) -> None:
    first = client.get("/lab/runs/small-1/live").json()
    known = {"offset": first["offset"], "frames": first["frame_count"]}
    nothing = client.get("/lab/runs/small-1/live", params=known).json()
    assert nothing["metrics"]["step"] == []
    assert nothing["frames"] == []
    row = {**run.metrics()[-1], "step": 999}
    with (run.path / "metrics.jsonl").open("a") as file:
        file.write(json.dumps(row) + "\n" + '{"step": 1001, "epo')
    news = client.get("/lab/runs/small-1/live", params=known).json()
    assert news["metrics"]["step"] == [999]
    assert news["reset"] is False
    with (run.path / "metrics.jsonl").open("a") as file:
        file.write(json.dumps({**row, "step": 1001})[len('{"step": 1001, "epo') :] + "\n")
    rest = client.get("/lab/runs/small-1/live", params={**known, "offset": news["offset"]}).json()
    assert rest["metrics"]["step"] == [1001]


def test_who_knows_more_than_there_is_starts_over(client: TestClient, run: Run) -> None:
    told = client.get("/lab/runs/small-1/live", params={"offset": 10**9, "frames": 3}).json()
    assert told["reset"] is True
    assert told["metrics"]["step"][0] == run.metrics()[0]["step"]
    assert len(told["frames"]) == len(run.samples())


@pytest.mark.parametrize("query", ["offset=-5", "offset=x&frames=1e9", "offset=99999999999999999999", "frames=-1"])
def test_a_senseless_position_counts_as_none(client: TestClient, run: Run, query: str) -> None:
    told = client.get(f"/lab/runs/small-1/live?{query}").json()
    assert len(told["metrics"]["step"]) == len(run.metrics())
    assert len(told["frames"]) == len(run.samples())


def judge_says(run: Run, *steps: int) -> None:
    """Add a report of the judge for each step, 2.5 the first distance."""
    with (run.path / "quality.jsonl").open("a") as file:
        for epoch, step in enumerate(steps, 1):
            report = replace(real_digits("held_out", 2000), fd_lenet=2.5 * epoch, missing_classes=(4, 9))
            file.write(json.dumps({"epoch": epoch, "step": step, "seconds": 1.0, **report.to_dict()}) + "\n")


def test_what_the_judge_says_comes_once(client: TestClient, run: Run) -> None:
    assert client.get("/lab/runs/small-1/live").json()["quality"] == []
    judge_says(run, 7)
    first = client.get("/lab/runs/small-1/live").json()
    (report,) = first["quality"]
    assert (report["step"], report["epoch"], report["fd_lenet"], report["missing_classes"]) == (7, 1, 2.5, [4, 9])
    assert report["class_histogram"] == pytest.approx(run.quality()[0]["class_histogram"], abs=1e-4)
    known = {"offset": first["offset"], "frames": first["frame_count"], "judged": first["judged"]}
    assert client.get("/lab/runs/small-1/live", params=known).json()["quality"] == []
    judge_says(run, 14)
    assert [row["step"] for row in client.get("/lab/runs/small-1/live", params=known).json()["quality"]] == [14]
    (run.path / "quality.jsonl").unlink()
    again = client.get("/lab/runs/small-1/live", params=known).json()
    assert again["reset"] and again["quality"] == [] and again["judged"] == 0
    assert len(again["metrics"]["step"]) == len(run.metrics())


def test_of_many_reports_some_and_the_last_are_told(run: Run) -> None:
    judge_says(run, *range(1, 3 * live_data.MAX_REPORTS))
    told = [row["step"] for row in live_data.live_payload(run)["quality"]]
    assert len(told) == live_data.MAX_REPORTS and told[-1] == 3 * live_data.MAX_REPORTS - 1
    assert set(np.diff(told)) == {3}


def test_a_sample_grid_is_the_file_and_kept_for_good(client: TestClient, run: Run, tmp_path: Path) -> None:
    frame = client.get("/lab/runs/small-1/live").json()["frames"][-1]
    answer = client.get("/" + frame["url"])
    assert answer.headers["content-type"] == "image/png"
    assert "immutable" in answer.headers["cache-control"]
    (tmp_path / "got.png").write_bytes(answer.content)
    np.testing.assert_array_equal(Image.open(tmp_path / "got.png"), Image.open(run.samples()[-1].path))


@pytest.mark.parametrize(
    "path",
    [
        "/lab/runs/nobody/live",
        "/lab/runs/..%2Fsmall-1/live",
        "/lab/runs/%2e%2e/live",
        "/lab/runs/small-1%00/live",
        "/lab/runs/small-1/samples/..%2Frun.json",
        "/lab/runs/small-1/samples/%2e%2e",
        "/lab/runs/small-1/samples/nothing.png",
        "/lab/runs/%2e%2e/samples/epoch-0000-step-000000.png",
    ],
)
def test_what_is_not_a_run_or_its_samples_is_not_found(client: TestClient, run: Run, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "metrics" not in answer.text
    assert "config" not in answer.text


def test_a_missing_run_is_one_sentence(client: TestClient) -> None:
    answer = client.get("/lab/runs/gone-1/live")
    assert answer.status_code == 404
    assert answer.json() == {"error": "There is no run directory 'gone-1'; it may have been deleted."}
    assert answer.headers["cache-control"] == "no-store"


def test_a_foreign_host_name_is_refused(client: TestClient, run: Run) -> None:
    assert client.get("/lab/runs/small-1/live", headers={"Host": "evil.example"}).status_code == 403
    assert client.get("/lab/runs/small-1/live", headers={"Host": "127.0.0.1:8501"}).status_code == 200


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("localhost", True),
        ("LOCALHOST:8501", True),
        ("127.0.0.1:80", True),
        ("localhost.evil.example", False),
        ("evil.example:8501", False),
        ("evil@localhost.example", False),
        ("[::1", False),
        ("", False),
    ],
)
def test_host_names(host: str, allowed: bool) -> None:
    assert server.host_allowed(host) is allowed


def test_values_that_are_not_finite_become_gaps(client: TestClient, run: Run) -> None:
    row = run.metrics()[-1]
    with (run.path / "metrics.jsonl").open("a") as file:
        file.write(json.dumps({**row, "step": 500, "loss_g": float("nan")}) + "\n")
    told = client.get("/lab/runs/small-1/live").json()
    assert told["metrics"]["loss_g"][-1] is None
    assert told["metrics"]["loss_d"][-1] == pytest.approx(row["loss_d"], abs=1e-4)


def test_a_long_run_is_thinned_to_means(run: Run) -> None:
    row = run.metrics()[-1]
    values = np.arange(3 * live_data.MAX_POINTS, dtype=float)
    lines = [json.dumps({**row, "step": step, "loss_d": step}) for step in values]
    (run.path / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    told = live_data.live_payload(run)["metrics"]
    assert len(told["step"]) == live_data.MAX_POINTS
    np.testing.assert_allclose(told["loss_d"], values.reshape(-1, 3).mean(1))
    np.testing.assert_allclose(told["step"], values.reshape(-1, 3)[:, -1])


def test_frames_are_labelled_as_people_say_them(run: Run) -> None:
    last = run.samples()[-1].path
    shutil.copy(last, last.with_name("epoch-0002-step-000009.png"))
    labels = [frame["label"] for frame in live_data.live_payload(run)["frames"]]
    assert labels == ["start", "ep 1", "9", "ep 2"]


def test_a_finished_run_shows_its_mean_speed(run: Run) -> None:
    status = run.status()
    told = live_data.status_as_data(run, status)
    assert told["images_per_second"] == pytest.approx(status.step * 256 / status.seconds)
