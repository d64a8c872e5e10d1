"""One training process: joins data, trainer, clock and control file to a run directory."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from torch import Tensor

from dcgan.clusters import cluster_means, find_clusters, load_clusters, save_clusters
from dcgan.config import TrainConfig
from dcgan.control import Control, Speed, stop_signals
from dcgan.data import ImageData, load_for
from dcgan.datasets import download_words, is_on_disk
from dcgan.devices import configure_torch, describe
from dcgan.distributed import ALONE, GO_ON, MERGE, STOP, WAIT, World, lost
from dcgan.errors import DcganError, RunFailed, UserError
from dcgan.events import Event, Stepped
from dcgan.models import count_parameters
from dcgan.quality import QualityWatch
from dcgan.recording import Recorder
from dcgan.records import Status
from dcgan.resume import newest_state
from dcgan.runs import Run
from dcgan.training import Trainer

SAVE_INTERVAL = 60.0  # seconds of training between two saved states inside an epoch
Listener = Callable[[Event, Status], None]


def run_training(
    run: Run,
    *,
    data_dir: Path | None = None,
    max_seconds: float | None = None,
    save_interval: float = SAVE_INTERVAL,
    listener: Listener = lambda event, status: None,
    world: World = ALONE,
) -> Status:
    """Train `run` to its last epoch, to `max_seconds` of training time, or until it is asked to stop.

    Training goes on from the run's newest sound state where there is one; what was recorded after it is done again.
    States are saved after every epoch, and within one after `save_interval` seconds. Where several processes train
    together this is what process 0 does; the others `follow`.

    Raises:
        UserError: the data, the device or the saved state cannot be had; the run says so and stays readable.
        RunFailed: a loss is not finite, or a file cannot be written.
    """
    with Recorder(run) as recorder:
        try:
            configure_torch(run.config.threads, world.local_size)
            world.check_batch(run.config.batch_size)
            world.give(run.config.to_dict())
            with world.first_here():
                data = _load_data(run.config, data_dir, recorder)
            return _Session(run, data, recorder, max_seconds, save_interval, world).run(listener)
        except DcganError as error:
            recorder.fail(str(error))
            raise
        except RuntimeError as error:
            message = lost(error, world) or _device_failure(error)
            recorder.fail(message)
            raise RunFailed(message) from error


def _device_failure(error: RuntimeError) -> str:
    if "out of memory" in str(error).lower():
        return "The device ran out of memory; lower the batch size or the widths and start again."
    return f"The device failed during training ({str(error).splitlines()[0]}); continue from the last saved state."


def _load_data(config: TrainConfig, data_dir: Path | None, recorder: Recorder) -> ImageData:
    absent = not is_on_disk(config.dataset, data_dir)
    more = f" ({download_words(config.dataset)})" if absent else ""

    def progress(what: str, share: float) -> None:
        """Tell those who watch what is done, and how much of it."""
        recorder.update(soon=True, message=f"{what}{more if what.startswith('Downloading') else ''}: {share:.0%}")

    if absent:
        print(f"{config.dataset} is downloaded first: {download_words(config.dataset)}", file=sys.stderr)
    data = load_for(config, data_dir, progress=progress)
    if data.note:
        print(data.note, file=sys.stderr)
    recorder.update(message="")
    return data


def _clusters(run: Run, data: ImageData) -> Tensor | None:
    """The clusters kept with the run; found and kept when it starts."""
    if run.config.conditioning != "clusters":
        return None
    file = run.path / "clusters.safetensors"
    if not file.exists():
        found = find_clusters(data.images, run.config.clusters, run.config.seed)
        save_clusters(file, found, cluster_means(data.images, found, run.config.clusters))
    clusters = load_clusters(file)[0]
    if len(clusters) != len(data):
        raise UserError(
            f"The run began with {len(clusters):,} images and now there are {len(data):,}; restore them, or start anew."
        )
    return clusters


class _Session:
    """The clock and the controls around one trainer."""

    def __init__(
        self,
        run: Run,
        data: ImageData,
        recorder: Recorder,
        max_seconds: float | None,
        save_interval: float,
        world: World,
    ) -> None:
        self.target = run
        self.recorder = recorder
        self.world = world
        clusters = _clusters(run, data)
        world.give(clusters)
        self.trainer = Trainer(run.config, data, clusters, world)
        self.class_counts = self.trainer.classes.bincount(minlength=self.trainer.num_conditions).tolist()
        self.max_seconds = max_seconds
        self.save_interval = save_interval
        self.before = self._go_on_from_newest()
        self.watch = QualityWatch(run.config, self.trainer.device)
        self.control = Control(run.path / "control.json")
        self.speed = Speed(run.config.batch_size)
        self.paused_for = 0.0
        self.saved_at = self.before

    def _go_on_from_newest(self) -> float:
        """Set trainer and record back to the newest sound state; the seconds of training it took."""
        state, trainer = newest_state(self.target), self.trainer
        if state:
            trainer.load_state_dict(state.trainer)
        self.world.give(state.trainer if state else None)
        seconds, message = (state.seconds, state.message) if state else (0.0, "")
        if message:
            print(message, file=sys.stderr)
        self.recorder.rewind(trainer.step)
        self.recorder.update(
            step=trainer.step, epoch=trainer.epoch, total_steps=trainer.total_steps, seconds=seconds, message=message
        )
        return seconds

    def run(self, listener: Listener) -> Status:
        """Train until the end, the time limit or a request to stop; returns the last status."""
        recorder, trainer = self.recorder, self.trainer
        several = f"{self.world.size} × " if self.world.size > 1 else ""
        recorder.update(
            device=several + describe(trainer.device),
            precision=str(trainer.dtype).removeprefix("torch."),
            parameters_d=count_parameters([trainer.D]),
            state="running",
            limit=self.max_seconds,
        )
        self.started = time.monotonic()
        with stop_signals(self.control):
            for event in trainer.events():
                self._update_status()
                recorder.record(event)
                listener(event, recorder.status)
                if isinstance(event, Stepped) and not self._goes_on_after_step():
                    break
        return self._finish()

    def _goes_on_after_step(self) -> bool:
        """Save and judge where it is time, obey the controls; whether to take another step."""
        epoch_ended = self.trainer.step % self.trainer.steps_per_epoch == 0
        if epoch_ended or self.seconds() - self.saved_at > self.save_interval:
            self._save()
        if epoch_ended:
            self._judge()
        self._pause_while_asked()
        goes_on = not (self.control.stopped or self._out_of_time())
        if not goes_on:
            self._save_unless_saved()
        self.world.say(GO_ON if goes_on else STOP)
        return goes_on

    def seconds(self) -> float:
        """Seconds of training so far in all, without pauses."""
        return self.before + time.monotonic() - self.started - self.paused_for

    def _out_of_time(self) -> bool:
        return self.max_seconds is not None and self.seconds() - self.before >= self.max_seconds

    def _save_unless_saved(self) -> None:
        if self.trainer.step not in {f.step for f in self.target.states()}:
            self._save()

    def _save(self) -> None:
        self.world.say(MERGE)
        self.trainer.merge_sums()
        self.recorder.save(self.trainer, self.class_counts)
        self.saved_at = self.seconds()

    def _judge(self, *, at_any_cost: bool = False) -> None:
        report = self.watch.look(self.trainer, self.seconds(), at_any_cost=at_any_cost)
        if report:
            self.recorder.record_quality(self.trainer.epoch, self.trainer.step, report)

    def _update_status(self) -> None:
        seconds, step, total = self.seconds(), self.trainer.step, self.trainer.total_steps
        speed = self.speed.at(seconds, step)
        fraction = step / total
        eta = (total - step) * self.trainer.config.batch_size / speed if speed else None
        if self.max_seconds is not None:
            left = self.max_seconds - (seconds - self.before)
            eta = left if eta is None else min(eta, left)
            fraction = max(fraction, 1 - left / self.max_seconds)
        self.recorder.update(
            soon=True,
            epoch=self.trainer.epoch,
            step=step,
            total_steps=total,
            seconds=seconds,
            images_per_second=speed,
            eta=None if eta is None else max(eta, 0.0),
            fraction=min(fraction, 1.0),
        )

    def _pause_while_asked(self) -> None:
        """Sleep while the pages ask for a pause; a granted step ends in a look at the samples it made."""
        self.control.look()
        if not self.control.holds():
            return
        pause_began = time.monotonic()
        if self.recorder.status.state == "paused":
            self.recorder.record(self.trainer.samples())
        self.recorder.update(state="paused", eta=None)
        while not self.control.lets_go_on():
            self.world.say(WAIT)
            time.sleep(0.02)
        self.paused_for += time.monotonic() - pause_began
        self.speed.forget()
        if not self.control.holds():
            self.recorder.update(state="running")

    def _finish(self) -> Status:
        self._update_status()
        steps = {frame.step for frame in self.target.samples()}
        if self.trainer.step not in steps:
            self.recorder.record(self.trainer.samples())
        if self.trainer.step:
            self._save_unless_saved()
        if self.trainer.step and self.trainer.step not in {row["step"] for row in self.target.quality()}:
            self._judge(at_any_cost=True)
        stopped = self.control.stopped and self.trainer.step < self.trainer.total_steps
        self.recorder.update(state="stopped" if stopped else "finished", message="", eta=None)
        return self.recorder.status
