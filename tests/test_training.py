import copy
import itertools
import math

import pytest
import torch

from dcgan.config import TrainConfig
from dcgan.data import ImageData, to_unit_range
from dcgan.errors import TrainingDiverged, UserError
from dcgan.events import EpochEnd, Event, Finished, Progress, Samples, Started, Stepped
from dcgan.losses import class_loss, slope_penalty
from dcgan.models import condition_vector
from dcgan.training import FIRST_EPOCH_SAMPLES, NUM_SAMPLES, Trainer, shown_classes, train


def comparable(event: Event) -> object:
    return (event.step, event.epoch, event.images.numpy().tobytes()) if isinstance(event, Samples) else event


def test_events_come_in_order_and_cover_every_step(small_config: TrainConfig, digits: ImageData) -> None:
    events = list(train(small_config, digits))
    steps_per_epoch = len(digits) // 256
    assert steps_per_epoch == 7
    assert events[0] == Started(0, 7, 14)
    assert isinstance(events[1], Samples) and (events[1].step, events[1].epoch) == (0, 0)
    assert [e.step for e in events if isinstance(e, Stepped)] == list(range(1, 15))
    assert [e.step for e in events if isinstance(e, Progress)] == [2, 4, 6, 8, 10, 12, 14]
    assert [(e.step, e.epoch) for e in events if isinstance(e, EpochEnd)] == [(7, 1), (14, 2)]
    assert [e.step for e in events if isinstance(e, Samples)] == [0, 7, 14]
    assert events[-1] == Finished(14, 2)


def test_samples_are_log_spaced_in_the_first_epoch(small_config: TrainConfig, digits: ImageData) -> None:
    config = small_config.with_changes(batch_size=16, epochs=1)
    steps = [e.step for e in train(config, digits) if isinstance(e, Samples)]
    assert steps == [0, *(s for s in FIRST_EPOCH_SAMPLES if s < 112), 112]


def test_samples_show_each_class_or_an_even_choice() -> None:
    assert shown_classes(10)[:12].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    assert shown_classes(0).tolist() == [0] * 64
    many = shown_classes(1000)
    assert many[0] == 0 and many[-1] == 984 and set(many.diff().tolist()) == {15, 16}


def test_samples_are_images_of_the_same_z(small_config: TrainConfig, digits: ImageData) -> None:
    trainer = Trainer(small_config, digits)
    first, second = trainer.samples(), trainer.samples()
    assert first.images.shape == (NUM_SAMPLES, 1, 28, 28) and first.images.dtype == torch.uint8
    assert torch.equal(first.images, second.images)


def test_progress_values_are_means_in_their_ranges(small_config: TrainConfig, digits: ImageData) -> None:
    points = [e for e in train(small_config, digits) if isinstance(e, Progress)]
    for point in points:
        assert min(point.d_real, point.d_fake, point.accuracy) >= 0
        assert max(point.d_real, point.d_fake, point.accuracy) <= 1
    assert points[0].loss_d == pytest.approx(2 * math.log(2), abs=0.5)


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_same_seed_gives_the_same_run_bit_for_bit(small_config: TrainConfig, digits: ImageData, dropout: float) -> None:
    config = small_config.with_changes(dropout=dropout)
    first, second = ([comparable(e) for e in train(config, digits)] for _ in range(2))
    other = [comparable(e) for e in train(config.with_changes(seed=8), digits)]
    assert first == second
    assert first != other


def test_global_random_state_is_neither_used_nor_moved(small_config: TrainConfig, digits: ImageData) -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    trainer = Trainer(small_config.with_changes(dropout=0.2), digits)
    after_making = torch.get_rng_state()
    list(itertools.islice(trainer.events(), 6))
    assert torch.equal(after_making, torch.get_rng_state())
    torch.set_rng_state(before)


GAMES = {
    "minimax": {"objective": "minimax"},
    "hinge": {"objective": "hinge", "discriminator_norm": "spectral"},
    "lsgan": {"objective": "lsgan", "family": "mlp"},
    "wgan-gp": {"objective": "wgan-gp", "discriminator_norm": "none", "critic_steps": 3},
    "r3gan": {"objective": "rpgan", "discriminator_norm": "none", "r1": 0.5, "r2": 0.5, "penalty_every": 2},
}


@pytest.mark.parametrize("game", GAMES)
def test_every_game_repeats_and_resumes_bit_for_bit(small_config: TrainConfig, digits: ImageData, game: str) -> None:
    config = small_config.with_changes(**GAMES[game])
    whole = [comparable(e) for e in train(config, digits)]
    trainer = Trainer(config, digits)
    for event in trainer.events():
        if event == Stepped(5):
            break
    later = Trainer(config, digits)
    later.load_state_dict(trainer.state_dict())
    assert [comparable(e) for e in later.events()][1:] == whole[whole.index(Stepped(5)) + 1 :]
    assert all(0 <= share <= 1 for e in whole if isinstance(e, Progress) for share in (e.d_real, e.d_fake, e.accuracy))


def after(config: TrainConfig, data: ImageData, step: int) -> Trainer:
    """A trainer that has taken `step` steps."""
    trainer = Trainer(config, data)
    for event in trainer.events():
        if event == Stepped(step):
            break
    return trainer


def test_generator_learns_in_every_nth_step_of_the_critic(small_config: TrainConfig, digits: ImageData) -> None:
    config = small_config.with_changes(critic_steps=3)
    weights = [after(config, digits, step).G.stem.weight.clone() for step in range(1, 5)]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[1], weights[2])
    assert torch.equal(weights[2], weights[3])


@pytest.mark.parametrize("penalty", ["r1", "r2"])
def test_a_penalty_every_other_step_counts_twice(small_config: TrainConfig, digits: ImageData, penalty: str) -> None:
    """Only the steps in which it is worked out differ; there it is the penalty of twice the strength."""
    base = {"discriminator_norm": "none", "epochs": 1}
    lazy = small_config.with_changes(**{penalty: 0.5}, penalty_every=2, **base)
    strong = small_config.with_changes(**{penalty: 1.0}, **base)
    first, second = after(lazy, digits, 1), after(strong, digits, 1)
    assert torch.equal(first.D.score.weight, second.D.score.weight)
    assert not torch.equal(after(small_config.with_changes(**base), digits, 1).D.score.weight, first.D.score.weight)


def test_the_slope_of_the_discriminator_stays_low_where_it_is_penalised(
    small_config: TrainConfig, digits: ImageData
) -> None:
    slopes = []
    for r1 in (0.0, 20.0):
        config = small_config.with_changes(discriminator_norm="none", conditioning="none", r1=r1, epochs=4, lr_d=2e-3)
        trainer = after(config, digits, 28)
        real = to_unit_range(digits.images[:64]).requires_grad_()
        slopes.append(slope_penalty(trainer.D(real), real).item())
    assert slopes[1] < slopes[0] / 4


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("taken", [1, 3, 7, 9])
def test_resumed_run_continues_bit_for_bit(
    small_config: TrainConfig, digits: ImageData, taken: int, dropout: float
) -> None:
    config = small_config.with_changes(dropout=dropout, label_smoothing=0.1)
    whole = [comparable(e) for e in train(config, digits) if not isinstance(e, Started)]
    first = Trainer(config, digits)
    for event in first.events():
        if event == Stepped(taken):
            break
    second = Trainer(config, digits)
    second.load_state_dict(first.state_dict())
    rest = [comparable(e) for e in second.events()]
    assert rest[0] == Started(taken, 7, 14)
    cut = whole.index(Stepped(taken)) + 1
    assert rest[1:] == whole[cut:]


def test_state_of_other_networks_is_refused(small_config: TrainConfig, digits: ImageData) -> None:
    state = Trainer(small_config, digits).state_dict()
    with pytest.raises(UserError, match="does not fit"):
        Trainer(small_config.with_changes(generator_width=8), digits).load_state_dict(state)


def test_averaging_follows_its_formula(small_config: TrainConfig, digits: ImageData) -> None:
    trainer = Trainer(small_config, digits)
    start = trainer.averaged.stem.weight.clone()
    events = trainer.events()
    while next(events) != Stepped(1):
        pass
    decay = min(0.9, 1 / 20)
    expected = decay * start + (1 - decay) * trainer.G.stem.weight
    torch.testing.assert_close(trainer.averaged.stem.weight, expected)


def test_without_averaging_samples_come_from_the_generator_itself(small_config: TrainConfig, digits: ImageData) -> None:
    trainer = Trainer(small_config.with_changes(ema_decay=0.0), digits)
    for event in trainer.events():
        if event == Stepped(3):
            break
    weights = trainer.generator_weights()
    assert all(torch.equal(value, weights[name]) for name, value in trainer.G.state_dict().items())


def test_a_loss_that_is_not_finite_stops_the_run(small_config: TrainConfig, digits: ImageData) -> None:
    trainer = Trainer(small_config, digits)
    with torch.no_grad():
        trainer.G.stem.weight.fill_(float("nan"))
    with pytest.raises(TrainingDiverged, match="step 2") as caught:
        list(trainer.events())
    assert caught.value.step == 2


def test_a_batch_larger_than_the_data_is_refused(small_config: TrainConfig, digits: ImageData) -> None:
    with pytest.raises(UserError, match="batch_size 2000 is more than the 1,797 images there are"):
        Trainer(small_config.with_changes(batch_size=2000), digits)


def test_training_on_real_digits_teaches_the_generator(digits: ImageData, small_config: TrainConfig) -> None:
    """After a few hundred steps generated images have the brightness of real ones, which they had not before."""
    config = small_config.with_changes(
        epochs=4, batch_size=32, generator_width=16, discriminator_width=16, lr_g=2e-3, lr_d=2e-3, ema_decay=0.98
    )
    samples = [e.images.float().mean().item() for e in train(config, digits) if isinstance(e, Samples)]
    real = digits.images.float().mean().item()
    assert abs(samples[-1] - real) < 0.3 * real < abs(samples[0] - real)


def test_learning_rates_stay_and_then_sink_to_zero(small_config: TrainConfig, digits: ImageData) -> None:
    trainer = Trainer(small_config.with_changes(lr_decay=0.5, lr_g=4e-4, lr_d=2e-4), digits)
    rates = [
        [float(optimizer.param_groups[0]["lr"]) for optimizer in trainer.optimizers]
        for event in trainer.events()
        if isinstance(event, Stepped)
    ]
    factors = [min(1.0, (14 - step) / 7) for step in range(14)]
    assert [rate for pair in rates for rate in pair] == pytest.approx([r * f for f in factors for r in (4e-4, 2e-4)])


@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
def test_judging_both_in_one_pass_changes_no_opinion(small_config: TrainConfig, digits: ImageData, norm: str) -> None:
    trainer = Trainer(small_config.with_changes(discriminator_norm=norm), digits)
    real, fake = to_unit_range(digits.images[:64]), to_unit_range(digits.images[64:128])
    condition = trainer._condition(torch.arange(64) % 10)
    logits = trainer._turns._judge(real, fake, condition)[:2]
    for found, images in zip(logits, (real, fake), strict=True):
        torch.testing.assert_close(found, trainer.D(images, condition), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("r1", [0.0, 0.1], ids=["in one pass", "in two passes"])
def test_class_loss_teaches_d_on_real_images_and_g_on_its_own(
    small_config: TrainConfig, digits: ImageData, r1: float
) -> None:
    condition, real = condition_vector(torch.arange(64) % 10, 10), to_unit_range(digits.images[:64])
    slopes = {}
    for weight in (1e-9, 0.5):  # next to nothing has the same networks
        trainer = Trainer(small_config.with_changes(discriminator_norm="none", class_loss=weight, r1=r1), digits)
        G, D, turns = trainer.G, trainer.D, trainer._turns
        for optimizer in trainer.optimizers:
            optimizer.step = lambda: None  # type: ignore[method-assign]
        fake = turns.draw(trainer.sample_z, condition)
        turns.update_discriminator(real.clone(), fake.detach(), condition, penalised=True)
        on_d = [parameter.grad.clone() for parameter in D.parameters()]  # type: ignore[union-attr]
        turns.update_generator(real, fake, condition)
        on_g = [parameter.grad.clone() for parameter in G.parameters()]  # type: ignore[union-attr]
        slopes[weight] = on_d, on_g
    D.requires_grad_(True)
    told = class_loss(D(real, condition, read=True)[1], condition)
    own = class_loss(D(turns.draw(trainer.sample_z, condition), condition, read=True)[1], condition)
    expected = [torch.autograd.grad(loss, list(network.parameters()), allow_unused=True)
                for network, loss in ((D, told), (G, own))]  # fmt: skip
    for with_it, without, more in zip(slopes[0.5], slopes[1e-9], expected, strict=True):
        for found, before, part in zip(with_it, without, more, strict=True):
            part = torch.zeros_like(found) if part is None else part
            torch.testing.assert_close(found - before, 0.5 * part, atol=1e-5, rtol=1e-3)


def test_a_state_from_another_kind_of_device_goes_on_with_noise_of_its_own(
    small_config: TrainConfig, digits: ImageData
) -> None:
    """The state of a GPU's noise is 16 bytes, that of a processor's 5,056: neither takes the other's."""
    state = after(small_config, digits, 3).state_dict()
    state["generators"][0] = torch.zeros(16, dtype=torch.uint8)
    rest = []
    for _ in range(2):
        later = Trainer(small_config, digits)
        later.load_state_dict(copy.deepcopy(state))
        rest.append([comparable(event) for event in later.events()])
    assert rest[0] == rest[1] and rest[0][-1] == Finished(14, 2)
