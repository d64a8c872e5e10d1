"""Named starting points: config values and a sentence on what they are for. A preset is data, not a trainer."""

from __future__ import annotations

from dataclasses import dataclass

from dcgan.config import TrainConfig
from dcgan.errors import UserError
from dcgan.fields import nearest


@dataclass(frozen=True)
class Preset:
    """A named starting point: config values and a sentence on what they are for."""

    name: str
    title: str
    summary: str
    config: TrainConfig
    group: str = "start"


PRESET_GROUPS = {
    "start": "Start here",
    "classic": "The classics",
    "game": "Other games",
    "image": "Other images",
}  # title of every `Preset.group`, in the order they are shown


_BEST = TrainConfig(
    epochs=16,
    conditioning="labels",
    clusters=300,
    latent_dim=64,
    generator_width=48,
    generator_finish=24,
    discriminator_width=48,
    discriminator_norm="none",
    discriminator_features=256,
    batch_size=64,
    lr_g=2e-3,
    lr_d=2e-3,
    lr_decay=0.8,
    r1=0.5,
    class_loss=0.05,
    penalty_every=4,
    ema_decay=0.999,
)

PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            "quick",
            "Quick",
            "Readable digits within half a minute on a laptop: small networks that are told which digit to draw.",
            TrainConfig(
                conditioning="labels",
                clusters=300,
                latent_dim=32,
                generator_width=32,
                generator_finish=16,
                discriminator_width=32,
                discriminator_norm="layer",
                discriminator_features=256,
                batch_size=64,
                lr_g=3e-3,
                lr_d=3e-3,
                beta1=0.2,
                r1=0.6,
                class_loss=0.03,
                penalty_every=4,
                ema_decay=0.998,
            ),
        ),
        Preset(
            "best",
            "Best",
            "Cleaner digits for more patience: wider networks whose learning rates sink to zero at the end.",
            _BEST,
        ),
        Preset(
            "dcgan",
            "Classic DCGAN",
            "The network of the 2015 paper at 28x28: noise in, digits out, nobody says which digit.",
            TrainConfig(),
            "classic",
        ),
        Preset(
            "mlp",
            "Fully connected GAN",
            "The first GAN of 2014: no convolutions, every unit sees the whole image. Compare it with the DCGAN.",
            TrainConfig(family="mlp", discriminator_norm="none", dropout=0.3),
            "classic",
        ),
        Preset(
            "classic",
            "DCGAN with dropout",
            "A dense start, batch norm in G, dropout in D; switch the objective between minimax and non-saturating.",
            TrainConfig(dropout=0.25),
            "classic",
        ),
        Preset(
            "digitgen",
            "Digit generator",
            "Big and patient: 200 random numbers, 256 maps of 7x7, small steps over 100 epochs.",
            TrainConfig(
                epochs=100,
                latent_dim=200,
                generator_width=128,
                discriminator_norm="none",
                dropout=0.3,
                batch_size=256,
                lr_g=1e-4,
                lr_d=1e-4,
            ),
            "classic",
        ),
        Preset(
            "keras-style",
            "Tutorial style",
            "The shape of a well-known tutorial: windows of 5x5 pixels, dropout, no normalisation in D.",
            TrainConfig(
                epochs=50,
                kernel_size=5,
                generator_width=64,
                discriminator_norm="none",
                dropout=0.3,
                batch_size=256,
                lr_g=1e-4,
                lr_d=1e-4,
            ),
            "classic",
        ),
        Preset(
            "conditional",
            "Conditional DCGAN",
            "The classic DCGAN at full width, told which digit to draw: ask it for threes only.",
            TrainConfig(conditioning="labels"),
            "classic",
        ),
        Preset(
            "wgan-gp",
            "WGAN-GP",
            "D measures a distance instead of guessing real or fake, and learns five times for each step of G.",
            TrainConfig(
                objective="wgan-gp",
                discriminator_norm="none",
                critic_steps=5,
                batch_size=64,
                beta1=0.0,
                beta2=0.9,
            ),
            "game",
        ),
        Preset(
            "r3gan",
            "R3GAN",
            "D compares a real image with a generated one and is kept smooth at both; no tricks beside.",
            TrainConfig(
                objective="rpgan",
                r1=1.0,
                r2=1.0,
                generator_norm="none",
                discriminator_norm="none",
                batch_size=64,
                beta1=0.0,
                beta2=0.99,
                ema_decay=0.999,
            ),
            "game",
        ),
        Preset(
            "color",
            "Coloured digits",
            "Three channels: MNIST in random ink on random paper; both networks are told the digit.",
            _BEST.with_changes(dataset="color-mnist", epochs=20, clusters=100, lr_decay=0.0),
            "image",
        ),
        Preset(
            "hires",
            "High resolution",
            "The same builder at 64x64 pixels; set the image size to 128 if you have a GPU or an evening.",
            TrainConfig(
                image_size=64, conditioning="labels", generator_width=16, discriminator_width=16, batch_size=64
            ),
            "image",
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
