"""What the Explore page asks the server for while something is dragged: pixels, directions, paths. See `routes`.

torch is imported in the worker threads only; see `ui.answers`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import numpy as np
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dcgan.animation import FORMATS
from dcgan.errors import UserError
from dcgan.runs import Run
from ui import insight_routes, search_routes
from ui.answers import FRESH, attached, encoded, epoch_of, get, get_slowly, in_worker, received, run_of, told, whole
from ui.engine_routes import engine_routes, model
from ui.explore_state import MAX_IMAGES, MAX_PICKS, MAX_SEED, MAX_STEPS, METHODS, Point, Space, parse_point

_MAX_ROW: Final = 1512  # numbers: the largest latent_dim and the most classes
_MAX_VALUE: Final = 100.0
_MAX_TARGET: Final = 1 << 20  # bytes


def routes() -> list[Route]:
    """The addresses below `/lab/runs/{name}`, each of them free of side effects.

    `POST draw?epoch=E`: float32 rows (z, then the condition), answered by uint8 [N, C, H, W].
    `POST searches?epoch=E`: uint8 [C, H, W], whose z is searched; `GET searches/{number}` tells how far that is.
    `GET space?epoch=E`: principal directions; `GET samples-of?seed=S`: z and classes of a seed; `GET epochs`.
    `GET path?epoch=E&pick=POINT&pick=POINT&method=M&steps=N&loop=1`: z on the way, and their lengths by each method.
    `GET generator.onnx?epoch=E`: the generator for the browser's own engine, whose files `engine_routes` serves.
    `GET nearest?epoch=E&at=POINT&count=N`: the training images nearest to a point's, and their distances.
    `GET take?format=F&epoch=E`: the generator as a file to keep, in a format of `dcgan.export`.
    `GET walk.gif`, `.mp4`, `.webm`: the same as an animation; `GET image.png?epoch=E&at=POINT`.
    `insight_routes.routes` adds measured effects, maps, what D thinks and real images.
    Errors are 400, 404, 413 or 415 with `{"error": sentence}`.
    """
    base = "/lab/runs/{name}"
    return [
        Route(f"{base}/draw", _draw, methods=["POST"]),
        Route(f"{base}/searches", _search, methods=["POST"]),
        Route(
            f"{base}/searches/{{number}}", get(lambda run, request: search_routes.look(request.path_params["number"]))
        ),
        Route(f"{base}/epochs", get(_epochs)),
        Route(f"{base}/space", get(_space)),
        Route(f"{base}/samples-of", get(_samples_of)),
        Route(f"{base}/path", get(_path)),
        *[Route(f"{base}/walk.{form}", get_slowly(partial(_walk_file, form))) for form in FORMATS],
        Route(f"{base}/image.png", get(_image_png)),
        Route(f"{base}/generator.onnx", get(_generator_onnx)),
        Route(f"{base}/nearest", get_slowly(_nearest)),
        Route(f"{base}/take", get_slowly(_take)),
        *insight_routes.routes(base),
        *engine_routes(),
    ]


def space_of(run: Run) -> Space:
    """The limits of the points of `run`, as they are now."""
    epochs = tuple(sorted({frame.epoch for frame in run.snapshots()}))
    return Space(run.config.latent_dim, run.num_conditions, epochs)


async def _draw(request: Request) -> Response:
    return await _with_body(request, MAX_IMAGES * _MAX_ROW * 4, lambda body: _drawn(run_of(request), request, body))


async def _search(request: Request) -> Response:
    def begin(body: bytes) -> Response:
        run = run_of(request)
        return search_routes.begin(run, epoch_of(run, request), body)

    return await _with_body(request, _MAX_TARGET, begin)


async def _with_body(request: Request, limit: int, answer: Callable[[bytes], Response]) -> Response:
    body = await received(request, limit, f"At most {MAX_IMAGES} images are drawn at once, and targets have one.")
    return body if isinstance(body, Response) else await in_worker(lambda: answer(body))


def _drawn(run: Run, request: Request, body: bytes) -> Response:
    from ui import explore_models

    if not body or len(body) % 4:
        raise UserError("The numbers must be 32-bit floats, at least one row.")
    values = np.frombuffer(body, dtype="<f4").astype(np.float32)
    if not np.isfinite(values).all() or np.abs(values).max() > _MAX_VALUE:
        raise UserError(f"Every number must be finite and between -{_MAX_VALUE:g} and {_MAX_VALUE:g}.")
    pixels, shape = explore_models.draw(run, epoch_of(run, request), values)
    headers = {**FRESH, "X-Shape": ",".join(map(str, shape))}
    return Response(pixels, media_type="application/octet-stream", headers=headers)


def _epochs(run: Run, request: Request) -> Response:
    return told({"epochs": space_of(run).epochs, "active": run.status().active})


def _space(run: Run, request: Request) -> Response:
    from ui import explore_models

    found = explore_models.MODELS.get(run, epoch_of(run, request)).directions
    return told({"vectors": encoded(found.vectors.numpy()), "shares": found.shares.tolist()})


def _generator_onnx(run: Run, request: Request) -> Response:
    return model(run, epoch_of(run, request), request.headers.get("if-none-match", ""))


def _nearest(run: Run, request: Request) -> Response:
    from ui import explore_models

    point = parse_point(request.query_params.get("at", "0.0"), space_of(run))
    images, distances = explore_models.nearest(run, epoch_of(run, request), point, whole(request, "count", 1, 24, 6))
    pixels = encoded(images.numpy(), "u1")
    return told({"images": pixels, "distances": distances.tolist()})


def _take(run: Run, request: Request) -> Response:
    from dcgan.export import generator_as

    form = request.query_params.get("format", "")
    epoch = run.snapshot(epoch_of(run, request)).epoch
    content = generator_as(run, form, epoch)
    headers = attached(f"{run.name}-epoch-{epoch}.{form}")
    return Response(content, media_type="application/octet-stream", headers=headers)


def _samples_of(run: Run, request: Request) -> Response:
    from ui import explore_models

    z, labels = explore_models.samples_of(run, whole(request, "seed", 0, MAX_SEED, 0))
    return told({"z": encoded(z.numpy()), "labels": labels.tolist()})


def _path(run: Run, request: Request) -> Response:
    from ui import explore_models

    epoch, points, steps, method, loop = _walk(run, request)
    z, conditions = explore_models.path(run, epoch, points, steps, method, loop=loop)
    norms = {
        way: explore_models.path(run, epoch, points, steps, way, loop=loop)[0].norm(dim=1).tolist() for way in METHODS
    }
    data = {"z": encoded(z.numpy()), "conditions": encoded(conditions.numpy()), "count": len(z), "norms": norms}
    return told(data)


def _walk_file(form: str, run: Run, request: Request) -> Response:
    from ui import explore_models

    epoch, points, steps, method, loop = _walk(run, request)
    z, conditions = explore_models.path(run, epoch, points, steps, method, loop=loop)
    scale = whole(request, "scale", 1, 16, 8)
    seconds = whole(request, "milliseconds", 20, 2000, 100) / 1000
    content = explore_models.walk_animation(run, epoch, z, conditions, form, scale, seconds)
    return Response(content, media_type=FORMATS[form], headers=attached(f"{run.name}-walk.{form}"))


def _image_png(run: Run, request: Request) -> Response:
    from ui import explore_models

    epoch, space = epoch_of(run, request), space_of(run)
    point = parse_point(request.query_params.get("at", "0.0"), space)
    png = explore_models.image_png(run, epoch, point, whole(request, "scale", 1, 32, 16))
    return Response(png, media_type="image/png", headers=attached(f"{run.name}-{point.seed}-{point.index}.png"))


def _walk(run: Run, request: Request) -> tuple[int | None, list[Point], int, str, bool]:
    """Epoch, points, steps, method and loop of a request for a path."""
    tokens = request.query_params.getlist("pick")
    if not 2 <= len(tokens) <= MAX_PICKS:
        raise UserError(f"A walk leads through 2 to {MAX_PICKS} picks, not {len(tokens)}.")
    space = space_of(run)
    method = request.query_params.get("method", METHODS[0])
    if method not in METHODS:
        raise UserError(f"The method must be {' or '.join(METHODS)}.")
    steps = whole(request, "steps", 1, MAX_STEPS, 8)
    points = [parse_point(token, space) for token in tokens]
    return epoch_of(run, request), points, steps, method, request.query_params.get("loop") == "1"
