"""The training loop: an iterator of events that prints nothing, writes nothing and knows no clock.

Whoever iterates decides the pace: not asking for the next event pauses training, and `state_dict` between two events is
all that is needed to go on later, bit for bit on the same CPU.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from dcgan import losses
from dcgan.batches import Batches
from dcgan.clusters import find_clusters
from dcgan.config import TrainConfig
from dcgan.data import ImageData, to_uint8, to_unit_range
from dcgan.devices import resolve_device, resolve_precision
from dcgan.distributed import ALONE, World, spread
from dcgan.errors import TrainingDiverged, UserError
from dcgan.events import EpochEnd, Event, Finished, Progress, Samples, Started, Stepped
from dcgan.graphs import Capture, Steps, capture_for
from dcgan.models import Discriminator, Generator, ImageShape, initialise
from dcgan.turns import Turns
from dcgan.updates import move_towards, set_rate

NUM_SAMPLES = 64
FIRST_EPOCH_SAMPLES = (10, 20, 50, 100, 200, 500)  # steps; then every epoch


def train(config: TrainConfig, data: ImageData) -> Iterator[Event]:
    """Train from scratch: `Started`, first `Samples`, then steps, log points, samples and epochs, at last `Finished`.

    Raises:
        UserError: the device, the precision or the batch size cannot be had.
        TrainingDiverged: a loss is no longer finite.
    """
    return Trainer(config, data).events()


class Trainer:
    """Two networks, their optimizers and the position in the data; `events` moves all of them forward."""

    def __init__(
        self,
        config: TrainConfig,
        data: ImageData,
        clusters: Tensor | None = None,
        world: World = ALONE,
        capture: Capture | None = None,
    ) -> None:
        """`clusters` int64 [N] are found anew where the configuration wants them and they are not given.

        All processes of `world` make the same trainer and take the same steps; each computes its share of them. Steps
        are replayed from what `capture` made of them; without one, a GPU has its own.
        """
        if config.batch_size > len(data):
            raise UserError(f"batch_size {config.batch_size} is more than the {len(data):,} images there are.")
        world.check_batch(config.batch_size)
        self.config = config
        self.world = world
        self.device = resolve_device(config.device)
        self.dtype = resolve_precision(config.precision, self.device)
        self.shape = ImageShape(data.info.image_size, data.info.channels, data.info.num_classes)
        self.num_conditions = config.num_conditions(data.info.num_classes)
        self.images = data.images.to(self.device)
        self.classes = self._choose_classes(data, clusters).to(self.device)
        self._noise = self._seeded(1, self.device)
        self._batches = Batches(len(data), config.batch_size, self._seeded(2), self.device)
        self.steps_per_epoch = self._batches.per_epoch
        self.step = 0
        self._make_networks()
        self._make_step_values()
        self._capture = capture or capture_for(self.device, self._noise, world)
        self._steps = Steps(self._train_step, self._capture)
        self.sample_z = torch.randn(NUM_SAMPLES, config.latent_dim, generator=self._seeded(3))
        self.sample_classes = shown_classes(self.num_conditions)

    @property
    def epoch(self) -> int:
        """The epoch that the last step belongs to, counted from 1; 0 before training."""
        return -(-self.step // self.steps_per_epoch)

    @property
    def total_steps(self) -> int:
        """Steps of the whole run."""
        return self.config.epochs * self.steps_per_epoch

    def events(self) -> Iterator[Event]:
        """Train from the present step to the last epoch; see `train`."""
        yield Started(self.step, self.steps_per_epoch, self.total_steps)
        if self.step == 0:
            yield self.samples()
        while self.step < self.total_steps:
            self._take_step(self._batches.at(self.step))
            self.step += 1
            if self.step % self.config.log_every == 0:
                yield self._progress()
            if self.step in FIRST_EPOCH_SAMPLES and self.step < self.steps_per_epoch:
                yield self.samples()
            if self.step % self.steps_per_epoch == 0:
                yield self.samples()
                yield EpochEnd(self.step, self.epoch)
            yield Stepped(self.step)
        yield Finished(self.step, self.epoch)

    def samples(self) -> Samples:
        """Images from the fixed z by the averaged generator (the plain one where averaging is off)."""
        return Samples(self.step, self.epoch, self.draw(self.sample_z, self.sample_classes))

    @torch.no_grad()
    def draw(self, z: Tensor, classes: Tensor) -> Tensor:
        """uint8 [N, C, H, W] on the CPU from z [N, latent_dim]; classes int64 [N] are used where G is conditional."""
        condition = self._condition(classes.to(self.device))
        return to_uint8(self._sampler()(z.to(self.device), condition)).cpu()

    def generator_weights(self) -> dict[str, Tensor]:
        """State of the generator that samples, on the CPU."""
        return {name: value.detach().cpu().contiguous() for name, value in self._sampler().state_dict().items()}

    def state_dict(self) -> dict[str, Any]:
        """Everything that decides how training goes on."""
        return {
            "step": self.step,
            "networks": [network.state_dict() for network in (self.G, self.D, self.averaged)],
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "generators": [self._noise.get_state(), self._batches.state(self.step)],
            "sums": self._sums.clone(),
            "summed": self._summed,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a `state_dict` of a trainer with the same config (the number of epochs may differ).

        Raises:
            UserError: the state belongs to other networks.
        """
        try:
            for network, values in zip((self.G, self.D, self.averaged), state["networks"], strict=True):
                network.load_state_dict(values)
            for optimizer, values in zip(self.optimizers, state["optimizers"], strict=True):
                # The values of a group are this trainer's own, on its device.
                optimizer.load_state_dict({**values, "param_groups": optimizer.state_dict()["param_groups"]})
            self.step, self._summed = int(state["step"]), int(state["summed"])
            self._restore_noise(state["generators"][0].cpu())
            self._batches.restore(state["generators"][1], self.step)
            self._sums.copy_(state["sums"])
        except (KeyError, IndexError, TypeError, ValueError, RuntimeError, AttributeError) as error:
            raise UserError("The saved training state does not fit this configuration; start a new run.") from error
        self._steps = Steps(self._train_step, self._capture)

    def _restore_noise(self, state: Tensor) -> None:
        """Go on drawing as before; where it was on another kind of device, from a stream of this step's own."""
        if state.shape == self._noise.get_state().shape:
            self._noise.set_state(state)
        else:
            self._noise.manual_seed(self._seed_of(10 + self.step))

    def _choose_classes(self, data: ImageData, clusters: Tensor | None) -> Tensor:
        if self.config.conditioning != "clusters":
            return data.labels
        return find_clusters(data.images, self.config.clusters, self.config.seed) if clusters is None else clusters

    def _make_networks(self) -> None:
        config, weights = self.config, self._seeded(0)
        self.G = Generator(config, self.shape)
        self.D = Discriminator(config, self.shape, self._noise)
        initialise(self.G, weights)
        initialise(self.D, weights)
        for network in (self.G, self.D):
            spread(network, self.world)
            network.to(self.device).to(memory_format=torch.channels_last)
        self.averaged = copy.deepcopy(self.G).eval().requires_grad_(False)
        self._turns = Turns(config, self.G, self.D, self._noise, self.dtype, self.world)
        self.optimizers = self._turns.optimizer_g, self._turns.optimizer_d

    def _make_step_values(self) -> None:
        """What steps read and write in place, so that they can be recorded."""
        self._batch = torch.zeros(self.config.batch_size, dtype=torch.int64, device=self.device)
        self._newest = torch.zeros((), device=self.device)
        self._told = torch.eye(self.num_conditions, device=self.device)  # the condition vector of each class
        self._sums = torch.zeros(5, device=self.device)
        self._summed = 0

    def _seeded(self, stream: int, device: torch.device | str = "cpu") -> torch.Generator:
        """One of the run's independent random streams; numpy's SeedSequence would do the same mixing."""
        return torch.Generator(device).manual_seed(self._seed_of(stream))

    def _seed_of(self, stream: int) -> int:
        return self.config.seed * 1_000_003 + stream

    def _condition(self, classes: Tensor) -> Tensor | None:
        return self._told[classes] if self.num_conditions else None

    def _set_learning_rates(self) -> None:
        """Full until the last `lr_decay` of all steps, then linear to zero."""
        decaying = self.config.lr_decay * self.total_steps
        factor = min(1.0, (self.total_steps - self.step) / decaying) if decaying else 1.0
        for optimizer, rate in zip(self.optimizers, (self.config.lr_g, self.config.lr_d), strict=True):
            set_rate(optimizer, rate * factor)

    def _set_share_of_newest(self) -> None:
        """How much of G enters the average: 1 - `ema_decay`, and more at first.

        The mean never reaches over more than a twentieth of the steps so far: early samples show the generator of now,
        and classes keep their variety, which a longer mean takes from them.
        """
        self._newest.fill_(1 - min(self.config.ema_decay, (1 + self.step) / (20 + self.step)))

    def _take_step(self, batch: Tensor) -> None:
        """One step on the images `batch` int64 [batch_size]; what it does not share with all others is set first."""
        self._batch.copy_(batch)
        self._set_learning_rates()
        self._set_share_of_newest()
        penalised = (self.config.r1 > 0 or self.config.r2 > 0) and self.step % self.config.penalty_every == 0
        g_learns = (self.step + 1) % self.config.critic_steps == 0
        self._steps.take(penalised, g_learns)
        self._summed += 1

    def _train_step(self, penalised: bool, g_learns: bool) -> None:
        """One update of D, then one of G on the same generated images; G draws the classes that the real batch has.

        With several `critic_steps` G learns in the last of as many steps only.
        """
        z = torch.randn(len(self._batch), self.config.latent_dim, device=self.device, generator=self._noise)
        z, batch = self.world.share(z), self.world.share(self._batch)
        real = to_unit_range(self.images[batch]).contiguous(memory_format=torch.channels_last)
        condition = self._condition(self.classes[batch])
        with torch.set_grad_enabled(g_learns):
            fake = self._turns.draw(z, condition)
        loss_d, real_logits, fake_logits = self._turns.update_discriminator(real, fake.detach(), condition, penalised)
        if g_learns:
            loss_g = self._turns.update_generator(real, fake, condition)
            if self.config.ema_decay:
                move_towards(self.averaged, self.G, self._newest)
        else:
            loss_g = losses.generator_loss(fake_logits, real_logits, self.config.objective)
        self._collect(loss_d, loss_g, real_logits, fake_logits)

    def _sampler(self) -> nn.Module:
        if not self.config.ema_decay:
            self.averaged.load_state_dict(self.G.state_dict())
        return self.averaged

    @torch.no_grad()
    def _collect(self, loss_d: Tensor, loss_g: Tensor, real_logits: Tensor, fake_logits: Tensor) -> None:
        if self.world.size > 1 and self.config.objective in losses.RELATIVE:
            real_logits, fake_logits = (self.world.gather(part).flatten() for part in (real_logits, fake_logits))
        d_real, d_fake = losses.certainty(real_logits, fake_logits, self.config.objective)
        accuracy = ((d_real > 0.5).float().mean() + (d_fake < 0.5).float().mean()) / 2
        self._sums += torch.stack([loss_d, loss_g, d_real.mean(), d_fake.mean(), accuracy])

    def merge_sums(self) -> None:
        """Let every process hold the means of all processes' sums: needed before one of them gives its state away."""
        if self.world.size > 1:
            self._sums.copy_(self.world.mean(self._sums))

    def _progress(self) -> Progress:
        self.merge_sums()
        means = (self._sums / self._summed).tolist()  # the one synchronisation of a log point
        if not all(map(math.isfinite, means)):
            raise TrainingDiverged(self.step)
        self._sums.zero_()
        self._summed = 0
        return Progress(self.step, self.epoch, *means)


def shown_classes(count: int) -> Tensor:
    """The classes int64 [64] that sample grids show: each in turn, or an even choice where there are more of them."""
    places = torch.arange(NUM_SAMPLES)
    return places * count // NUM_SAMPLES if count > NUM_SAMPLES else places % max(count, 1)
