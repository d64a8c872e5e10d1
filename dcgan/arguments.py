"""What the commands of `python -m dcgan` take: flags, their explanations, and one sentence where they are wrong."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any, NoReturn

from dcgan.config import config_fields, field_info
from dcgan.datasets import DATA_DIR_VARIABLE, LIMITS, OWN_IMAGES
from dcgan.errors import UserError
from dcgan.fields import nearest
from dcgan.presets import PRESETS

_METAVARS = {int: "N", float: "X", str: "NAME"}
_FORMATS = ("safetensors", "onnx", "html", "gif", "mp4", "webm")  # those of dcgan.export, which loads torch


class Parser(argparse.ArgumentParser):
    """Says one sentence about a wrong command line, with the nearest flag for an unknown one."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, allow_abbrev=False)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse does, but what is not known is refused here, where the nearest flag can be named."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            known = [flag for flag in self._option_string_actions if flag.startswith("--")]
            hint = nearest(unknown[0].split("=")[0], known) if unknown[0].startswith("-") else f"see {self.prog} --help"
            raise UserError(f"{unknown[0]!r} is not known here; {hint}.")
        return found, unknown

    def error(self, message: str) -> NoReturn:
        """Raise what argparse has to say, as one sentence."""
        text = re.sub(r"^argument (\S+): ", r"\1: ", message.strip().rstrip("."))
        raise UserError(f"{text}; see {self.prog} --help.")


def add_train(parser: argparse.ArgumentParser) -> None:
    """The flags of `train`, one for each field of `TrainConfig` among them."""
    parser.add_argument("--preset", help=f"starting point: {', '.join(PRESETS)} (default quick)")
    parser.add_argument("--run-dir", type=Path, help="where the run is kept (default: a new one in checkpoints/)")
    parser.add_argument(
        "--data-dir", type=Path, help=f"where the data sets are (default: ${DATA_DIR_VARIABLE} or data/); with "
        f"--dataset {OWN_IMAGES}, your own images: {LIMITS}",
    )  # fmt: skip
    parser.add_argument("--max-seconds", help="end cleanly after this much training time")
    parser.add_argument("--resume", action="store_true", help="go on with the run in --run-dir; --epochs may be raised")
    for name, kind, info in config_fields():
        flag = "--" + name.replace("_", "-")
        text = info.help.replace("%", "%%") + (f" One of {', '.join(info.choices)}." if info.choices else "")
        if kind is bool:
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=None, help=text)
        else:
            parser.add_argument(flag, dest=name, metavar=_METAVARS[kind], help=text)


def add_sample(parser: argparse.ArgumentParser) -> None:
    """What `sample` takes."""
    parser.add_argument("run", metavar="RUN", help="a run's name or directory")
    parser.add_argument(
        "--num-samples", help="how many images (default 64), with --every-digit how many rows (default 8)"
    )
    parser.add_argument("--seed", default="0", help="same seed, same images (default 0)")
    parser.add_argument("--epoch", help="the generator of this epoch (default: the newest)")
    parser.add_argument("--digit", help="the class to draw, by number or name, for runs trained with labels")
    parser.add_argument(
        "--every-digit", action="store_true", help="rows of one style (one z) each, every class in turn"
    )
    parser.add_argument("--output", type=Path, required=True, help=".npy: uint8 array; .png: a grid; else a folder")


def add_evaluate(parser: argparse.ArgumentParser) -> None:
    """What `evaluate` takes."""
    parser.add_argument("run", metavar="RUN", help="a run's name or directory")
    parser.add_argument("--num-samples", default="10000", help="how many images to judge (default 10000)")
    parser.add_argument("--seed", default="0", help="same seed, same images (default 0)")
    parser.add_argument("--epoch", help="the generator of this epoch (default: the newest)")
    parser.add_argument("--split", default="test", help="real digits to compare with: test, held_out or train")
    parser.add_argument("--data-dir", type=Path, help="with MNIST there, coverage and copies are measured too")
    parser.add_argument(
        "--fid", nargs="?", const="", metavar="WEIGHTS", help="also the FID; takes torch-fidelity and many minutes"
    )
    parser.add_argument(
        "--nearest-neighbour", action="store_true",
        help="also read real digits by their nearest of 50,000 generated ones; needs MNIST and half a minute",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--save", action="store_true", help="keep the result in the run's directory")


def add_export(parser: argparse.ArgumentParser) -> None:
    """What `export` takes."""
    parser.add_argument("run", metavar="RUN", help="a run's name or directory")
    parser.add_argument("--format", required=True, help=f"one of {', '.join(_FORMATS)}")
    parser.add_argument("--epoch", help="the generator of this epoch (default: the newest)")
    parser.add_argument("--seed", default="0", help="for gif, mp4, webm: which random walk is filmed (default 0)")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="the file to write")


def add_bundle(parser: argparse.ArgumentParser) -> None:
    """What `bundle` takes."""
    parser.add_argument("run", metavar="RUN", help="a run's name or directory")
    parser.add_argument("target", metavar="TARGET", type=Path, help="the new directory")
    parser.add_argument("--epochs", default="", help="generators to keep, such as 1,2,5,10 (default: all)")
    parser.add_argument("--title", default="", help="the name people see (default: as the run's)")


def add_runs(parser: argparse.ArgumentParser) -> None:
    """`runs` takes nothing."""


def number(text: str, flag: str, kind: type) -> Any:
    """`text`, which was given with `flag`, as int or float.

    Raises:
        UserError: it is no such number.
    """
    try:
        return kind(text)
    except ValueError:
        raise UserError(f"{flag} must be {'a whole number' if kind is int else 'a number'}, not {text!r}.") from None


def seed_number(text: str) -> int:
    """The number given with --seed, in the range that training takes.

    Raises:
        UserError: it is no such number.
    """
    seed, info = int(number(text, "--seed", int)), field_info("seed")
    if not info.low <= seed <= info.high:
        raise UserError(f"--seed must be between {info.low:.0f} and {info.high:.0f}, not {text}.")
    return seed
