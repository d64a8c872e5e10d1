"""How much memory does training take, and how much the app's server once every page has been visited?

    python -m benchmarks.memory [--presets quick best] [--seconds 20] [--data-dir DIR] [--dataset mnist]

Each run trains on the CPU in a process of its own, as the app starts it; its resident memory is sampled ten times a
second, and the highest value counts. The server is sampled after Chromium has opened every page, and every tab of
Explore, with a finished run. Prints JSON in MB (10^6 bytes) beside the budgets; exits 1 when one is exceeded.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import psutil
import torch
from playwright.sync_api import Page, sync_playwright

from benchmarks.classroom import rss, serving, until
from benchmarks.machine import setting
from dcgan import jobs, runs
from dcgan.presets import get_preset

BUDGET_MB = {"training": 1500, "server": 1000}
PAGES = ("home", "train", "explore", "compare", "how-it-works")
SAMPLE_SECONDS = 0.1
STAY_MS = 7000
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


def main() -> int:
    """Measure and print; 1 when a budget is exceeded."""
    options = _options()
    if options.data_dir:
        os.environ["DCGAN_DATA_DIR"] = str(options.data_dir.absolute())
    with tempfile.TemporaryDirectory(prefix="memory-") as folder:
        runs_dir = Path(folder)
        training = {name: training_memory(name, options, runs_dir) for name in options.presets}
        server = server_memory(runs_dir)
    over = [name for name, peak in training.items() if peak > BUDGET_MB["training"]]
    over += ["server"] if server["after_all_pages"] > BUDGET_MB["server"] else []
    report = {"training_mb": training, "server_mb": server, "budget_mb": BUDGET_MB, "over_budget": over}
    print(json.dumps({**setting(torch.device("cpu")), "dataset": options.dataset, **report}, indent=1))
    return 1 if over else 0


def training_memory(preset: str, options: argparse.Namespace, runs_dir: Path) -> int:
    """The most resident memory (MB) of a training process within `options.seconds` of training."""
    config = get_preset(preset).config.with_changes(dataset=options.dataset, device="cpu")
    run = runs.open_run(runs_dir / jobs.start(config, preset=preset, runs_dir=runs_dir, max_seconds=options.seconds))
    until(lambda: run.status().pid > 0, "training does not begin")
    process, most = psutil.Process(run.status().pid), 0
    while run.status().active:
        try:
            most = max(most, rss(process))
        except psutil.NoSuchProcess:
            break
        time.sleep(SAMPLE_SECONDS)
    if run.status().state != "finished":
        raise SystemExit(f"{preset} did not train to its end: {run.status().message}")
    return round(most / 1e6)


def server_memory(runs_dir: Path) -> dict[str, int]:
    """Resident memory (MB) of the server when it is ready, and after a browser has seen every page and every tab."""
    run = runs.list_runs(runs_dir)[0]
    with serving(runs_dir) as (server, port), sync_playwright() as playwright:
        ready = rss(server)
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        visit(browser.new_page(), f"http://127.0.0.1:{port}", run.name)
        browser.close()
        return {"ready": round(ready / 1e6), "after_all_pages": round(rss(server) / 1e6)}


def visit(page: Page, address: str, run: str) -> None:
    """Open every page with `run`, and every tab of Explore, and stay a while on each."""
    for name in PAGES:
        page.goto(f"{address}/{name}?run={run}")
        page.locator(".stMainBlockContainer").wait_for()
        page.wait_for_timeout(STAY_MS)
        for tab in page.get_by_role("tab").all():
            tab.click()
            page.wait_for_timeout(STAY_MS)


def chromium() -> str | None:
    """The browser's program; None for playwright's own."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--presets", nargs="+", default=["quick", "best"], help="what is trained (default quick best)")
    parser.add_argument("--seconds", type=float, default=20, help="of training for each (default 20)")
    parser.add_argument("--dataset", default="mnist", help="what is trained on (default mnist)")
    parser.add_argument("--data-dir", type=Path, help="where the data sets are")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
