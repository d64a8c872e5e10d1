"""What the Explore page's address holds, and how it is written: short, readable, every value in a fixed range.

    ?run=NAME&epoch=6&at=POINT&pick=POINT&pick=POINT&view=walk&walk=slerp-12-loop&a=POINT&b=POINT&c=POINT&axes=1.2&map=tsne&along=3

A point is everything that decides one image of a generator: `0.5_d1.125_c12.-40_t70_n3.8.40_b6` is sample 5 (from 0)
of seed 0, 1.25 standard deviations along direction 1 (of the generator of epoch 6), with coordinate 12 of z set to
-0.40, truncated to 0.70, between the digits 3 and 8 at 40 %. Decimals are written as whole hundredths. A part `z...`
takes the sample's place by a z of its own: little-endian 16-bit hundredths in base64 with - and . for + and /.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from dcgan.errors import UserError

SAMPLES: Final = 48  # images of the grid, so the indexes of one seed
DIRECTIONS: Final = 10  # sliders for principal directions
REACH: Final = 300  # hundredths: how far a direction's slider goes to either side
COORDINATE_REACH: Final = 400
MAX_SEED: Final = 999_999
MAX_PICKS: Final = 12
MAX_STEPS: Final = 30
MAX_IMAGES: Final = 400  # drawn in one request; the longest walk has MAX_PICKS * MAX_STEPS
MAX_OWN: Final = 1000  # hundredths: how far a number of a z of one's own may lie from 0
MAX_PARTS: Final = 3  # points that arithmetic averages
VIEWS: Final = ("sliders", "walk", "arithmetic", "map", "time", "draw")
METHODS: Final = ("slerp", "lerp")
WALK: Final = "walk"
LAYOUTS: Final = ("plane", "pca", "tsne")

_Reader = Callable[["ExploreState", list[str], "Space"], "ExploreState"]
_BASE = re.compile(r"(\d{1,6})\.(\d{1,3})")
_PAIR = re.compile(r"(\d{1,3})\.(-?\d{1,4})")
_DIGIT = re.compile(r"(\d{1,3})(?:\.(\d{1,3})\.(\d{1,3}))?")
_WHOLE = re.compile(r"[0-9]{1,9}")  # Python refuses to read whole numbers of some thousand digits
_WALK = re.compile(r"(slerp|lerp)-(\d{1,2})(-loop)?")


@dataclass(frozen=True)
class Point:
    """Sample `index` of `seed`, and what was done to it; amounts in hundredths.

    `directions` maps numbers from 0 to amounts, `coordinates` numbers of z from 0 to values; `digit` None stands for
    the sample's own; `blend` is (other digit, percent); `basis` is the epoch whose directions are meant, None for the
    epoch shown; `own` is a whole z in hundredths that stands for the sample's.
    """

    seed: int = 0
    index: int = 0
    directions: Mapping[int, int] = field(default_factory=dict)
    coordinates: Mapping[int, int] = field(default_factory=dict)
    truncation: int = 100
    digit: int | None = None
    blend: tuple[int, int] | None = None
    basis: int | None = None
    own: tuple[int, ...] | None = None

    def token(self) -> str:
        """The point as it stands in an address; `parse_point` reads it back."""
        parts = [f"{self.seed}.{self.index}"]
        parts += ["z" + _packed(self.own)] if self.own else []
        parts += [f"d{number + 1}.{amount}" for number, amount in sorted(self.directions.items())]
        parts += [f"c{number + 1}.{value}" for number, value in sorted(self.coordinates.items())]
        parts += [f"t{self.truncation}"] if self.truncation != 100 else []
        if self.digit is not None:
            parts.append(f"n{self.digit}" + (f".{self.blend[0]}.{self.blend[1]}" if self.blend else ""))
        parts += [f"b{self.basis}"] if self.basis is not None and self.directions else []
        return "_".join(parts)


@dataclass(frozen=True)
class Space:
    """What a run offers: the limits its points are checked against."""

    latent_dim: int
    num_classes: int  # digits or clusters it can be asked for; 0 where it knows none
    epochs: tuple[int, ...]


@dataclass(frozen=True)
class ExploreState:
    """All that the page shows of a run; `epoch` None stands for the newest."""

    epoch: int | None = None
    point: Point = field(default_factory=Point)
    picks: tuple[Point, ...] = ()
    view: str = VIEWS[0]
    method: str = METHODS[0]
    steps: int = 8
    loop: bool = True
    a: tuple[Point, ...] = ()
    b: tuple[Point, ...] = ()
    c: tuple[Point, ...] = ()
    axes: tuple[int, int] = (0, 1)  # directions that span the map
    layout: str = LAYOUTS[0]  # what the map shows
    along: int | str | None = None  # direction that the time machine varies, or `WALK` for the walk through the picks

    def as_data(self) -> dict[str, Any]:
        """JSON values for the browser."""
        return asdict(self)


def parse_point(token: str, space: Space) -> Point:
    """The point written as `token`.

    Raises:
        UserError: it is not written like one, or a value lies outside what `space` offers.
    """
    base, *parts = token.split("_")
    match = _BASE.fullmatch(base)
    if not match or len(token) > 12_000 or int(match[2]) >= SAMPLES:
        raise UserError(f"{token[:40]!r} does not describe an image; it starts with seed.number, as in 0.5.")
    point = Point(seed=int(match[1]), index=int(match[2]))
    for part in parts:
        point = _with_part(point, part, space)
    return point


def parse_state(query: Mapping[str, Sequence[str]], space: Space) -> tuple[ExploreState, str]:
    """The state in an address, and one sentence on what could not be used ('' if all could)."""
    state, ignored = ExploreState(), []
    for name, read in _READERS.items():
        try:
            state = read(state, list(query.get(name, ())), space)
        except (UserError, ValueError):
            ignored.append(name)
    if not ignored:
        return state, ""
    words = " and ".join(dict.fromkeys(_WORDS[name] for name in ignored))
    return state, f"This link's {words} cannot be used with this run, so you see the usual start instead."


def _with_part(point: Point, part: str, space: Space) -> Point:
    kind, text = part[:1], part[1:]
    if kind in ("d", "c") and (match := _PAIR.fullmatch(text)):
        number, amount = int(match[1]) - 1, int(match[2])
        if kind == "d" and 0 <= number < min(DIRECTIONS, space.latent_dim) and abs(amount) <= REACH:
            return replace(point, directions={**point.directions, number: amount})
        if kind == "c" and 0 <= number < space.latent_dim and abs(amount) <= COORDINATE_REACH:
            return replace(point, coordinates={**point.coordinates, number: amount})
    elif kind == "t" and _WHOLE.fullmatch(text) and int(text) <= 100:
        return replace(point, truncation=int(text))
    elif kind == "b" and _WHOLE.fullmatch(text) and int(text) in space.epochs:
        return replace(point, basis=int(text))
    elif kind == "z":
        return replace(point, own=_unpacked(text, space.latent_dim))
    elif kind == "n" and (match := _DIGIT.fullmatch(text)):
        blend = (int(match[2]), int(match[3])) if match[2] else None
        if int(match[1]) < space.num_classes and (not blend or (blend[0] < space.num_classes and blend[1] <= 100)):
            return replace(point, digit=int(match[1]), blend=blend)
    raise UserError(f"{part[:20]!r} is not a change that this generator knows.")


def _packed(own: Sequence[int]) -> str:
    return base64.b64encode(struct.pack(f"<{len(own)}h", *own), b"-.").decode().rstrip("=")


def _unpacked(text: str, count: int) -> tuple[int, ...]:
    try:
        content = base64.b64decode(text + "=" * (-len(text) % 4), b"-.", validate=True)
        own = struct.unpack(f"<{count}h", content)
    except (binascii.Error, ValueError, struct.error):
        raise UserError(f"A z of this generator has {count} numbers.") from None
    if max(map(abs, own)) > MAX_OWN:
        raise UserError(f"The numbers of a z lie between -{MAX_OWN / 100:g} and {MAX_OWN / 100:g}.")
    return own


def _read_epoch(state: ExploreState, values: list[str], space: Space) -> ExploreState:
    if values and int(values[-1]) not in space.epochs:
        raise UserError("unknown epoch")
    return replace(state, epoch=int(values[-1])) if values else state


def _read_point(state: ExploreState, values: list[str], space: Space) -> ExploreState:
    return replace(state, point=parse_point(values[-1], space)) if values else state


def _read_picks(state: ExploreState, values: list[str], space: Space) -> ExploreState:
    if len(values) > MAX_PICKS:
        raise UserError("too many picks")
    return replace(state, picks=tuple(parse_point(token, space) for token in values))


def _read_view(state: ExploreState, values: list[str], space: Space) -> ExploreState:
    if values and values[-1] not in VIEWS:
        raise UserError("unknown view")
    return replace(state, view=values[-1]) if values else state


def _read_walk(state: ExploreState, values: list[str], space: Space) -> ExploreState:
    if not values:
        return state
    match = _WALK.fullmatch(values[-1])
    if not match or not 1 <= int(match[2]) <= MAX_STEPS:
        raise UserError("unknown way")
    return replace(state, method=match[1], steps=int(match[2]), loop=bool(match[3]))


def _part_reader(name: str) -> _Reader:
    def read(state: ExploreState, values: list[str], space: Space) -> ExploreState:
        if len(values) > MAX_PARTS:
            raise UserError("too many parts")
        parts: dict[str, Any] = {name: tuple(parse_point(token, space) for token in values)}
        return replace(state, **parts)

    return read


def _read_axes(state: ExploreState, values: list[str], space: Space) -> ExploreState:
    if not values:
        return state
    first, second = (_direction(text, space) for text in values[-1].split("."))
    if first == second:
        raise UserError("one direction spans no plane")
    return replace(state, axes=(first, second))


def _read_map(state: ExploreState, values: list[str], space: Space) -> ExploreState:
    if values and values[-1] not in LAYOUTS:
        raise UserError("unknown map")
    return replace(state, layout=values[-1]) if values else state


def _read_along(state: ExploreState, values: list[str], space: Space) -> ExploreState:
    if values and values[-1] == WALK:
        return replace(state, along=WALK)
    return replace(state, along=_direction(values[-1], space)) if values else state


def _direction(text: str, space: Space) -> int:
    number = int(text) - 1
    if not 0 <= number < min(DIRECTIONS, space.latent_dim):
        raise UserError("unknown direction")
    return number


_READERS: Final[dict[str, _Reader]] = {
    "epoch": _read_epoch, "at": _read_point, "pick": _read_picks, "view": _read_view, "walk": _read_walk,
    "a": _part_reader("a"), "b": _part_reader("b"), "c": _part_reader("c"), "axes": _read_axes, "map": _read_map,
    "along": _read_along,
}  # fmt: skip
_WORDS: Final = {
    "epoch": "epoch", "at": "image", "pick": "picks", "view": "tab", "walk": "walk", "a": "arithmetic",
    "b": "arithmetic", "c": "arithmetic", "axes": "map", "map": "map", "along": "time machine",
}  # fmt: skip
