"""Names made from what people call their folders and sets."""

from __future__ import annotations

from pathlib import Path

from dcgan.safe_names import class_folders, free_name


def test_folders_around_everything_do_not_count_however_many_there_are() -> None:
    around = "a/" * 20_000
    names = [f"{around}{kind}/{i}.png" for i in range(50) for kind in ("x", "y")]
    folders = class_folders(names)
    assert folders == {name: name.split("/")[-2] for name in names}
    assert class_folders([f"{around}{i}.png" for i in range(3)]) == {}
    assert class_folders(["a/b/1.png", "a/2.png", "a/c/3.png"]) == {
        "a/b/1.png": "b", "a/c/3.png": "c",
    }  # fmt: skip


def test_names_that_look_alike_stay_apart() -> None:
    names = ["Cats/1.png", "cats/1.png", "ca*ts/1.png", "ca?ts/1.png", "**/1.png"]
    assert list(class_folders(names).values()) == ["Cats", "cats 2", "ca_ts", "ca_ts 2", "class"]


def test_a_taken_name_is_counted_on(tmp_path: Path) -> None:
    for expected in ("uber-katzen", "uber-katzen-2"):
        assert free_name(tmp_path, " Über Katzen!/..") == expected
        (tmp_path / expected).mkdir()
    assert free_name(tmp_path, "../..") == "images"
