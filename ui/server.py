"""Read-only web addresses under `/lab/` beside Streamlit's own, and what the server does when it starts.

The live parts of a page fetch from here, so that watching a run reruns no script and reloads no chart. Endpoints are
plain functions: Starlette runs them in worker threads, and the event loop never waits for a disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib import import_module
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit.runtime.pages_manager import PagesManager

from dcgan import queue, runs
from dcgan.errors import UserError
from ui import nodelay, warm
from ui.browsers import KnowsBrowsers
from ui.live_data import live_payload

TURN_SECONDS = 1.0  # between two looks at the queue
_KEEP = {"Cache-Control": "public, max-age=31536000, immutable"}
_FRESH = {"Cache-Control": "no-store"}


def routes() -> list[BaseRoute]:
    """All addresses below `/lab`, the Explore page's among them, behind the check of the Host header."""
    base = "/" + str(st.get_option("server.baseUrlPath") or "").strip("/")
    inside = [Route("/runs/{name}/live", live), Route("/runs/{name}/samples/{file}", sample_grid), *_explore_routes()]
    return [Mount(f"{base.rstrip('/')}/lab", routes=inside, middleware=[Middleware(HostGuard)])]


def live(request: Request) -> Response:
    """`GET runs/{name}/live?offset=BYTES&frames=N&judged=BYTES`: see `live_payload`; 404 with a sentence."""
    try:
        run = runs.open_named(request.path_params["name"])
        payload = live_payload(run, *(_count(request, name) for name in ("offset", "frames", "judged")))
    except (UserError, OSError) as error:
        return _missing(error)
    return JSONResponse(payload, headers=_FRESH)


def sample_grid(request: Request) -> Response:
    """`GET runs/{name}/samples/{file}`: one sample grid, kept by the browser for good."""
    try:
        run = runs.open_named(request.path_params["name"])
        found = [frame.path for frame in run.samples() if frame.path.name == request.path_params["file"]]
        if not found:
            raise UserError(f"Run {run.name!r} has no such sample grid.")
    except (UserError, OSError) as error:
        return _missing(error)
    return FileResponse(found[0], media_type="image/png", headers=_KEEP)


@asynccontextmanager
async def lifespan(_: Any) -> AsyncIterator[dict[str, Any]]:
    """Load torch in the background, so that later pages do not wait for it, and settle how pages are found."""
    # Until the first call of st.navigation Streamlit would run a page of pages/ bare, when a link opens it directly.
    PagesManager.uses_pages_directory = False
    nodelay.answer_at_once()
    warm.start()
    turns = asyncio.create_task(_take_turns())
    yield {}
    turns.cancel()


def middleware() -> list[Middleware]:
    """What every request passes: the browser's token for the queue."""
    return [Middleware(KnowsBrowsers)]


async def _take_turns() -> None:
    """Start waiting runs when their turn comes, though nobody may be looking."""
    while True:
        await asyncio.sleep(TURN_SECONDS)
        with suppress(UserError, OSError):  # a busy or unwritable queue is looked at again in a moment
            await asyncio.to_thread(queue.advance)


class HostGuard:
    """Answers only requests whose Host header is in `server.allowedHosts`, as Streamlit's own socket does.

    Without it a foreign page could read runs through a name that it points at this machine (DNS rebinding).
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass an allowed request on, answer 403 to others."""
        if scope["type"] == "http" and not host_allowed(Request(scope).headers.get("host", "")):
            refused = JSONResponse({"error": "This host name is not in server.allowedHosts."}, 403, _FRESH)
            await refused(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def host_allowed(host: str) -> bool:
    """Whether `host`, with or without a port, is one of `server.allowedHosts` (an empty list allows all)."""
    allowed = [name.strip().lower().rstrip(".") for name in st.get_option("server.allowedHosts") or []]
    if not allowed or "*" in allowed:
        return True
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return False
    return any(name == known or (known.startswith("*.") and name.endswith(known[1:])) for known in allowed)


def _explore_routes() -> list[Route]:
    if find_spec("ui.explore_routes") is None:
        return []
    found: list[Route] = import_module("ui.explore_routes").routes()
    return [Route(route.path.removeprefix("/lab"), route.endpoint, methods=route.methods) for route in found]


def _count(request: Request, name: str) -> int:
    value = request.query_params.get(name, "0")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 16 else 0


def _missing(error: Exception) -> Response:
    sentence = str(error) if isinstance(error, UserError) else "This run cannot be read just now."
    return JSONResponse({"error": sentence}, status_code=404, headers=_FRESH)
