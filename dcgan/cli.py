"""The command line: `python -m dcgan train | sample | evaluate | export | bundle | runs`, flags of `TrainConfig`.

Exit status: 0 done, 1 the run failed, 2 the request was wrong; in both latter cases one sentence on stderr.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from dcgan import queue, torchrun
from dcgan.config import TrainConfig, config_fields, nearest
from dcgan.datasets import DATA_DIR_VARIABLE, LIMITS, OWN_IMAGES, info_for
from dcgan.errors import DcganError, UserError
from dcgan.presets import PRESETS, get_preset
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


class _Parser(argparse.ArgumentParser):
    """Says one sentence about a wrong command line, with the nearest flag for an unknown one."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, allow_abbrev=False)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse does, but what is not known is refused here, where the nearest flag can be named."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            known = [flag for flag in self._option_string_actions if flag.startswith("--")]
            hint = nearest(unknown[0].split("=")[0], known) if unknown[0].startswith("-") else f"see {self.prog} --help"
            raise UserError(f"{unknown[0]!r} is not known here; {hint}.")
        return found, unknown

    def error(self, message: str) -> NoReturn:
        """Raise what argparse has to say, as one sentence."""
        text = re.sub(r"^argument (\S+): ", r"\1: ", message.strip().rstrip("."))
        raise UserError(f"{text}; see {self.prog} --help.")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="dcgan", description="Train a DCGAN, look at its runs, draw samples.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)
    _add_train(commands.add_parser("train", help="train a run"))
    _add_sample(commands.add_parser("sample", help="draw images from a trained run"))
    _add_evaluate(commands.add_parser("evaluate", help="measure how good a run's digits are"))
    _add_export(commands.add_parser("export", help="write a run's generator for other programs"))
    _add_bundle(commands.add_parser("bundle", help="copy a run without what only training needs"))
    _add_runs(commands.add_parser("runs", help="list all runs"))
    return parser


def _add_train(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_train)
    parser.add_argument("--preset", help=f"starting point: {', '.join(PRESETS)} (default quick)")
    parser.add_argument("--run-dir", type=Path, help="where the run is kept (default: a new one in checkpoints/)")
    parser.add_argument(
        "--data-dir", type=Path, help=f"where the data sets are (default: ${DATA_DIR_VARIABLE} or data/); with "
        f"--dataset {OWN_IMAGES}, your own images: {LIMITS}",
    )  # fmt: skip
    parser.add_argument("--max-seconds", help="end cleanly after this much training time")
    parser.add_argument("--resume", action="store_true", help="go on with the run in --run-dir; --epochs may be raised")
    for name, kind, info in config_fields():
        flag = "--" + name.replace("_", "-")
        text = info.help.replace("%", "%%") + (f" One of {', '.join(info.choices)}." if info.choices else "")
        if kind is bool:
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=None, help=text)
        else:
            parser.add_argument(flag, dest=name, metavar=_METAVARS[kind], help=text)


_METAVARS = {int: "N", float: "X", str: "NAME"}


def _add_sample(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_sample)
    parser.add_argument("run", metavar="RUN", help="a run's name or directory")
    parser.add_argument("--num-samples", default="64", help="how many images (default 64)")
    parser.add_argument("--seed", default="0", help="same seed, same images (default 0)")
    parser.add_argument("--epoch", help="the generator of this epoch (default: the newest)")
    parser.add_argument("--digit", help="the class to draw, by number or name, for runs trained with labels")
    parser.add_argument("--output", type=Path, required=True, help=".npy: uint8 array; .png: a grid; else a folder")


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_evaluate)
    parser.add_argument("run", metavar="RUN", help="a run's name or directory")
    parser.add_argument("--num-samples", default="10000", help="how many images to judge (default 10000)")
    parser.add_argument("--seed", default="0", help="same seed, same images (default 0)")
    parser.add_argument("--epoch", help="the generator of this epoch (default: the newest)")
    parser.add_argument("--split", default="test", help="real digits to compare with: test, held_out or train")
    parser.add_argument("--data-dir", type=Path, help="with MNIST there, coverage and copies are measured too")
    parser.add_argument(
        "--fid", nargs="?", const="", metavar="WEIGHTS", help="also the FID; takes torch-fidelity and many minutes"
    )
    parser.add_argument(
        "--nearest-neighbour", action="store_true",
        help="also read real digits by their nearest of 50,000 generated ones; needs MNIST and half a minute",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--save", action="store_true", help="keep the result in the run's directory")


def _add_export(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_export)
    parser.add_argument("run", metavar="RUN", help="a run's name or directory")
    parser.add_argument("--format", required=True, help=f"one of {', '.join(_FORMATS)}")
    parser.add_argument("--epoch", help="the generator of this epoch (default: the newest)")
    parser.add_argument("--seed", default="0", help="for gif, mp4, webm: which random walk is filmed (default 0)")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="the file to write")


_FORMATS = ("safetensors", "onnx", "html", "gif", "mp4", "webm")  # those of dcgan.export, which loads torch


def _add_bundle(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_bundle)
    parser.add_argument("run", metavar="RUN", help="a run's name or directory")
    parser.add_argument("target", metavar="TARGET", type=Path, help="the new directory")
    parser.add_argument("--epochs", default="", help="generators to keep, such as 1,2,5,10 (default: all)")
    parser.add_argument("--title", default="", help="the name people see (default: as the run's)")


def _add_runs(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_runs)


def _train(options: argparse.Namespace) -> None:
    max_seconds = _number(options.max_seconds, "--max-seconds", float) if options.max_seconds is not None else None
    if max_seconds is not None and max_seconds <= 0:
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
            changes[name] = _number(value, "--" + name.replace("_", "-"), kind) if kind in (int, float) else value
    return changes


def _number(text: str, flag: str, kind: type) -> Any:
    try:
        return kind(text)
    except ValueError:
        raise UserError(f"{flag} must be {'a whole number' if kind is int else 'a number'}, not {text!r}.") from None


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
    print("The images have no classes: both networks are told of groups of look-alikes (clusters).", file=sys.stderr)
    return config.with_changes(conditioning="clusters")


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
    count, seed = _number(options.num_samples, "--num-samples", int), _number(options.seed, "--seed", int)
    epoch = None if options.epoch is None else _number(options.epoch, "--epoch", int)
    run = find_run(options.run)
    digit = None if options.digit is None else _class_number(run, options.digit)
    from dcgan.export import write_samples
    from dcgan.sampling import draw_samples, load_generator

    images, _ = draw_samples(load_generator(run, epoch), count, seed, digit)
    write_samples(images, options.output)
    print(f"{count} images of run {run.name} in {options.output}")


def _evaluate(options: argparse.Namespace) -> None:
    count, seed = _number(options.num_samples, "--num-samples", int), _number(options.seed, "--seed", int)
    epoch = None if options.epoch is None else _number(options.epoch, "--epoch", int)
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
    epoch = None if options.epoch is None else _number(options.epoch, "--epoch", int)
    seed = _number(options.seed, "--seed", int)
    run = find_run(options.run)
    from dcgan.export import write_generator

    size = write_generator(run, options.format, options.output, epoch, seed)
    print(f"generator of run {run.name} in {options.output} ({size / 1e6:.1f} MB)")


def _bundle(options: argparse.Namespace) -> None:
    epochs = [_number(text, "--epochs", int) for text in options.epochs.split(",") if text]
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
