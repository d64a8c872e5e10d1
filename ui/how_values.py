"""What stands beside each step of the game: pictures, what D said of them, and the numbers that follow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING, Final

from dcgan.config import TrainConfig
from ui.theme import COLOURS
from ui.words import setting_words

if TYPE_CHECKING:
    from ui.how_models import Values

TILE: Final = 84  # CSS pixels a picture takes at most
_SHOWN: Final = 48  # numbers of z


def figure(key: str, values: Values, config: TrainConfig) -> str:
    """HTML of what a run says to the step `key` of `ui.how_words.STEPS`."""
    return f'<div class="how-fig">{FIGURES[key](values, config)}</div>'


def _draw(values: Values, config: TrainConfig) -> str:
    asked = f"asked for: {escape(values.asked[0])}" if values.asked else ""
    first = ", ".join(f"{number:.2f}" for number in values.z[:3]).replace("-", "−")
    rest = f", {len(values.z) - 3} more" if len(values.z) > 3 else ""
    return (
        f'<div class="how-one">{_strip(values.z)}<span aria-hidden="true">→</span>'
        f"{_picture(values.fake[0], values.size, 'the image that G draws from them')}<span>{asked}</span></div>"
        f'<p class="how-faint">z = ({first}{rest}): bars up are above zero, bars down below.</p>'
    )


def _judge(values: Values, config: TrainConfig) -> str:
    real = _row("Real images", "real", values, values.real, values.sure_real)
    fake = _row("Drawn by G", "generated", values, values.fake, values.sure_fake)
    hint = "The bar says how sure D is that the image is real."
    if config.minibatch_std:
        hint += " This D also looks at how varied the eight of a row are, so each answer depends on all of them."
    return f'{real}{fake}<p class="how-faint">{hint}</p>'


def _loss_d(values: Values, config: TrainConfig) -> str:
    if values.loss_d is None:
        return "<p>D's loss needs real images, and they are not on this computer.</p>"
    right = sum(sure > 0.5 for sure in values.sure_real), sum(sure < 0.5 for sure in values.sure_fake)
    count = len(values.sure_real)
    words = f"D was right about {right[0]} of {count} real images and {right[1]} of {count} drawn ones."
    smooth = config.label_smoothing
    more = f" Real images count as {1 - smooth:g} here (label smoothing)." if smooth else ""
    return _big("L<sub>D</sub>", values.loss_d, "discriminator", words + more)


def _learn_d(values: Values, config: TrainConfig) -> str:
    turns = f", {config.critic_steps} times for each step of G" if config.critic_steps > 1 else ""
    return (
        f"<p><b>{values.parameters_d:,}</b> numbers of D move at once, with a learning rate of "
        f"{setting_words(config.lr_d)}{_decay(config)}{turns}. By now D has done so {values.step:,} times, each time "
        f"after a look at {config.batch_size} real and as many drawn images.</p>"
    ) + _penalties(config)


def _loss_g(values: Values, config: TrainConfig) -> str:
    if values.loss_g is None:
        return "<p>With this objective G's loss needs real images too, and they are not on this computer.</p>"
    fooled = sum(sure > 0.5 for sure in values.sure_fake)
    words = f"G fooled D with {fooled} of these {len(values.fake)} images."
    if values.asked and config.class_loss > 0:
        words += (
            " While training, D also learns to read what real images show, and G is paid, "
            f"{setting_words(config.class_loss)} times as much, for images that it reads as what was asked for "
            "(class loss)."
        )
    return _big("L<sub>G</sub>", values.loss_g, "generator", words)


def _wish(values: Values, config: TrainConfig) -> str:
    if not values.wishes:
        return "<p>With this objective what G is told depends on real images, and they are not on this computer.</p>"
    longest = max(values.wish_lengths) or 1.0
    cells = "".join(
        f"<li>{_picture(address, values.size, f'what D asks to change, {length:.3g} strong')}"
        f"{_bar(length / longest, 'discriminator')}{length:.3g}</li>"
        for address, length in zip(values.wishes, values.wish_lengths, strict=True)
    )
    keys = "".join(  # in the colours of the pictures, which are dark in both themes
        f'<span><i style="background: {COLOURS[role][1]}"></i>{words}</span>'
        for role, words in (("discriminator", "D wants it brighter"), ("generator", "D wants it darker"))
    )
    return (
        f"<h4>The same eight drawings, and what D wants changed</h4>{_tiles(cells)}"
        f'<p class="how-keys">{keys}</p><p class="how-faint">The bar is the length of the gradient: how much there is '
        "to learn from this image. Near zero everywhere, G learns nothing.</p>"
    )


def _learn_g(values: Values, config: TrainConfig) -> str:
    average = ""
    if config.ema_decay:
        average = (
            " What is shown and kept is a running average of these numbers (EMA), which is steadier than any one step."
        )
    learned = values.step // config.critic_steps
    return (
        f"<p><b>{values.parameters_g:,}</b> numbers of G move at once, with a learning rate of "
        f"{setting_words(config.lr_g)}{_decay(config)}. By now G has done so {learned:,} times."
        f"{average}</p>"
    )


FIGURES: Final[dict[str, Callable[[Values, TrainConfig], str]]] = {
    "draw": _draw,
    "judge": _judge,
    "loss_d": _loss_d,
    "learn_d": _learn_d,
    "loss_g": _loss_g,
    "wish": _wish,
    "learn_g": _learn_g,
}


def _row(title: str, role: str, values: Values, pictures: Sequence[str], sure: Sequence[float]) -> str:
    if not pictures:
        return ""
    cells = []
    for place, (address, share) in enumerate(zip(pictures, sure, strict=True)):
        asked = escape(values.asked[place]) if values.asked else ""
        name = f' <small title="{asked}">{asked}</small>' if asked else ""
        told = f"{role} image, D is {_percent(share)} sure that it is real"
        cells.append(f"<li>{_picture(address, values.size, told)}{_bar(share, role)}{_percent(share)}{name}</li>")
    return f"<h4><b {_colour(role)}>{title}</b></h4>{_tiles(''.join(cells))}"


def _tiles(cells: str) -> str:
    return f'<ul class="how-tiles" style="grid-template-columns: repeat(auto-fill, {TILE}px)">{cells}</ul>'


def _picture(address: str, size: int, words: str) -> str:
    """An image of `size` pixels at a whole multiple of its size, as large as a tile allows."""
    width = size * (TILE // size) or TILE
    return f'<img src="{address}" width="{width}" height="{width}" alt="{escape(words)}">'


def _bar(share: float, role: str) -> str:
    percent = 100 * min(max(share, 0.0), 1.0)
    return f'<div class="how-bar" {_colour(role)}><i style="width: {percent:.1f}%"></i></div>'


def _big(name: str, value: float, role: str, words: str) -> str:
    number = f"{value:.3f}".replace("-", "−")
    return f'<div class="how-big" {_colour(role)}>{name} = {number}</div><p>{words}</p>'


def _strip(z: Sequence[float]) -> str:
    """The first numbers of z as bars."""
    bars = []
    for number in z[:_SHOWN]:
        height = max(1.0, min(abs(number) * 11, 32))
        bars.append(f'<i style="height: {height:.1f}px; top: {34 - height * (number > 0):.1f}px"></i>')
    return f'<div class="how-strip" role="img" aria-label="{len(z)} random numbers">{"".join(bars)}</div>'


def _decay(config: TrainConfig) -> str:
    return ", which sinks to zero at the end" if config.lr_decay else ""


def _penalties(config: TrainConfig) -> str:
    found = [
        name
        for name, there in (
            ("the gradient penalty", config.objective == "wgan-gp" and config.gradient_penalty > 0),
            ("R1", config.r1 > 0),
            ("R2", config.r2 > 0),
        )
        if there
    ]
    return f"<p>While training, {' and '.join(found)} is added to D's loss: it keeps D's slope in check.</p>" * bool(
        found
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _colour(role: str) -> str:
    light, dark = COLOURS[role]
    return f'style="--light: {light}; --dark: {dark}"'
