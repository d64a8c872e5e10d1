"""What the Explore page asks the server for while something is dragged: pixels, directions, paths. See `routes`.

torch is imported in the worker threads only, so that the server starts at once, and they keep it to one thread: drawing
one image is too little work to share out, and training processes need the other cores.
"""

from __future__ import annotations

import asyncio
import base64
import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from typing import Any, Final

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dcgan import runs
from dcgan.errors import UserError
from dcgan.runs import Run
from ui import search_routes
from ui.engine_routes import engine_routes, model
from ui.explore_state import MAX_IMAGES, MAX_PICKS, MAX_SEED, MAX_STEPS, METHODS, Point, Space, parse_point

_MAX_ROW: Final = 1512  # numbers: the largest latent_dim and the most classes
_MAX_VALUE: Final = 100.0
_MAX_TARGET: Final = 1 << 20  # bytes
_FRESH: Final = {"Cache-Control": "no-store"}
Answer = Callable[[Run, Request], Response]


def routes() -> list[Route]:
    """The addresses below `/lab/runs/{name}`, each of them free of side effects.

    `POST draw?epoch=E`: float32 rows (z, then the condition), answered by uint8 [N, C, H, W].
    `POST searches?epoch=E`: uint8 [C, H, W], whose z is searched; `GET searches/{number}` tells how far that is.
    `GET space?epoch=E`: principal directions; `GET samples-of?seed=S`: z and classes of a seed; `GET epochs`.
    `GET path?epoch=E&pick=POINT&pick=POINT&method=M&steps=N&loop=1`: z on the way, and their lengths by each method.
    `GET generator.onnx?epoch=E`: the generator for the browser's own engine, whose files `engine_routes` serves.
    `GET nearest?epoch=E&at=POINT&count=N`: the training images nearest to a point's, and their distances.
    `GET take?format=F&epoch=E`: the generator as a file to keep, in a format of `dcgan.export`.
    `GET walk.gif`: the same as an animation; `GET image.png?epoch=E&at=POINT`.
    Errors are 400, 404, 413 or 415 with `{"error": sentence}`.
    """
    base = "/lab/runs/{name}"
    return [
        Route(f"{base}/draw", _draw, methods=["POST"]),
        Route(f"{base}/searches", _search, methods=["POST"]),
        Route(
            f"{base}/searches/{{number}}", _get(lambda run, request: search_routes.look(request.path_params["number"]))
        ),
        Route(f"{base}/epochs", _get(_epochs)),
        Route(f"{base}/space", _get(_space)),
        Route(f"{base}/samples-of", _get(_samples_of)),
        Route(f"{base}/path", _get(_path)),
        Route(f"{base}/walk.gif", _get(_walk_gif)),
        Route(f"{base}/image.png", _get(_image_png)),
        Route(f"{base}/generator.onnx", _get(_generator_onnx)),
        Route(f"{base}/nearest", _get(_nearest)),
        Route(f"{base}/take", _get(_take)),
        *engine_routes(),
    ]


def space_of(run: Run) -> Space:
    """The limits of the points of `run`, as they are now."""
    epochs = tuple(sorted({frame.epoch for frame in run.snapshots()}))
    return Space(run.config.latent_dim, run.num_conditions, epochs)


class _Missing(UserError):
    """What was asked for is not there."""


def _get(answer: Answer) -> Callable[[Request], Any]:
    @wraps(answer)
    async def endpoint(request: Request) -> Response:
        return await _in_worker(lambda: answer(_run(request), request))

    return endpoint


async def _draw(request: Request) -> Response:
    return await _with_body(request, MAX_IMAGES * _MAX_ROW * 4, lambda body: _drawn(_run(request), request, body))


async def _search(request: Request) -> Response:
    def begin(body: bytes) -> Response:
        run = _run(request)
        return search_routes.begin(run, _epoch(run, request), body)

    return await _with_body(request, _MAX_TARGET, begin)


def _found(run: Run, request: Request) -> Response:
    return search_routes.look(request.path_params["number"])


async def _with_body(request: Request, limit: int, answer: Callable[[bytes], Response]) -> Response:
    # Only a page of this very server can send this type without being asked first (CORS preflight).
    if request.headers.get("content-type") != "application/octet-stream":
        return _error("Send the numbers as application/octet-stream.", 415)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            return _error(f"At most {MAX_IMAGES} images are drawn at once, and targets have one.", 413)
    return await _in_worker(lambda: answer(bytes(body)))


def _drawn(run: Run, request: Request, body: bytes) -> Response:
    from ui import explore_models

    if not body or len(body) % 4:
        raise UserError("The numbers must be 32-bit floats, at least one row.")
    values = np.frombuffer(body, dtype="<f4").astype(np.float32)
    if not np.isfinite(values).all() or np.abs(values).max() > _MAX_VALUE:
        raise UserError(f"Every number must be finite and between -{_MAX_VALUE:g} and {_MAX_VALUE:g}.")
    pixels, shape = explore_models.draw(run, _epoch(run, request), values)
    headers = {**_FRESH, "X-Shape": ",".join(map(str, shape))}
    return Response(pixels, media_type="application/octet-stream", headers=headers)


def _epochs(run: Run, request: Request) -> Response:
    return JSONResponse({"epochs": space_of(run).epochs, "active": run.status().active}, headers=_FRESH)


def _space(run: Run, request: Request) -> Response:
    from ui import explore_models

    found = explore_models.MODELS.get(run, _epoch(run, request)).directions
    return JSONResponse({"vectors": _floats(found.vectors.numpy()), "shares": found.shares.tolist()}, headers=_FRESH)


def _generator_onnx(run: Run, request: Request) -> Response:
    return model(run, _epoch(run, request), request.headers.get("if-none-match", ""))


def _nearest(run: Run, request: Request) -> Response:
    from ui import explore_models

    point = parse_point(request.query_params.get("at", "0.0"), space_of(run))
    images, distances = explore_models.nearest(run, _epoch(run, request), point, _whole(request, "count", 1, 24, 6))
    pixels = base64.b64encode(images.numpy().tobytes()).decode()
    return JSONResponse({"images": pixels, "distances": distances.tolist()}, headers=_FRESH)


def _take(run: Run, request: Request) -> Response:
    from dcgan.export import generator_as

    form = request.query_params.get("format", "")
    epoch = run.snapshot(_epoch(run, request)).epoch
    content = generator_as(run, form, epoch)
    headers = _attached(f"{run.name}-epoch-{epoch}.{form}")
    return Response(content, media_type="application/octet-stream", headers=headers)


def _samples_of(run: Run, request: Request) -> Response:
    from ui import explore_models

    z, labels = explore_models.samples_of(run, _whole(request, "seed", 0, MAX_SEED, 0))
    return JSONResponse({"z": _floats(z.numpy()), "labels": labels.tolist()}, headers=_FRESH)


def _path(run: Run, request: Request) -> Response:
    from ui import explore_models

    epoch, points, steps, method, loop = _walk(run, request)
    z, conditions = explore_models.path(run, epoch, points, steps, method, loop=loop)
    norms = {
        way: explore_models.path(run, epoch, points, steps, way, loop=loop)[0].norm(dim=1).tolist() for way in METHODS
    }
    data = {"z": _floats(z.numpy()), "conditions": _floats(conditions.numpy()), "count": len(z), "norms": norms}
    return JSONResponse(data, headers=_FRESH)


def _walk_gif(run: Run, request: Request) -> Response:
    from ui import explore_models

    epoch, points, steps, method, loop = _walk(run, request)
    z, conditions = explore_models.path(run, epoch, points, steps, method, loop=loop)
    scale = _whole(request, "scale", 1, 16, 8)
    seconds = _whole(request, "milliseconds", 20, 2000, 100) / 1000
    gif = explore_models.walk_gif(run, epoch, z, conditions, scale, seconds)
    return Response(gif, media_type="image/gif", headers=_attached(f"{run.name}-walk.gif"))


def _image_png(run: Run, request: Request) -> Response:
    from ui import explore_models

    epoch, space = _epoch(run, request), space_of(run)
    point = parse_point(request.query_params.get("at", "0.0"), space)
    png = explore_models.image_png(run, epoch, point, _whole(request, "scale", 1, 32, 16))
    return Response(png, media_type="image/png", headers=_attached(f"{run.name}-{point.seed}-{point.index}.png"))


def _walk(run: Run, request: Request) -> tuple[int | None, list[Point], int, str, bool]:
    """Epoch, points, steps, method and loop of a request for a path."""
    tokens = request.query_params.getlist("pick")
    if not 2 <= len(tokens) <= MAX_PICKS:
        raise UserError(f"A walk leads through 2 to {MAX_PICKS} picks, not {len(tokens)}.")
    space = space_of(run)
    method = request.query_params.get("method", METHODS[0])
    if method not in METHODS:
        raise UserError(f"The method must be {' or '.join(METHODS)}.")
    steps = _whole(request, "steps", 1, MAX_STEPS, 8)
    points = [parse_point(token, space) for token in tokens]
    return _epoch(run, request), points, steps, method, request.query_params.get("loop") == "1"


def _run(request: Request) -> Run:
    try:
        return runs.open_named(request.path_params["name"])
    except UserError as error:
        raise _Missing(str(error)) from error


def _epoch(run: Run, request: Request) -> int | None:
    if "epoch" not in request.query_params:
        return None
    epoch = _whole(request, "epoch", 0, 10**9, 0)
    try:
        run.snapshot(epoch)
    except UserError as error:
        raise _Missing(str(error)) from error
    return epoch


def _whole(request: Request, name: str, low: int, high: int, default: int) -> int:
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 12 and low <= int(text) <= high):
        raise UserError(f"{name} must be a whole number from {low} to {high}.")
    return int(text)


async def _in_worker(answer: Callable[[], Response]) -> Response:
    try:
        return await asyncio.get_running_loop().run_in_executor(_WORKERS, answer)
    except _Missing as error:
        return _error(str(error), 404)
    except UserError as error:
        return _error(str(error), 400)
    except OSError:
        return _error("This run cannot be read just now.", 404)


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)


_WORKERS: Final = ThreadPoolExecutor(
    max_workers=max(1, math.ceil((os.cpu_count() or 2) / 2)), thread_name_prefix="explore", initializer=_one_thread
)


def _floats(values: np.ndarray[Any, Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f4").tobytes()).decode()


def _attached(name: str) -> dict[str, str]:
    return {**_FRESH, "Content-Disposition": f'attachment; filename="{name}"'}


def _error(sentence: str, status: int) -> Response:
    return JSONResponse({"error": sentence}, status_code=status, headers=_FRESH)
