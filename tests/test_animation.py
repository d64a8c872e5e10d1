"""Animations, decoded again."""

from __future__ import annotations

import builtins
import io
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from dcgan.animation import animation
from dcgan.errors import UserError


def moving(channels: int, count: int = 7, side: int = 57) -> list[NDArray[np.uint8]]:
    """A bright square that goes to the right on a dark ground, a step of 6 pixels a picture."""
    pictures = []
    for i in range(count):
        picture = np.full((side, side, channels), 20, np.uint8)
        picture[20:34, 6 * i : 6 * i + 14] = [230, 60, 140][:channels]
        pictures.append(picture)
    return pictures


def decoded(content: bytes) -> tuple[list[NDArray[np.uint8]], float]:
    """Pictures [H, W, 3] and seconds a picture."""
    with av.open(io.BytesIO(content)) as file:
        stream = file.streams.video[0]
        frames = list(file.decode(stream))
        times = [float(frame.time) for frame in frames]
        return [frame.to_ndarray(format="rgb24") for frame in frames], (times[-1] - times[0]) / (len(times) - 1)


@pytest.mark.parametrize("form", ["mp4", "webm"])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_video_holds_every_picture_at_its_time(form: str, channels: int) -> None:
    pictures = moving(channels)
    shown, seconds = decoded(animation(pictures, 0.08, form))
    assert len(shown) == 7
    assert seconds == pytest.approx(0.08, abs=0.001)
    for picture, frame in zip(pictures, shown, strict=True):
        assert frame.shape == (58, 58, 3)
        assert np.abs(frame[:57, :57].astype(int) - picture.astype(int)).mean() < 3
    assert int(shown[6][27, 43, 0]) - int(shown[0][27, 43, 0]) > 180


def test_a_gif_holds_them_as_they_are() -> None:
    pictures = moving(1)
    shown, seconds = decoded(animation(pictures, 0.08, "gif"))
    assert seconds == pytest.approx(0.08, abs=0.001)
    assert all(np.array_equal(frame[..., :1], picture) for frame, picture in zip(shown, pictures, strict=True))


def test_what_cannot_be_written_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="must be gif, mp4, webm, not 'avi'"):
        animation(moving(1), 0.1, "avi")
    real = builtins.__import__

    def without_av(name: str, *rest: Any) -> Any:
        if name.startswith("av"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_av)
    with pytest.raises(UserError, match="need the package av"):
        animation(moving(1), 0.1, "mp4")
