import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from dcgan import uploads
from dcgan.config import TrainConfig
from dcgan.data import load_for
from dcgan.errors import UserError
from dcgan.uploads import add_zip, delete_set, own_sets


def png(value: int = 100, size: int = 12) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (size, size), (value, 0, 0)).save(buffer, "PNG")
    return buffer.getvalue()


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> io.BytesIO:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    buffer.seek(0)
    return buffer


TWO = {"a.png": png(), "b.png": png(50)}


def test_a_zip_becomes_a_named_set_that_trains(tmp_path: Path) -> None:
    members = {f"photos/{kind}/{i}.png": png(i) for kind in ("Cats & co", "dogs") for i in range(3)}
    heard: list[float] = []
    made = add_zip(zipped(members | {"photos/readme.txt": b"hello"}), "My Pets!", tmp_path, heard.append)
    assert (made.name, made.title, made.images, made.classes, made.note) == ("my-pets", "My Pets!", 6, 2, "")
    assert heard[-1] == 1.0 and own_sets(tmp_path) == [made]
    data = load_for(TrainConfig(dataset="folder", source="my-pets", conditioning="labels"), tmp_path)
    assert data.info.class_names == ("Cats _ co", "dogs") and data.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert data.images[:, 0].float().mean((1, 2)).tolist() == [0, 1, 2, 0, 1, 2]


def test_the_same_title_makes_another_set_and_sets_can_be_deleted(tmp_path: Path) -> None:
    names = [add_zip(zipped(TWO), title, tmp_path).name for title in ("x", "x", "日本", "")]
    assert names == ["x", "x-2", "images", "images-2"]
    delete_set("x", tmp_path)
    assert [known.name for known in own_sets(tmp_path)] == ["images-2", "x-2", "images"]
    with pytest.raises(UserError, match="is not there"):
        delete_set("x", tmp_path)
    with pytest.raises(UserError, match="Only uploaded sets"):
        delete_set(str(tmp_path), tmp_path)
    assert tmp_path.is_dir() and [path.name for path in tmp_path.iterdir()] == ["own-images"]


def test_unusable_members_are_counted_and_named(tmp_path: Path) -> None:
    bad = {"not.png": b"text", "cut.png": png(size=64)[:80], "c.txt": b"", "__MACOSX/._a.png": b"", ".x.png": b""}
    made = add_zip(zipped(TWO | bad), "x", tmp_path)
    assert made.images == 2
    assert made.note == "2 of 4 files could not be used: not.png (not an image), cut.png (damaged)."


def encrypted() -> io.BytesIO:
    content = bytearray(zipped(TWO).getvalue())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = 0
        while (start := content.find(mark, start)) >= 0:
            content[start + offset] |= 1
            start += 4
    return io.BytesIO(bytes(content))


def linked() -> io.BytesIO:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        link = zipfile.ZipInfo("a.png")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    return buffer


def many() -> io.BytesIO:
    """Few bytes that claim sixty thousand members."""
    content = zipped(TWO).getvalue()
    end = content.rfind(b"PK\x05\x06")
    return io.BytesIO(content[: end + 10] + struct.pack("<H", 60_000) + content[end + 12 :])


def modest() -> io.BytesIO:
    """50,001 members of which the end claims one."""
    content = zipped({f"{i}.txt": b"" for i in range(50_001)}, zipfile.ZIP_STORED).getvalue()
    end = content.rfind(b"PK\x05\x06")
    return io.BytesIO(content[: end + 8] + struct.pack("<HH", 1, 1) + content[end + 12 :])


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: zipped(TWO | {"../c.png": png()}), r"\.\./c\.png would be written outside"),
        (lambda: zipped(TWO | {"/etc/c.png": png()}), "would be written outside"),
        (lambda: zipped(TWO | {"C:/c.png": png()}), "would be written outside"),
        (lambda: zipped(TWO | {"x\\..\\..\\c.png": png()}), "would be written outside"),
        (linked, "is a link"),
        (encrypted, "encrypted"),
        (many, "more than 50,000 files"),
        (modest, "more than 50,000 files"),
        (lambda: io.BytesIO(b"no zip at all"), "not a zip file"),
        (lambda: io.BytesIO(b""), "not a zip file"),
        (lambda: zipped({"a.txt": b""}), "There are no images in the zip"),
        (lambda: zipped({"a.png": b"", "b.png": b""}), "no two usable images. 2 of 2 files could not be used: a.png"),
        (lambda: zipped({f"{i}/a.png": png() for i in range(1001)}), "1,001 folders with images"),
    ],
)
def test_bad_zips_are_refused_with_a_sentence(tmp_path: Path, make: Callable[[], io.BytesIO], match: str) -> None:
    with pytest.raises(UserError, match=match):
        add_zip(make(), "bad", tmp_path)
    assert not own_sets(tmp_path) and not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_bombs_are_refused_before_they_go_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zeros = bytes(3_000_000)
    monkeypatch.setattr(uploads, "MAX_FILE_MB", 2)
    made = add_zip(zipped(TWO | {"bomb.png": zeros}), "x", tmp_path)
    assert made.note == "1 of 3 files could not be used: bomb.png (more than 2 MB)."
    content = zipped(TWO | {"bomb.png": zeros}).getvalue()  # one that lies about its size
    lying = io.BytesIO(content.replace(struct.pack("<I", len(zeros)), struct.pack("<I", 1000)))
    assert add_zip(lying, "x", tmp_path).images == 2
    monkeypatch.setattr(uploads, "MAX_UNPACKED_GB", 0.001)
    with pytest.raises(UserError, match=r"unpacked it takes more than 0\.001 GB"):
        add_zip(zipped(TWO | {"bomb.png": zeros}), "x", tmp_path)
    monkeypatch.setattr(uploads, "MAX_ZIP_MB", 0.0001)
    with pytest.raises(UserError, match="The zip has 0 MB"):
        add_zip(zipped(TWO), "x", tmp_path)


def test_a_hundred_megapixels_and_foreign_methods_count_as_unusable(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.new("1", (10_000, 10_000)).save(buffer, "PNG")
    made = add_zip(zipped(TWO | {"large.png": buffer.getvalue()}), "x", tmp_path)
    assert made.note.endswith("large.png (100 megapixels, and 50 are the most).")
    with pytest.raises(UserError, match="packed by a method that is not read"):
        add_zip(zipped(TWO, zipfile.ZIP_LZMA), "x", tmp_path)


def test_few_bytes_with_very_many_pixels_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MAX_GIGAPIXELS", 3 * 64 * 64 / 10**9)
    three = {f"{i}.png": png(size=64) for i in range(3)}
    assert add_zip(zipped(three), "x", tmp_path).images == 3
    cut = {f"{i}.png": png(size=64)[:-20] for i in range(3, 5)}
    for more in (TWO, cut):  # what cannot be decoded took its time too
        with pytest.raises(UserError, match="more than 10,000 megapixels in all; for more, unpack it"):
            add_zip(zipped(three | more), "y", tmp_path)
    assert [known.name for known in own_sets(tmp_path)] == ["x"]


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(uploads, "write_json", full)
    with pytest.raises(UserError, match="No space left on device"):
        add_zip(zipped(TWO), "x", tmp_path)
    assert not list((tmp_path / "own-images").iterdir())


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_damage_to_a_zip_is_a_set_or_a_sentence(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(_SOUND)
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=10)):
        content[place] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        content = content[data.draw(st.integers(0, 40)) : len(content) - data.draw(st.integers(0, 400))]
    before = {path.name for path in tmp_path.iterdir()}
    try:
        assert add_zip(io.BytesIO(bytes(content)), "fuzz", tmp_path).images >= 2
    except UserError as error:
        assert str(error)
    assert {path.name for path in tmp_path.iterdir()} <= before | {"own-images"}
    assert not list(tmp_path.glob("own-images/.upload-*"))


_SOUND = zipped({f"{kind}/{i}.png": png(i, 8) for kind in "ab" for i in range(2)}).getvalue()
