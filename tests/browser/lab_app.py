"""What browser tests share: the running app as they see it, and patience."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page


class App:
    """The running app: its address, its runs, and what the browser complained about."""

    def __init__(self, address: str, runs_dir: Path) -> None:
        self.address = address
        self.runs_dir = runs_dir
        self.complaints: list[str] = []

    def watch(self, page: Page) -> Page:
        """Collect script errors, error messages and requests that leave for another host."""
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("console", lambda message: self._console(message.type, message.text))
        page.on("request", lambda request: self._request(request.url))
        return page

    def _console(self, kind: str, text: str) -> None:
        # Streamlit looks for its server below the page's own path first, and is told 404.
        if kind == "error" and "404" not in text:
            self.complaints.append(f"console: {text}")

    def _request(self, url: str) -> None:
        if not url.startswith((self.address, "ws" + self.address.removeprefix("http"), "blob:", "data:")):
            self.complaints.append(f"left for {url}")


def wait_until(page: Page, condition: Callable[[], bool], what: str, seconds: float = 90.0) -> None:
    """Look every 50 ms whether `condition` holds.

    Raises:
        AssertionError: it did not in time; the message names `what`.
    """
    for _ in range(int(seconds * 20)):
        if condition():
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"not within {seconds:g} s: {what}")
