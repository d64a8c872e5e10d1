"""Figures for reports and slides, drawn with matplotlib."""

from __future__ import annotations

import io

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dcgan.errors import UserError
from dcgan.runs import Run

# Okabe and Ito's colours, as in the app: generator, discriminator, real data, generated data.
BLUE, VERMILION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"


def curves_png(run: Run, dots_per_inch: int = 150) -> bytes:
    """The run's losses and D's mean answers over the training steps, as a PNG.

    Raises:
        UserError: the run has no log points yet.
    """
    rows = run.metrics()
    if not rows:
        raise UserError(f"Run {run.title!r} has no curves yet.")
    figure = Figure(figsize=(7, 5), dpi=dots_per_inch, layout="constrained")
    losses, answers = figure.subplots(2, 1, sharex=True)
    steps = [row["step"] for row in rows]
    for column, label, colour in (("loss_g", "generator G", BLUE), ("loss_d", "discriminator D", VERMILION)):
        losses.plot(steps, [row[column] for row in rows], color=colour, label=label, linewidth=1)
    for column, label, colour in (("d_real", "real, D(x)", GREEN), ("d_fake", "generated, D(G(z))", PURPLE)):
        answers.plot(steps, [row[column] for row in rows], color=colour, label=label, linewidth=1)
    _dress(losses, "How wrong each network is", f"loss ({run.config.loss_unit})")
    _dress(answers, "How sure D is that an image is real", "probability")
    answers.set_ylim(0, 1)
    answers.axhline(0.5, color="0.5", linewidth=0.8, linestyle=":")
    answers.set_xlabel("training steps")
    figure.suptitle(f"{run.title} ({run.dataset_title})", x=0.01, ha="left", fontsize=11)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _dress(axes: Axes, title: str, unit: str) -> None:
    axes.set_title(title, loc="left", fontsize=10)
    axes.set_ylabel(unit)
    axes.grid(color="0.9")
    axes.legend(frameon=False, fontsize=8, loc="upper right")
    axes.spines[["top", "right"]].set_visible(False)
