"""What the live charts show: lists, so that another measure is another entry."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from dcgan.config import TrainConfig
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


LOSS_HINTS: Final = {
    "wgan-gp": "D's is minus the distance it sees between real and generated images: it should come nearer to 0.",
    "rpgan": "Near 0.69 each: D cannot tell a real image from a generated one beside it.",
    "lsgan": "D near 0 tells all apart; D at 0.25 can only guess.",
    "hinge": "D near 0 tells all apart with room to spare; D at 2 can only guess.",
    "minimax": "G's goes down without end as it gets better at fooling D; a D near 0 has won, and G stands still.",
}  # how to read the losses, where not as usual
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


def live_charts(config: TrainConfig) -> tuple[Chart, ...]:
    """The charts of a run, with the unit of its losses and how to read them."""
    losses, *others = CHARTS
    hint = LOSS_HINTS.get(config.objective, losses.hint)
    return (replace(losses, unit=f"loss ({config.loss_unit})", hint=hint), *others)


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
