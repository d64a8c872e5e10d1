"""What is going wrong in a run, if anything: a name, a sentence, the evidence and a change of settings that helps.

Pure functions of what a run directory holds; nothing here needs torch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from dcgan.config import LOGARITHMIC, SMOOTHED, TrainConfig
from dcgan.presets import PRESETS
from dcgan.records import Status

EARLY_STEPS: Final = 200  # a fresh D tells noise from digits at once; who leads before that says nothing yet
WINDOW_POINTS: Final = 40  # log points that are looked at: long enough that one lucky batch does not count
WINDOW_STEPS: Final = 300  # and no fewer steps than these
SURE: Final = 0.95  # D(x) above, D(G(z)) below 1 - SURE: G's gradient comes from batches D has no doubt about
FOOLED: Final = 0.05  # D(G(z)) above D(x) by this much: D is worse than a coin
GUESSING: Final = 0.03  # D(x) and D(G(z)) no farther apart: D tells nothing apart
BLOWN_UP: Final = 50.0  # nats: exp(-50) is below what float32 adds to 1, so nothing can be learned from it
UNREADABLE: Final = 0.5  # of readable digits: fewer, and a D that only guesses is no sign of success
MANY_MISSING: Final = 3  # digits; one or two are often late, three together have been given up
SKEWED: Final = 0.5  # nats to uniform: six digits in equal shares have ln(10 / 6) = 0.51
SWING: Final = 0.3  # of D(x) - D(G(z)): half the way from guessing to certainty
SWINGS: Final = 4  # in one window: two full turns
SMOOTH_POINTS: Final = 5  # points of the mean in which swings are counted
TEACHES_AHEAD: Final = ("wgan-gp", "rpgan")  # a D that is far ahead there is smooth still, and teaches
WORSE: Final = 2.0  # times the best distance so far: a D that only guesses has fallen asleep
BETTER: Final = 0.9  # of the distance one look before: less, and G still learns
FASTEST: Final = max(max(p.config.lr_g, p.config.lr_d) for p in PRESETS.values())  # that is known to train well here
USUAL: Final = 2e-4  # the learning rate of the DCGAN paper (arXiv 1511.06434, section 4)
STALLED_HELP: Final = "it is suspended or the machine is busy; once it is let, it goes on where it was"
NO_TROUBLE: Final = ("early", "learning", "healthy")


@dataclass(frozen=True)
class Finding:
    """One thing to say of a run; `remedy` holds changes of its `TrainConfig`, None where nothing is to be done."""

    name: str
    sentence: str
    evidence: str
    remedy: dict[str, Any] | None = None

    @property
    def trouble(self) -> bool:
        """Whether something is going wrong."""
        return self.name not in NO_TROUBLE


def diagnose(
    config: TrainConfig, metrics: Sequence[Mapping[str, float]], quality: Sequence[Mapping[str, Any]], status: Status
) -> list[Finding]:
    """What can be said of a run, the gravest first; at least one finding once there are log points.

    `metrics` and `quality` are rows as `dcgan.records` reads them, oldest first; the last ones are enough.
    """
    if _diverged(metrics, status):
        return [_finding("diverged", config, "the losses are no longer finite numbers")]
    if status.silent:
        return [_finding("stalled", config, f"the last word came {status.silent:.0f} s ago; {STALLED_HELP}")]
    if not metrics:
        return []
    window = _window(metrics)
    if metrics[-1]["step"] < EARLY_STEPS:
        return [_finding("early", config, f"step {metrics[-1]['step']:,.0f} of the first {EARLY_STEPS}")]
    contest = _blown_up(config, window) or _unrest(config, window) or _balance(config, window, quality)
    found = [*contest, *_variety(config, quality)]
    return found or [_progress(config, window, quality)]


def remedy(name: str, config: TrainConfig) -> dict[str, Any] | None:
    """Changes of `config` against the trouble called `name`; None where there is none or none is known."""
    changes = {
        "diverged": _calmer,
        "d-wins": _weaker_d,
        "g-wins": _stronger_d,
        "guessing": _stronger_d,
        "collapse": _more_variety,
        "missing": _more_variety,
        "swings": _steadier,
    }
    return changes[name](config) if name in changes else None


SENTENCES: Final = {
    "diverged": "The losses have run away: the networks took steps that were far too large.",
    "d-wins": "D is winning: it tells every image right, and G gets no hint of what would be better.",
    "g-wins": "G is winning: D is wrong more often than right, so its advice leads G astray.",
    "guessing": "D only guesses: it tells nothing apart, and G learns nothing from it.",
    "collapse": "Mode collapse: G draws a few digits over and over, because those fool D.",
    "missing": "Some digits are missing from what G draws.",
    "stalled": "The run stands still, though its process lives.",
    "swings": "The two go round in circles: each undoes what the other has just learned.",
    "early": "Too early to tell: D nearly always leads at first.",
    "learning": "Looks healthy, and the digits are still getting better.",
    "healthy": "Looks healthy: both networks keep each other busy.",
}


def _finding(name: str, config: TrainConfig, evidence: str) -> Finding:
    return Finding(name, SENTENCES[name], evidence[:1].upper() + evidence[1:], remedy(name, config))


def _diverged(metrics: Sequence[Mapping[str, float]], status: Status) -> bool:
    ended = status.state == "failed" and "finite" in status.message  # the words of TrainingDiverged
    return ended or (bool(metrics) and not all(map(math.isfinite, metrics[-1].values())))


def _window(metrics: Sequence[Mapping[str, float]]) -> Sequence[Mapping[str, float]]:
    start = metrics[-1]["step"] - WINDOW_STEPS
    return metrics[-max(WINDOW_POINTS, sum(row["step"] > start for row in metrics)) :]


def _blown_up(config: TrainConfig, window: Sequence[Mapping[str, float]]) -> list[Finding]:
    """Whether scores have grown beyond what can be learned from."""
    if config.objective not in LOGARITHMIC:
        return []
    loss = max(median(row[name] for row in window) for name in ("loss_g", "loss_d"))
    words = f"a loss of {loss:,.0f} nats, where 1 to 5 are usual"
    return [_finding("diverged", config, words)] if loss > BLOWN_UP else []


def _balance(
    config: TrainConfig, window: Sequence[Mapping[str, float]], quality: Sequence[Mapping[str, Any]]
) -> list[Finding]:
    """Whether one of the two is winning."""
    d_real, d_fake, loss_g = (median(row[name] for row in window) for name in ("d_real", "d_fake", "loss_g"))
    steps = window[-1]["step"] - window[0]["step"]
    words = f"D(x) {d_real:.2f} and D(G(z)) {d_fake:.2f} over the last {steps:,.0f} steps"
    unhelpful = config.objective not in TEACHES_AHEAD
    if d_real > SURE and d_fake < 1 - SURE and unhelpful and not _improves(quality):
        unit = " nats" if config.objective in LOGARITHMIC else ""
        return [_finding("d-wins", config, f"{words}; G's loss {loss_g:.1f}{unit}, {_course(window)}")]
    if d_fake - d_real > FOOLED:
        accuracy = median(row["accuracy"] for row in window)
        return [_finding("g-wins", config, f"{words}; D is right about {accuracy:.0%} of the images")]
    if abs(d_real - d_fake) < GUESSING and (not _readable(quality) or _decays(quality)):
        lost = f"; fd_lenet rose from {_best(quality):.1f} to {quality[-1]['fd_lenet']:.1f}" if _decays(quality) else ""
        return [_finding("guessing", config, words + lost)]
    return []


def _variety(config: TrainConfig, quality: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """Which digits have been given up."""
    if not quality or not quality[-1]["missing_classes"]:
        return []
    last = quality[-1]
    shares, missing = last["class_histogram"], last["missing_classes"]
    top = max(range(len(shares)), key=shares.__getitem__)
    words = f"missing after epoch {last['epoch']}: {', '.join(map(str, missing))}"
    if len(missing) >= MANY_MISSING or last["kl_to_uniform"] > SKEWED:
        return [_finding("collapse", config, f"{words}; {shares[top]:.0%} of all images are taken for a {top}")]
    return [_finding("missing", config, words)]


def _unrest(config: TrainConfig, window: Sequence[Mapping[str, float]]) -> list[Finding]:
    """Whether the lead changes hands again and again."""
    lead = [row["d_real"] - row["d_fake"] for row in window]
    smooth = [sum(lead[i : i + SMOOTH_POINTS]) / SMOOTH_POINTS for i in range(len(lead) - SMOOTH_POINTS + 1)]
    turns = count_swings(smooth, SWING)
    if turns < SWINGS:
        return []
    steps = window[-1]["step"] - window[0]["step"]
    words = (
        f"D(x) - D(G(z)) turned {turns} times in {steps:,.0f} steps, between {min(smooth):.2f} and {max(smooth):.2f}"
    )
    return [_finding("swings", config, words)]


def _progress(
    config: TrainConfig, window: Sequence[Mapping[str, float]], quality: Sequence[Mapping[str, Any]]
) -> Finding:
    d_real, d_fake = (median(row[name] for row in window) for name in ("d_real", "d_fake"))
    words = f"D(x) {d_real:.2f} and D(G(z)) {d_fake:.2f}"
    if _improves(quality):
        distances = " to ".join(f"{row['fd_lenet']:.1f}" for row in quality[-2:])
        return _finding("learning", config, f"{words}; fd_lenet went from {distances}")
    return _finding("healthy", config, words)


def count_swings(values: Sequence[float], height: float) -> int:
    """How often `values` turn after having moved by `height` or more in one direction."""
    if not values:
        return 0
    turns, direction = 0, 0
    low = high = extreme = values[0]
    for value in values:
        low, high = min(low, value), max(high, value)
        if direction == 0:
            if high - low >= height:
                direction, extreme = (1 if value == high else -1), value
        elif (value - extreme) * direction > 0:
            extreme = value
        elif (extreme - value) * direction >= height:
            turns, direction, extreme = turns + 1, -direction, value
    return turns


def _course(window: Sequence[Mapping[str, float]]) -> str:
    """Whether G's loss rose or fell over the window."""
    half = len(window) // 2
    before, after = (median(row["loss_g"] for row in part) for part in (window[:half] or window, window[half:]))
    if after > 1.05 * before:
        return f"rising from {before:.1f}"
    return f"falling from {before:.1f}" if after < 0.95 * before else "not falling"


def _improves(quality: Sequence[Mapping[str, Any]]) -> bool:
    return len(quality) > 1 and quality[-1]["fd_lenet"] < BETTER * quality[-2]["fd_lenet"]


def _best(quality: Sequence[Mapping[str, Any]]) -> float:
    return min(float(row["fd_lenet"]) for row in quality)


def _decays(quality: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the digits have been much closer to real ones than they are."""
    return bool(quality) and quality[-1]["fd_lenet"] > WORSE * _best(quality)


def _readable(quality: Sequence[Mapping[str, Any]]) -> bool:
    return bool(quality) and quality[-1]["readable_share"] >= UNREADABLE


def _equal_rates(config: TrainConfig) -> dict[str, Any]:
    """Both networks at the higher one's pace where that is sane; empty where they have the same already."""
    if config.lr_g == config.lr_d <= FASTEST:
        return {}
    rate = min(max(config.lr_g, config.lr_d), FASTEST)
    return _new(config, lr_g=rate, lr_d=rate)


def _usual_momentum(config: TrainConfig) -> dict[str, Any]:
    """The other player moves on: much of the last steps in the next one makes both unsteady (arXiv 1511.06434, 4)."""
    return {"beta1": 0.5} if config.beta1 > 0.5 else {}


def _calmer(config: TrainConfig) -> dict[str, Any]:
    return _new(config, lr_g=min(config.lr_g / 10, USUAL), lr_d=min(config.lr_d / 10, USUAL)) | _usual_momentum(config)


def _weaker_d(config: TrainConfig) -> dict[str, Any]:
    smoothing = {"label_smoothing": 0.1} if config.objective in SMOOTHED else {}
    return _equal_rates(config) | _usual_momentum(config) or _new(config, lr_d=config.lr_d / 2, **smoothing)


def _stronger_d(config: TrainConfig) -> dict[str, Any]:
    if config.r1 or config.r2:  # penalties that outweigh what D can gain from telling images apart put it to sleep
        return _new(config, r1=config.r1 / 10, r2=config.r2 / 10)
    return _equal_rates(config) or _new(config, lr_g=config.lr_g / 2, dropout=0.0, label_smoothing=0.0)


def _more_variety(config: TrainConfig) -> dict[str, Any]:
    pace = _equal_rates(config) | _usual_momentum(config)
    if not config.minibatch_std:
        return pace | {"minibatch_std": True}
    return pace | ({} if config.conditional else {"conditioning": "labels"}) or _calmer(config)


def _steadier(config: TrainConfig) -> dict[str, Any]:
    rates = _equal_rates(config) or _new(config, lr_g=config.lr_g / 2, lr_d=config.lr_d / 2)
    return rates | _usual_momentum(config) | ({} if config.ema_decay else {"ema_decay": 0.995})


def _new(config: TrainConfig, **values: Any) -> dict[str, Any]:
    """Those of `values` that differ from what `config` has, learning rates to three digits and in range."""
    rates = {name: max(float(f"{value:.3g}"), 1e-7) for name, value in values.items() if name.startswith("lr_")}
    return {name: value for name, value in (values | rates).items() if getattr(config, name) != value}
