import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from dcgan import image_files
from dcgan.config import TrainConfig
from dcgan.data import load_for
from dcgan.errors import UserError
from dcgan.image_files import FORMATS, Unusable, decode, list_images, read_images


def picture(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """Red on the left half, blue on the right one, with a green top row."""
    image = Image.new("RGB", (width, height), (200, 0, 0))
    image.paste((0, 0, 200), (width // 2, 0, width, height))
    image.paste((0, 200, 0), (0, 0, width, max(1, height // 8)))
    return image.convert(mode)


def encoded(image: Image.Image, form: str = "PNG", **options: object) -> io.BytesIO:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    buffer.seek(0)
    return buffer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "pictures"
    for name in ("cats/1.png", "cats/10.jpg", "cats/2.webp", "dogs/a/b.bmp", "dogs/c.gif"):
        file = place / name
        file.parent.mkdir(parents=True, exist_ok=True)
        picture(40, 30).save(file)
    return place


@pytest.mark.parametrize("form", FORMATS)
def test_every_kind_of_file_is_read(form: str) -> None:
    small = decode(encoded(picture(64, 64), form), 32, 3, "crop")
    assert small.shape == (3, 32, 32) and small.dtype == np.uint8
    for column, color in ((5, [200, 0, 0]), (27, [0, 0, 200])):
        assert small[:, 20, column].tolist() == pytest.approx(color, abs=25)


@pytest.mark.parametrize(("width", "height"), [(300, 100), (100, 300), (7, 100), (1, 1)])
def test_crop_keeps_the_middle_and_pad_all(width: int, height: int) -> None:
    image = Image.new("L", (width, height), 255)
    assert decode(encoded(image), 28, 1, "crop").min() == 255
    padded = decode(encoded(image), 28, 1, "pad")
    share = min(width, height) / max(width, height)
    assert (padded == 255).mean() == pytest.approx(max(share, 1 / 28), abs=0.03)
    assert padded[0, 14, 14] == 255


@pytest.mark.parametrize("fit", ["crop", "pad"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_photographs_stand_upright(orientation: int, fit: str) -> None:
    upright = picture(60, 40)
    turn = image_files._turns.get(orientation)
    quarter, back = Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_270
    stored = upright if turn is None else upright.transpose({quarter: back, back: quarter}.get(turn, turn))
    exif = Image.Exif()
    exif[0x0112] = orientation
    seen = decode(encoded(stored, "PNG", exif=exif), 16, 3, fit)
    assert np.abs(seen.astype(int) - decode(encoded(upright), 16, 3, fit).astype(int)).max() <= 2


def test_what_is_transparent_becomes_white_and_gray_is_luminance() -> None:
    clear = Image.new("RGBA", (20, 20), (10, 20, 30, 0))
    assert decode(encoded(clear), 16, 3, "crop").min() == 255
    assert decode(encoded(Image.new("LA", (20, 20), (0, 0))), 16, 1, "crop").min() == 255
    assert decode(encoded(Image.new("RGB", (20, 20), (255, 0, 0))), 16, 1, "crop")[0, 0, 0] == 76
    deep = Image.fromarray(np.full((20, 20), 32896, np.uint16))
    assert decode(encoded(deep), 16, 1, "crop")[0, 0, 0] == 128
    assert decode(encoded(Image.new("CMYK", (20, 20)), "JPEG"), 16, 3, "crop").min() > 250


def test_a_hundred_megapixels_are_refused_without_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    huge = encoded(Image.new("1", (10_000, 10_000)))
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("decoded"))
    with pytest.raises(Unusable, match="100 megapixels, and 50 are the most"):
        decode(huge, 32, 3, "crop")


def test_more_than_pillow_itself_opens_is_refused_for_its_size() -> None:
    content = bytearray(encoded(Image.new("1", (8, 8))).getvalue())
    content[16:24] = struct.pack(">2I", 30_000, 30_000)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    with pytest.raises(Unusable, match="more than 50 megapixels"):
        decode(io.BytesIO(content), 32, 3, "crop")


def test_large_images_are_decoded_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    loads: list[bool] = []
    monkeypatch.setattr(image_files, "_LARGE", 100)
    load = PngImageFile.load

    def watched(self: PngImageFile) -> object:
        loads.append(image_files._one_at_a_time.locked())
        return load(self)

    monkeypatch.setattr(PngImageFile, "load", watched)
    decode(encoded(picture(64, 64)), 32, 3, "crop")
    assert loads and all(loads)


@pytest.mark.parametrize("name", ["²", "1²3", "٣", "³4"])
def test_digits_of_any_script_sort_as_text(tmp_path: Path, name: str) -> None:
    for folder in (name, "10", "2"):
        (tmp_path / folder).mkdir()
        picture(9, 9).save(tmp_path / folder / "a.png")
    listing = list_images(tmp_path)
    assert set(listing.class_names) == {"2", "10", name}
    assert listing.class_names.index("2") < listing.class_names.index("10")


def test_sub_folders_are_classes(folder: Path) -> None:
    listing = list_images(folder)
    assert listing.files == ("cats/1.png", "cats/2.webp", "cats/10.jpg", "dogs/a/b.bmp", "dogs/c.gif")
    assert listing.class_names == ("cats", "dogs") and listing.classes == (0, 0, 0, 1, 1)
    picture(9, 9).save(folder / "alone.png")
    assert list_images(folder).beside == 1
    assert list_images(folder / "cats").class_names == ()
    assert list_images(folder.parent).class_names == ("cats", "dogs")  # a folder around everything does not count


def test_hidden_files_and_links_to_folders_are_passed_over(folder: Path) -> None:
    (folder / ".hidden.png").write_bytes(b"")
    (folder / "__MACOSX").mkdir()
    (folder / "__MACOSX" / "x.png").write_bytes(b"")
    if os.name != "nt":
        (folder / "cats" / "again").symlink_to(folder)
    assert len(list_images(folder).files) == 5


def test_no_images_and_too_many_are_sentences(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="is not there; it may have been moved or deleted"):
        list_images(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="There are no images in"):
        list_images(tmp_path / "empty")
    monkeypatch.setattr(image_files, "MAX_FILES", 4)
    with pytest.raises(UserError, match="more than 4 images; choose a smaller folder"):
        list_images(folder)
    monkeypatch.setattr(image_files, "MAX_FILES", 9)
    monkeypatch.setattr(image_files, "MAX_CLASSES", 1)
    with pytest.raises(UserError, match="2 sub-folders with images, and each is a class; at most 1"):
        list_images(folder)


def test_unusable_files_are_counted_and_named(folder: Path, tmp_path: Path) -> None:
    (folder / "cats" / "0.png").write_bytes(b"no image")
    (folder / "dogs" / "cut.png").write_bytes(encoded(picture(50, 50)).getvalue()[:90])
    heard: list[float] = []
    config = TrainConfig(dataset="folder", source=str(folder), image_size=32, channels=3, conditioning="labels")
    data = load_for(config, tmp_path, progress=lambda what, share: heard.append(share))
    assert data.images.shape == (5, 3, 32, 32) and data.labels.tolist() == [0, 0, 0, 1, 1] and heard == [1.0]
    assert data.note == "2 of 7 files could not be used: cats/0.png (not an image), dogs/cut.png (damaged)."
    assert data.info.class_names == ("cats", "dogs") and data.info.title == "Own images: pictures"


def test_a_second_start_decodes_nothing_until_a_file_changes(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def counted(*arguments: object) -> object:
        calls.append(arguments[0])
        return read_images(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("dcgan.data.read_images", counted)
    config = TrainConfig(dataset="folder", source=str(folder), image_size=28, channels=1)
    first, second = (load_for(config, tmp_path) for _ in range(2))
    assert len(calls) == 1 and (first.images == second.images).all()
    load_for(config.with_changes(fit="pad"), tmp_path)
    picture(20, 20, "L").save(folder / "cats" / "new.png")
    assert len(load_for(config, tmp_path)) == 6 and len(calls) == 3
    for file in (tmp_path / "cache").iterdir():
        file.write_bytes(b"torn")
    assert len(load_for(config, tmp_path)) == 6 and len(calls) == 4


def test_own_images_that_are_gone_or_unnamed_are_a_sentence(tmp_path: Path) -> None:
    for source, match in (("", "upload a zip"), ("cats", "deleted, so upload"), (str(tmp_path / "x"), "is not there"),
                          ("../secret", "deleted, so upload"), ("/a\0b", "deleted, so upload")):  # fmt: skip
        with pytest.raises(UserError, match=match):
            load_for(TrainConfig(dataset="folder", source=source), tmp_path)


_SOUND = {form: encoded(picture(24, 16), form).getvalue() for form in FORMATS}


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(form=st.sampled_from(FORMATS), data=st.data())
def test_any_damage_to_a_file_is_an_image_or_a_reason(form: str, data: st.DataObject) -> None:
    content = bytearray(_SOUND[form])
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=8)):
        content[place] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(0, len(content)))]
    try:
        assert decode(io.BytesIO(bytes(content)), 28, 3, "pad").shape == (3, 28, 28)
    except Unusable as reason:
        assert str(reason)
