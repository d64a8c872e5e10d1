"""The exported page, opened from the disk by a browser that has no network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from lab_app import wait_until
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page
from test_engine_browser import CONFIG, made_run

from dcgan.config import TrainConfig
from dcgan.export import write_generator
from dcgan.latent import principal_directions
from dcgan.sampling import draw_samples, load_generator

pytestmark = pytest.mark.browser
PIXELS = "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"


def shown(page: Page, size: int) -> NDArray[np.int64]:
    """The colour image on the page [H, W, 3]."""
    return np.array(page.locator("#big").evaluate(PIXELS)).reshape(size, size, 4)[..., :3]


@pytest.mark.parametrize(
    ("config", "channels", "size"),
    [(CONFIG.with_changes(conditioning="labels"), 1, 28), (CONFIG, 3, 32)],
    ids=["digits", "colour"],
)
def test_it_moves_offline_and_draws_what_torch_draws(
    browser: Browser, tmp_path: Path, config: TrainConfig, channels: int, size: int
) -> None:
    run = made_run(tmp_path / "run", config, channels=channels, size=size)
    file = tmp_path / "page.html"
    assert write_generator(run, "html", file) < 9_000_000
    trained = load_generator(run)
    context = browser.new_context(offline=True)
    complaints: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    page.locator('body[data-state="ready"]').wait_for(timeout=90_000)

    images, labels = draw_samples(trained, 48, 0)
    first = images[0].numpy().transpose(1, 2, 0)
    assert np.abs(shown(page, size) - first.astype(int)).max() <= 1
    slider = page.get_by_role("slider").nth(1)
    slider.press("ArrowRight")
    slider.press("ArrowRight")
    z = trained.random_z(48, torch.Generator().manual_seed(0))[:1]
    moved = z + 0.1 * principal_directions(trained.network, 2).vectors[1]
    expected = trained.draw(moved, None if labels is None else trained.condition(labels[:1]))[0].numpy()
    wait_until(
        page, lambda: np.abs(shown(page, size) - expected.transpose(1, 2, 0).astype(int)).max() <= 1, "the moved image"
    )
    assert not [url for url in asked if not url.startswith(("file:", "blob:", "data:"))]
    assert not complaints
    context.close()
