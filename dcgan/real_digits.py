"""What real MNIST digits get in the place of generated ones: read from the classifier's file, without torch."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from dcgan.errors import UserError
from dcgan.files import read_json
from dcgan.reports import LightReport, View

ASSET = Path(__file__).resolve().parent / "assets" / "mnist_classifier.safetensors"
VIEWS = "real_views.json"  # beside the classifier: what real digits get that were coloured or enlarged and brought back
PLAIN = View()
FEW, MANY = 2_000, 10_000  # numbers of images for which the distance between real digits is measured


def real_digits(split: str, count: int, path: Path = ASSET, view: View = PLAIN) -> LightReport:
    """What `count` real MNIST digits of another split get when they are held against `split`, seen as in `view`.

    Raises:
        UserError: the classifier file is missing, damaged, or knows no such split.
    """
    seen_otherwise = {} if view.name == PLAIN.name else _views(path.with_name(VIEWS))
    numbers = seen_otherwise.get(view.name) or _numbers(path)
    try:
        return at_count(LightReport.from_dict(numbers["real"][split]), float(numbers["few_fd"][split]), count)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"The statistics in {path} are incomplete; restore the shipped file.") from error


def real_shares(split: str, path: Path = ASSET) -> tuple[float, ...]:
    """The share of the digits 0 to 9 in `split`, summing to 1.

    Raises:
        UserError: as for `real_digits`.
    """
    try:
        return tuple(map(float, _numbers(path)["class_shares"][split]))
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"The statistics in {path} are incomplete; restore the shipped file.") from error


def at_count(report: LightReport, few_fd: float, count: int) -> LightReport:
    """`report` on `MANY` real digits as it were on `count`: the distance is linear in 1 / count (arXiv 1911.07023).

    `few_fd` is the distance that `FEW` of them have.
    """
    slope = (few_fd - report.fd_lenet) / (1 / FEW - 1 / MANY)
    return replace(report, fd_lenet=report.fd_lenet + slope * (1 / count - 1 / MANY), num_images=count)


@lru_cache(maxsize=4)
def _views(path: Path) -> dict[str, Any]:
    return read_json(path) or {}


@lru_cache(maxsize=4)
def _numbers(path: Path) -> Any:
    try:
        with safe_open(path, framework="numpy") as file:
            return json.loads((file.metadata() or {})["references"])
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise UserError(f"The digit classifier {path} cannot be read; restore the shipped file.") from error
