"""What the Explore page needs to draw by itself: the engine's files, and generators as ONNX models."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from dcgan.browser import ONNXRUNTIME_VERSION, RUNTIME_SCRIPT, RUNTIME_WASM_GZIP
from dcgan.errors import UserError
from dcgan.runs import Run

_KEEP: Final = {"Cache-Control": "public, max-age=31536000, immutable"}
_FOLDER: Final = f"lab/engine/{ONNXRUNTIME_VERSION}"
_WASM_NAME: Final = RUNTIME_WASM_GZIP.name.removesuffix(".gz")
ADDRESSES: Final = {"script": f"{_FOLDER}/{RUNTIME_SCRIPT.name}", "wasm": f"{_FOLDER}/{_WASM_NAME}"}


def engine_file(request: Request) -> Response:
    """`GET /lab/engine/VERSION/FILE`: a file of ONNX Runtime, which the browser keeps for good."""
    if request.path_params["version"] == ONNXRUNTIME_VERSION:
        if request.path_params["file"] == RUNTIME_SCRIPT.name:
            return FileResponse(RUNTIME_SCRIPT, media_type="text/javascript", headers=_KEEP)
        if request.path_params["file"] == _WASM_NAME:
            headers = {**_KEEP, "Content-Encoding": "gzip"}  # every browser with WebAssembly takes it
            return FileResponse(RUNTIME_WASM_GZIP, media_type="application/wasm", headers=headers)
    return JSONResponse({"error": "There is no such file."}, status_code=404, headers={"Cache-Control": "no-store"})


def engine_routes() -> list[Route]:
    """The routes of this module that belong to no run."""
    return [Route("/lab/engine/{version}/{file}", engine_file)]


def model(run: Run, epoch: int | None, known: str) -> Response:
    """The generator of `epoch` as an ONNX model; 304 where the browser holds it already (`known` is its tag).

    Raises:
        UserError: there is none, or it cannot be written as ONNX.
    """
    from dcgan.onnx_export import onnx_bytes
    from ui.explore_models import MODELS

    frame = run.snapshot(epoch)
    try:
        tag = f'"{run.created:.0f}-{frame.path.stem}-{frame.path.stat().st_mtime_ns:x}"'
    except OSError as error:
        raise UserError(f"The saved generator {frame.path.name} is gone; choose another epoch.") from error
    headers = {"Cache-Control": "no-cache", "ETag": tag}
    if known == tag:
        return Response(status_code=304, headers=headers)
    content = onnx_bytes(MODELS.get(run, frame.epoch).trained)
    return Response(content, media_type="application/octet-stream", headers=headers)
