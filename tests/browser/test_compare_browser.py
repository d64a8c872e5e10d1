"""The Compare page in a real browser: one scrubber for all sample grids, with no word to the server."""

from __future__ import annotations

from pathlib import Path

import pytest
from lab_app import App, wait_until
from PIL import Image
from playwright.sync_api import Page, expect
from test_compare import make_run

from dcgan.runs import list_runs

pytestmark = pytest.mark.browser


def run_with_samples(folder: Path, name: str, seconds: float, shade: int) -> None:
    """A run whose grids are one shade of grey each, lighter by 20 from one frame to the next."""
    run = make_run(folder, name, seconds=seconds, quality=[9.0, 8.0])
    (run.path / "samples").mkdir()
    for i, place in enumerate(("epoch-0000-step-000000", "epoch-0001-step-000100", "epoch-0002-step-000200")):
        Image.new("L", (224, 224), shade + 20 * i).save(run.path / "samples" / f"{place}.png")


def shades(page: Page) -> list[int]:
    """The grey in the corner of each grid."""
    read = "all => all.map(canvas => canvas.getContext('2d').getImageData(1, 1, 1, 1).data[0])"
    found: list[int] = page.locator(".cell canvas").evaluate_all(read)
    return found


def test_one_scrubber_moves_all_grids_over_epochs_and_over_time(app: App, page: Page) -> None:
    run_with_samples(app.runs_dir, "slow", 1.0, 10)
    run_with_samples(app.runs_dir, "fast", 0.5, 110)
    page.goto(f"{app.address}/compare?run=slow&run=fast")
    wait_until(page, lambda: shades(page) == [50, 150], "the last samples of both")
    expect(page.locator(".js-plotly-plot")).to_have_count(4)

    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda socket: asked.append(socket.url))
    slider = page.locator(".compare input")
    slider.fill("1")
    wait_until(page, lambda: shades(page) == [30, 130], "both after epoch 1")
    expect(page.locator(".compare .when")).to_have_text("epoch 1")
    slider.fill("0")
    wait_until(page, lambda: shades(page) == [10, 110], "both before training")
    assert not asked

    page.get_by_role("radio", name="time").click()
    wait_until(page, lambda: slider.get_attribute("max") == "3", "the stops 0, 50, 100 and 200 s")
    assert "over=time" in page.url
    slider.fill("2")
    wait_until(page, lambda: shades(page) == [30, 150], "slow after one epoch, fast after two")
    expect(page.locator(".cell p").first).to_have_text("after epoch 1, 1 min 40 s")
    assert not app.complaints


def test_runs_ticked_in_the_list_are_compared(app: App, page: Page) -> None:
    for i, name in enumerate(("a", "b", "c")):
        run_with_samples(app.runs_dir, name, 1.0, 10 + 60 * i)
    page.goto(f"{app.address}/train?new=1")
    button = page.locator(".st-key-compare_these button:visible")
    expect(button).to_be_disabled()
    for name in ("a", "c"):
        page.locator(f".st-key-tick_{name} label").click()
    expect(button).to_have_text("Compare these 2")
    button.click()
    wait_until(page, lambda: sorted(shades(page)) == [50, 170], "the samples of both")
    assert "run=a" in page.url and "run=c" in page.url and "run=b" not in page.url

    page.goto(f"{app.address}/train?run=b")
    expect(button).to_be_disabled()
    page.locator(".st-key-tick_a label").click()
    button.click()
    wait_until(page, lambda: shades(page) == [110, 50], "the run shown large and the ticked one")
    assert not app.complaints


def test_gan_against_dcgan_trains_both_alike_and_shows_them(app: App, page: Page) -> None:
    page.goto(f"{app.address}/compare")
    page.get_by_role("combobox").last.click()
    page.get_by_role("option", name="Embedded digits").click()
    seconds = page.get_by_label("Seconds for each")
    seconds.fill("5")
    seconds.press("Tab")
    page.locator(".st-key-duel_start button").click()
    wait_until(page, lambda: len(list_runs(app.runs_dir)) == 2, "two runs")
    second, first = list_runs(app.runs_dir)
    assert (first.preset, second.preset) == ("mlp", "dcgan") and second.status().state == "queued"
    for name in ("dataset", "seed", "epochs"):
        assert getattr(first.config, name) == getattr(second.config, name), name
    wait_until(page, lambda: f"run={first.name}&run={second.name}" in page.url, "both in the address")
    expect(page.locator(".st-key-going_B")).to_contain_text("Number 1 in the queue")
    expect(page.locator(".st-key-going_A")).to_have_count(0)  # it has ended, and the page has seen it
    expect(page.locator(".st-key-going_B")).to_have_count(0)
    assert [run.status().state for run in (first, second)] == ["finished"] * 2
    assert first.status().limit == second.status().limit == 5
    rows = page.locator(".lab-table tr")
    for label in ("Training time", "Speed, images/s", "Parameters of G", "Parameters of D"):
        expect(rows.filter(has_text=label)).to_have_count(1)
    wait_until(page, lambda: min(shades(page)) >= 0 and len(shades(page)) == 2, "samples of both")
    assert not app.complaints
