import base64
import gzip
import json
import re

import pytest
import torch
from test_onnx_export import CONFIGS, SHAPES, trained_by

from dcgan.browser import RUNTIME_SCRIPT, RUNTIME_WASM_GZIP
from dcgan.effects import Effect
from dcgan.html_export import html_page
from dcgan.onnx_export import onnx_bytes


def part(page: str, name: str) -> str:
    found = re.search(rf'<script type="[\w/]+" id="{name}">(.*?)</script>', page, re.DOTALL)
    assert found
    return found[1]


@pytest.mark.parametrize("config", ["quick", "dcgan"])
def test_the_page_holds_engine_model_and_samples(config: str) -> None:
    trained = trained_by(CONFIGS[config], SHAPES["grey"])
    effects = [Effect("slant", 0.9, 20, 200), None]
    letters = list("abcdefghij")
    page = html_page(trained, "Mine </script> {{wasm}} & more", effects=effects, class_names=letters).decode()
    packed = {name: gzip.decompress(base64.b64decode(part(page, name))) for name in ("model", "runtime", "wasm")}
    assert packed["model"] == onnx_bytes(trained)
    assert packed["runtime"] == RUNTIME_SCRIPT.read_bytes()
    assert packed["wasm"] == gzip.decompress(RUNTIME_WASM_GZIP.read_bytes())
    facts = json.loads(part(page, "facts"))
    first = torch.randn(48, trained.config.latent_dim, generator=torch.Generator().manual_seed(0))
    assert torch.equal(torch.tensor(facts["z"]), first)
    assert (facts["classes"], facts["epoch"], len(facts["directions"])) == (trained.num_conditions, 3, 8)
    assert facts["names"][:3] == ["slant", "direction 2", "direction 3"]
    assert facts["words"][:2] == [Effect("slant", 0.9, 20, 200).words, ""]
    assert facts["class_names"] == letters[: trained.num_conditions]
    assert page.count("<title>Mine &lt;/script&gt; {{wasm}} &amp; more</title>") == 1
