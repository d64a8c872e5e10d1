"""What watching costs the trainer: one run, with the Train page open in two Chromium browsers and without; prints JSON.

    python -m benchmarks.watching [--data-dir DIR] [--dataset mnist] [--preset quick] [--device auto] [--pairs 4]
                                  [--seconds 20]

Starts the app on a free port and one run in a process of its own, as the page does. Windows without and with the
browsers take turns in mirrored pairs, so that a drift of the machine falls on both.
`images_per_second` are steps times batch size over training seconds, both from the run's own metrics. The browsers run
on the same machine: what they draw is part of the cost.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import torch
from playwright.sync_api import Page, Playwright, sync_playwright

from benchmarks.machine import setting
from dcgan import jobs, runs
from dcgan.presets import get_preset

PROJECT = Path(__file__).resolve().parent.parent
BROWSERS = 2
WARM_UP = 15.0  # seconds of training before the first window: the first steps are slower
SETTLE = 4.0  # seconds between the opening of a page and its window: loading is not watching
CHROMIUM_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


def main(argv: list[str] | None = None) -> int:
    """Run the program; returns the exit status."""
    options = _options(argv)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        address = stack.enter_context(_served(folder))
        run = stack.enter_context(_trained(folder, options))
        playwright = stack.enter_context(sync_playwright())
        windows = _windows(playwright, f"{address}/train?run={run.name}", run, options)
        result = {"program": "watching", "browsers": BROWSERS, **_setting(run), **_summary(windows)}
    print(json.dumps(result, indent=2))
    return 0


def _windows(
    playwright: Playwright, address: str, run: runs.Run, options: argparse.Namespace
) -> list[dict[str, float]]:
    """One entry a pair: images per second alone and watched, and how often the pages asked per second."""
    time.sleep(WARM_UP)
    pairs = []
    for number in range(options.pairs):
        pair: dict[str, float] = {}
        for watched in (False, True) if number % 2 == 0 else (True, False):
            with _watchers(playwright, address, BROWSERS if watched else 0) as pages:
                time.sleep(SETTLE)
                before = _looks(pages)
                pair["watched" if watched else "alone"] = _speed(run, options.seconds)
                if watched:
                    pair["looks_per_second"] = (_looks(pages) - before) / options.seconds
        pairs.append(pair)
    return pairs


@contextmanager
def _watchers(playwright: Playwright, address: str, count: int) -> Iterator[list[Page]]:
    """The page in `count` browsers of their own, as two people have it, until the block ends."""
    program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with ExitStack() as stack:
        pages = []
        for _ in range(count):
            browser = playwright.chromium.launch(executable_path=program, args=CHROMIUM_ARGUMENTS)
            stack.callback(browser.close)
            page = browser.new_page(viewport={"width": 1280, "height": 720})
            page.goto(address)
            page.locator('.lab[data-state="running"]').wait_for(timeout=60_000)
            pages.append(page)
        yield pages


def _looks(pages: list[Page]) -> int:
    """How often the pages have asked how the run goes."""
    count = "performance.getEntriesByType('resource').filter((entry) => entry.name.includes('/live?')).length"
    return sum(int(page.evaluate(count)) for page in pages)


def _speed(run: runs.Run, seconds: float) -> float:
    """Images per second of training over the next `seconds`."""
    first = run.metrics()[-1]
    time.sleep(seconds)
    last = run.metrics()[-1]
    assert last["step"] > first["step"], f"the run stands still: {run.status()}"
    return (last["step"] - first["step"]) * run.config.batch_size / (last["seconds"] - first["seconds"])


def _summary(pairs: list[dict[str, float]]) -> dict[str, Any]:
    ratios = [pair["watched"] / pair["alone"] for pair in pairs]
    return {
        "images_per_second": {key: [round(pair[key]) for pair in pairs] for key in ("alone", "watched")},
        "looks_per_second": round(statistics.mean(pair["looks_per_second"] for pair in pairs), 1),
        "pair_ratios": [round(ratio, 4) for ratio in ratios],
        "slowdown_percent": round(100 * (1 - statistics.median(ratios)), 2),
        "watched_to_alone_ratio": round(statistics.median(ratios), 4),
    }


def _setting(run: runs.Run) -> dict[str, Any]:
    status = run.status()
    return {
        **setting(torch.device("cpu"), "streamlit", "playwright"),
        "device": status.device,
        "precision": status.precision,
        "preset": run.preset,
        "dataset": run.config.dataset,
    }


@contextmanager
def _trained(folder: Path, options: argparse.Namespace) -> Iterator[runs.Run]:
    """A run that trains until the block ends."""
    changes = {"dataset": options.dataset, "device": options.device, "epochs": 10_000}
    config = get_preset(options.preset).config.with_changes(**changes)
    name = jobs.start(config, preset=options.preset, runs_dir=folder, data_dir=options.data_dir)
    run = runs.open_run(folder / name)
    try:
        _wait_until(lambda: bool(run.metrics()), f"the run did not begin: {run.status()}")
        yield run
    finally:
        if run.status().active:
            jobs.send(run, "stop")
        _wait_until(lambda: not run.status().active, "the run did not end")


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    """The app on a free port with its runs in `folder`, as its address, until the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.headless", "true"]
    server = subprocess.Popen(
        [*command, "--server.port", str(port)], cwd=PROJECT, env={**os.environ, "DCGAN_RUNS_DIR": str(folder)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _wait_until(lambda: _answers(f"http://localhost:{port}/_stcore/health"), "the app did not start")
        yield f"http://localhost:{port}"
    finally:
        server.terminate()
        server.wait(timeout=20)


def _answers(address: str) -> bool:
    try:
        urllib.request.urlopen(address, timeout=2)
    except (urllib.error.URLError, OSError):
        return False
    return True


def _wait_until(condition: Any, problem: str, seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(problem)
        time.sleep(0.1)


def _options(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure what watching a run costs it.")
    parser.add_argument("--data-dir", type=Path, help="folder that holds the data (default: as for training)")
    parser.add_argument("--dataset", default="mnist")
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--pairs", type=int, default=4, help="pairs of windows")
    parser.add_argument("--seconds", type=float, default=20.0, help="length of a window")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
