"""What the live charts show: lists, so that another measure is another entry."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Final

from dcgan.reports import LightReport


@dataclass(frozen=True)
class Line:
    """One curve: a column of the metrics, its words, and the role in `ui.theme` that colours it."""

    column: str
    label: str
    role: str


@dataclass(frozen=True)
class Chart:
    """One chart over the steps of a run; `low` and `high` fix the y axis where the measure has natural ends.

    `scale` multiplies the stored values into `unit`; `guide` is a y value worth a dashed line, in `unit`, with the
    words `guide_label` in the legend and the colour of `guide_role`. A `smooth` curve is a running mean over its
    points; others show the points. `log` makes the y axis logarithmic.
    """

    key: str
    title: str
    hint: str
    unit: str
    lines: tuple[Line, ...]
    low: float | None = None
    high: float | None = None
    scale: float = 1.0
    guide: float | None = None
    guide_label: str = ""
    guide_role: str = ""
    smooth: bool = True
    log: bool = False


CHARTS: Final[tuple[Chart, ...]] = (
    Chart(
        "losses",
        "How wrong each network is",
        "Both should keep moving; a D near 0 has won, and G has nothing left to learn from.",
        "loss (nats)",
        (
            Line("loss_g", "generator G", "generator"),
            Line("loss_d", "discriminator D", "discriminator"),
        ),
    ),
    Chart(
        "sureness",
        "How sure D is that an image is real",
        "All near 0.5: D can only guess. D(x) near 1 and D(G(z)) near 0: D sees through G.",
        "probability",
        (
            Line("d_real", "real, D(x)", "real"),
            Line("d_fake", "generated, D(G(z))", "generated"),
            Line("accuracy", "D's accuracy", "discriminator"),
        ),
        low=0.0,
        high=1.0,
        guide=0.5,
    ),
)


def quality_charts(real: LightReport) -> tuple[Chart, ...]:
    """The charts of the judge's reports, beside what `real` digits get."""
    return (
        Chart(
            "distance",
            "Distance to real digits",
            "",
            "fd_lenet",
            (Line("fd_lenet", "distance", "generated"),),
            guide=round(real.fd_lenet, 2),
            guide_label="real",
            guide_role="real",
            smooth=False,
            log=True,
        ),
        Chart(
            "readable",
            "Readable digits",
            "",
            "% of images",
            (Line("readable_share", "readable", "generated"),),
            low=0.0,
            high=100.0,
            scale=100.0,
            guide=round(100 * real.readable_share, 1),
            guide_label="real",
            guide_role="real",
            smooth=False,
        ),
    )


def chart_columns() -> list[str]:
    """The metric columns some chart shows."""
    return [line.column for chart in CHARTS for line in chart.lines]


def charts_as_data(charts: Iterable[Chart] = CHARTS) -> list[dict[str, Any]]:
    """The charts as JSON values."""
    return [asdict(chart) for chart in charts]
