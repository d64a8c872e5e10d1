"""The Train page in a real browser: real MNIST, a real child process, what the eye would see."""

from __future__ import annotations

import re

import pytest
from lab_app import App, wait_until
from playwright.sync_api import BrowserContext, Page, expect

from dcgan import jobs
from dcgan.presets import get_preset
from dcgan.runs import Run, list_runs, open_run

pytestmark = pytest.mark.browser


def start_quick(page: Page, app: App) -> Run:
    page.goto(f"{app.address}/train")
    page.locator(".st-key-start button").click()
    page.locator('.lab[data-state="running"]').wait_for()
    return list_runs(app.runs_dir)[0]


def shown_step(page: Page) -> int:
    """The step whose samples the big grid shows."""
    return int(page.locator("canvas.grid").get_attribute("data-step") or -1)


def wait_past(page: Page, step: int) -> None:
    """Wait until the big grid shows samples from after `step`."""
    wait_until(page, lambda: shown_step(page) > step, f"samples from after step {step}")


def picture(page: Page) -> str:
    return str(page.locator("canvas.grid").evaluate("canvas => canvas.toDataURL()"))


def points(page: Page, chart: int = 0) -> int:
    """Steps the chart's axis reaches to."""
    text = page.locator(".chart .plot").nth(chart).get_attribute("data-steps") or "0..0"
    return int(float(text.split("..")[1]))


def test_training_on_mnist_is_seen_live_survives_a_reload_and_can_be_steered(app: App, page: Page) -> None:
    run = start_quick(page, app)
    assert f"run={run.name}" in page.url
    expect(page.locator(".lab-title")).to_contain_text("MNIST")
    wait_past(page, 0)
    first_step, first_picture, first_points = shown_step(page), picture(page), points(page)
    wait_past(page, first_step)
    assert picture(page) != first_picture
    expect(page.locator(".chart .legend b").first).to_have_text(re.compile(r"\d\.\d\d"))
    wait_until(page, lambda: points(page) > first_points, "more points in the chart")

    pid = run.status().pid
    page.reload()
    page.locator('.lab[data-state="running"]').wait_for()
    assert run.status().pid == pid
    wait_past(page, first_step)

    page.locator(".st-key-command_pause button:visible").click()
    page.locator('.lab[data-state="paused"]').wait_for()
    page.locator(".st-key-command_run button:visible").wait_for()
    held = run.status().step
    page.wait_for_timeout(500)
    assert run.status().step == held
    page.locator(".st-key-command_step button:visible").click()
    expect(page.locator(".line .step")).to_have_text(f"step {held + 1:,}")

    page.locator(".st-key-command_run button:visible").click()
    page.locator('.lab[data-state="running"]').wait_for()
    wait_past(page, held + 1)
    page.locator(".st-key-command_stop button:visible").click()
    page.locator('.lab[data-state="stopped"]').wait_for()
    page.locator(".st-key-new_run button").wait_for()
    assert run.status().state == "stopped"
    assert len(run.snapshots()) >= 1
    assert app.complaints == []


def test_looking_back_zoom_and_hidden_lines_survive_refreshes_and_a_reload(app: App, page: Page) -> None:
    start_quick(page, app)
    wait_past(page, 50)
    slider = page.get_by_label("Look back through the samples")
    slider.focus()
    page.keyboard.press("Home")
    expect(page.locator("canvas.grid")).to_have_attribute("data-step", "0")
    expect(page.locator("canvas.grid")).to_have_attribute("aria-label", "64 images before training: noise")
    page.locator(".chart .legend button").first.click()
    over = page.locator(".chart .u-over").first.bounding_box()
    assert over
    page.mouse.move(over["x"] + over["width"] * 0.2, over["y"] + 20)
    page.mouse.down()
    page.mouse.move(over["x"] + over["width"] * 0.7, over["y"] + 20, steps=5)
    page.mouse.up()
    zoomed = [page.locator(".chart .plot").nth(chart).get_attribute("data-steps") for chart in range(3)]
    assert zoomed[0] == zoomed[1] == zoomed[2]
    low, high = (float(end) for end in (zoomed[0] or "").split(".."))
    assert 0 < low < high

    page.wait_for_timeout(1500)
    assert page.locator(".chart .plot").first.get_attribute("data-steps") == zoomed[0]
    assert shown_step(page) == 0
    page.reload()
    page.locator('.lab[data-state="running"]').wait_for()
    expect(page.locator("canvas.grid")).to_have_attribute("data-step", "0")
    expect(page.locator(".chart .plot").first).to_have_attribute("data-steps", zoomed[0] or "")
    expect(page.locator(".chart .legend button").first).to_have_attribute("aria-pressed", "false")

    page.locator(".chart .u-over").first.dblclick()
    expect(page.locator(".chart .plot").first).to_have_attribute("data-steps", re.compile(r"^0\.\."))
    page.get_by_role("button", name="live").click()
    wait_past(page, 50)
    assert app.complaints == []


def test_the_judge_speaks_in_a_place_that_was_kept_for_it(app: App, page: Page) -> None:
    run = start_quick(page, app)
    wait_past(page, 10)
    block, bars = page.locator(".quality"), page.locator(".digits ol")
    expect(block.locator(".verdict")).to_have_text("first judged after epoch 1")
    expect(bars).to_have_attribute("aria-label", "Not judged yet")
    before = block.bounding_box()
    page.locator(".st-key-command_stop button:visible").click()
    expect(block).to_have_attribute("data-reports", "1")
    report = run.quality()[-1]
    words = "missing: " + ", ".join(map(str, report["missing_classes"]))
    expect(block.locator(".verdict")).to_contain_text(
        words if report["missing_classes"] else "all ten digits are there"
    )
    expect(block.locator(".legend b").first).to_have_text(re.compile(r"^[\d,.]+$"))
    heights = bars.locator("i").evaluate_all("bars => bars.map((bar) => bar.getBoundingClientRect().height)")
    shares = report["class_histogram"]
    assert heights.index(max(heights)) == shares.index(max(shares))
    after = block.bounding_box()
    assert before and after and (before["width"], before["height"]) == (after["width"], after["height"])
    page.get_by_label("Look back through the samples").press("Home")
    expect(block.locator(".verdict")).to_have_text("not judged yet at this step")
    assert app.complaints == []


def test_the_doctor_names_what_is_wrong_and_one_press_starts_anew(app: App, page: Page) -> None:
    config = get_preset("quick").config.with_changes(dataset="digits", epochs=2000, lr_g=4e-5)
    sick = open_run(app.runs_dir / jobs.start(config, preset="quick", runs_dir=app.runs_dir))
    page.goto(f"{app.address}/train?run={sick.name}")
    doctor = page.locator(".doctor")
    expect(doctor).to_have_attribute("data-finding", "d-wins")
    expect(doctor).to_contain_text("D is winning")
    expect(doctor.locator(".remedy")).to_have_text(f"Learning rate of G {config.lr_d} (was 0.00004)")
    expect(page.locator(".quality")).to_contain_text("which cannot judge Embedded digits")
    doctor.locator("button").click()
    wait_until(page, lambda: f"run={sick.name}" not in page.url, "the page of the new run")
    page.locator('.lab[data-state="running"]').wait_for()
    assert sick.status().state == "stopped"
    better = list_runs(app.runs_dir)[0]
    assert better.config == config.with_changes(lr_g=config.lr_d) and f"run={better.name}" in page.url
    expect(doctor).to_have_attribute("data-finding", "early")
    assert app.complaints == []


def test_every_browser_sees_the_same_and_a_deleted_run_is_one_sentence(
    app: App, page: Page, context: BrowserContext
) -> None:
    run = start_quick(page, app)
    other = app.watch(context.new_page())
    other.goto(f"{app.address}/train")
    other.locator('.lab[data-state="running"]').wait_for()
    assert f"run={run.name}" in other.url
    other.locator(".st-key-command_stop button:visible").click()
    page.locator(".st-key-manage button:visible").click()

    page.get_by_role("button", name="Delete this run").click()
    page.get_by_role("button", name="Delete for good").click()
    page.locator(".st-key-start button").wait_for()
    assert not run.path.exists()
    other.locator(".st-key-start button").wait_for()
    expect(other.get_by_text("it may have been deleted")).to_be_visible()


def test_the_downloads_are_what_they_say(app: App, page: Page) -> None:
    run = start_quick(page, app)
    wait_past(page, 0)
    page.locator(".st-key-command_stop button:visible").click()
    starts = {
        ".gif": b"GIF89a",
        ".png": b"\x89PNG",
        "-curves.png": b"\x89PNG",
        ".csv": b"step,epoch",
        ".safetensors": b"",
    }
    page.get_by_role("button", name="Download").click()
    for ending, start in starts.items():
        with page.expect_download() as waiting:
            page.locator(f".st-key-download_{ending.strip('.-').replace('.', '_')} button").click()
        assert waiting.value.suggested_filename == run.name + ending
        content = waiting.value.path().read_bytes()
        assert content.startswith(start)
        assert len(content) > 100
