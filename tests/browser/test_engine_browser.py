"""The generator in the browser: the same numbers as torch, no round trip while the hand moves, and the way back."""

from __future__ import annotations

import base64
import json
import re
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from lab_app import App, wait_until
from numpy.typing import NDArray
from playwright.sync_api import BrowserContext, Page, expect
from torch import nn

from dcgan.browser import GENERATOR_SCRIPT
from dcgan.config import TrainConfig
from dcgan.models import Generator, ImageShape, initialise
from dcgan.runs import Run, create_run, open_run
from dcgan.sampling import load_generator, save_snapshot
from ui.engine_routes import ADDRESSES

pytestmark = pytest.mark.browser
RUN_MODEL = """async ([model, rows, count]) => {
  const runtime = await openRuntime(new URL(ADDRESSES.script, origin).href, new URL(ADDRESSES.wasm, origin).href);
  const generator = await Generator.open(runtime, new Uint8Array(await (await fetch(model)).arrayBuffer()));
  const images = await generator.images(new Float32Array(rows), count);
  generator.close();
  return [[...images], [...pixelsOf(images)]];
}"""
COUNT_IMAGES = """
window.images = new Set();
const put = CanvasRenderingContext2D.prototype.putImageData;
CanvasRenderingContext2D.prototype.putImageData = function (image, ...rest) {
  put.call(this, image, ...rest);
  if (this.canvas.classList.contains("big")) window.images.add(image.data.filter((_, i) => i % 4 === 0).join());
};
"""


def made_run(folder: Path, config: TrainConfig, channels: int = 1, size: int = 28, epochs: int = 1) -> Run:
    """A run with generators that nobody trained but whose images differ."""
    create_run(folder, config.with_changes(epochs=epochs), "quick")
    facts = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**facts, "channels": channels, "image_size": size}))
    shape = ImageShape(size, channels, 10)
    counts = [100] * (config.num_conditions(10) or 10)
    for epoch in range(1, epochs + 1):
        noise = torch.Generator().manual_seed(epoch)
        network = Generator(config, shape)
        initialise(network, noise)
        for module in network.modules():
            if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
                nn.init.normal_(module.weight, 0, 0.15, generator=noise)
        path = folder / "snapshots" / f"epoch-{epoch:04d}-step-{epoch:06d}.safetensors"
        path.parent.mkdir(exist_ok=True)
        save_snapshot(path, network.state_dict(), config, shape, counts, epoch=epoch, step=epoch)
    return open_run(folder)


CONFIG = TrainConfig(dataset="digits", latent_dim=16, generator_width=16, device="cpu")


@pytest.fixture
def told(app: App) -> Run:
    """A conditional run of two epochs, and an unconditional one of the same size."""
    made_run(app.runs_dir / "untold", CONFIG)
    return made_run(app.runs_dir / "told", CONFIG.with_changes(conditioning="labels"), epochs=2)


def visit(page: Page, app: App, query: str = "run=told", engine: str = "browser") -> None:
    page.goto(f"{app.address}/explore?{query}")
    page.locator(f'.lab[data-state="ready"][data-engine="{engine}"]').wait_for()


def computed(page: Page, app: App, run: Run, rows: NDArray[np.float32]) -> tuple[NDArray[np.float32], list[int]]:
    """Images [N, C, H, W] and flat bytes that the browser's engine computes from `rows`."""
    if not page.url.startswith(app.address):
        page.goto(app.address)
        page.evaluate(f"window.ADDRESSES = {json.dumps(ADDRESSES)}")
        page.add_script_tag(content=GENERATOR_SCRIPT.read_text() + "\nObject.assign(window, { Generator });")
    model = f"{app.address}/lab/runs/{run.name}/generator.onnx?epoch=1"
    images, pixels = page.evaluate(RUN_MODEL, [model, rows.flatten().tolist(), len(rows)])
    return np.array(images, np.float32).reshape(len(rows), run.channels, run.image_size, run.image_size), pixels


def test_the_browser_computes_what_torch_does(app: App, page: Page, told: Run) -> None:
    clusters = CONFIG.with_changes(conditioning="clusters", clusters=20, generator_finish=8)
    colour = made_run(app.runs_dir / "colour", CONFIG.with_changes(conditioning="labels"), channels=3, size=32)
    groups = made_run(app.runs_dir / "groups", clusters)
    for run in (told, open_run(app.runs_dir / "untold"), groups, colour):
        trained = load_generator(run, 1)
        noise = torch.Generator().manual_seed(0)
        z, condition = trained.random_z(6, noise), torch.rand(6, trained.num_conditions, generator=noise)
        expected = trained.network(z, condition if trained.conditional else None).numpy()
        images, pixels = computed(page, app, run, torch.cat([z, condition], dim=1).numpy())
        assert expected.std() > 0.1
        assert np.abs(images - expected).max() < 1e-5, run.name
        by_torch = trained.draw(z, condition).numpy().flatten().astype(int)
        assert np.abs(np.array(pixels) - by_torch).max() <= 1
    assert not app.complaints


def test_while_a_slider_is_dragged_nobody_is_asked(
    app: App, page: Page, told: Run, record_property: pytest.RecordProperty
) -> None:
    page.add_init_script(COUNT_IMAGES)
    visit(page, app)
    page.locator(".lab[data-named]").wait_for()  # the directions are measured once, in the background
    box = page.get_by_role("slider", name=re.compile(r"\bdirection 1\b")).bounding_box()
    assert box
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, middle)
    page.mouse.down()
    page.evaluate("window.images.clear()")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    end, place = time.monotonic() + 2, 0
    while time.monotonic() < end:
        place += 1
        page.mouse.move(box["x"] + box["width"] * (0.05 + 0.9 * abs(place % 240 - 120) / 120), middle)
    frames = page.evaluate("window.images.size")
    during = list(asked)
    page.mouse.up()
    record_property("distinct_frames_in_two_seconds", frames)
    print(f"{frames} distinct frames in two seconds of dragging")
    assert frames > 3
    assert not during
    assert not app.complaints


def test_another_run_needs_its_weights_only(app: App, page: Page, told: Run) -> None:
    visit(page, app)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.locator(".run select").select_option("untold")
    wait_until(page, lambda: any("untold/generator.onnx" in url for url in asked), "the other generator")
    page.locator('.lab[data-engine="browser"]').wait_for()
    assert not [url for url in asked if "/lab/engine/" in url]
    page.get_by_role("slider", name=re.compile(r"\bdirection 1\b")).press("ArrowRight")
    assert not app.complaints


def test_an_epoch_seen_before_is_not_sent_again(app: App, page: Page, told: Run) -> None:
    visit(page, app)
    with page.expect_response(re.compile(r"generator\.onnx\?epoch=2")) as first:
        page.reload()
    assert first.value.status in (200, 304)
    tag = first.value.headers["etag"]
    answer = page.request.get(f"{app.address}/lab/runs/told/generator.onnx?epoch=2", headers={"If-None-Match": tag})
    assert answer.status == 304


def test_without_webassembly_the_server_draws_and_the_page_says_so(
    app: App, context: BrowserContext, told: Run
) -> None:
    page = app.watch(context.new_page())
    page.add_init_script("delete window.WebAssembly;")
    visit(page, app, engine="server")
    sentence = "This browser has no WebAssembly; the server draws instead, and follows the hand more slowly."
    expect(page.locator(".problem")).to_have_text(sentence)
    before = page.locator("canvas.big").evaluate("c => c.toDataURL()")
    page.get_by_role("slider", name="truncation").press("Home")
    wait_until(page, lambda: page.locator("canvas.big").evaluate("c => c.toDataURL()") != before, "the server's image")
    assert not app.complaints


def test_a_damaged_engine_file_is_one_sentence(app: App, page: Page, told: Run) -> None:
    page.route("**/lab/engine/**/*.wasm", lambda route: route.fulfill(body=base64.b64decode("AGFzbQ=="), status=200))
    page.goto(f"{app.address}/explore?run=told")
    expect(page.locator(".problem")).to_contain_text("the server draws instead")


def test_a_generator_that_the_engine_cannot_run_is_drawn_by_the_server(app: App, page: Page, told: Run) -> None:
    sentence = "This generator has a Softplus layer, which cannot be written as ONNX."
    refuse = {"status": 400, "json": {"error": sentence}}
    page.route("**/generator.onnx**", lambda route: route.fulfill(**refuse))
    visit(page, app, engine="server")
    expect(page.locator(".problem")).to_contain_text(f"{sentence[:-1]}; the server draws instead")
    before = page.locator("canvas.big").evaluate("c => c.toDataURL()")
    page.get_by_role("slider", name="truncation").press("Home")
    wait_until(page, lambda: page.locator("canvas.big").evaluate("c => c.toDataURL()") != before, "the server's image")


def test_a_run_that_is_deleted_meanwhile_is_one_sentence(app: App, page: Page, told: Run) -> None:
    visit(page, app)
    page.locator(".lab[data-named]").wait_for()
    shutil.rmtree(told.path)
    page.get_by_role("button", name="what D thinks").click()
    expect(page.locator(".verdict")).to_contain_text("deleted")
    page.locator(".samples input").fill("77")
    page.locator(".samples input").press("Enter")
    expect(page.locator(".problem")).to_contain_text("deleted")
    expect(page.get_by_role("tab", name="Walk")).to_be_enabled()
