"""A real server and a real browser. `CHROMIUM` names the browser's program where it is not playwright's own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from lab_app import App
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from dcgan.runs import list_runs

PROJECT = Path(__file__).resolve().parent.parent.parent
PATIENCE_MS = 90_000  # the machine may be busy with other work
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


@pytest.fixture
def app(tmp_path: Path, mnist_dir: Path) -> Iterator[App]:
    """The served app on a free port, with its own place of runs; everything it started ends with it."""
    runs_dir = tmp_path / "runs"
    runs_dir.mkdir()
    port = _free_port()
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py"]
    command += ["--server.port", str(port), "--server.headless", "true"]
    environment = {**os.environ, "DCGAN_RUNS_DIR": str(runs_dir), "DCGAN_DATA_DIR": str(mnist_dir)}
    with (tmp_path / "server.log").open("wb") as log:
        server = subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=log, stderr=log)
    try:
        address = f"http://localhost:{port}"
        _wait_for(address, server, tmp_path / "server.log")
        yield App(address, runs_dir)
    finally:
        server.terminate()
        server.wait(timeout=20)
        _end_training(runs_dir)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    with sync_playwright() as playwright:
        program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
        started = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A fresh profile with a projector's window."""
    fresh = browser.new_context(viewport={"width": 1280, "height": 720})
    fresh.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    yield fresh
    fresh.close()


@pytest.fixture
def page(context: BrowserContext, app: App) -> Page:
    """An empty tab whose complaints `app` collects."""
    return app.watch(context.new_page())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        assert server.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(f"{address}/_stcore/health", timeout=2)
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise AssertionError(f"the server did not answer: {log.read_text()}")


def _end_training(runs_dir: Path) -> None:
    for run in list_runs(runs_dir):
        status = run.status()
        if status.active:
            process = psutil.Process(status.pid)
            process.kill()
            process.wait(20)
