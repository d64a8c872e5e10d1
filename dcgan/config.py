"""What a training run is told: one frozen, validated `TrainConfig`, and the named presets.

A field's default, range and explanation stand here and nowhere else: command-line flags and form fields are made
from them.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, asdict, dataclass, field, fields, replace
from typing import Any

from dcgan.errors import UserError

DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "float32", "bfloat16")
CONDITIONINGS = ("none", "labels", "clusters")
NORMALIZATIONS = ("none", "batch", "spectral")


@dataclass(frozen=True)
class FieldInfo:
    """What a form or a flag needs to know of a field; `low` and `high` are inclusive."""

    label: str
    help: str
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] = ()
    group: str = "advanced"


def _setting(default: Any, label: str, help: str, **limits: Any) -> Any:
    return field(default=default, metadata={"info": FieldInfo(label, help, **limits)})


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Every choice that shapes a training run.

    Raises:
        UserError: a value is out of range or not one of the choices.
    """

    dataset: str = _setting("mnist", "Data", "The real images that D learns to recognise.", group="main")
    epochs: int = _setting(
        20, "Epochs", "How often training goes through all real images.", low=1, high=10_000, group="main"
    )
    device: str = _setting(
        "auto", "Device", "Where the arithmetic happens; auto takes a GPU when there is one.",
        choices=DEVICES, group="main",
    )  # fmt: skip
    conditioning: str = _setting(
        "none", "Conditioning", "Whether both networks are told which digit, or which group of look-alikes, is drawn.",
        choices=CONDITIONINGS, group="model",
    )  # fmt: skip
    clusters: int = _setting(
        100, "Clusters", "How many groups of look-alikes are formed where conditioning is clusters.", low=2, high=1000,
        group="model",
    )  # fmt: skip
    latent_dim: int = _setting(
        100, "Latent size", "How many random numbers z the generator turns into one image.", low=2, high=512,
        group="model",
    )  # fmt: skip
    generator_width: int = _setting(
        64, "Generator width", "Feature maps in G's last hidden layer; wider draws finer and trains slower.",
        low=4, high=512, group="model",
    )  # fmt: skip
    generator_finish: int = _setting(
        0, "G finishing layer", "Feature maps of one more layer at full size, for cleaner strokes; 0 leaves it out.",
        low=0, high=512, group="model",
    )  # fmt: skip
    discriminator_width: int = _setting(
        64, "Discriminator width", "Feature maps in D's first layer; wider judges finer and trains slower.",
        low=4, high=512, group="model",
    )  # fmt: skip
    discriminator_norm: str = _setting(
        "batch", "D normalisation", "How D keeps the size of its signals in check between layers.",
        choices=NORMALIZATIONS, group="model",
    )  # fmt: skip
    discriminator_features: int = _setting(
        0, "D dense layer", "Units of a dense layer before D's score; 0 leaves it out.", low=0, high=4096,
        group="model",
    )  # fmt: skip
    minibatch_std: bool = _setting(
        False, "Minibatch spread", "Shows D how varied the batch is, so that G cannot draw one digit only.",
        group="model",
    )  # fmt: skip
    dropout: float = _setting(
        0.0, "Dropout", "Share of D's signals switched off at random, which slows D down.", low=0.0, high=0.9,
        group="model",
    )  # fmt: skip
    batch_size: int = _setting(
        128, "Batch size", "How many real and how many generated images are seen in one step.", low=2, high=8192,
        group="optimisation",
    )  # fmt: skip
    lr_g: float = _setting(
        2e-4, "Learning rate of G", "How far one step changes the generator.", low=1e-7, high=1.0,
        group="optimisation",
    )  # fmt: skip
    lr_d: float = _setting(
        2e-4, "Learning rate of D", "How far one step changes the discriminator.", low=1e-7, high=1.0,
        group="optimisation",
    )  # fmt: skip
    lr_decay: float = _setting(
        0.0, "Learning rate decay", "Share of the run, at its end, over which both learning rates sink to zero.",
        low=0.0, high=1.0, group="optimisation",
    )  # fmt: skip
    beta1: float = _setting(
        0.5, "Adam beta 1", "How much of the previous direction a step keeps; GANs like less than usual.",
        low=0.0, high=0.999, group="optimisation",
    )  # fmt: skip
    beta2: float = _setting(
        0.999, "Adam beta 2", "How long Adam remembers the size of past gradients.", low=0.0, high=0.99999,
        group="optimisation",
    )  # fmt: skip
    label_smoothing: float = _setting(
        0.0, "Label smoothing", "Real images count as 1 minus this for D, so that it is never too sure.",
        low=0.0, high=0.5, group="optimisation",
    )  # fmt: skip
    ema_decay: float = _setting(
        0.0, "Weight averaging (EMA)", "Samples come from a running average of G's weights; 0 switches it off.",
        low=0.0, high=0.99999, group="optimisation",
    )  # fmt: skip
    precision: str = _setting(
        "auto", "Precision", "bfloat16 is faster where the processor supports it; auto finds out.",
        choices=PRECISIONS, group="optimisation",
    )  # fmt: skip
    threads: int = _setting(
        0, "CPU threads", "Processor cores that training on a CPU uses; 0 takes half of them.", low=0, high=256,
        group="optimisation",
    )  # fmt: skip
    seed: int = _setting(
        0,
        "Seed",
        "Same seed, same settings, same CPU: the same run, digit for digit.",
        low=0,
        high=2**31 - 1,
        group="optimisation",
    )
    log_every: int = _setting(
        10, "Steps between points", "How many steps one point of the curves averages.", low=1, high=10_000,
        group="optimisation",
    )  # fmt: skip

    def __post_init__(self) -> None:
        for spec in fields(self):
            object.__setattr__(self, spec.name, _checked(spec, getattr(self, spec.name)))

    def to_dict(self) -> dict[str, Any]:
        """All fields as JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrainConfig:
        """The inverse of `to_dict`; absent fields take their defaults.

        Raises:
            UserError: a key is unknown (the nearest known one is named) or a value is not allowed.
        """
        known = [f.name for f in fields(cls)]
        for name in values:
            if name not in known:
                raise UserError(f"Unknown setting {name!r}; {nearest(str(name), known)}.")
        return cls(**values)

    def num_conditions(self, num_classes: int) -> int:
        """How many classes the networks are told of, for data with `num_classes` labels; 0 without conditioning."""
        return {"none": 0, "labels": num_classes, "clusters": self.clusters}[self.conditioning]

    def with_changes(self, **changes: Any) -> TrainConfig:
        """A copy with some fields changed, checked like a new one."""
        return replace(self, **changes)


def field_info(name: str) -> FieldInfo:
    """Label, explanation and limits of the `TrainConfig` field `name`."""
    return _info({f.name: f for f in fields(TrainConfig)}[name])


def config_fields() -> list[tuple[str, type, FieldInfo]]:
    """Name, type and `FieldInfo` of every `TrainConfig` field, in order."""
    return [(f.name, type(f.default), _info(f)) for f in fields(TrainConfig)]


def nearest(name: str, known: Iterable[str]) -> str:
    """A phrase that helps somebody who mistyped: the closest known name, or all of them."""
    known = list(known)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}" if close else "known are " + ", ".join(known)


def _info(spec: Field[Any]) -> FieldInfo:
    info: FieldInfo = spec.metadata["info"]
    return info


def _checked(spec: Field[Any], value: Any) -> Any:
    assert spec.default is not MISSING
    info, kind = _info(spec), type(spec.default)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if kind is int and isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is not kind:
        raise UserError(f"{spec.name} must be {_KIND_WORDS[kind]}, not {value!r}.")
    if info.choices and value not in info.choices:
        raise UserError(f"{spec.name} must be one of {', '.join(info.choices)}, not {value!r}.")
    if kind in (int, float) and not info.low <= value <= info.high:
        raise UserError(f"{spec.name} must be between {info.low:g} and {info.high:g}, not {value:g}.")
    return value


_KIND_WORDS = {int: "a whole number", float: "a number", str: "a word", bool: "true or false"}


@dataclass(frozen=True)
class Preset:
    """A named starting point: config values and a sentence on what they are for."""

    name: str
    title: str
    summary: str
    config: TrainConfig


PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            "quick",
            "Quick",
            "Readable digits within half a minute on a laptop: small networks that are told which digit to draw.",
            TrainConfig(
                conditioning="labels",
                latent_dim=32,
                generator_width=32,
                generator_finish=16,
                discriminator_width=32,
                discriminator_norm="batch",
                discriminator_features=256,
                batch_size=64,
                lr_g=3e-3,
                lr_d=3e-3,
                ema_decay=0.995,
            ),
        ),
        Preset(
            "best",
            "Best",
            "Cleaner digits for more patience: wider networks whose learning rates sink to zero at the end.",
            TrainConfig(
                epochs=10,
                conditioning="labels",
                latent_dim=64,
                generator_width=48,
                generator_finish=24,
                discriminator_width=48,
                discriminator_norm="batch",
                discriminator_features=256,
                batch_size=64,
                lr_g=2e-3,
                lr_d=2e-3,
                lr_decay=0.8,
                ema_decay=0.999,
            ),
        ),
        Preset(
            "dcgan",
            "Classic DCGAN",
            "The network of the 2015 paper at 28x28: noise in, digits out, nobody says which digit.",
            TrainConfig(),
        ),
    )
}


def get_preset(name: str) -> Preset:
    """The preset called `name`.

    Raises:
        UserError: there is none; the nearest known name is given.
    """
    if name not in PRESETS:
        raise UserError(f"Unknown preset {name!r}; {nearest(name, PRESETS)}.")
    return PRESETS[name]
