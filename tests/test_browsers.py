"""The token that tells browsers apart, as a real browser's requests meet it."""

import re

from starlette.applications import Starlette
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from ui import server


def browser() -> TestClient:
    routes = [Route("/", lambda _: HTMLResponse("<p>page</p>")), Route("/data", lambda _: JSONResponse({}))]
    return TestClient(Starlette(routes=routes, middleware=server.middleware()))


def test_a_page_brings_a_token_once_and_data_none() -> None:
    client = browser()
    assert "set-cookie" not in client.get("/data").headers
    told = client.get("/").headers["set-cookie"]
    assert re.fullmatch(r"lab_browser=[0-9a-f]{16}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax", told)
    assert "set-cookie" not in client.get("/").headers
    assert browser().get("/").headers["set-cookie"] != told


def test_a_token_of_another_make_is_replaced() -> None:
    client = browser()
    assert "lab_browser=" in client.get("/", headers={"Cookie": "lab_browser=<script>"}).headers["set-cookie"]
