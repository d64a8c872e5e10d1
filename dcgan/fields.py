"""What stands beside a setting: its label, explanation and limits, and the check of a value against them."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from dataclasses import MISSING, Field, dataclass, field
from typing import Any

from dcgan.errors import UserError

FIELD_GROUPS = {
    "main": "First of all",
    "images": "The images",
    "model": "Both networks",
    "generator": "The generator G",
    "discriminator": "The discriminator D",
    "game": "The game they play",
    "optimisation": "How they learn",
    "running": "How the run goes",
}  # title of every `FieldInfo.group`, in the order they are shown
NETWORK_GROUPS = ("images", "model", "generator", "discriminator")  # what shapes the networks


@dataclass(frozen=True)
class FieldInfo:
    """What a form or a flag needs to know of a field; `low` and `high` are inclusive."""

    label: str
    help: str
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] = ()
    group: str = "running"


def setting(default: Any, label: str, help: str, **limits: Any) -> Any:
    """A dataclass field with its `FieldInfo`, for which `limits` are."""
    return field(default=default, metadata={"info": FieldInfo(label, help, **limits)})


def info_of(spec: Field[Any]) -> FieldInfo:
    """The `FieldInfo` that `spec` was made with."""
    info: FieldInfo = spec.metadata["info"]
    return info


def checked(spec: Field[Any], value: Any) -> Any:
    """`value` as the field's own type, where that loses nothing.

    Raises:
        UserError: it is of another kind, out of range or not one of the choices.
    """
    assert spec.default is not MISSING
    info, kind = info_of(spec), type(spec.default)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if kind is int and isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is not kind:
        raise UserError(f"{spec.name} must be {_KIND_WORDS[kind]}, not {value!r}.")
    if kind is str and value != value.encode("utf-8", "replace").decode():  # a file system may take such names
        raise UserError(f"{spec.name} must be text in UTF-8, not {value!r}; rename it.")
    if info.choices and value not in info.choices:
        raise UserError(f"{spec.name} must be one of {', '.join(info.choices)}, not {value!r}.")
    if kind in (int, float) and not info.low <= value <= info.high:
        raise UserError(f"{spec.name} must be between {info.low:g} and {info.high:g}, not {value:g}.")
    return value


def nearest(name: str, known: Iterable[str]) -> str:
    """A phrase that helps somebody who mistyped: the closest known name, or all of them."""
    known = list(known)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}" if close else "known are " + ", ".join(known)


_KIND_WORDS = {int: "a whole number", float: "a number", str: "a word", bool: "true or false"}
