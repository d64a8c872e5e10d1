"""Map, arithmetic and time machine: what they show is what torch draws, and the address keeps it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from urllib.parse import parse_qs

import numpy as np
import pytest
import torch
from lab_app import App, wait_until
from playwright.sync_api import Page, expect
from test_engine_browser import CONFIG, made_run
from test_explore_browser import address, assert_same, by_torch, pixels, same, visit

from dcgan.clusters import save_clusters
from dcgan.config import TrainConfig
from dcgan.effects import measure_effects, names_of
from dcgan.latent import principal_directions
from dcgan.maps import lay_out
from dcgan.runs import Run, create_run, open_run
from dcgan.sampling import load_generator
from dcgan.session import run_training
from ui import explore_models, insights
from ui.explore_routes import space_of
from ui.explore_state import parse_point

pytestmark = pytest.mark.browser
BUNDLED = Path(__file__).resolve().parent.parent.parent / "checkpoints" / "bundled-mnist"


@pytest.fixture
def told(app: App) -> Run:
    """A conditional run of three epochs, another, and one whose z has another size."""
    labels = CONFIG.with_changes(conditioning="labels")
    made_run(app.runs_dir / "untold", CONFIG)
    made_run(app.runs_dir / "longer", CONFIG.with_changes(latent_dim=20))
    return made_run(app.runs_dir / "told", labels, epochs=3)


def test_the_map_is_dragged_over_and_a_click_keeps(app: App, page: Page, told: Run) -> None:
    visit(page, app, "run=told&at=0.4&view=map&axes=2.3")
    field = page.locator("canvas.field")
    wait_until(page, lambda: field.evaluate("c => c.width") >= 7 * 28, "the field")
    before = field.evaluate("c => c.toDataURL()")
    box = field.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + box["height"] * 0.25, steps=5)
    page.mouse.up()
    wait_until(page, lambda: "_d3." in address(page)["at"][0], "the place in the address")
    moved = parse_point(address(page)["at"][0], space_of(told)).directions
    assert abs(moved[1] - 150) <= 10 and abs(moved[2] - 150) <= 10
    wait_until(page, lambda: same(pixels(page.locator("canvas.big")), by_torch(told, address(page))), "the large digit")
    assert field.evaluate("c => c.toDataURL()") == before
    page.mouse.click(box["x"] + box["width"] * 0.1, box["y"] + box["height"] * 0.5)
    wait_until(page, lambda: len(address(page).get("pick", ())) == 1, "the digit kept")
    assert address(page)["pick"] == address(page)["at"]
    field.press("ArrowRight")
    field.press("Enter")
    wait_until(page, lambda: len(address(page)["pick"]) == 2, "the next one kept")
    page.get_by_label("Direction up").select_option("1")
    wait_until(page, lambda: address(page)["axes"] == ["3.2"], "the axes changed places")
    assert not app.complaints


def test_arithmetic_adds_and_subtracts_averages(app: App, page: Page, told: Run) -> None:
    visit(page, app, "run=told&view=arithmetic")
    for sample in (2, 3, 4, 6, 7, 8, 10, 11, 12):
        page.get_by_role("option", name=re.compile(rf"^sample {sample},")).click()
    wait_until(page, lambda: len(address(page).get("c", ())) == 3, "nine digits")
    wanted = {"a": ["0.1", "0.2", "0.3"], "b": ["0.5", "0.6", "0.7"], "c": ["0.9", "0.10", "0.11"]}
    assert {name: address(page)[name] for name in "abc"} == wanted
    page.get_by_role("button", name="work on it").click()
    wait_until(page, lambda: "_z" in address(page)["at"][0], "the result in the address")
    z, labels = explore_models.samples_of(told, 0)
    expected = z[1:4].mean(0) - z[5:8].mean(0) + z[9:12].mean(0)
    point = parse_point(address(page)["at"][0], space_of(told))
    found, condition = explore_models.locate(told, 3, point)
    assert torch.allclose(found, expected, atol=0.0051)
    assert condition.argmax() == labels[1]
    assert_same(pixels(page.locator("canvas.big")), by_torch(told, address(page)))
    page.get_by_role("slider", name=re.compile(r"\bdirection 1\b")).press("ArrowRight")
    wait_until(page, lambda: "_d1.5" in address(page)["at"][0], "a slider on top of it")
    wait_until(page, lambda: same(pixels(page.locator("canvas.big")), by_torch(told, address(page))), "moved")
    page.reload()
    page.locator('.lab[data-state="ready"]').wait_for()
    assert_same(pixels(page.locator("canvas.big")), by_torch(told, address(page)))
    assert not app.complaints


def test_the_time_machine_shows_one_z_in_all_epochs_and_in_other_runs(app: App, page: Page, told: Run) -> None:
    visit(page, app, "run=told&at=0.3&view=time")
    tiles = page.locator(".epochs .tile")
    expect(tiles).to_have_count(3)
    for epoch in (1, 2, 3):
        expected = by_torch(told, {"epoch": [str(epoch)], "at": ["0.3"]})
        canvas = tiles.nth(epoch - 1).locator("canvas")
        wait_until(
            page, lambda c=canvas, e=expected: c.evaluate("c => c.width") == 28 and same(pixels(c), e), "its image"
        )
    others = page.locator(".others .film canvas")
    expect(others).to_have_count(1)
    other = open_run(app.runs_dir / "untold")
    z, _ = explore_models.samples_of(told, 0)
    expected = load_generator(other).draw(z[3:4]).numpy()[0, 0]
    wait_until(page, lambda: same(pixels(others.first), expected), "the other run's image")
    page.get_by_label("What is varied").select_option("1")
    wait_until(page, lambda: tiles.first.locator("canvas").evaluate("c => c.height") == 5 * 28, "five rows")
    assert address(page)["along"] == ["2"]
    tiles.first.click()
    wait_until(page, lambda: address(page)["epoch"] == ["1"], "the epoch that was clicked")
    assert not app.complaints


def test_the_time_machine_shows_one_walk_in_all_epochs_and_in_other_runs(app: App, page: Page, told: Run) -> None:
    visit(page, app, "run=told&at=0.3&pick=0.1&pick=0.2&pick=0.5&view=time")
    page.get_by_label("What is varied").select_option("walk")
    wait_until(page, lambda: address(page).get("along") == ["walk"], "the walk in the address")
    points = [parse_point(token, space_of(told)) for token in ("0.1", "0.2", "0.5")]
    z, conditions = explore_models.path(told, 3, points, 3, "slerp", loop=True)
    others = page.locator(".others .film canvas")
    for canvas, run, epoch in (
        (page.locator(".epochs canvas").nth(0), told, 1),
        (page.locator(".epochs canvas").nth(2), told, 3),
        (others.first, open_run(app.runs_dir / "untold"), None),
    ):
        expected = load_generator(run, epoch).draw(z, conditions).numpy().reshape(9 * 28, 28)
        wait_until(page, lambda c=canvas: c.evaluate("c => c.height") == 9 * 28, "nine pictures")
        wait_until(page, lambda c=canvas, e=expected: same(pixels(c).reshape(e.shape), e), "those of torch")
    page.reload()
    expect(page.get_by_label("What is varied")).to_have_value("walk")
    assert not app.complaints


def test_groups_are_chosen_and_blended_by_their_pictures(app: App, page: Page, told: Run) -> None:
    run = made_run(app.runs_dir / "groups", CONFIG.with_changes(conditioning="clusters", clusters=20))
    means = torch.randint(0, 256, (20, 1, 28, 28), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    save_clusters(run.path / "clusters.safetensors", torch.zeros(5, dtype=torch.int64), means)
    visit(page, app, "run=groups&at=0.3")
    page.get_by_role("button", name="Drawn: any").click()
    tiles = page.locator(".gallery [role=option]")
    expect(tiles).to_have_count(20)
    picture = tiles.nth(7).locator("canvas")
    wait_until(page, lambda: picture.evaluate("c => c.width") == 28, "the picture")
    assert np.array_equal(pixels(picture), means[7, 0].numpy())
    page.keyboard.press("Escape")
    expect(page.locator(".gallery")).to_be_hidden()
    page.get_by_role("button", name="Drawn: any").press("Enter")
    page.get_by_role("option", name="group 7", exact=True).click()
    wait_until(page, lambda: address(page)["at"] == ["0.3_n7"], "the group in the address")
    page.get_by_role("slider", name="Blend towards another group").press("End")
    page.get_by_role("button", name="Blend towards: group 8").click()
    page.get_by_role("option", name="group 15", exact=True).click()
    wait_until(page, lambda: address(page)["at"] == ["0.3_n7.15.100"], "the blend in the address")
    wait_until(page, lambda: same(pixels(page.locator("canvas.big")), by_torch(run, address(page))), "the blend")
    expect(page.locator(".what")).to_contain_text("100 % group 15")
    assert not app.complaints


def test_a_digit_is_not_blended_with_itself(app: App, page: Page, told: Run) -> None:
    visit(page, app, "run=told&at=0.3_n8")
    choice = page.get_by_label("The digit to blend towards")
    expect(choice).to_have_value("8")
    page.get_by_role("slider", name="Blend towards another digit").press("End")
    wait_until(page, lambda: address(page)["at"] == ["0.3_n8.9.100"], "the blend in the address")
    expect(choice).to_have_value("9")
    wait_until(page, lambda: same(pixels(page.locator("canvas.big")), by_torch(told, address(page))), "the blend")
    assert not app.complaints


def test_classes_go_by_their_names(app: App, page: Page) -> None:
    config = CONFIG.with_changes(dataset="fashion-mnist", conditioning="labels")
    made_run(app.runs_dir / "clothes", config)
    visit(page, app, "run=clothes&at=0.3")
    page.get_by_role("button", name="Drawn: any").click()
    page.get_by_role("option", name="sneaker", exact=True).click()
    wait_until(page, lambda: address(page)["at"] == ["0.3_n7"], "the class in the address")
    expect(page.locator(".what")).to_contain_text("sneaker")
    assert not app.complaints


def test_a_link_holds_every_tab(app: App, page: Page, told: Run) -> None:
    link = "run=told&epoch=2&at=0.3&view=arithmetic&a=0.1&b=0.2&c=0.3_t50&axes=3.1&map=pca&along=2"
    visit(page, app, link)
    expect(page.locator(".outcome")).to_be_visible()
    assert address(page) == parse_qs(link)
    assert np.any(pixels(page.locator("canvas.sum")) != pixels(page.locator(".group.a .mean")))


def test_nearest_training_images_belong_to_what_is_shown(app: App, page: Page, told: Run) -> None:
    visit(page, app, "run=told&at=0.3")
    page.get_by_role("button", name="nearest training images").click()
    shown = page.locator(".nearest figure")
    expect(shown).to_have_count(6)
    distances = [float(text) for text in shown.all_inner_texts()]
    assert distances == sorted(distances) and distances[0] > 0
    page.get_by_role("slider", name=re.compile(r"\bdirection 1\b")).press("ArrowRight")
    expect(page.locator(".nearest .film")).to_be_hidden()
    assert not app.complaints


def test_sliders_are_called_by_what_was_measured(app: App, page: Page) -> None:
    shutil.copytree(BUNDLED, app.runs_dir / "told")
    visit(page, app, "run=told&at=0.3")
    trained = load_generator(open_run(app.runs_dir / "told"))
    effects = measure_effects(trained, principal_directions(trained.network, 10).vectors)
    names = names_of(effects)
    labels = page.locator(".directions .label")
    expect(labels).to_have_text(names)
    assert "slant" in names
    row = page.locator(".directions .row").nth(names.index("slant"))
    slant = effects[names.index("slant")]
    assert slant and slant.words in str(row.get_attribute("title"))
    page.get_by_role("tab", name="Time machine").click()
    choice = page.get_by_label("What is varied")
    place = names.index("slant")
    expect(choice.locator(f'option[value="{place}"]')).to_have_text(f"slant (direction {place + 1})")
    assert not app.complaints


@pytest.mark.parametrize("layout", ["PCA", "t-SNE"])
def test_a_map_of_samples_shows_the_nearest_one_large(app: App, page: Page, told: Run, layout: str) -> None:
    visit(page, app, "run=told&view=map")
    page.get_by_label(f"samples by {layout}").check()
    wait_until(page, lambda: "map" in address(page), "the map in the address")
    cloud = page.locator("canvas.cloud")
    expect(page.locator(".samples-map .lead")).to_have_text("1,008 samples. Coloured by the digit that was asked for.")
    wait_until(page, lambda: "laid out" not in page.locator(".samples-map .laid").inner_text(), "the whole map")
    box = cloud.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + box["height"] * 0.3, steps=5)
    page.mouse.up()
    wait_until(page, lambda: address(page)["at"] != ["0.0"], "a sample in the address")
    images = insights.crowd(told, 3).images.numpy()
    places = lay_out(images, {"PCA": "pca", "t-SNE": "tsne"}[layout])
    far = np.hypot(places[:, 0] - (0.2 / 0.96 + 0.5), places[:, 1] - (0.2 / 0.96 + 0.5))
    point = parse_point(address(page)["at"][0], space_of(told))
    assert far[point.seed * 48 + point.index] < far.min() + 0.02
    wait_until(page, lambda: same(pixels(page.locator("canvas.big")), by_torch(told, address(page))), "the large digit")
    cloud.press("ArrowLeft")
    cloud.press("Enter")
    wait_until(page, lambda: len(address(page).get("pick", ())) == 1, "the digit kept")
    assert not app.complaints


def test_what_d_thinks_is_told_and_shown(app: App, page: Page, small_config: TrainConfig) -> None:
    run_training(create_run(app.runs_dir / "mine", small_config, "quick"))
    run = open_run(app.runs_dir / "mine")
    visit(page, app, "run=mine&at=0.3")
    page.get_by_role("button", name="what D thinks").click()
    expect(page.locator(".verdict")).to_contain_text("sure that it is real")
    image = torch.from_numpy(by_torch(run, address(page)).copy())[None]
    _, condition = explore_models.locate(run, None, parse_point("0.3", space_of(run)))
    found = insights.opinion(run, None, image, condition)
    assert f"D is {found.probability:.0%} sure".replace("%", " %") in page.locator(".verdict").inner_text()
    heat = page.locator("canvas.heat").evaluate("c => [...c.getContext('2d').getImageData(0, 0, 28, 28).data]")
    colours = np.array(heat).reshape(28, 28, 4)
    strong = np.abs(found.where) > 0.5
    assert (colours[strong & (found.where > 0)][:, 0] > 200).all()
    assert (colours[strong & (found.where < 0)][:, 0] < 110).all()
    before = page.locator(".verdict").inner_text()
    page.get_by_role("option", name=re.compile(r"^sample 9,")).click()
    wait_until(page, lambda: page.locator(".verdict").inner_text() != before, "another verdict")
    page.get_by_role("button", name="hide what D thinks").click()
    expect(page.locator("canvas.heat")).to_be_hidden()
    assert not app.complaints


def test_a_run_that_kept_no_discriminator_says_so(app: App, page: Page, told: Run) -> None:
    visit(page, app, "run=told")
    page.get_by_role("button", name="what D thinks").click()
    expect(page.locator(".verdict")).to_contain_text("kept no discriminator")
    expect(page.locator("canvas.heat")).to_be_hidden()
