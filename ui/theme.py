"""The colours that mean something, once for the whole app: a light and a dark value for each role.

The hues are Okabe and Ito's, which colour-blind eyes tell apart; everything that is not a role is grey.
"""

from __future__ import annotations

from typing import Final

COLOURS: Final[dict[str, tuple[str, str]]] = {
    "generator": ("#0072B2", "#56B4E9"),
    "discriminator": ("#D55E00", "#FF9A57"),
    "real": ("#009E73", "#4CCBA4"),
    "generated": ("#CC79A7", "#E6A8CB"),
}


def palette() -> dict[str, dict[str, str]]:
    """`{"light": {role: colour}, "dark": {role: colour}}`, as live components take it."""
    return {
        "light": {role: light for role, (light, _) in COLOURS.items()},
        "dark": {role: dark for role, (_, dark) in COLOURS.items()},
    }
