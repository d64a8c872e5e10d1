"""What the Explore page asks for beside pixels: measured effects, maps, what D thinks, real images. See `routes`."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dcgan.errors import UserError
from dcgan.runs import Run
from ui.answers import FRESH, encoded, epoch_of, get, get_slowly, in_worker, received, run_of, told, whole
from ui.background import Job

_MAX_IMAGE: Final = 1 << 18  # bytes of one image and its condition
_MAX_TARGETS: Final = 24


def routes(base: str) -> list[Route]:
    """The addresses below `base`, each of them free of side effects that outlast the server.

    `GET effects?epoch=E`: what the principal directions change, as `names` and `words` of each, once `done`.
    `GET map?epoch=E&kind=K`: places of many samples by `pca` or `tsne`, until `done`; `GET map.png`: those samples.
    `POST opinion?epoch=E`: uint8 [C, H, W], then a float32 condition; D's score, and where it changes, int8 [H, W].
    `GET targets?start=S&count=N`: real images; `GET conditions.png`: a picture for each class or cluster.
    """
    return [
        Route(f"{base}/effects", get(_effects)),
        Route(f"{base}/map", get(_map)),
        Route(f"{base}/map.png", get_slowly(_map_png)),
        Route(f"{base}/opinion", _opinion, methods=["POST"]),
        Route(f"{base}/targets", get_slowly(_targets)),
        Route(f"{base}/conditions.png", get(_conditions_png)),
    ]


def _effects(run: Run, request: Request) -> Response:
    from dcgan.effects import names_of
    from ui import insights

    job = insights.effects_job(run, epoch_of(run, request))
    data = _progress(job)
    if job.done and not job.trouble:
        data |= {"names": names_of(job.result), "words": [effect.words if effect else "" for effect in job.result]}
    return told(data)


def _map(run: Run, request: Request) -> Response:
    from ui import insights

    job = insights.map_job(run, epoch_of(run, request), request.query_params.get("kind", "pca"))
    data, found = _progress(job), job.result
    if found is not None:
        data |= {"places": encoded(found.places), "groups": found.groups, "meaning": found.meaning}
    return told(data)


def _progress(job: Job) -> dict[str, Any]:
    """How far a job is; raises its trouble."""
    if job.trouble:
        raise UserError(job.trouble)
    return {"done": job.done, "share": job.share, "seconds_left": job.seconds_left}


def _map_png(run: Run, request: Request) -> Response:
    from ui import insights

    images = insights.crowd(run, epoch_of(run, request)).images
    return Response(insights.sheet_png(images), media_type="image/png", headers=FRESH)


def _conditions_png(run: Run, request: Request) -> Response:
    from ui import insights

    if not run.conditional:
        raise UserError("This generator was trained without classes.")
    return Response(insights.sheet_png(insights.condition_pictures(run)), media_type="image/png", headers=FRESH)


async def _opinion(request: Request) -> Response:
    body = await received(request, _MAX_IMAGE, "One image is judged at a time.")
    return body if isinstance(body, Response) else await in_worker(lambda: _judged(run_of(request), request, body))


def _judged(run: Run, request: Request, body: bytes) -> Response:
    import torch

    from ui import insights

    shape = (run.channels, run.image_size, run.image_size)
    area = int(np.prod(shape))
    if len(body) != area + 4 * run.num_conditions:
        raise UserError(f"An image of this run and its condition have {area + 4 * run.num_conditions} bytes.")
    condition = np.frombuffer(body[area:], "<f4").astype(np.float32)
    if not np.isfinite(condition).all():
        raise UserError("Every number of the condition must be finite.")
    image = np.frombuffer(body[:area], np.uint8).reshape(shape).copy()
    found = insights.opinion(run, epoch_of(run, request), torch.from_numpy(image), torch.from_numpy(condition))
    where = encoded(np.rint(found.where * 127), "i1")
    facts = {"epoch": found.epoch, "score": found.score, "probability": found.probability, "above": found.above}
    return told({**facts, "where": where})


def _targets(run: Run, request: Request) -> Response:
    from ui import insights

    images, split = insights.targets(
        run, whole(request, "start", 0, 10**6, 0), whole(request, "count", 1, _MAX_TARGETS, 8)
    )
    return told({"images": encoded(images.numpy(), "u1"), "split": split})
