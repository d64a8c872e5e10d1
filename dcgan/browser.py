"""What a browser needs to run a generator by itself: ONNX Runtime, unchanged from npm, and a few lines of script.

`assets/onnxruntime/` holds the runtime's module and its WebAssembly, compressed with gzip as it goes over the wire;
`assets/page/generator.js` runs a model of `dcgan.onnx_export` with it; `page.html` is the page of `dcgan.html_export`.
"""

from __future__ import annotations

from pathlib import Path

ONNXRUNTIME_VERSION = "1.30.0"
_ASSETS = Path(__file__).resolve().parent / "assets"
RUNTIME_SCRIPT = _ASSETS / "onnxruntime" / "ort.wasm.bundle.min.mjs"
RUNTIME_WASM_GZIP = _ASSETS / "onnxruntime" / "ort-wasm-simd-threaded.wasm.gz"
GENERATOR_SCRIPT = _ASSETS / "page" / "generator.js"
PAGE = _ASSETS / "page" / "page.html"
