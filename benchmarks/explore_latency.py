"""How soon the Explore page follows the hand, in headless Chromium over loopback; prints JSON.

    python -m benchmarks.explore_latency [--run NAME] [--moves 150] [--seconds 3]

Starts the app on a free port and measures twice: with the browser's own engine, and without WebAssembly, where the
server draws. `event_to_pixel_ms`: from a slider's input event to the first animation frame after the big canvas got new
pixels, one move at a time. `frames_per_second`: animation frames that show a new image while a mouse drags without
pause. `kilobytes`: what goes over the wire on the first visit, and on changing to another run with its generator.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.machine import setting
from dcgan import runs

PROJECT = Path(__file__).resolve().parent.parent
# Notes when the big canvas was given pixels, and the frame after that.
WATCH = """
window.painted = [];
const put = CanvasRenderingContext2D.prototype.putImageData;
CanvasRenderingContext2D.prototype.putImageData = function (...rest) {
  put.apply(this, rest);
  if (this.canvas.classList.contains("big")) requestAnimationFrame((frame) => {
    if (frame !== window.shown) window.painted.push(performance.now());
    window.shown = frame;
  });
};
"""
NO_ENGINE = "delete window.WebAssembly;"
MOVE = """(slider, value) => new Promise((resolve) => {
  const seen = window.painted.length, start = performance.now();
  const look = () => window.painted.length > seen
    ? resolve(window.painted[seen] - start) : performance.now() - start > 5000 ? resolve(null) : setTimeout(look, 1);
  slider.value = value;
  slider.dispatchEvent(new Event("input", { bubbles: true }));
  look();
})"""


def main(argv: list[str] | None = None) -> int:
    """Run the program; returns the exit status."""
    options = _options(argv)
    run = runs.open_named(options.run) if options.run else next(run for run in runs.list_runs() if run.snapshots())
    with _served() as address, sync_playwright() as playwright:
        browser = _chromium(playwright)
        measured = {
            path: _measure(browser, f"{address}/explore?run={run.name}", script, options)
            for path, script in (("browser", WATCH), ("server", NO_ENGINE + WATCH))
        }
        browser.close()
    print(json.dumps({"program": "explore_latency", **_setting(run), **measured}, indent=2))
    return 0


def _measure(browser: Browser, address: str, script: str, options: argparse.Namespace) -> dict[str, Any]:
    first_images: list[float] = []
    ready: list[float] = []
    for _ in range(3):
        page = browser.new_context(viewport={"width": 1280, "height": 720}).new_page()
        page.add_init_script(script)
        sizes = _count_bytes(page)
        page.goto(address)
        page.wait_for_function("window.painted.length > 0")
        first_images.append(page.evaluate("window.painted[0]"))
        if script == WATCH:
            page.locator('.lab[data-engine="browser"]').wait_for()
            ready.append(page.evaluate("performance.now()"))
        page.wait_for_timeout(1000)
    first_visit = _kilobytes([*sizes, *_workers_bytes(page)])
    moves = _moves(page, options.moves)
    return {
        "event_to_pixel_ms": {"p50": _rank(moves, 0.5), "p95": _rank(moves, 0.95), "max": max(moves), "n": len(moves)},
        "frames_per_second": round(_drag(page, options.seconds), 1),
        "first_image_ms": round(statistics.median(first_images)),
        "own_engine_ready_ms": round(statistics.median(ready)) if ready else None,
        "kilobytes": {"first_visit": first_visit, "next_run": _next_run(page, sizes)},
    }


def _next_run(page: Page, sizes: list[tuple[str, float]]) -> dict[str, int] | None:
    """Kilobytes of changing to another run; None where there is only one."""
    own, others = page.locator(".run select").evaluate(
        "s => [s.value, [...s.options].filter(o => !o.disabled).map(o => o.value)]"
    )
    others = [name for name in others if name != own]
    if not others:
        return None
    sizes.clear()
    before = len(_workers_bytes(page))
    page.locator(".run select").select_option(others[0])
    page.wait_for_timeout(4000)
    return _kilobytes([*sizes, *_workers_bytes(page)[before:]])


def _moves(page: Page, count: int) -> list[float]:
    slider = page.get_by_role("slider", name=re.compile(r"\bdirection 1\b"))
    values = [(-1) ** i * (5 + 5 * (i % 60)) for i in range(count + 10)]
    times = [slider.evaluate(MOVE, value) for value in values]
    return [round(moment, 1) for moment in times[10:] if moment is not None]


def _drag(page: Page, seconds: float) -> float:
    box = page.get_by_role("slider", name=re.compile(r"\bdirection 2\b")).bounding_box()
    assert box
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, middle)
    page.mouse.down()
    before, start = page.evaluate("window.painted.length"), time.perf_counter()
    share = 0
    while time.perf_counter() - start < seconds:
        share = (share + 3) % 200
        page.mouse.move(box["x"] + box["width"] * (0.05 + 0.9 * abs(share - 100) / 100), middle)
    elapsed = time.perf_counter() - start
    after = page.evaluate("window.painted.length")
    page.mouse.up()
    return float((after - before) / elapsed)


def _count_bytes(page: Page) -> list[tuple[str, float]]:
    """Grows by address and encoded length of everything that was transferred."""
    sizes: list[tuple[str, float]] = []
    addresses: dict[str, str] = {}
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.on("Network.requestWillBeSent", lambda told: addresses.update({told["requestId"]: told["request"]["url"]}))
    session.on(
        "Network.loadingFinished",
        lambda told: sizes.append((addresses.get(told["requestId"], ""), told["encodedDataLength"])),
    )
    return sizes


def _workers_bytes(page: Page) -> list[tuple[str, float]]:
    """The same of all that the page's workers fetched so far; the browser tells it to nobody else."""
    told = "performance.getEntriesByType('resource').map(entry => [entry.name, entry.transferSize])"
    return [(str(address), float(size)) for worker in page.workers for address, size in worker.evaluate(told)]


def _kilobytes(sizes: list[tuple[str, float]]) -> dict[str, int]:
    weights = sum(size for address, size in sizes if "/generator.onnx" in address)
    return {"weights": round(weights / 1000), "rest": round((sum(size for _, size in sizes) - weights) / 1000)}


def _setting(run: runs.Run) -> dict[str, Any]:
    config = run.config
    return {
        **setting(torch.device("cpu"), "streamlit", "playwright"),
        "generator": {
            "preset": run.preset,
            "latent_dim": config.latent_dim,
            "generator_width": config.generator_width,
            "conditioning": config.conditioning,
            "image_size": run.image_size,
        },
    }


@contextmanager
def _served() -> Iterator[str]:
    """The app on a free port, as its address, until the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.headless", "true"]
    server = subprocess.Popen(
        [*command, "--server.port", str(port)], cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_for(f"http://localhost:{port}/_stcore/health")
        time.sleep(5)  # torch is imported in the background meanwhile, as on a server that was not started just now
        yield f"http://localhost:{port}"
    finally:
        server.terminate()
        server.wait(timeout=20)


def _wait_for(address: str) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(address, timeout=2)
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise SystemExit("The app did not start within a minute.")


def _chromium(playwright: Any) -> Browser:
    program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    started: Browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
    return started


def _rank(values: list[float], share: float) -> float:
    return sorted(values)[min(int(share * len(values)), len(values) - 1)]


def _options(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure how soon the Explore page follows the hand.")
    parser.add_argument("--run", help="name of a run (default: the newest one with a generator)")
    parser.add_argument("--moves", type=int, default=150, help="slider moves to time")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of the drag")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
