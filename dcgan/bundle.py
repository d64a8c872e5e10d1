"""A slim copy of a run, to hand on or to ship: everything readers need, nothing that training does."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

from torch import Tensor

from dcgan.errors import UserError
from dcgan.files import read_json, write_json
from dcgan.players import load_discriminator, save_discriminator
from dcgan.runs import Frame, Run, open_run
from dcgan.sampling import load_snapshot, save_snapshot

_KEPT_FILES = ("run.json", "label.json", "metrics.jsonl", "quality.jsonl", "evaluation.json", "clusters.safetensors")


def bundle_run(run: Run, target: Path, epochs: Collection[int] = (), title: str = "") -> Run:
    """Copy `run` to the new directory `target`: metrics, all samples, and the generators of `epochs` in half precision.

    The last generator is always kept; without `epochs`, all are. The last discriminator comes along where the run has
    one still. `title` is the name people see.

    Raises:
        UserError: the run is still training or has no generator, lacks one of the epochs, or `target` exists.
    """
    status = run.status()
    if status.active:
        raise UserError(f"Run {run.title!r} is still training; stop it before you copy it.")
    if target.exists():
        raise UserError(f"{target} exists already; choose a new directory for the copy.")
    frames = {run.snapshot().step: run.snapshot()}
    frames |= {frame.step: frame for frame in map(run.snapshot, epochs or {f.epoch for f in run.snapshots()})}
    try:
        (target / "snapshots").mkdir(parents=True)
        for name in filter(lambda name: (run.path / name).is_file(), _KEPT_FILES):
            shutil.copyfile(run.path / name, target / name)
        record = read_json(target / "run.json") or {}
        write_json(target / "run.json", {**record, "config": run.config.without_place().to_dict()})
        shutil.copytree(run.path / "samples", target / "samples")
        for frame in frames.values():
            _copy_halved(frame, target / "snapshots" / frame.path.name)
        _copy_discriminator(run, target / "discriminators")
        if title:
            write_json(target / "label.json", {"title": title})
        write_json(target / "status.json", asdict(replace(status, pid=0, process_started=0.0)))
    except OSError as error:
        shutil.rmtree(target, ignore_errors=True)
        raise UserError(f"{target} cannot be written ({error.strerror}).") from error
    return open_run(target)


def _copy_halved(frame: Frame, target: Path) -> None:
    trained = load_snapshot(frame)
    weights = halved(trained.network.state_dict())
    position = {"epoch": trained.epoch, "step": trained.step}
    save_snapshot(target, weights, trained.config, trained.shape, trained.class_counts, **position)


def _copy_discriminator(run: Run, target: Path) -> None:
    with suppress(UserError):  # a copy of a copy may have none
        trained = load_discriminator(run)
        target.mkdir()
        name = f"epoch-{trained.epoch:04d}-step-{trained.step:06d}.safetensors"
        save_discriminator(target / name, trained, halved(trained.network.state_dict()))


def halved(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors with floating point numbers in half precision."""
    return {name: value.half() if value.is_floating_point() else value for name, value in weights.items()}
