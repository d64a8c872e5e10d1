"""Decoded images that are kept: read back, made anew where they are not what they should be, never torn."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from dcgan.image_cache import KEPT, Decoded, cached


def made(count: int = 3) -> Decoded:
    return Decoded(torch.arange(count * 12, dtype=torch.uint8).view(count, 3, 2, 2), torch.arange(count), "a note")


def unwanted() -> Decoded:
    pytest.fail("decoded again")


def test_what_was_made_is_read_back(tmp_path: Path) -> None:
    cached(tmp_path, ("a", 1), made)
    again = cached(tmp_path, ("a", 1), unwanted)
    assert torch.equal(again.images, made().images) and torch.equal(again.classes, made().classes)
    assert again.note == "a note" and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    "tensors",
    [
        {"images": torch.zeros(3, 3, 2, 2), "classes": torch.zeros(3, dtype=torch.int64)},
        {"images": torch.zeros(3, 12, dtype=torch.uint8), "classes": torch.zeros(3, dtype=torch.int64)},
        {"images": torch.zeros(3, 3, 2, 2, dtype=torch.uint8), "classes": torch.zeros(2, dtype=torch.int64)},
    ],
)
def test_a_foreign_file_is_made_anew(tmp_path: Path, tensors: dict[str, torch.Tensor]) -> None:
    cached(tmp_path, ("a",), made)
    (file,) = tmp_path.iterdir()
    save_file(tensors, file, {"note": '""'})
    assert torch.equal(cached(tmp_path, ("a",), made).images, made().images)


def test_two_that_decode_at_once_do_not_write_into_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Path] = []

    def twice(tensors: dict[str, torch.Tensor], path: Path, about: dict[str, str]) -> None:
        written.append(path)
        if len(written) == 1:  # another process, meanwhile
            cached(tmp_path, ("a",), made)
        save_file(tensors, path, about)

    monkeypatch.setattr("dcgan.image_cache.save_file", twice)
    cached(tmp_path, ("a",), made)
    assert len(set(written)) == 2 and len(list(tmp_path.iterdir())) == 1
    assert torch.equal(cached(tmp_path, ("a",), unwanted).images, made().images)


def test_few_are_kept_and_torn_ones_go(tmp_path: Path) -> None:
    young, old = tmp_path / "x-1.tmp", tmp_path / "x-2.tmp"
    for file in (young, old):
        file.write_bytes(b"half")
    os.utime(old, (0, 0))
    for number in range(KEPT + 2):
        cached(tmp_path, (number,), made)
    assert len(list(tmp_path.glob("*.safetensors"))) == KEPT and young.exists() and not old.exists()
