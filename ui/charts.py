"""What the live charts show: a list, so that another measure is another entry."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final


@dataclass(frozen=True)
class Line:
    """One curve: a column of the metrics, its words, and the role in `ui.theme` that colours it."""

    column: str
    label: str
    role: str


@dataclass(frozen=True)
class Chart:
    """One chart over the steps of a run; `low` and `high` fix the y axis where the measure has natural ends.

    `scale` multiplies the stored values into `unit`; `guide` is a y value worth a thin line.
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
        "Both near 0.5: neither is winning. Far apart: D sees through G.",
        "probability",
        (
            Line("d_real", "real ones, D(x)", "real"),
            Line("d_fake", "generated ones, D(G(z))", "generated"),
        ),
        low=0.0,
        high=1.0,
        guide=0.5,
    ),
    Chart(
        "accuracy",
        "How often D is right",
        "50 % is guessing: D can no longer tell generated from real.",
        "% of images",
        (Line("accuracy", "D's accuracy", "discriminator"),),
        low=0.0,
        high=100.0,
        scale=100.0,
        guide=50.0,
    ),
)


def chart_columns() -> list[str]:
    """The metric columns some chart shows."""
    return [line.column for chart in CHARTS for line in chart.lines]


def charts_as_data() -> list[dict[str, Any]]:
    """The charts as JSON values."""
    return [asdict(chart) for chart in CHARTS]
