"""A generator as one HTML file that runs without a network: sliders, model and engine in one page."""

from __future__ import annotations

import base64
import gzip
import html
import json
import re
from collections.abc import Sequence
from typing import Any

import torch

from dcgan.browser import GENERATOR_SCRIPT, PAGE, RUNTIME_SCRIPT, RUNTIME_WASM_GZIP
from dcgan.datasets import condition_noun
from dcgan.effects import Effect, names_of
from dcgan.latent import principal_directions
from dcgan.onnx_export import onnx_bytes
from dcgan.sampling import TrainedGenerator

SAMPLES, DIRECTIONS = 48, 8


def html_page(
    trained: TrainedGenerator, title: str, *, effects: Sequence[Effect | None] = (), class_names: Sequence[str] = ()
) -> bytes:
    """A page of about 5 MB and four thirds of the model, which starts with the first sample of seed 0.

    `effects` of the first `DIRECTIONS` principal directions name their sliders. It needs a browser with WebAssembly and
    `DecompressionStream` (all current ones) and asks for nothing else.

    Raises:
        UserError: the generator has a layer that ONNX export does not know.
    """
    parts = {
        "title": html.escape(title),
        "script": GENERATOR_SCRIPT.read_text(encoding="utf-8"),
        "facts": json.dumps({**_facts(trained), **_names(trained, effects, class_names)}).replace("<", "\\u003c"),
        "runtime": _base64(gzip.compress(RUNTIME_SCRIPT.read_bytes(), mtime=0)),
        "wasm": _base64(RUNTIME_WASM_GZIP.read_bytes()),
        "model": _base64(gzip.compress(onnx_bytes(trained), mtime=0)),
    }
    page = PAGE.read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], page).encode()


def _facts(trained: TrainedGenerator) -> dict[str, Any]:
    noise = torch.Generator().manual_seed(0)
    z, labels = trained.random_z(SAMPLES, noise), trained.random_labels(SAMPLES, noise)
    found = principal_directions(trained.network, min(DIRECTIONS, trained.config.latent_dim))
    return {
        "epoch": trained.epoch,
        "size": trained.shape.size,
        "channels": trained.shape.channels,
        "classes": trained.num_conditions,
        "z": z.tolist(),
        "labels": labels.tolist(),
        "directions": found.vectors.tolist(),
        "shares": found.shares.tolist(),
    }


def _names(
    trained: TrainedGenerator, effects: Sequence[Effect | None], class_names: Sequence[str]
) -> dict[str, str | list[str]]:
    count = min(DIRECTIONS, trained.config.latent_dim)
    known = [*effects[:count], *[None] * (count - len(effects))]
    conditioning = trained.config.conditioning
    noun = condition_noun(conditioning, class_names)
    class_names = () if conditioning == "clusters" else class_names
    classes = [class_names[i] if i < len(class_names) else str(i) for i in range(trained.num_conditions)]
    words = [effect.words if effect else "" for effect in known]
    return {"noun": noun, "names": names_of(known), "words": words, "class_names": classes}


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
