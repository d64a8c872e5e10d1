"""What the routes below `/lab/runs/{name}` share: worker threads, checked numbers, and one sentence for a mistake.

torch is imported in the worker threads only, so that the server starts at once, and they keep it to one thread: drawing
one image is too little work to share out, and training processes need the other cores. What takes seconds has a worker
of its own, so that it never holds up the hand.
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

from dcgan import runs
from dcgan.errors import UserError
from dcgan.runs import Run

FRESH: Final = {"Cache-Control": "no-store"}
Answer = Callable[[Run, Request], Response]
Endpoint = Callable[[Request], Any]


class Missing(UserError):
    """What was asked for is not there."""


def get(answer: Answer) -> Endpoint:
    """The endpoint that gives `answer` for the run in the address."""
    return _endpoint(answer, QUICK)


def get_slowly(answer: Answer) -> Endpoint:
    """As `get`, for what takes seconds."""
    return _endpoint(answer, SLOW)


def _endpoint(answer: Answer, workers: ThreadPoolExecutor) -> Endpoint:
    @wraps(answer)
    async def endpoint(request: Request) -> Response:
        return await in_worker(lambda: answer(run_of(request), request), workers)

    return endpoint


def run_of(request: Request) -> Run:
    """The run in the address.

    Raises:
        Missing: there is none.
    """
    try:
        return runs.open_named(request.path_params["name"])
    except UserError as error:
        raise Missing(str(error)) from error


def epoch_of(run: Run, request: Request) -> int | None:
    """The epoch asked for; None where none is named.

    Raises:
        Missing: the run kept no generator of it.
    """
    if "epoch" not in request.query_params:
        return None
    epoch = whole(request, "epoch", 0, 10**9, 0)
    try:
        run.snapshot(epoch)
    except UserError as error:
        raise Missing(str(error)) from error
    return epoch


def whole(request: Request, name: str, low: int, high: int, default: int) -> int:
    """The whole number `name` of the query.

    Raises:
        UserError: it is none, or lies outside `low` to `high`.
    """
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 12 and low <= int(text) <= high):
        raise UserError(f"{name} must be a whole number from {low} to {high}.")
    return int(text)


async def in_worker(answer: Callable[[], Response], workers: ThreadPoolExecutor | None = None) -> Response:
    """What `answer` gives, computed in a worker thread; its `DcganError`s as a status and one sentence."""
    try:
        return await asyncio.get_running_loop().run_in_executor(workers or QUICK, answer)
    except Missing as error:
        return refused(str(error), 404)
    except UserError as error:
        return refused(str(error), 400)
    except OSError:
        return refused("This run cannot be read just now.", 404)


async def received(request: Request, limit: int, too_much: str) -> bytes | Response:
    """The bytes that a page of this very server sent, at most `limit`; else the answer that refuses them."""
    # Only such a page can send this type without being asked first (CORS preflight).
    if request.headers.get("content-type") != "application/octet-stream":
        return refused("Send the numbers as application/octet-stream.", 415)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            return refused(too_much, 413)
    return bytes(body)


def refused(sentence: str, status: int) -> Response:
    """An answer that says what is wrong."""
    return JSONResponse({"error": sentence}, status_code=status, headers=FRESH)


def told(data: object) -> Response:
    """JSON that is not kept."""
    return JSONResponse(data, headers=FRESH)


def encoded(values: np.ndarray[Any, Any], kind: str = "<f4") -> str:
    """Numbers as base64, little-endian float32 unless `kind` says otherwise."""
    return base64.b64encode(np.ascontiguousarray(values, dtype=kind).tobytes()).decode()


def attached(name: str) -> dict[str, str]:
    """Headers of a file to keep."""
    return {**FRESH, "Content-Disposition": f'attachment; filename="{name}"'}


def one_thread() -> None:
    """Keeps torch to one thread, where it was told before its first work."""
    import torch

    torch.set_num_threads(1)


QUICK: Final = ThreadPoolExecutor(
    max_workers=max(1, math.ceil((os.cpu_count() or 2) / 2)), thread_name_prefix="explore", initializer=one_thread
)
SLOW: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix="explore-slow", initializer=one_thread)
