"""The judge's block of the live panel: what it says before, with and without a judge."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dcgan.config import TrainConfig
from dcgan.evaluation import LIGHT_COUNT, LightJudge
from dcgan.real_digits import real_digits
from dcgan.reports import Memorisation, Report, save_report
from dcgan.runs import Run, create_run
from ui import quality

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture
def run(runs_dir: Path) -> Run:
    return create_run(runs_dir / "quick-1", TrainConfig(), "quick")


def report_of(run: Run, **changes: object) -> Report:
    real = real_digits("test", 10_000)
    report = Report(**{**vars(real), "fd_lenet": 2.5, "readable_share": 0.961, "label_agreement": 0.9951}, real=real)
    report = replace(report, epoch=3, **changes)  # type: ignore[arg-type]
    save_report(run.path, report)
    return report


def test_the_guides_are_what_the_judge_says_of_real_digits(run: Run) -> None:
    real = LightJudge().real()
    assert quality.LIGHT_IMAGES == LIGHT_COUNT and real.split == quality.LIGHT_SPLIT
    distance, readable = quality.quality_block(run)["charts"]
    assert (distance["guide"], readable["guide"]) == (round(real.fd_lenet, 2), round(100 * real.readable_share, 1))
    assert "not a FID" in quality.quality_block(run)["hint"]


def test_data_without_a_judge_get_the_reason(runs_dir: Path) -> None:
    run = create_run(runs_dir / "quick-2", TrainConfig(dataset="digits"), "quick")
    block = quality.quality_block(run)
    assert block["charts"] == [] and "which cannot judge Embedded digits" in block["reason"]


def test_an_evaluation_is_a_sentence(run: Run) -> None:
    assert quality.quality_block(run)["tested"] == ""
    near = Memorisation(generated_median=5.0, real_median=5.1, closer_share=0.012, num_images=2000)
    report_of(run, memorisation=near)
    assert quality.quality_block(run)["tested"] == (
        "Judged on 10,000 images after epoch 3 against the test digits: fd_lenet 2.50 (real ones: 1.09), 96.1 % "
        "readable (real ones: 97.4 %), 99.5 % the digit asked for, 1.2 % suspiciously near a training digit (real "
        "ones: 1 %)."
    )
    (run.path / "evaluation.json").write_text('{"fd_lenet": 1}')
    assert quality.quality_block(run)["tested"] == ""


def test_the_list_of_runs_says_how_good_each_is(run: Run) -> None:
    (run.path / "status.json").write_text(json.dumps({"state": "finished", "epochs": 20}))
    values = {"epoch": 1, "step": 9, "seconds": 1.0, **real_digits("held_out", 2000).to_dict()}
    lines = [json.dumps(values), json.dumps({**values, "fd_lenet": 7.63, "readable_share": 0.949}), '{"epoch": 9, "st']
    (run.path / "quality.jsonl").write_text("\n".join(lines))
    page = AppTest.from_file(str(PROJECT / "streamlit_app.py"), default_timeout=60)
    page.switch_page("pages/train.py").run()
    assert not page.exception
    assert any("FD 7.6, 95 % readable" in element.proto.body for element in page.get("html"))
