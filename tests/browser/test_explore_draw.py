"""Drawing a digit: the search is shown as it runs, and what it finds is a point like any other."""

from __future__ import annotations

import io
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from lab_app import App, wait_until
from PIL import Image
from playwright.sync_api import Page, expect
from test_explore_browser import address, by_torch, pixels, same, visit

from dcgan.data import load_dataset
from dcgan.runs import open_run

pytestmark = pytest.mark.browser
BUNDLED = Path(__file__).resolve().parent.parent.parent / "checkpoints" / "bundled-mnist"


@pytest.fixture(autouse=True)
def told(app: App) -> None:
    """The run that ships with the project."""
    shutil.copytree(BUNDLED, app.runs_dir / "told")


def stroke(page: Page, *points: tuple[float, float]) -> None:
    """A line on the pad; places in shares of its side."""
    box = page.locator(".pad").bounding_box()
    assert box
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=4)
    page.mouse.up()


def test_a_drawn_seven_is_found_and_can_be_worked_on(app: App, page: Page) -> None:
    visit(page, app, "run=told&view=draw")
    stroke(page, (0.25, 0.2), (0.75, 0.2), (0.45, 0.85))
    page.get_by_role("button", name="find it").click()
    expect(page.locator(".told")).to_contain_text("found:")
    words = page.locator(".told").inner_text()
    assert float(re.search(r"([\d.]+) %", words)[1]) < 8, words
    page.get_by_role("button", name="work on it").click()
    wait_until(page, lambda: "_z" in address(page)["at"][0], "the z in the address")
    run = open_run(app.runs_dir / "told")
    query = address(page)
    assert "_n7" in query["at"][0]
    wait_until(page, lambda: same(pixels(page.locator("canvas.big")), by_torch(run, query)), "its image")
    page.get_by_role("slider", name=re.compile(r"\bdirection 1\b")).press("ArrowRight")
    wait_until(page, lambda: "_d1.5" in address(page)["at"][0], "a slider on top")
    assert not app.complaints


def test_what_cannot_be_searched_is_one_sentence(app: App, page: Page, tmp_path: Path) -> None:
    visit(page, app, "run=told&view=draw")
    problem = page.locator(".problem")
    page.get_by_role("button", name="find it").click()
    expect(problem).to_have_text("The drawing is empty; draw something first.")
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG broken")
    page.locator(".file").set_input_files(broken)
    expect(problem).to_have_text("This file is not an image that the browser can read; take a PNG or a JPEG.")
    huge = tmp_path / "huge.png"
    huge.write_bytes(bytes(21_000_000))
    page.locator(".file").set_input_files(huge)
    expect(problem).to_have_text("This file has more than 20 MB; take a smaller image.")


def test_dark_ink_on_light_paper_is_turned_round(app: App, page: Page) -> None:
    visit(page, app, "run=told&view=draw")
    paper = np.full((300, 200), 240, np.uint8)
    paper[60:240, 90:110] = 20
    buffer = io.BytesIO()
    Image.fromarray(paper).save(buffer, "PNG")
    page.locator(".file").set_input_files({"name": "one.png", "mimeType": "image/png", "buffer": buffer.getvalue()})
    middle = "c => c.getContext('2d').getImageData(140, 140, 1, 1).data[0]"
    corner = "c => c.getContext('2d').getImageData(60, 20, 1, 1).data[0]"
    wait_until(page, lambda: page.locator(".pad").evaluate(middle) > 200, "light ink")
    assert page.locator(".pad").evaluate(corner) < 30
    page.get_by_role("button", name="find it").click()
    expect(page.locator(".told")).to_contain_text("found:")
    page.get_by_role("button", name="keep it").click()
    wait_until(page, lambda: "_n1" in address(page).get("pick", [""])[0], "a one among the picks")
    assert not app.complaints


def test_a_real_test_image_is_taken_as_the_target(app: App, page: Page, mnist_dir: Path) -> None:
    visit(page, app, "run=told&view=draw")
    expect(page.locator(".whose")).to_have_text("or take a real image that G never saw:")
    tiles = page.locator(".real-images .tile")
    expect(tiles).to_have_count(8)
    first = pixels(tiles.first.locator("canvas"))
    test = load_dataset("mnist", mnist_dir, split="test").images[:, 0].numpy()
    assert (test == first).all((1, 2)).any()
    page.get_by_role("button", name="other ones").click()
    wait_until(page, lambda: not same(pixels(tiles.first.locator("canvas")), first), "other ones")
    target = pixels(tiles.nth(2).locator("canvas"))
    tiles.nth(2).click()
    expect(page.locator(".told")).to_contain_text("found:")
    error = float(re.search(r"([\d.]+) %", page.locator(".told").inner_text())[1])
    found = pixels(page.locator("canvas.big"))
    assert abs(np.abs(found.astype(int) - target.astype(int)).mean() / 255 * 100 - error) < 0.2
    assert not app.complaints


def test_an_image_is_dropped_on_the_pad(app: App, page: Page) -> None:
    visit(page, app, "run=told&view=draw")
    drop = """async (pad) => {
      const one = Object.assign(document.createElement("canvas"), { width: 50, height: 50 });
      const ink = one.getContext("2d");
      ink.fillStyle = "#fff";
      ink.fillRect(20, 5, 8, 40);
      const file = new File([await new Promise((done) => one.toBlob(done))], "one.png", { type: "image/png" });
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(file);
      pad.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
    }"""
    page.locator(".pad").evaluate(drop)
    middle = "c => c.getContext('2d').getImageData(134, 140, 1, 1).data[0]"
    wait_until(page, lambda: page.locator(".pad").evaluate(middle) > 200, "the bar on the pad")
    assert not app.complaints
