"""What a training run is told: one frozen, validated `TrainConfig`.

A field's default, range and explanation stand here and nowhere else: command-line flags and form fields are made
from them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from dcgan.errors import UserError
from dcgan.fields import FieldInfo, checked, info_of, nearest, setting

DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "float32", "bfloat16")
CONDITIONINGS = ("none", "labels", "clusters")
NORMALIZATIONS = ("none", "batch", "spectral")
D_NORMALIZATIONS = (*NORMALIZATIONS, "layer")
FAMILIES = ("dcgan", "mlp")
OBJECTIVES = ("non-saturating", "minimax", "hinge", "lsgan", "wgan-gp", "rpgan")
SMOOTHED = ("non-saturating", "minimax")  # the objectives with targets that label smoothing can move
LOGARITHMIC = (*SMOOTHED, "rpgan")  # the objectives whose losses are logarithms of probabilities
IMAGE_SIZES = (28, 32, 64, 128)
FITS = ("crop", "pad")


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Every choice that shapes a training run.

    Raises:
        UserError: a value is out of range or not one of the choices.
    """

    dataset: str = setting("mnist", "Data", "The real images that D learns to recognise.", group="main")
    epochs: int = setting(
        20, "Epochs", "How often training goes through all real images.", low=1, high=10_000, group="main"
    )
    device: str = setting(
        "auto", "Device", "Where the arithmetic happens; auto takes a GPU when there is one.",
        choices=DEVICES, group="main",
    )  # fmt: skip
    image_size: int = setting(
        0, "Image size", "Side length of the images in pixels: 28, 32, 64 or 128; 0 leaves them as the data has them.",
        low=0, high=128, group="images",
    )  # fmt: skip
    channels: int = setting(
        0, "Channels", "1 for gray images, 3 for colour; 0 leaves them as the data has them.", low=0, high=3,
        group="images",
    )  # fmt: skip
    source: str = setting(
        "", "Own images", "With the data set folder: a folder of images, or the name of an uploaded set.", group="main",
    )  # fmt: skip
    fit: str = setting(
        "crop", "Shape of own images", "How images that are not square become so: crop cuts off what lies outside the "
        "middle, pad keeps all of it between black bars.", choices=FITS, group="main",
    )  # fmt: skip
    family: str = setting(
        "dcgan", "Family", "Both networks are made of convolutions (dcgan) or of fully connected layers only (mlp).",
        choices=FAMILIES, group="model",
    )  # fmt: skip
    conditioning: str = setting(
        "none", "Conditioning", "Whether both networks are told which digit, or which group of look-alikes, is drawn.",
        choices=CONDITIONINGS, group="model",
    )  # fmt: skip
    clusters: int = setting(
        100, "Clusters", "How many groups of look-alikes are formed where conditioning is clusters.", low=2, high=1000,
        group="model",
    )  # fmt: skip
    latent_dim: int = setting(
        100, "Latent size", "How many random numbers z the generator turns into one image.", low=2, high=512,
        group="model",
    )  # fmt: skip
    generator_width: int = setting(
        64, "Generator width", "Feature maps in G's last hidden layer; wider draws finer and trains slower.",
        low=4, high=512, group="generator",
    )  # fmt: skip
    generator_finish: int = setting(
        0, "G finishing layer", "Feature maps of one more layer at full size, for cleaner strokes; 0 leaves it out.",
        low=0, high=512, group="generator",
    )  # fmt: skip
    generator_norm: str = setting(
        "batch", "G normalisation", "How G keeps the size of its signals in check between layers.",
        choices=NORMALIZATIONS, group="generator",
    )  # fmt: skip
    kernel_size: int = setting(
        4, "Kernel size", "How many pixels wide the window of a convolution is.", low=3, high=5, group="model",
    )  # fmt: skip
    discriminator_width: int = setting(
        64, "Discriminator width", "Feature maps in D's first layer; wider judges finer and trains slower.",
        low=4, high=512, group="discriminator",
    )  # fmt: skip
    discriminator_norm: str = setting(
        "batch", "D normalisation", "How D keeps the size of its signals in check between layers.",
        choices=D_NORMALIZATIONS, group="discriminator",
    )  # fmt: skip
    discriminator_features: int = setting(
        0, "D dense layer", "Units of a dense layer before D's score; 0 leaves it out.", low=0, high=4096,
        group="discriminator",
    )  # fmt: skip
    minibatch_std: bool = setting(
        False, "Minibatch spread", "Shows D how varied the batch is, so that G cannot draw one digit only.",
        group="discriminator",
    )  # fmt: skip
    dropout: float = setting(
        0.0, "Dropout", "Share of D's signals switched off at random, which slows D down.", low=0.0, high=0.9,
        group="discriminator",
    )  # fmt: skip
    objective: str = setting(
        "non-saturating", "Objective", "What the two networks are paid for: the loss functions of the game.",
        choices=OBJECTIVES, group="game",
    )  # fmt: skip
    gradient_penalty: float = setting(
        10.0, "Gradient penalty", "With wgan-gp: how strongly D's slope, from generated to real images, is held at 1.",
        low=0.0, high=1000.0, group="game",
    )  # fmt: skip
    r1: float = setting(
        0.0, "R1 penalty", "How strongly D's slope at real images is held down; 0 switches it off.", low=0.0,
        high=1000.0, group="game",
    )  # fmt: skip
    r2: float = setting(
        0.0, "R2 penalty", "How strongly D's slope at generated images is held down; 0 switches it off.", low=0.0,
        high=1000.0, group="game",
    )  # fmt: skip
    penalty_every: int = setting(
        1, "Steps between penalties", "R1 and R2 are worked out every so many steps, and count as many times more.",
        low=1, high=64, group="game",
    )  # fmt: skip
    class_loss: float = setting(
        0.0, "Class loss", "With classes: how strongly D is taught to read them and G paid for images that it reads as "
        "the class asked for; 0 switches it off.", low=0.0, high=100.0, group="game",
    )  # fmt: skip
    critic_steps: int = setting(
        1, "D steps per G step", "How many times D learns before G learns once.", low=1, high=20,
        group="game",
    )  # fmt: skip
    batch_size: int = setting(
        128, "Batch size", "How many real and how many generated images are seen in one step.", low=2, high=8192,
        group="optimisation",
    )  # fmt: skip
    lr_g: float = setting(
        2e-4, "Learning rate of G", "How far one step changes the generator.", low=1e-7, high=1.0,
        group="optimisation",
    )  # fmt: skip
    lr_d: float = setting(
        2e-4, "Learning rate of D", "How far one step changes the discriminator.", low=1e-7, high=1.0,
        group="optimisation",
    )  # fmt: skip
    lr_decay: float = setting(
        0.0, "Learning rate decay", "Share of the run, at its end, over which both learning rates sink to zero.",
        low=0.0, high=1.0, group="optimisation",
    )  # fmt: skip
    beta1: float = setting(
        0.5, "Adam beta 1", "How much of the previous direction a step keeps; GANs like less than usual.",
        low=0.0, high=0.999, group="optimisation",
    )  # fmt: skip
    beta2: float = setting(
        0.999, "Adam beta 2", "How long Adam remembers the size of past gradients.", low=0.0, high=0.99999,
        group="optimisation",
    )  # fmt: skip
    label_smoothing: float = setting(
        0.0, "Label smoothing", "Real images count as 1 minus this for D, so that it is never too sure.",
        low=0.0, high=0.5, group="game",
    )  # fmt: skip
    ema_decay: float = setting(
        0.0, "Weight averaging (EMA)", "Samples come from a running average of G's weights; 0 switches it off.",
        low=0.0, high=0.99999, group="optimisation",
    )  # fmt: skip
    precision: str = setting(
        "auto", "Precision", "bfloat16 is faster where the processor supports it; auto finds out.",
        choices=PRECISIONS, group="running",
    )  # fmt: skip
    threads: int = setting(
        0, "CPU threads", "Processor cores that training on a CPU uses; 0 takes half of them.", low=0, high=256,
        group="running",
    )  # fmt: skip
    seed: int = setting(
        0,
        "Seed",
        "Same seed, same settings, same CPU: the same run, digit for digit.",
        low=0,
        high=2**31 - 1,
        group="running",
    )
    log_every: int = setting(
        10, "Steps between points", "How many steps one point of the curves averages.", low=1, high=10_000,
        group="running",
    )  # fmt: skip

    def __post_init__(self) -> None:
        for spec in fields(self):
            object.__setattr__(self, spec.name, checked(spec, getattr(self, spec.name)))
        for wrong, sentence in _impossible(self):
            if wrong:
                raise UserError(sentence)

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

    @property
    def conditional(self) -> bool:
        """Whether both networks have to be told a class."""
        return self.conditioning != "none"

    @property
    def loss_unit(self) -> str:
        """The unit of both losses: `nats` where they are logarithms of probabilities, else D's own `score`."""
        return "nats" if self.objective in LOGARITHMIC else "score"

    def num_conditions(self, num_classes: int) -> int:
        """How many classes the networks are told of, for data with `num_classes` labels; 0 without conditioning."""
        return {"none": 0, "labels": num_classes, "clusters": self.clusters}[self.conditioning]

    def without_place(self) -> TrainConfig:
        """A copy that names own images by the last part of their folder's path: what is given away tells no more."""
        return replace(self, source=self.source.replace("\\", "/").rstrip("/").rpartition("/")[2])

    def with_changes(self, **changes: Any) -> TrainConfig:
        """A copy with some fields changed, checked like a new one."""
        return replace(self, **changes)


def field_info(name: str) -> FieldInfo:
    """Label, explanation and limits of the `TrainConfig` field `name`."""
    return info_of({f.name: f for f in fields(TrainConfig)}[name])


def config_fields() -> list[tuple[str, type, FieldInfo]]:
    """Name, type and `FieldInfo` of every `TrainConfig` field, in order."""
    return [(f.name, type(f.default), info_of(f)) for f in fields(TrainConfig)]


def _impossible(config: TrainConfig) -> Iterable[tuple[bool, str]]:
    """What cannot go together, each with the reason."""
    yield (
        config.image_size not in (0, *IMAGE_SIZES),
        f"image_size must be {', '.join(map(str, IMAGE_SIZES))}, or 0 for the data's own, not {config.image_size}.",
    )
    yield config.channels == 2, "channels must be 1 (gray), 3 (colour), or 0 for the data's own, not 2."
    yield (
        config.objective == "wgan-gp" and config.discriminator_norm == "batch",
        "Objective wgan-gp holds D's slope at every image by itself, which batch normalisation in D mixes up; take "
        "discriminator_norm none, layer or spectral.",
    )
    yield (
        config.label_smoothing > 0 and config.objective not in SMOOTHED,
        f"label_smoothing moves the targets of {' and '.join(SMOOTHED)}; objective {config.objective} has none, so set "
        "it to 0.",
    )
    yield (
        config.family == "mlp" and config.generator_finish > 0,
        "generator_finish is a convolution, and family mlp has none; set it to 0.",
    )
    yield (
        config.family == "mlp" and config.kernel_size != 4,
        "kernel_size is the window of a convolution, and family mlp has none; leave it at 4.",
    )
