"""Both networks as drawings: a block for each step, its maps to scale, from what `dcgan.anatomy` read."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Final

from ui.theme import COLOURS

if TYPE_CHECKING:
    from dcgan.anatomy import Anatomy, Layer

HEADS: Final = {
    "dense": "Connects all with all",
    "conv": "Looks through windows",
    "up": "Draws it larger",
    "spread": "Compares the batch",
    "reshape": "Arranges anew",
}
_CHIPS: Final = ("norm", "activation", "dropout", "spread", "reshape")
Painted = dict[tuple[int, ...], str]  # CSS of the picture that stands for maps of this shape
_LARGEST: Final = 112  # CSS pixels of the side of the largest map
_SHEETS: Final = 9


@dataclass
class Block:
    """One step of a network: the layer that does the work, and what follows it before the next such layer."""

    main: Layer
    after: list[Layer] = field(default_factory=list)
    before: list[Layer] = field(default_factory=list)

    @property
    def layers(self) -> list[Layer]:
        """All layers of the step in their order."""
        return [*self.before, self.main, *self.after]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of what leaves the step."""
        return self.layers[-1].shape


def blocks(found: Anatomy) -> list[Block]:
    """The steps of a network; a layer that only rearranges belongs to the step whose numbers it brings into shape."""
    steps: list[Block] = []
    waiting: list[Layer] = []
    for layer in found.layers:
        flattens = layer.kind == "reshape" and len(layer.shape) == 1
        if flattens or (layer.kind in _CHIPS and not steps):
            waiting.append(layer)
        elif layer.kind in _CHIPS:
            steps[-1].after.append(layer)
        else:
            steps.append(Block(layer, before=waiting))
            waiting = []
    if waiting and steps:
        steps[-1].after += waiting
    return steps


def diagram(found: Anatomy, role: str, picture: str = "") -> str:
    """HTML of one network, `role` being generator or discriminator; `picture` is CSS that paints an image it is for."""
    steps = sorted(blocks(found), key=lambda step: step.main.reading)  # what stands aside goes last
    sizes = [shape[-1] for shape in (found.input_shape, *(step.shape for step in steps)) if len(shape) == 3]
    largest = max(sizes, default=1)  # the image's own
    light, dark = COLOURS[role]
    image = steps[-1].shape if role == "generator" else found.input_shape
    painted = {image: picture} if picture else {}
    cells = [_input_cell(found, largest, painted), *(_cell(step, largest, role, painted) for step in steps)]
    title = f"{role.capitalize()} {role[0].upper()}"
    return (
        f'<section class="how-net" style="--light: {light}; --dark: {dark}" aria-label="{title}">'
        f"<h3><b>{title}</b> <span>{_totals(found)}</span></h3>"
        f'<ol style="--steps: {len(cells)}">{"".join(cells)}</ol></section>'
    )


def layer_table(found: Anatomy) -> str:
    """HTML of every layer on a line of its own."""
    head = "<tr><th>What it does</th><th>Term</th><th>Comes out</th><th>Learned numbers</th><th>Multiply-adds</th></tr>"
    rows = "".join(
        f"<tr><td>{escape(layer.words)}</td><td>{escape(layer.term)}{_spectral(layer)}</td>"
        f"<td>{shape_words(layer.shape)}</td><td>{_count(layer.parameters)}</td>"
        f"<td>{_count(layer.multiply_adds)}</td></tr>"
        for layer in found.layers
    )
    return f'<div class="how-table"><table><thead>{head}</thead><tbody>{rows}</tbody></table></div>'


def shape_words(shape: Sequence[int]) -> str:
    """`64 maps of 14×14`, `3,136 numbers`, `one number`."""
    if len(shape) == 3:
        maps = f"{shape[0]:,} maps of " if shape[0] > 1 else "one map of "
        return f"{maps}{shape[1]}×{shape[2]}"
    count = math.prod(shape)
    return "one number" if count == 1 else f"{count:,} numbers"


def rounded(count: int) -> str:
    """`842`, `13.6 thousand`, `1.08 million`: three digits are enough to compare."""
    for unit, name in ((10**9, "billion"), (10**6, "million"), (10**3, "thousand")):
        if count >= unit:
            return f"{float(f'{count / unit:.3g}'):g} {name}"
    return str(count)


def _totals(found: Anatomy) -> str:
    return (
        f"{found.parameters:,} learned numbers (parameters), {rounded(found.multiply_adds)} multiply-adds for one image"
    )


def _input_cell(found: Anatomy, largest: int, painted: Painted) -> str:
    image = len(found.input_shape) == 3
    words = "An image" if image else "Random numbers z"
    told = f"<p>and which of {found.conditions:,} classes to draw</p>" if found.conditions and not image else ""
    text = (
        f"<h4>{words}</h4><p>{_image_words(found.input_shape) if image else shape_words(found.input_shape)}</p>{told}"
    )
    drawing = _drawing(found.input_shape, largest, painted)
    return f'<li class="how-in">{drawing}<div>{text}</div></li>'


def _cell(step: Block, size: int, role: str, painted: Painted) -> str:
    layer, out = step.main, step.shape
    facts = [f"<p>{shape_words(out)}</p>"]
    if layer.parameters:
        facts.append(f'<p class="how-faint">{sum(each.parameters for each in step.layers):,} learned</p>')
    chips = "".join(
        f'<span title="{escape(each.words)}">{escape(_short(each))}</span>' for each in _chips(step)
    )  # fmt: skip
    last_score = layer.kind == "dense" and out == (1,)
    head = "One score: real?" if last_score else HEADS.get(layer.kind, layer.words)
    head = "What the class adds" if layer.aside else "Reads the class" if layer.reading else head
    kind = " how-aside" if layer.aside or layer.reading else ""
    return (
        f'<li class="how-step{kind}">{_drawing(out, size, painted, score=last_score)}<div>'
        f'<h4 title="{escape(layer.words)}">{escape(head)}</h4><p class="how-term">{escape(_term(layer))}</p>'
        f'{"".join(facts)}{_reach(step, role, size)}<p class="how-chips">{chips}</p></div></li>'
    )


def _chips(step: Block) -> Iterable[Layer]:
    return (layer for layer in step.layers if layer is not step.main and not _plain_reshape(layer))


def _plain_reshape(layer: Layer) -> bool:
    return layer.kind == "reshape"


def _short(layer: Layer) -> str:
    term = layer.term.split(",")[0].replace("normalisation", "norm")
    return "+ spread of the batch" if layer.kind == "spread" else term


def _term(layer: Layer) -> str:
    names = {"dense": "fully connected", "conv": "convolution", "up": "transposed convolution"}
    name = names.get(layer.kind, layer.term)
    window = layer.term.partition("window ")[2].partition(",")[0]
    return f"{name} {window}".strip() + (", spectral norm" if layer.spectral else "")


def _reach(step: Block, role: str, size: int) -> str:
    """How far a point of the step's maps reaches into the image, with a picture of it to scale."""
    reach = next((layer.reach for layer in reversed(step.layers) if layer.reach is not None), None)
    if reach is None or reach == 1 or len(step.shape) != 3 or step.main.kind not in ("conv", "up"):
        return ""
    words = f"a point {'sees' if role == 'discriminator' else 'paints'} {reach}×{reach} pixels"
    return f'<p class="how-faint how-reach" title="receptive field">{_window(reach, size)}<span>{words}</span></p>'


def _window(reach: int, size: int) -> str:
    """A small square for the image, with the part that a point reaches filled, to scale."""
    side = max(2.0, 20 * reach / size)
    return (
        '<span class="how-frame" aria-hidden="true">'
        f'<i class="how-cell" style="width: {side:.1f}px; height: {side:.1f}px"></i></span>'
    )


def _drawing(shape: tuple[int, ...], largest: int, painted: Painted, *, score: bool = False) -> str:
    """A picture made of boxes: Streamlit's own HTML takes no SVG, and boxes follow its theme."""
    label = shape_words(shape)
    if score:
        return f'<div class="how-draw how-score" role="img" aria-label="{label}">?</div>'
    if shape in painted:
        return (
            f'<div class="how-draw how-picture" role="img" aria-label="an image, {label}" '
            f'style="width: {_LARGEST}px; height: {_LARGEST}px; {painted[shape]}"></div>'
        )
    inner, width, height = _maps(shape, largest) if len(shape) == 3 else _bar(math.prod(shape))
    style = f"width: {width}px; height: {height}px"
    return f'<div class="how-draw" role="img" aria-label="{label}" style="{style}">{inner}</div>'


def _maps(shape: Sequence[int], largest: int) -> tuple[str, int, int]:
    """Sheets one behind the other: the side is that of the map to scale, their number grows with its logarithm."""
    side = max(6, round(_LARGEST * shape[-1] / largest))
    sheets = min(_SHEETS, 1 + round(math.log2(shape[0]) * 0.9))
    step = 4 if side > 30 else 3
    parts = [
        f'<i class="how-sheet" style="left: {step * i}px; bottom: {step * i}px; width: {side}px; height: {side}px"></i>'
        for i in reversed(range(sheets))
    ]
    total = side + step * (sheets - 1)
    return "".join(parts), total, total


def _bar(count: int) -> tuple[str, int, int]:
    """A column of cells, taller for more numbers."""
    height = round(18 + 9 * math.log2(max(count, 2)))
    return '<i class="how-column"></i>', 12, height


def _image_words(shape: Sequence[int]) -> str:
    colours = {1: "gray", 3: "in colour"}.get(shape[0], f"{shape[0]} channels")
    return f"{shape[1]}×{shape[2]} pixels, {colours}"


def _spectral(layer: Layer) -> str:
    return ", spectral norm" if layer.spectral else ""


def _count(number: int) -> str:
    return f"{number:,}" if number else "–"
