"""What the Compare page says of runs: choice, figures, differences, curves."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from dcgan.bundle import bundle_run
from dcgan.config import TrainConfig
from dcgan.models import Discriminator, Generator, ImageShape
from dcgan.real_digits import real_digits
from dcgan.reports import View
from dcgan.runs import Run, create_run, list_runs, open_run, rename_run
from dcgan.sampling import save_snapshot
from dcgan.session import run_training
from ui import compare_charts, compare_figures, compare_grids, compare_runs
from ui.compare_runs import Compared

PROJECT = Path(__file__).resolve().parent.parent
EPOCH = 100  # steps


def make_run(
    folder: Path, name: str, *, seconds: float = 1.0, quality: list[float] | None = None, **changes: Any
) -> Run:
    """A finished run of two epochs with a point every tenth of one and a report an epoch; a step takes `seconds`."""
    run = create_run(folder / name, TrainConfig().with_changes(epochs=2, **changes), "quick")
    status = {"state": "finished", "epoch": 2, "epochs": 2, "step": 200, "total_steps": 200, "seconds": 200 * seconds}
    (run.path / "status.json").write_text(json.dumps({**status, "device": "CPU", "precision": "float32"}))
    point = {"d_real": 0.5, "d_fake": 0.5, "accuracy": 0.5, "images_per_second": 1.0, "loss_d": 1.0}
    steps = range(10, 201, 10)
    rows = [{**point, "step": s, "epoch": 1, "seconds": s * seconds, "loss_g": s / 100} for s in steps]
    (run.path / "metrics.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    report = real_digits("held_out", 2000).to_dict()
    looks = [
        {**report, "fd_lenet": fd, "epoch": i + 1, "step": EPOCH * (i + 1), "seconds": EPOCH * (i + 1) * seconds}
        for i, fd in enumerate(quality or [])
    ]
    (run.path / "quality.jsonl").write_text("".join(f"{json.dumps(look)}\n" for look in looks))
    return run


def compared(*runs: Run) -> list[Compared]:
    return [Compared(run, slot, run.title) for slot, run in enumerate(runs)]


def test_names_that_are_no_runs_get_a_sentence_each(runs_dir: Path) -> None:
    for i in range(7):
        make_run(runs_dir, f"r{i}")
    names, problems = compare_runs.names_asked_for(["r1", "gone", "r0", "r1", "../../etc"])
    assert names == ["r1", "r0"]
    assert problems == [
        "There is no run directory 'gone'; it may have been deleted.",
        "'../../etc' is not the name of a run.",
    ]
    names, problems = compare_runs.names_asked_for([f"r{i}" for i in range(7)])
    assert names == [f"r{i}" for i in range(6)]
    assert problems == ["At most 6 runs are compared at once; these are the first 6 of 7."]


def test_a_run_keeps_its_colour_when_another_goes() -> None:
    first = compare_runs.slots_for(["a", "b", "c"], {})
    assert first == {"a": 0, "b": 1, "c": 2}
    second = compare_runs.slots_for(["b", "c", "d"], first)
    assert second == {"b": 1, "c": 2, "d": 0}
    assert len({len(looks) for looks in (compare_runs.COLOURS, compare_runs.DASHES, compare_runs.MARKERS)}) == 1


def test_runs_of_one_title_are_told_apart(runs_dir: Path) -> None:
    for name, title in (("r1", "Wide"), ("r2", "Wide"), ("r3", "Narrow")):
        rename_run(make_run(runs_dir, name), title)
    assert compare_runs.titles_of(list_runs()) == {"r1": "Wide (r1)", "r2": "Wide (r2)", "r3": "Narrow"}


def test_only_settings_that_differ_are_named_by_their_labels(runs_dir: Path) -> None:
    a = make_run(runs_dir, "a", lr_g=2e-4, minibatch_std=True)
    b = make_run(runs_dir, "b", lr_g=1e-3, dataset="digits")
    rows = {row.label: row.cells for row in compare_figures.differences(compared(a, b))}
    assert rows == {
        "Data": ("MNIST", "Embedded digits"),
        "Learning rate of G": ("0.0002", "0.001"),
        "Minibatch spread": ("on", "off"),
    }
    assert compare_figures.differences(compared(a, a)) == []


def test_parameters_come_from_the_header_and_are_those_of_the_network(
    runs_dir: Path, small_config: TrainConfig
) -> None:
    run = make_run(runs_dir, "a")
    assert compare_figures.generator_parameters(run) is None
    shape = ImageShape(28, 1, 10)
    config = small_config.with_changes(generator_norm="spectral")
    network = Generator(config, shape)
    (run.path / "snapshots").mkdir()
    file = run.path / "snapshots" / "epoch-0001-step-000100.safetensors"
    save_snapshot(file, network.state_dict(), config, shape, [1] * 10, epoch=1, step=100)
    assert compare_figures.generator_parameters(run) == sum(values.numel() for values in network.parameters())
    file.write_bytes(b"torn")
    assert compare_figures.generator_parameters(run) is None


def test_both_players_are_counted_while_they_train_and_in_a_bundle(runs_dir: Path, small_config: TrainConfig) -> None:
    run = create_run(runs_dir / "trained", small_config, "quick")
    run_training(run)
    learned = sum(values.numel() for values in Discriminator(small_config, ImageShape(28, 1, 10)).parameters())
    bundled = bundle_run(run, runs_dir / "bundled-copy")
    slim = compare_figures.discriminator_parameters(bundled, replace(bundled.status(), parameters_d=0))
    assert compare_figures.discriminator_parameters(run, run.status()) == slim == learned


def test_the_figures_stand_beside_real_digits_and_the_best_is_marked(runs_dir: Path) -> None:
    runs = (
        make_run(runs_dir, "a", quality=[50.0, 7.61]),
        make_run(runs_dir, "b", seconds=0.5, quality=[9.0]),
        make_run(runs_dir, "c"),
    )
    rows = {row.label: row for row in compare_figures.final_figures(compared(*runs))}
    distance, speed = rows["Distance to real digits, fd_lenet"], rows["Speed, images/s"]
    assert distance.cells == ("7.6", "9.0", "–") and distance.best == {0}
    assert distance.real == f"{real_digits('held_out', 2000).fd_lenet:.1f}"
    assert speed.cells == ("128", "256", "128") and speed.best == {1}
    assert rows["Readable digits"].best == frozenset()  # the same for both
    share = f"{100 * real_digits('held_out', 2000).confident_share:.1f} %"
    assert rows["Confident share"].cells == (share, share, "–") and rows["Confident share"].real == share
    assert rows["Missing digits"].cells == ("none", "none", "–")
    assert rows["Training time"].cells == ("3 min 20 s", "1 min 40 s", "3 min 20 s")
    assert "Readable digits" not in {row.label for row in compare_figures.final_figures(compared(runs[2], runs[2]))}


def test_real_digits_are_seen_as_the_runs_are(runs_dir: Path) -> None:
    plain, other = make_run(runs_dir, "a"), make_run(runs_dir, "b", dataset="digits")
    large = [make_run(runs_dir, name, image_size=64, quality=[9.0]) for name in ("c", "d")]
    expected = real_digits("held_out", 2000, view=View(size=64))
    assert compare_figures.real_report(large) == expected != compare_figures.real_report([plain, other])
    assert compare_figures.real_report([plain, other]) == real_digits("held_out", 2000)
    assert compare_figures.real_report([plain, *large]) is None and compare_figures.real_report([other]) is None
    rows = {row.label: row for row in compare_figures.final_figures(compared(*large))}
    assert rows["Distance to real digits, fd_lenet"].real == f"{expected.fd_lenet:.1f}"


def test_data_that_cannot_be_judged_are_named_once(runs_dir: Path) -> None:
    runs = [make_run(runs_dir, name, dataset="digits") for name in ("a", "b")]
    unknown = replace(runs[0], config=TrainConfig(dataset="martian"))
    (known, foreign) = compare_figures.unjudged([*runs, unknown, make_run(runs_dir, "c")])
    assert "cannot judge Embedded digits" in known and foreign.startswith("Unknown data set 'martian'")
    assert compare_figures.real_report([unknown]) is None


def test_names_in_the_table_are_never_markup(runs_dir: Path) -> None:
    run = make_run(runs_dir, "a")
    rename_run(run, "<img src=x onerror=alert(1)>")
    html = compare_figures.table_html(compared(run, run), "Figures", [compare_figures.Row("x", ("<b>", "2"))])
    assert "<img" not in html and "&lt;img" in html and "&lt;b&gt;" in html


def test_curves_lie_over_epochs_and_over_time(runs_dir: Path) -> None:
    curves = compare_charts.curves_of(make_run(runs_dir, "a", seconds=0.5, quality=[50.0, 7.5]))
    assert curves.fd_lenet == compare_charts.Curve((1.0, 2.0), (50.0, 100.0), (50.0, 7.5))
    assert curves.loss_g.epochs[:2] == (0.1, 0.2) and curves.loss_g.seconds[-1] == 100.0
    assert curves.loss_g.values[-1] == 2.0


def test_long_curves_are_averaged() -> None:
    count = 2 * compare_charts.POINTS + 1
    places = tuple(float(i) for i in range(count))
    short = compare_charts._averaged(compare_charts.Curve(places, places, places))
    assert len(short.values) == (count + 2) // 3
    assert (short.epochs[0], short.values[0], short.values[-1]) == (2.0, 1.0, count - 1.0)
    assert short.epochs[-1] == count - 1


def test_charts_name_the_best_and_draw_real_digits(runs_dir: Path) -> None:
    a, b = make_run(runs_dir, "a", quality=[50.0, 7.5]), make_run(runs_dir, "b", seconds=0.5, quality=[9.0])
    real = compare_figures.real_report([a, b])
    assert real is not None
    charts = {chart.key: chart for chart in compare_charts.compare_charts(compared(a, b), "epoch", real)}
    assert list(charts) == ["fd_lenet", "readable", "loss_g", "loss_d"]
    distance = charts["fd_lenet"]
    assert distance.title == "A comes closest to real digits"
    assert distance.alt.endswith("Last values in fd_lenet: A 7.5, B 9.")
    assert [list(trace.x) for trace in distance.figure.data] == [[1.0, 2.0], [1.0]]
    assert distance.figure.layout.shapes[0].y0 == real.fd_lenet
    assert distance.figure.data[0].line.color == compare_runs.COLOURS[0][0]
    over_time = compare_charts.compare_charts(compared(a, b), "time", real, dark=True)[0].figure
    assert list(over_time.data[0].x) == [100 / 60, 200 / 60] and "(min)" in over_time.layout.xaxis.title.text
    assert over_time.data[1].line.color == compare_runs.COLOURS[1][1]


def test_without_a_judge_only_losses_are_drawn(runs_dir: Path) -> None:
    a, b = make_run(runs_dir, "a", dataset="digits"), create_run(runs_dir / "b", TrainConfig(), "quick")
    charts = compare_charts.compare_charts(compared(a, b), "time", None)
    assert [chart.key for chart in charts] == ["loss_g", "loss_d"]
    assert [trace.name for trace in charts[0].figure.data] == ["A"]


def test_frames_know_their_place_on_both_axes(runs_dir: Path) -> None:
    run = make_run(runs_dir, "a", seconds=0.5)
    (run.path / "samples").mkdir()
    for name in ("epoch-0000-step-000000", "epoch-0001-step-000025", "epoch-0001-step-000100"):
        (run.path / "samples" / f"{name}.png").write_bytes(b"")
    data = compare_grids.grid_as_data(Compared(open_run(run.path), 1, "B's"))
    assert [(frame["epoch"], frame["time"], frame["label"]) for frame in data["frames"]] == [
        (0, 0.0, "before training"), (0.25, 12.5, "epoch 1, step 25"), (1.0, 50.0, "after epoch 1"),
    ]  # fmt: skip
    assert (data["letter"], data["active"], data["columns"]) == ("B", False, 8)


def test_comparing_loads_no_torch() -> None:
    code = "import sys, ui.compare_view; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "False", done.stderr


def test_the_script_is_a_module_without_syntax_errors(tmp_path: Path, node: str) -> None:
    (tmp_path / "component.mjs").write_text(compare_grids.SCRIPT, encoding="utf-8")
    done = subprocess.run(
        [node, "--check", str(tmp_path / "component.mjs")], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
