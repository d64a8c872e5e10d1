"""The quality of generated digits as the live panel shows it: words, charts, and what real digits get beside them."""

from __future__ import annotations

from typing import Any, Final

from dcgan.errors import UserError
from dcgan.real_digits import real_digits, real_shares
from dcgan.reports import LightReport, Report, read_report, view_for, why_not
from dcgan.runs import Run
from ui.charts import charts_as_data, quality_charts

LIGHT_IMAGES: Final = 2_000  # that a trainer's judge looks at; tests hold it to `dcgan.evaluation.LIGHT_COUNT`
LIGHT_SPLIT: Final = "held_out"
ROW_FIELDS: Final = ("step", "epoch", "fd_lenet", "readable_share", "class_histogram", "missing_classes")


def quality_block(run: Run) -> dict[str, Any]:
    """What the panel needs before there is a value: charts and real shares, or the reason why there are none."""
    block: dict[str, Any] = {"title": "How close the digits come to real ones", "reason": None, "charts": []}
    try:
        reason, view = why_not(run.config.dataset, run.channels), view_for(run.config)
        if reason is not None or view is None:
            return {**block, "reason": reason}
        real = real_digits(LIGHT_SPLIT, LIGHT_IMAGES, view=view)
        shares = real_shares(LIGHT_SPLIT)
    except UserError as error:
        return {**block, "reason": str(error)}
    return {
        **block,
        "charts": charts_as_data(quality_charts(real)),
        "shares": shares,
        "tested": tested_words(read_report(run.path)),
        "hint": (
            f"fd_lenet compares what a small digit classifier sees in {LIGHT_IMAGES:,} generated and in real digits: "
            f"lower is better. It is not a FID.{_seen_as[view.ink]}{_measured_on(run)}"
        ),
    }


_seen_as: Final = {
    "gray": "",
    "colored": " Colours are taken away first, from real digits too.",
    "stacked": " Each of the three channels counts as a digit.",
}


def _measured_on(run: Run) -> str:
    return " The real ones are MNIST's." if run.config.dataset == "emnist-digits" else ""


def quality_words(report: LightReport | dict[str, Any]) -> str:
    """`FD 7.6, 95 % readable`: one report in a line of the list of runs."""
    values = report.to_dict() if isinstance(report, LightReport) else report
    return f"FD {values['fd_lenet']:.1f}, {values['readable_share']:.0%} readable".replace("%", " %")


def tested_words(report: Report | None) -> str:
    """A finished run's evaluation in a sentence; empty where there is none."""
    if report is None:
        return ""
    split = {"test": "the test digits", "held_out": "held-out digits", "train": "training digits"}[report.split]
    facts = [f"fd_lenet {report.fd_lenet:.2f} (real ones: {report.real.fd_lenet:.2f})"]
    facts.append(f"{_percent(report.readable_share)} readable (real ones: {_percent(report.real.readable_share)})")
    if report.label_agreement is not None:
        facts.append(f"{_percent(report.label_agreement)} the digit asked for")
    if report.fid is not None:
        facts.append(f"FID {report.fid:.1f}")
    if report.memorisation is not None:
        near = _percent(report.memorisation.closer_share)
        facts.append(f"{near} suspiciously near a training digit (real ones: 1 %)")
    after = f" after epoch {report.epoch}" if report.epoch else ""
    return f"Judged on {report.num_images:,} images{after} against {split}: {', '.join(facts)}."


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
