"""The command line: `python -m dcgan train | sample | evaluate | export | bundle | runs`, flags of `TrainConfig`.

Exit status: 0 done, 1 the run failed, 2 the request was wrong; in both latter cases one sentence on stderr.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from dcgan import queue, torchrun
from dcgan.arguments import (
    Parser,
    add_bundle,
    add_evaluate,
    add_export,
    add_runs,
    add_sample,
    add_train,
    number,
    seed_number,
)
from dcgan.config import TrainConfig, config_fields
from dcgan.datasets import OWN_IMAGES, info_for, on_look_alikes
from dcgan.errors import DcganError, UserError
from dcgan.fields import nearest
from dcgan.presets import get_preset
from dcgan.runs import Run, change_config, create_run, default_runs_dir, find_run, list_runs, open_run, unique_name


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status."""
    try:
        options = _parser().parse_args(arguments)
        options.command(options)
    except DcganError as error:
        if torchrun.speaks():
            print(f"dcgan: {error}", file=sys.stderr)
        return 2 if isinstance(error, UserError) else 1
    except BrokenPipeError:
        return 0
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="dcgan", description="Train a DCGAN, look at its runs, draw samples.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=Parser)
    for name, does, add, command in (
        ("train", "train a run", add_train, _train),
        ("sample", "draw images from a trained run", add_sample, _sample),
        ("evaluate", "measure how good a run's digits are", add_evaluate, _evaluate),
        ("export", "write a run's generator for other programs", add_export, _export),
        ("bundle", "copy a run without what only training needs", add_bundle, _bundle),
        ("runs", "list all runs", add_runs, _runs),
    ):
        one = commands.add_parser(name, help=does)
        one.set_defaults(command=command)
        add(one)
    return parser


def _train(options: argparse.Namespace) -> None:
    max_seconds = number(options.max_seconds, "--max-seconds", float) if options.max_seconds is not None else None
    if max_seconds is not None and not max_seconds > 0:
        raise UserError("--max-seconds must be more than 0.")
    changes = _config_changes(options)
    run = None if torchrun.started_together() else _train_run(options, changes)
    from dcgan.distributed import joined  # loads torch, which a wrong flag need not wait for
    from dcgan.following import follow
    from dcgan.session import run_training

    try:
        with joined() as world:
            if world.rank:
                return follow(world, options.data_dir)
            run = run or _train_run(options, changes)
            with _ProgressBar(run) as bar:
                status = run_training(
                    run, data_dir=options.data_dir, max_seconds=max_seconds, listener=bar.show, world=world
                )
    finally:
        if run:
            queue.give_turn_on(run)
    print(
        f"{status.state}: epoch {status.epoch}, step {status.step:,}, {status.seconds:.1f} s, "
        f"{status.images_per_second:,.0f} images/s on {status.device}, {status.precision}\n{run.path}"
    )


def _config_changes(options: argparse.Namespace) -> dict[str, Any]:
    changes = {}
    for name, kind, _ in config_fields():
        value = getattr(options, name)
        if value is not None:
            changes[name] = number(value, "--" + name.replace("_", "-"), kind) if kind in (int, float) else value
    return changes


def _train_run(options: argparse.Namespace, changes: dict[str, Any]) -> Run:
    return _resumed_run(options, changes) if options.resume else _new_run(options, changes)


def _new_run(options: argparse.Namespace, changes: dict[str, Any]) -> Run:
    preset = get_preset(options.preset or "quick")
    config: TrainConfig = preset.config.with_changes(**changes)
    if config.dataset == OWN_IMAGES and not config.source and options.data_dir:
        config = config.with_changes(source=str(options.data_dir.absolute()))
    if "conditioning" not in changes:
        config = _with_classes(config, options.data_dir)
    folder = default_runs_dir()
    path = options.run_dir or folder / unique_name(preset.name, folder)
    return create_run(path.absolute(), config, preset.name, data_dir=options.data_dir)


def _with_classes(config: TrainConfig, data_dir: Path | None) -> TrainConfig:
    """`config`; where its preset conditions on labels and the images have none, on clusters."""
    if config.conditioning != "labels" or info_for(config.with_changes(conditioning="none"), data_dir).num_classes > 1:
        return config
    config = on_look_alikes(config, data_dir)
    groups = f"{config.clusters} groups of look-alikes (clusters)"
    print(f"The images have no classes: both networks are told of {groups}.", file=sys.stderr)
    return config


def _resumed_run(options: argparse.Namespace, changes: dict[str, Any]) -> Run:
    if options.run_dir is None:
        raise UserError("--resume needs --run-dir: the directory of the run to go on with.")
    if options.preset or set(changes) - {"epochs"}:
        raise UserError("A resumed run keeps its settings; only --epochs can be changed.")
    run = open_run(options.run_dir.absolute())
    return change_config(run, run.config.with_changes(**changes)) if changes else run


class _ProgressBar:
    """tqdm over the images of the whole run; silent where stderr is no terminal."""

    def __init__(self, run: Run) -> None:
        self._batch = run.config.batch_size
        self._shown = 0.0

    def __enter__(self) -> _ProgressBar:
        from tqdm import tqdm

        self._bar = tqdm(unit=" images", unit_scale=True, disable=None, dynamic_ncols=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def show(self, event: object, status: Any) -> None:
        """Move the bar to `status`, at most ten times a second."""
        if time.monotonic() - self._shown < 0.1:
            return
        self._shown = time.monotonic()
        self._bar.total = status.total_steps * self._batch
        self._bar.set_description(f"epoch {status.epoch} of {status.epochs}", refresh=False)
        self._bar.update(status.step * self._batch - self._bar.n)


def _class_number(run: Run, text: str) -> int:
    """The class of that name (`7`, `sneaker`), or of that number."""
    names = run.class_names if run.config.conditioning == "labels" else ()
    if text in names:
        return names.index(text)
    try:
        return int(text)
    except ValueError:
        hint = f", or the name of a class; {nearest(text, names[:100])}" if names else ""
        raise UserError(f"--digit must be a whole number{hint}, not {text!r}.") from None


def _sample(options: argparse.Namespace) -> None:
    told = options.num_samples or ("8" if options.every_digit else "64")
    count, seed = number(told, "--num-samples", int), seed_number(options.seed)
    epoch = None if options.epoch is None else number(options.epoch, "--epoch", int)
    if options.every_digit and options.digit is not None:
        raise UserError("--every-digit draws all of them; leave --digit out.")
    run = find_run(options.run)
    digit = None if options.digit is None else _class_number(run, options.digit)
    from dcgan.export import write_samples
    from dcgan.sampling import draw_every_class, draw_samples, load_generator

    trained = load_generator(run, epoch)
    if options.every_digit:
        images = draw_every_class(trained, count, seed)
        write_samples(images, options.output, trained.num_conditions)
    else:
        images, _ = draw_samples(trained, count, seed, digit)
        write_samples(images, options.output)
    print(f"{len(images)} images of run {run.name} in {options.output}")


def _evaluate(options: argparse.Namespace) -> None:
    count, seed = number(options.num_samples, "--num-samples", int), seed_number(options.seed)
    epoch = None if options.epoch is None else number(options.epoch, "--epoch", int)
    run = find_run(options.run)
    from dcgan.evaluation import evaluate_run
    from dcgan.inception import load_inception
    from dcgan.reports import report_text, save_report

    inception = None if options.fid is None else load_inception(Path(options.fid) if options.fid else None)
    report = evaluate_run(
        run, count, seed=seed, epoch=epoch, split=options.split, data_dir=options.data_dir, inception=inception
    )
    if options.nearest_neighbour:
        from dcgan.neighbours import neighbour_test

        test = neighbour_test(run, seed=seed, epoch=epoch, data_dir=options.data_dir)
        report = replace(report, neighbour_test=test)
    if options.save:
        save_report(run.path, report)
    print(json.dumps(report.to_dict(), indent=2) if options.json else report_text(report))


def _export(options: argparse.Namespace) -> None:
    epoch = None if options.epoch is None else number(options.epoch, "--epoch", int)
    seed = seed_number(options.seed)
    run = find_run(options.run)
    from dcgan.export import write_generator

    size = write_generator(run, options.format, options.output, epoch, seed)
    print(f"generator of run {run.name} in {options.output} ({size / 1e6:.1f} MB)")


def _bundle(options: argparse.Namespace) -> None:
    epochs = [number(text, "--epochs", int) for text in options.epochs.split(",") if text]
    run = find_run(options.run)
    from dcgan.bundle import bundle_run

    copy = bundle_run(run, options.target.absolute(), epochs, options.title)
    size = sum(file.stat().st_size for file in copy.path.rglob("*") if file.is_file())
    print(f"run {run.name} copied to {copy.path} ({size / 1e6:.1f} MB)")


def _runs(options: argparse.Namespace) -> None:
    rows = [("name", "state", "data", "preset", "epochs", "steps", "time", "images/s")]
    for run in list_runs():
        status = run.status()
        rows.append((
            run.name, status.state, run.dataset_title, run.preset, f"{status.epoch}/{run.config.epochs}",
            f"{status.step:,}", f"{status.seconds:.0f} s", f"{status.images_per_second:,.0f}",
        ))  # fmt: skip
    if len(rows) == 1:
        print(f"There are no runs in {default_runs_dir()} yet; start one with: python -m dcgan train")
        return
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
