"""Pictures in a row as one file that moves: GIF, or a video by FFmpeg, which the package `av` brings along."""

from __future__ import annotations

import io
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Final

import numpy as np

from dcgan.errors import UserError
from dcgan.images import Pixels, to_pil

FORMATS: Final = {"gif": "image/gif", "mp4": "video/mp4", "webm": "video/webm"}
_CODECS: Final[dict[str, tuple[str, dict[str, str]]]] = {
    "mp4": ("libx264", {"crf": "12", "preset": "fast", "tune": "animation"}),
    "webm": ("libvpx-vp9", {"crf": "12", "b": "0", "deadline": "realtime", "cpu-used": "6"}),
}


def animation(pictures: Sequence[Pixels], seconds: float, form: str) -> bytes:
    """Pictures [H, W, C], `seconds` each, as a file of one of `FORMATS`.

    A GIF loops and keeps the pixels as they are; MP4 (H.264) and WebM (VP9) keep them nearly.

    Raises:
        UserError: the format is unknown, or this computer cannot write it.
    """
    if form not in FORMATS:
        raise UserError(f"The format must be {', '.join(FORMATS)}, not {form!r}.")
    return animation_gif(pictures, seconds) if form == "gif" else _video(pictures, seconds, form)


def animation_gif(pictures: Sequence[Pixels], seconds_per_frame: float, last_seconds: float | None = None) -> bytes:
    """A looping GIF of pictures [H, W, C]; the last one may stay longer."""
    frames = [to_pil(picture) for picture in pictures]
    durations = [round(seconds_per_frame * 1000)] * len(frames)
    if last_seconds is not None:
        durations[-1] = round(last_seconds * 1000)
    buffer = io.BytesIO()
    frames[0].save(
        buffer, "GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0, optimize=False, disposal=1
    )
    return buffer.getvalue()


def _video(pictures: Sequence[Pixels], seconds: float, form: str) -> bytes:
    av = _library()
    codec, settings = _CODECS[form]
    buffer = io.BytesIO()
    try:
        with av.open(buffer, "w", format=form) as file:
            stream = file.add_stream(codec, rate=1 / Fraction(round(seconds * 1000), 1000), options=settings)
            stream.height, stream.width = (side + side % 2 for side in pictures[0].shape[:2])
            stream.pix_fmt = "yuv420p"  # the one that every player knows; it takes even sides only
            for picture in pictures:
                file.mux(stream.encode(av.VideoFrame.from_ndarray(_framed(picture), format="rgb24")))
            file.mux(stream.encode())
    except (av.error.FFmpegError, ValueError) as error:
        raise UserError(f"This computer cannot write {form.upper()} files ({error}); take the GIF instead.") from error
    return buffer.getvalue()


def _library() -> Any:
    try:
        import av
        import av.error
    except ImportError as error:
        raise UserError("Videos need the package av (pip install av); take the GIF instead.") from error
    return av


def _framed(picture: Pixels) -> Pixels:
    """[H, W, 3] with even sides, from 1 or 3 channels; the edge is repeated."""
    height, width, channels = picture.shape
    even = np.pad(picture, [(0, height % 2), (0, width % 2), (0, 0)], mode="edge")
    return np.ascontiguousarray(even.repeat(3 // channels, axis=2))
