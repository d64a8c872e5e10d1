"""What leaves the program: sample files, pictures, animations, tables and weights."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from dcgan.animation import FORMATS as ANIMATION_FORMATS
from dcgan.animation import animation, animation_gif
from dcgan.effects import measure_effects
from dcgan.errors import UserError
from dcgan.files import write_bytes
from dcgan.html_export import DIRECTIONS, html_page
from dcgan.images import Pixels, from_png, tile, to_png, untile
from dcgan.latent import interpolate, principal_directions
from dcgan.onnx_export import onnx_bytes
from dcgan.records import METRIC_COLUMNS
from dcgan.runs import SAMPLE_COLUMNS, Frame, Run
from dcgan.sampling import TrainedGenerator, load_generator

GIF_BYTES = 100_000_000  # of pixels in one animation


def write_samples(images: Tensor, output: Path, columns: int = 0) -> None:
    """Write images uint8 [N, C, H, W]: to .npy as [N, H, W] or [N, H, W, 3], to .png as a grid, else into a folder.

    The grid is `columns` wide, near-square where that is 0.

    Raises:
        UserError: the target cannot be written, or its ending is not known.
    """
    pixels: Pixels = images.numpy()
    suffix = output.suffix.lower()
    if suffix not in ("", ".npy", ".png"):
        raise UserError(f"{output.name} has an unknown ending; use .npy, .png or a folder name without one.")
    try:
        if suffix == "":
            _write_folder(pixels, output)
            return
        output.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(output, _npy(pixels) if suffix == ".npy" else grid_png(pixels, columns=columns))
    except OSError as error:
        raise UserError(f"{output} cannot be written ({error.strerror}); choose another place.") from error


def grid_png(images: Pixels, scale: int = 2, columns: int = 0) -> bytes:
    """A PNG grid of images [N, C, H, W], `columns` wide or near-square, enlarged without blur."""
    columns = columns or (SAMPLE_COLUMNS if len(images) <= 64 else int(np.ceil(np.sqrt(len(images)))))
    picture = tile(enlarge(images, scale), columns, gap=scale)
    return to_png(picture)


def enlarge(images: Pixels, scale: int) -> Pixels:
    """Each pixel of [N, C, H, W] as a square of `scale` pixels."""
    return images.repeat(scale, axis=2).repeat(scale, axis=3)


def samples_gif(run: Run, scale: int = 2) -> bytes:
    """The run's sample grids from first to last as a looping GIF, resting two seconds on the last.

    Of more than fit into `GIF_BYTES` an even choice is shown, the first and the last among them.

    Raises:
        UserError: the run has no samples yet, or they are damaged.
    """
    frames = run.samples()
    if not frames:
        raise UserError(f"Run {run.title!r} has no samples yet.")
    most = max(2, GIF_BYTES // _grid(run, frames[-1], scale).size)
    if len(frames) > most:
        frames = [frames[round(place)] for place in np.linspace(0, len(frames) - 1, most)]
    return animation_gif([_grid(run, frame, scale) for frame in frames], 0.25, 2.0)


def samples_png(run: Run, step: int | None = None, scale: int = 3) -> bytes:
    """The run's sample grid after `step` (default: the last) as an enlarged PNG.

    Raises:
        UserError: there is no such grid.
    """
    frames = [frame for frame in run.samples() if step is None or frame.step == step]
    if not frames:
        raise UserError(f"Run {run.title!r} has no such samples.")
    return to_png(_grid(run, frames[-1], scale))


def walk_animation(
    trained: TrainedGenerator, form: str, seed: int = 0, *, stops: int = 8, steps: int = 15, seconds: float = 1 / 15
) -> bytes:
    """A loop through `stops` random z of `seed`, `steps` pictures of `seconds` each from one to the next, as `form`.

    z goes along arcs, conditions straight. Images are enlarged to about 256 pixels, without blur.

    Raises:
        UserError: `form` is none of `dcgan.animation.FORMATS`, or this computer cannot write it.
    """
    noise = torch.Generator().manual_seed(seed)
    z = interpolate(trained.random_z(stops, noise), steps, loop=True)
    condition = None
    if trained.conditional:
        ends = trained.condition(trained.random_labels(stops, noise))
        condition = interpolate(ends, steps, "lerp", loop=True)
    pictures = enlarge(trained.draw(z, condition).numpy(), max(1, 256 // trained.shape.size))
    return animation(list(pictures.transpose(0, 2, 3, 1)), seconds, form)


def metrics_csv(run: Run) -> bytes:
    """All log points as a CSV table with a header."""
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, METRIC_COLUMNS)
    writer.writeheader()
    for row in run.metrics():
        writer.writerow({name: f"{row[name]:.10g}" for name in METRIC_COLUMNS})
    return buffer.getvalue().encode()


def generator_file(run: Run, epoch: int | None = None) -> bytes:
    """The generator of `epoch` (default: the newest) as the safetensors file it is kept in.

    Raises:
        UserError: there is none, or it is gone.
    """
    frame = run.snapshot(epoch)
    try:
        return frame.path.read_bytes()
    except OSError as error:
        raise UserError(f"The saved generator {frame.path.name} is gone.") from error


def generator_as(run: Run, form: str, epoch: int | None = None, seed: int = 0) -> bytes:
    """The generator of `epoch` (default: the newest) in one of `GENERATOR_FORMATS`, or its `walk_animation` of `seed`.

    Raises:
        UserError: there is no such format or generator, or it cannot be written so.
    """
    if form in ANIMATION_FORMATS:
        return walk_animation(load_generator(run, epoch), form, seed)
    if form not in GENERATOR_FORMATS:
        known = [*GENERATOR_FORMATS, *ANIMATION_FORMATS]
        raise UserError(f"The format must be {', '.join(known[:-1])} or {known[-1]}, not {form!r}.")
    return GENERATOR_FORMATS[form](run, epoch)


def write_generator(run: Run, form: str, output: Path, epoch: int | None = None, seed: int = 0) -> int:
    """Write `generator_as` to the file `output`; returns its size in bytes.

    Raises:
        UserError: as `generator_as`, or the file cannot be written.
    """
    content = generator_as(run, form, epoch, seed)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(output, content)
    except OSError as error:
        raise UserError(f"{output} cannot be written ({error.strerror}); choose another place.") from error
    return len(content)


def _onnx(run: Run, epoch: int | None) -> bytes:
    return onnx_bytes(load_generator(run, epoch))


def _html(run: Run, epoch: int | None) -> bytes:
    trained = load_generator(run, epoch)
    vectors = principal_directions(trained.network, min(DIRECTIONS, trained.config.latent_dim)).vectors
    return html_page(trained, run.title, effects=measure_effects(trained, vectors), class_names=run.class_names)


GENERATOR_FORMATS: dict[str, Callable[[Run, int | None], bytes]] = {
    "safetensors": generator_file,
    "onnx": _onnx,
    "html": _html,
}


def _grid(run: Run, frame: Frame, scale: int) -> Pixels:
    try:
        images = untile(from_png(frame.path.read_bytes()), run.image_size)
        if len(images) > SAMPLE_COLUMNS**2:
            raise ValueError("more images than are ever drawn")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:  # as Pillow calls damage
        raise UserError(f"The samples {frame.path.name} are gone or damaged.") from error
    return tile(enlarge(images, scale), SAMPLE_COLUMNS, gap=scale)


def _npy(pixels: Pixels) -> bytes:
    array = pixels[:, 0] if pixels.shape[1] == 1 else pixels.transpose(0, 2, 3, 1)
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
    return buffer.getvalue()


def _write_folder(pixels: Pixels, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    digits = len(str(len(pixels) - 1))
    for i, image in enumerate(pixels):
        write_bytes(folder / f"{i:0{digits}d}.png", to_png(image.transpose(1, 2, 0)))
