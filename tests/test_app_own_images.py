"""Own images on the Train page: a zip is uploaded, chosen, trained on, deleted; every mistake is one sentence."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from dcgan.runs import list_runs
from dcgan.uploads import add_zip, own_sets

PROJECT = Path(__file__).resolve().parent.parent


def zipped(count: int, *, classes: bool = False) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for i in range(count):
            picture = io.BytesIO()
            Image.new("RGB", (40, 30), (i, 255 - i, 100)).save(picture, "PNG")
            folder = ("<b>cats/", "dogs/")[i % 2] if classes else ""
            archive.writestr(f"{folder}{i}.png", picture.getvalue())
    return buffer.getvalue()


@pytest.fixture
def app(runs_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    """The Train page with own images chosen; whatever it starts is ended afterwards."""
    monkeypatch.setenv("DCGAN_DATA_DIR", str(tmp_path / "data"))
    page = AppTest.from_file(str(PROJECT / "streamlit_app.py"), default_timeout=60)
    page.switch_page("pages/train.py").run()
    page.selectbox(key="form.quick.dataset").set_value("folder").run()
    yield page
    for run in list_runs(runs_dir):
        if (status := run.status()).active:
            psutil.Process(status.pid).kill()


def sentences(app: AppTest) -> list[str]:
    assert not app.exception
    return [element.value.replace("\\", "") for element in [*app.error, *app.warning]]


def upload(app: AppTest, name: str, content: bytes) -> AppTest:
    app.file_uploader[0].upload(name, content, "application/zip").run()
    return app


def test_limits_are_stated_and_starting_without_images_is_a_sentence(app: AppTest) -> None:
    assert any("50 megapixels" in caption.value and "200 MB" in caption.value for caption in app.caption)
    app.button(key="start").click().run()
    assert sentences(app) == [
        "There are no own images yet; upload a zip of them on the Train page, or name their folder with --data-dir."
    ]


def test_an_uploaded_zip_is_chosen_and_trained_on(app: AppTest, runs_dir: Path) -> None:
    upload(app, "My pets.zip", zipped(140, classes=True))
    assert sentences(app) == []
    chooser = app.selectbox(key="own.set")
    assert chooser.value == "my-pets" and chooser.options == ["My pets · 140 images · 2 classes"]
    app.selectbox(key="own.size").set_value(28)
    app.selectbox(key="own.fit").set_value("pad")
    app.number_input(key="form.quick.generator_width").set_value(4)
    app.number_input(key="form.quick.epochs").set_value(1)
    app.button(key="start").click().run()
    assert sentences(app) == []
    run = list_runs(runs_dir)[0]
    assert (run.config.source, run.config.fit, run.config.conditioning) == ("my-pets", "pad", "labels")
    assert (run.image_size, run.channels, run.num_classes) == (28, 3, 2)
    assert run.class_names == ("b_cats", "dogs") and run.dataset_title == "Own images: my-pets"
    end = time.monotonic() + 60
    while run.status().state != "finished":
        assert time.monotonic() < end and run.status().state != "failed", run.status()
        time.sleep(0.05)


def test_without_classes_look_alikes_take_their_place(app: AppTest, runs_dir: Path) -> None:
    upload(app, "flat.zip", zipped(140))
    assert any("no classes" in caption.value for caption in app.caption)
    app.button(key="start").click().run()
    config = list_runs(runs_dir)[0].config
    assert sentences(app) == [] and (config.conditioning, config.clusters) == ("clusters", 14)  # of ten images each


def test_a_bad_zip_is_a_sentence_and_the_page_stays_usable(app: AppTest, tmp_path: Path) -> None:
    upload(app, "bad.zip", b"no zip")
    assert sentences(app) == ["This is not a zip file, or its end is missing; choose a zip of images."]
    app.selectbox(key="form.quick.device").set_value("cpu").run()
    assert len(sentences(app)) == 1 and not own_sets(tmp_path / "data")
    upload(app, "good.zip", zipped(3))
    assert sentences(app) == [] and app.selectbox(key="own.set").value == "good"


def test_a_set_is_deleted_when_asked_twice(app: AppTest, tmp_path: Path) -> None:
    for name in ("one", "two"):
        add_zip(io.BytesIO(zipped(3)), name, tmp_path / "data")
    app.run()
    app.selectbox(key="own.set").set_value("two").run()
    app.button(key="own.delete_for_good").click().run()
    assert [known.name for known in own_sets(tmp_path / "data")] == ["one"]
    assert sentences(app) == [] and app.selectbox(key="own.set").value == "one"
