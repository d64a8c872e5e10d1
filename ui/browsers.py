"""Tells one browser from another, so that the queue can be fair among them: a cookie without any other meaning."""

from __future__ import annotations

import re
import secrets
from typing import Final

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE: Final = "lab_browser"
_TOKEN: Final = re.compile(r"[0-9a-f]{16}")
_YEAR: Final = 365 * 24 * 3600


class KnowsBrowsers:
    """Gives a browser that has none its token with the page itself, before the page opens its socket."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on; add the cookie to pages (HTML) for those who bring none."""
        if scope["type"] != "http" or _TOKEN.fullmatch(Request(scope).cookies.get(COOKIE, "")):
            await self.app(scope, receive, send)
            return

        async def with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("content-type", "").startswith("text/html"):
                    value = f"{COOKIE}={secrets.token_hex(8)}; Path=/; Max-Age={_YEAR}; HttpOnly; SameSite=Lax"
                    headers.append("set-cookie", value)
            await send(message)

        await self.app(scope, receive, with_cookie)


def owner() -> str:
    """The token of the browser this session runs for; of the session where the browser keeps no cookies."""
    token: object = st.context.cookies.get(COOKIE)
    if isinstance(token, str) and _TOKEN.fullmatch(token):
        return token
    known: str = st.session_state.setdefault("owner", secrets.token_hex(8))
    return known
