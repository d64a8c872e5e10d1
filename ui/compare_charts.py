"""The Compare page's charts: quality and losses of all runs, over epochs or over training time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import plotly.graph_objects as go

from dcgan.records import file_size, read_metrics, read_quality
from dcgan.reports import LightReport
from dcgan.runs import Run
from ui.compare_runs import DASHES, MARKERS, Compared
from ui.quality import LIGHT_IMAGES
from ui.theme import COLOURS

AXES: Final = ("epoch", "time")  # as the page says them and its address holds them
POINTS: Final = 150  # that a curve of losses is averaged to
HEIGHT: Final = 270  # CSS pixels of one chart


@dataclass(frozen=True)
class Curve:
    """Values of one run at positions on both axes: `epochs` (with fractions) and `seconds` of training."""

    epochs: tuple[float, ...]
    seconds: tuple[float, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class Curves:
    """All that is drawn of one run; `fd_lenet` and `readable` (in %) have a point for each look of the judge."""

    fd_lenet: Curve
    readable: Curve
    loss_g: Curve
    loss_d: Curve


@dataclass(frozen=True)
class CompareChart:
    """One chart: a sentence as its title, how to read it, the figure, and what it shows for those who cannot see it."""

    key: str
    title: str
    hint: str
    figure: go.Figure
    alt: str


def curves_of(run: Run) -> Curves:
    """The curves of `run` as its files are now; read again only when they have grown."""
    sizes = [file_size(run.path / name) for name in ("metrics.jsonl", "quality.jsonl")]
    return _curves(run.path, run.created, epoch_length(run), *sizes)


def epoch_length(run: Run) -> float:
    """Steps of one epoch; 0 where the run has not said."""
    status = run.status()
    return status.total_steps / status.epochs if status.epochs else 0.0


def positions(run: Run, steps: Sequence[float]) -> tuple[list[float], list[float]]:
    """Epochs and seconds of training at `steps`: seconds lie on lines between log points."""
    length = epoch_length(run)
    rows = _points(run.path, run.created, file_size(run.path / "metrics.jsonl"))
    known = np.array([(0.0, 0.0), *((row["step"], row["seconds"]) for row in rows)])
    epochs = [step / length if length else 0.0 for step in steps]
    return epochs, [float(second) for second in np.interp(steps, known[:, 0], known[:, 1])]


def compare_charts(
    compared: Sequence[Compared], axis: str, real: LightReport | None, dark: bool = False
) -> list[CompareChart]:
    """Quality where the judge has looked at any run, then losses, over `axis`, one of `AXES`."""
    curves = [curves_of(each.run) for each in compared]
    draw = _Drawing(compared, axis, dark, max((c.loss_g.seconds[-1] for c in curves if c.loss_g.seconds), default=0.0))
    units = sorted({each.run.config.loss_unit for each in compared})
    unit = f"loss ({' or '.join(units)})"
    losses = [
        draw.chart(
            "loss_g", "How wrong each generator G is", "Compare shapes, not heights: losses say how the two networks "
            "stand to each other, not which run draws better.", [c.loss_g for c in curves], unit,
        ),
        draw.chart(
            "loss_d", "How wrong each discriminator D is", "A line that stays near 0: that D has won, and its G learns "
            "nothing more.", [c.loss_d for c in curves], unit,
        ),
    ]  # fmt: skip
    if not any(c.fd_lenet.values for c in curves):
        return losses
    distance = draw.chart(
        "fd_lenet", _winner(compared, [c.fd_lenet for c in curves], min, "comes closest to real digits"),
        f"Distance of {LIGHT_IMAGES:,} generated digits to real ones, on features of a digit classifier (fd_lenet, not "
        "a FID): lower is better.", [c.fd_lenet for c in curves], "fd_lenet", log=True,
        guide=real.fd_lenet if real else None,
    )  # fmt: skip
    readable = draw.chart(
        "readable", _winner(compared, [c.readable for c in curves], max, "draws the most readable digits"),
        "Share of digits that the classifier is sure of and that lie where real ones do: higher is better.",
        [c.readable for c in curves], "% of images", span=(0, 100), guide=100 * real.readable_share if real else None,
    )  # fmt: skip
    return [distance, readable, *losses]


class _Drawing:
    """Makes one figure after the other in the same manner."""

    def __init__(self, compared: Sequence[Compared], axis: str, dark: bool, longest: float) -> None:
        self.compared, self.axis, self.dark = compared, axis, dark
        self.unit, self.scale = _time_unit(longest)

    def chart(
        self,
        key: str,
        title: str,
        hint: str,
        curves: Sequence[Curve],
        unit: str,
        *,
        log: bool = False,
        span: tuple[float, float] | None = None,
        guide: float | None = None,
    ) -> CompareChart:
        """One figure with a line a run; `guide` is what real digits get, `span` fixes the y axis."""
        figure = go.Figure()
        for each, curve in zip(self.compared, curves, strict=True):
            if curve.values:
                figure.add_trace(self._line(each, curve, unit, markers=key in ("fd_lenet", "readable")))
        if guide is not None:
            green = COLOURS["real"][self.dark]
            figure.add_hline(guide, line={"color": green, "dash": "dot", "width": 2})
            words = {"text": f"real digits {guide:.1f}", "font": {"color": green, "size": 13}, "showarrow": False}
            side = "bottom" if log else "top"  # of the line: where no run begins
            y = math.log10(guide) if log else guide
            figure.add_annotation(x=0, xref="paper", xanchor="left", y=y, yanchor=side, **words)
        self._layout(figure, unit, log, span)
        ends = [f"{e.letter} {c.values[-1]:.3g}" for e, c in zip(self.compared, curves, strict=True) if c.values]
        alt = f"{title}. Last values in {unit}: {', '.join(ends) or 'none yet'}."
        return CompareChart(key, title, hint, figure, alt)

    def _line(self, each: Compared, curve: Curve, unit: str, markers: bool) -> go.Scatter:
        over_time = self.axis == "time"
        where = [second / self.scale for second in curve.seconds] if over_time else list(curve.epochs)
        x = "%{x:.3~g} " + self.unit if over_time else "epoch %{x:.3~g}"
        colour = each.colour(self.dark)
        return go.Scatter(
            x=where, y=curve.values, name=each.letter, mode="lines+markers" if markers else "lines", showlegend=True,
            line={"color": colour, "width": 2, "dash": DASHES[each.slot]},
            marker={"symbol": MARKERS[each.slot], "size": 8, "color": colour},
            cliponaxis=False,
            hovertemplate=f"<b>{each.letter}</b> {x}: %{{y:.3~g}} {unit}<extra></extra>",
        )  # fmt: skip

    def _layout(self, figure: go.Figure, unit: str, log: bool, span: tuple[float, float] | None) -> None:
        words = f"training time ({self.unit})" if self.axis == "time" else "epoch"
        figure.update_xaxes(title=words, rangemode="tozero", zeroline=False)
        figure.update_yaxes(title=unit, zeroline=False)
        if log:
            figure.update_yaxes(type="log", tickvals=_log_ticks(figure))
        elif span:
            figure.update_yaxes(range=[span[0], span[1] * 1.02])
        else:
            figure.update_yaxes(rangemode="tozero")
        figure.update_layout(
            height=HEIGHT,
            margin={"l": 0, "r": 0, "t": 28, "b": 0},
            legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "title": None},
            hovermode="closest",
        )


def _winner(compared: Sequence[Compared], curves: Sequence[Curve], best: Callable[..., Any], what: str) -> str:
    """`B comes closest to real digits`, by the last values; a question where there are not two to compare."""
    last = [(curve.values[-1], each.letter) for each, curve in zip(compared, curves, strict=True) if curve.values]
    return f"{best(last)[1]} {what}" if len(last) > 1 else f"Which run {what}"


def _log_ticks(figure: go.Figure) -> list[float]:
    """Powers of ten, with their doubles and fives where the values span less than two of them."""
    values = [value for trace in figure.data for value in trace.y if value > 0] or [1.0]
    factors = (1, 2, 5) if max(values) / min(values) < 100 else (1,)
    return [factor * 10.0**power for power in range(-2, 6) for factor in factors]


def _time_unit(longest: float) -> tuple[str, float]:
    """Name and seconds of the unit that suits `longest` seconds."""
    return ("s", 1.0) if longest <= 180 else ("min", 60.0) if longest <= 10_800 else ("h", 3600.0)


@lru_cache(maxsize=24)
def _points(path: Path, created: float, size: int) -> list[dict[str, float]]:
    """The log points of a file that has `size` bytes; `created` tells a run from a later one of the same name."""
    return read_metrics(path)[0]


@lru_cache(maxsize=24)
def _curves(path: Path, created: float, length: float, metrics_size: int, quality_size: int) -> Curves:
    rows = _points(path, created, metrics_size)
    reports = [{**row, "readable": 100 * row["readable_share"]} for row in read_quality(path)[0]]
    losses = (_averaged(_curve(rows, name, length)) for name in ("loss_g", "loss_d"))
    return Curves(_curve(reports, "fd_lenet", length), _curve(reports, "readable", length), *losses)


def _curve(rows: Iterable[dict[str, Any]], name: str, length: float) -> Curve:
    kept = [row for row in rows if math.isfinite(row[name])]
    epochs = tuple(row["step"] / length if length else float(row["epoch"]) for row in kept)
    return Curve(epochs, tuple(row["seconds"] for row in kept), tuple(row[name] for row in kept))


def _averaged(curve: Curve) -> Curve:
    """Means of neighbours, so that at most `POINTS` are left, each where its group ends."""
    size = math.ceil(len(curve.values) / POINTS)
    if size <= 1:
        return curve
    groups = [curve.values[start : start + size] for start in range(0, len(curve.values), size)]
    ends = [min((i + 1) * size, len(curve.values)) - 1 for i in range(len(groups))]
    means = tuple(sum(group) / len(group) for group in groups)
    return Curve(tuple(curve.epochs[end] for end in ends), tuple(curve.seconds[end] for end in ends), means)
