"""The How it works page in a real browser: drawn to scale, followed by keyboard, and alive while a run trains."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from lab_app import App, wait_until
from playwright.sync_api import Page, expect

from dcgan import jobs
from dcgan.config import TrainConfig
from dcgan.runs import open_run

pytestmark = pytest.mark.browser
PROJECT = Path(__file__).resolve().parent.parent.parent


def too_wide(page: Page) -> int:
    """CSS pixels by which the page is wider than its window."""
    read = "() => { const m = document.querySelector('[data-testid=stMain]'); return m.scrollWidth - m.clientWidth }"
    width: int = page.evaluate(read)
    return width


def test_networks_follow_the_fields_and_fit_a_phone(app: App, page: Page) -> None:
    page.goto(f"{app.address}/how-it-works")
    maps = page.locator(".how-net >> nth=0 >> .how-draw")
    expect(maps).to_have_count(5)
    widest = [box["width"] for box in (sheet.bounding_box() for sheet in maps.all()) if box]
    assert widest[1] < widest[2] < widest[3]
    page.get_by_text("Change the networks").click()
    page.get_by_role("spinbutton", name="G finishing layer").fill("0")
    page.keyboard.press("Enter")
    expect(maps).to_have_count(4)
    page.set_viewport_size({"width": 390, "height": 844})
    wait_until(page, lambda: too_wide(page) <= 0, "nothing sticks out")
    first, second = (maps.nth(i).bounding_box() for i in (1, 2))
    assert first and second and second["y"] > first["y"]
    assert not app.complaints


def test_values_follow_a_run_that_trains(app: App, page: Page) -> None:
    config = TrainConfig(
        dataset="digits", epochs=10_000, batch_size=256, latent_dim=8, generator_width=4, discriminator_width=4,
        device="cpu", threads=1,
    )  # fmt: skip
    run = open_run(app.runs_dir / jobs.start(config, preset="quick", runs_dir=app.runs_dir))
    wait_until(page, lambda: bool(run.states()), "the first state")
    page.goto(f"{app.address}/how-it-works?part=Game")
    told = page.get_by_text("both networks as they stood")
    expect(told).to_contain_text("still training")
    pictures = page.locator(".how-tiles img")
    expect(pictures).to_have_count(24)
    assert pictures.evaluate_all("all => all.every(image => image.complete && image.naturalWidth === 28)")
    first = told.inner_text()
    wait_until(page, lambda: told.inner_text() != first, "the values of a newer state")
    jobs.send(run, "stop")
    wait_until(page, lambda: not run.status().active, "the end of the run")
    assert not app.complaints


def test_other_images_by_keyboard_and_another_run_by_its_address(app: App, page: Page) -> None:
    shutil.copytree(PROJECT / "checkpoints" / "bundled-mnist", app.runs_dir / "bundled-mnist")
    last = open_run(app.runs_dir / "bundled-mnist").snapshot()
    page.goto(f"{app.address}/how-it-works?part=Game&run=bundled-mnist")
    expect(page.get_by_text(f"epoch {last.epoch} after step {last.step:,}")).to_be_visible()
    pictures = page.locator(".how-tiles img")
    expect(pictures).to_have_count(24)
    before = pictures.nth(8).get_attribute("src")
    page.get_by_role("button", name="Other images").focus()
    page.keyboard.press("Enter")
    wait_until(page, lambda: pictures.nth(8).get_attribute("src") != before, "other images")
    page.set_viewport_size({"width": 390, "height": 844})
    wait_until(page, lambda: too_wide(page) <= 0, "nothing sticks out")
    assert not app.complaints


def test_a_link_shows_one_word(app: App, page: Page) -> None:
    page.goto(f"{app.address}/how-it-works?part=Glossary&word=truncation")
    expect(page.locator(".how-words dt").first).to_have_text("Truncation")
    page.get_by_label("Look for a word").fill("fid")
    page.keyboard.press("Enter")
    expect(page.locator(".how-words dt").first).to_have_text("FID")
    assert "word=fid" in page.url
