"""Reports survive JSON, and pages can read them without torch."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from dcgan.errors import RunFailed, UserError
from dcgan.reports import (
    LightReport,
    Memorisation,
    Report,
    kl_to_uniform,
    missing_classes,
    read_report,
    report_text,
    save_report,
    why_not,
)

LIGHT = LightReport(
    fd_lenet=3.5, confident_share=0.9, readable_share=0.8, class_histogram=(0.1,) * 10, kl_to_uniform=0.0,
    missing_classes=(4, 9), label_agreement=None, num_images=2000, split="held_out", extractor="lenet-64",
)  # fmt: skip
MEMORISATION = Memorisation(generated_median=4.1, real_median=4.4, closer_share=0.02, num_images=2000)


@pytest.mark.parametrize("memorisation", [None, MEMORISATION])
def test_reports_survive_json(memorisation: Memorisation | None) -> None:
    full = Report(**vars(LIGHT), real=LIGHT, density=0.9, memorisation=memorisation)
    assert LightReport.from_dict(json.loads(json.dumps(LIGHT.to_dict()))) == LIGHT
    assert Report.from_dict(json.loads(json.dumps(full.to_dict()))) == full


def test_a_kept_report_is_read_back_and_a_broken_one_is_none(tmp_path: Path) -> None:
    assert read_report(tmp_path) is None
    report = Report(**vars(LIGHT), real=LIGHT, memorisation=MEMORISATION, epoch=3, step=1407)
    save_report(tmp_path, report)
    assert read_report(tmp_path) == report
    (tmp_path / "evaluation.json").write_text('{"fd_lenet": 3}')
    assert read_report(tmp_path) is None
    with pytest.raises(RunFailed, match="could not be kept in"):
        save_report(tmp_path / "absent", report)


def test_the_text_shows_what_was_measured_beside_real_digits() -> None:
    lines = report_text(Report(**vars(LIGHT), real=replace(LIGHT, fd_lenet=1.25), memorisation=MEMORISATION))
    assert lines.splitlines()[0].split() == ["2,000", "images,", "held-out", "digits", "generated", "real"]
    assert "Fréchet distance (fd_lenet)               3.50      1.25" in lines
    assert "nearest training digit        4.10      4.40" in lines and "missing digits: 4, 9" in lines
    assert "FID" not in lines and "asked for" not in lines


def test_the_distance_is_named_after_its_extractor() -> None:
    assert {name for name in LIGHT.to_dict() if name.startswith("f")} == {"fd_lenet"}


def test_kl_and_missing_classes_by_hand() -> None:
    assert kl_to_uniform([0.5, 0.5, 0.0, 0.0]) == pytest.approx(math.log(2))
    assert kl_to_uniform([0.1] * 10) == 0.0
    assert missing_classes([0.04, 0.03, 0.93], (0.1, 0.1, 0.8)) == (1,)


def test_only_mnist_has_a_judge() -> None:
    assert why_not("mnist") is None
    assert "Embedded digits" in str(why_not("digits"))
    with pytest.raises(UserError, match="did you mean 'mnist'"):
        why_not("mnits")


def test_reading_reports_does_not_load_torch() -> None:
    program = "import sys, dcgan.reports; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
