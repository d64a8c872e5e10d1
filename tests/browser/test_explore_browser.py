"""The Explore page in a real browser: what the hand moves changes the image, and the address keeps it."""

from __future__ import annotations

import io
import json
import re
import shutil
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import av
import numpy as np
import psutil
import pytest
from lab_app import App, wait_until
from numpy.typing import NDArray
from PIL import Image, ImageSequence
from playwright.sync_api import Locator, Page, expect

from dcgan.config import TrainConfig
from dcgan.records import process_start
from dcgan.runs import Run, create_run, open_run
from dcgan.sampling import load_generator
from dcgan.session import run_training
from ui import explore_models
from ui.explore_routes import space_of
from ui.explore_state import parse_point

pytestmark = pytest.mark.browser
PIXELS = "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data].filter((_, i) => i % 4 === 0)"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A conditional and an unconditional run of three epochs on real digits."""
    folder = tmp_path_factory.mktemp("trained")
    config = TrainConfig(
        dataset="digits", epochs=3, batch_size=64, latent_dim=16, generator_width=8, discriminator_width=8, lr_g=2e-3,
        lr_d=2e-3, conditioning="labels", device="cpu", precision="float32",
    )  # fmt: skip
    run_training(create_run(folder / "told", config, "quick"))
    run_training(create_run(folder / "untold", config.with_changes(conditioning="none", latent_dim=20), "dcgan"))
    return folder


@pytest.fixture
def told(app: App, trained: Path) -> Run:
    """The conditional run, among the app's runs with the other."""
    for name in ("told", "untold"):
        shutil.copytree(trained / name, app.runs_dir / name)
    return open_run(app.runs_dir / "told")


def visit(page: Page, app: App, query: str = "run=told") -> None:
    page.goto(f"{app.address}/explore?{query}")
    ready(page)


def ready(page: Page) -> None:
    page.locator('.lab[data-state="ready"]').wait_for()
    expect(page.locator("canvas.big")).to_have_attribute("aria-label", re.compile("^Generated image"))


def pixels(canvas: Locator) -> NDArray[np.uint8]:
    """The image on a canvas [H, W], one value for each image pixel."""
    values = np.array(canvas.evaluate(PIXELS), dtype=np.uint8)
    side = round(len(values) ** 0.5)
    return values.reshape(side, side)


def address(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.evaluate("location.href")).query)


def by_torch(run: Run, query: dict[str, list[str]]) -> NDArray[np.uint8]:
    """The image that an address means, drawn here."""
    epoch = int(query["epoch"][0])
    z, condition = explore_models.locate(run, epoch, parse_point(query["at"][0], space_of(run)))
    return load_generator(run, epoch).draw(z[None], condition[None]).numpy()[0, 0]


def same(left: NDArray[np.uint8], right: NDArray[np.uint8]) -> bool:
    """Whether two images agree but for rounding: engines sum in different orders."""
    return bool(np.abs(left.astype(int) - right.astype(int)).max() <= 1)


def assert_same(left: NDArray[np.uint8], right: NDArray[np.uint8]) -> None:
    assert same(left, right)


def press(page: Page, name: str, key: str, times: int) -> None:
    slider = page.get_by_role("slider", name=re.compile(rf"\b{name}\b"))
    for _ in range(times):
        slider.press(key)


def test_a_slider_changes_the_digit_while_it_is_dragged_and_a_reload_keeps_it(app: App, page: Page, told: Run) -> None:
    visit(page, app)
    big = page.locator("canvas.big")
    before = pixels(big)
    assert_same(before, by_torch(told, {"epoch": ["3"], "at": ["0.0"]}))
    box = page.get_by_role("slider", name=re.compile(r"\bdirection 1\b")).bounding_box()
    assert box
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.9, middle, steps=8)
    wait_until(page, lambda: bool((pixels(big) != before).any()), "another digit while the slider is held")
    page.mouse.up()
    wait_until(page, lambda: "_d1." in address(page)["at"][0], "the slider in the address")
    wait_until(page, lambda: same(pixels(big), by_torch(told, address(page))), "the image the address means")
    after, kept = pixels(big), page.evaluate("location.href")
    page.reload()
    ready(page)
    assert_same(pixels(big), after)
    assert page.evaluate("location.href") == kept
    assert not app.complaints


def test_a_link_shows_what_it_says_on_every_kind_of_change(app: App, page: Page, told: Run) -> None:
    link = "run=told&epoch=2&at=4.7_d1.150_d3.-75_c2.40_t80_n3.8.40_b1"
    visit(page, app, link)
    assert_same(pixels(page.locator("canvas.big")), by_torch(told, parse_qs(link)))
    expect(page.get_by_role("radio", name="3", exact=True)).to_have_attribute("aria-checked", "true")
    expect(page.get_by_role("slider", name="z 2", exact=True)).to_have_value("40")
    page.get_by_label("single numbers of z").uncheck()
    expect(page.get_by_role("slider", name=re.compile(r"\bdirection 3\b"))).to_have_attribute(
        "aria-valuetext", "−0.75 standard deviations"
    )
    expect(page.locator(".basis")).to_contain_text("of epoch 1")
    assert address(page) == parse_qs(link)


def test_the_epoch_changes_and_z_stays(app: App, page: Page, told: Run) -> None:
    visit(page, app, "run=told&epoch=3&at=0.2_d1.100")
    page.get_by_role("slider", name="epoch").press("ArrowLeft")
    wait_until(page, lambda: address(page)["epoch"] == ["2"], "the other epoch in the address")
    assert address(page)["at"] == ["0.2_d1.100_b3"]
    expected = by_torch(told, address(page))
    wait_until(page, lambda: same(pixels(page.locator("canvas.big")), expected), "the same z at epoch 2")
    page.get_by_role("slider", name="epoch").press("ArrowRight")
    wait_until(page, lambda: address(page)["at"] == ["0.2_d1.100"], "the address as it was")


def test_picks_become_a_walk_that_can_be_taken_away(app: App, page: Page, told: Run) -> None:
    visit(page, app)
    page.get_by_role("tab", name="Walk").click()
    expect(page.locator(".none")).to_be_visible()
    page.get_by_role("tab", name="Sliders").click()
    for sample in (5, 9):
        page.get_by_role("option", name=re.compile(rf"^sample {sample},")).click()
        page.get_by_role("button", name="keep this one").click()
    assert address(page)["pick"] == ["0.4", "0.8"]
    page.get_by_role("tab", name="Walk").click()
    tiles = page.locator(".strip .tile")
    expect(tiles).to_have_count(16)
    tiles.nth(8).click()
    second = by_torch(told, {"epoch": ["3"], "at": ["0.8"]})
    assert_same(pixels(page.locator("canvas.big")), second)
    page.get_by_label("back to the first").uncheck()
    expect(tiles).to_have_count(9)
    expect(page.locator(".why")).to_contain_text(re.compile(r"falls to \d"))
    with page.expect_download() as download:
        page.get_by_role("link", name="GIF", exact=True).click()
    with Image.open(io.BytesIO(download.value.path().read_bytes())) as gif:
        assert gif.format == "GIF"
        assert sum(frame.info["duration"] for frame in ImageSequence.Iterator(gif)) == 9 * 100
    with page.expect_download() as download:
        page.get_by_role("link", name="WebM").click()
    assert download.value.suggested_filename == "told-walk.webm"
    with av.open(str(download.value.path())) as film:
        assert len(list(film.decode(video=0))) == 9
    page.reload()
    expect(page.locator(".strip .tile")).to_have_count(9)
    assert not app.complaints


def test_another_page_and_back_keeps_the_image(app: App, page: Page, told: Run) -> None:
    visit(page, app)
    press(page, "direction 2", "ArrowRight", 6)
    page.get_by_role("slider", name=re.compile(r"\bdirection 2\b")).blur()
    wait_until(page, lambda: address(page)["at"] == ["0.0_d2.30"], "the slider in the address")
    page.wait_for_timeout(1000)
    before = pixels(page.locator("canvas.big"))
    page.get_by_role("link", name="Train", exact=True).click()
    page.wait_for_url("**/train**")
    assert "at=" not in page.url
    page.get_by_role("link", name="Explore", exact=True).click()
    ready(page)
    assert_same(pixels(page.locator("canvas.big")), before)
    assert address(page)["at"] == ["0.0_d2.30"]


def test_reset_surprise_truncation_and_single_numbers(app: App, page: Page, told: Run) -> None:
    visit(page, app, "run=told&at=0.3_d1.100")
    page.get_by_role("button", name="reset").click()
    wait_until(page, lambda: address(page)["at"] == ["0.3"], "the sample itself")
    page.get_by_role("button", name="surprise me").click()
    wait_until(page, lambda: address(page)["at"] != ["0.3"], "another sample")
    expect(page.locator(".samples input")).to_have_value(address(page)["at"][0].split(".")[0])
    press(page, "truncation", "Home", 1)
    average = by_torch(told, address(page))
    wait_until(page, lambda: same(pixels(page.locator("canvas.big")), average), "z = 0")
    page.get_by_label("single numbers of z").check()
    expect(page.get_by_role("slider", name="z 1", exact=True)).to_have_value("0")
    press(page, "z 1", "ArrowRight", 3)
    wait_until(page, lambda: "_c1.15" in address(page)["at"][0], "the number in the address")
    page.get_by_role("slider", name="z 1", exact=True).dblclick()
    wait_until(page, lambda: "_c1" not in address(page)["at"][0], "the number set back")


def test_another_run_is_chosen_and_left_as_it_was(app: App, page: Page, told: Run) -> None:
    visit(page, app, "run=told&at=0.3_d1.100_n4")
    choice = page.locator(".run select")
    choice.select_option("untold")
    wait_until(page, lambda: address(page)["run"] == ["untold"], "the other run in the address")
    expect(page.locator(".digit")).to_be_hidden()
    other = open_run(app.runs_dir / "untold")
    wait_until(page, lambda: same(pixels(page.locator("canvas.big")), by_torch(other, address(page))), "its image")
    choice.select_option("told")
    wait_until(page, lambda: address(page)["at"] == ["0.3_d1.100_n4"], "the first run as it was")
    assert not app.complaints


def test_links_that_cannot_be_followed_say_so(app: App, page: Page, told: Run) -> None:
    visit(page, app, "run=gone&at=0.3")
    expect(page.locator(".problem")).to_contain_text("it may have been deleted. You see")
    visit(page, app, "run=told&epoch=99&at=0.3")
    expect(page.locator(".problem")).to_contain_text("This link's epoch cannot be used")
    assert address(page)["epoch"] == ["3"]
    assert address(page)["at"] == ["0.3"]


def test_a_run_deleted_under_the_page_is_said_in_one_sentence(app: App, page: Page, told: Run) -> None:
    visit(page, app)
    shutil.rmtree(told.path)
    press(page, "epoch", "ArrowLeft", 1)
    expect(page.locator(".problem")).to_contain_text("it may have been deleted")


def test_picks_are_put_in_order_and_removed_by_keyboard(app: App, page: Page, told: Run) -> None:
    visit(page, app, "run=told&pick=0.1&pick=0.2&pick=0.3")
    page.get_by_role("button", name=re.compile("^Pick 3 of 3")).press("ArrowLeft")
    wait_until(page, lambda: address(page)["pick"] == ["0.1", "0.3", "0.2"], "the new order")
    page.get_by_role("button", name="Remove pick 1").press("Enter")
    wait_until(page, lambda: address(page)["pick"] == ["0.3", "0.2"], "one pick less")
    third = by_torch(told, {"epoch": ["3"], "at": ["0.3"]})
    wait_until(page, lambda: same(pixels(page.locator(".kept canvas").first), third), "its picture")


def test_a_full_row_of_picks_takes_no_more(app: App, page: Page, told: Run) -> None:
    visit(page, app, "run=told" + "&pick=0.1" * 12)
    page.get_by_role("button", name="keep this one").click()
    expect(page.locator(".problem")).to_have_text("There is room for 12 picks; remove one to keep another.")
    assert len(address(page)["pick"]) == 12


def test_a_run_in_training_offers_each_new_epoch(app: App, page: Page, told: Run) -> None:
    # A process that stands for the trainer; the app's fixture ends it with the run.
    trainer = psutil.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
    status = {"state": "running", "pid": trainer.pid, "process_started": process_start(trainer.pid)}
    (told.path / "status.json").write_text(json.dumps(status))
    kept = told.path.parent / "kept"
    shutil.move(told.snapshot(3).path, kept)
    visit(page, app)
    epoch = page.get_by_role("slider", name="epoch")
    expect(epoch).to_have_attribute("aria-valuetext", "epoch 2 of 2")
    shutil.move(kept, told.snapshot(2).path.with_name("epoch-0003-step-000087.safetensors"))
    expect(epoch).to_have_attribute("aria-valuetext", "epoch 2 of 3", timeout=10_000)
    epoch.press("ArrowRight")
    expected = by_torch(told, {"epoch": ["3"], "at": ["0.0"]})
    wait_until(page, lambda: same(pixels(page.locator("canvas.big")), expected), "the new epoch's image")
