"""Asking for a search of z, and looking at it; see `ui.searches`."""

from __future__ import annotations

import base64

import numpy as np
from starlette.responses import JSONResponse, Response

from dcgan.errors import UserError
from dcgan.runs import Run

_FRESH = {"Cache-Control": "no-store"}


def begin(run: Run, epoch: int | None, body: bytes) -> Response:
    """Start a search for the image uint8 [C, H, W] in `body`.

    Raises:
        UserError: the image does not fit the run's, or shows nothing.
    """
    import torch

    from ui.explore_models import MODELS
    from ui.searches import SEARCHES

    shape = (run.channels, run.image_size, run.image_size)
    if len(body) != np.prod(shape):
        raise UserError(f"A target has {np.prod(shape)} bytes, not {len(body)}.")
    target = torch.from_numpy(np.frombuffer(body, np.uint8).reshape(shape).copy())
    return JSONResponse({"search": SEARCHES.start(MODELS.get(run, epoch).trained, target)}, headers=_FRESH)


def look(number: str) -> Response:
    """How far the search of that number is: step, steps, error, image, z, label, done; `trouble` where it failed.

    Raises:
        UserError: there is none.
    """
    from dcgan.data import to_uint8
    from ui.searches import SEARCHES

    search = SEARCHES.look(number)
    done, best = search.done, search.best
    data: dict[str, object] = {"done": done, "trouble": search.trouble}
    if best is not None:
        image, z = to_uint8(best.image).numpy(), best.z.numpy().astype("<f4")
        data |= {"step": best.step, "steps": best.steps, "error": best.error, "label": best.label}
        data |= {"image": base64.b64encode(image.tobytes()).decode(), "z": base64.b64encode(z.tobytes()).decode()}
    return JSONResponse(data, headers=_FRESH)
