from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from dcgan.config import TrainConfig
from dcgan.data import ImageData
from dcgan.errors import UserError
from dcgan.models import Generator, ImageShape
from dcgan.runs import Frame
from dcgan.sampling import TrainedGenerator, draw_every_class, draw_samples, in_proportion, load_snapshot, save_snapshot
from dcgan.training import Trainer


@pytest.fixture
def snapshot(small_config: TrainConfig, digits: ImageData, tmp_path: Path) -> tuple[Trainer, Frame]:
    trainer = Trainer(small_config, digits)
    events = trainer.events()
    while trainer.step < 3:
        next(events)
    frame = Frame(1, 3, tmp_path / "epoch-0001-step-000003.safetensors")
    counts = [0, 0, 0, 5, 0, 0, 0, 0, 5, 0]
    save_snapshot(frame.path, trainer.generator_weights(), trainer.config, trainer.shape, counts, epoch=1, step=3)
    return trainer, frame


def test_a_read_generator_draws_what_the_trainer_drew(snapshot: tuple[Trainer, Frame]) -> None:
    trainer, frame = snapshot
    trained = load_snapshot(frame)
    assert (trained.epoch, trained.step, trained.config) == (1, 3, trainer.config)
    drawn = trained.draw(trainer.sample_z, trained.condition(trainer.sample_classes))
    assert torch.equal(drawn, trainer.samples().images)


def test_half_precision_files_are_read_too(snapshot: tuple[Trainer, Frame]) -> None:
    trainer, frame = snapshot
    halves = {name: v.half() if v.is_floating_point() else v for name, v in trainer.generator_weights().items()}
    save_snapshot(frame.path, halves, trainer.config, trainer.shape, [1] * 10, epoch=1, step=3)
    trained = load_snapshot(frame)
    assert trained.network.stem.weight.dtype == torch.float32
    difference = trained.draw(trainer.sample_z, trained.condition(trainer.sample_classes)).int()
    assert (difference - trainer.samples().images.int()).abs().max() <= 2


def test_labels_follow_the_data_and_a_digit_can_be_asked_for(snapshot: tuple[Trainer, Frame]) -> None:
    trained = load_snapshot(snapshot[1])
    images, labels = draw_samples(trained, 400, seed=1)
    assert images.shape == (400, 1, 28, 28) and labels is not None
    counts = labels.bincount(minlength=10).tolist()
    assert counts[3] + counts[8] == 400 and 150 < counts[3] < 250
    asked = draw_samples(trained, 5, seed=1, label=8)[1]
    assert asked is not None and asked.tolist() == [8] * 5


def test_same_seed_same_images(snapshot: tuple[Trainer, Frame]) -> None:
    trained = load_snapshot(snapshot[1])
    first, again, other = (draw_samples(trained, 3, seed)[0] for seed in (5, 5, 6))
    assert torch.equal(first, again) and not torch.equal(first, other)


@pytest.mark.parametrize(("size", "most"), [(28, 500), (64, 125), (128, 31)])
def test_large_images_are_drawn_in_smaller_batches(small_config: TrainConfig, size: int, most: int) -> None:
    config, shape = small_config.with_changes(conditioning="none", generator_norm="none"), ImageShape(size, 1, 0)
    trained = TrainedGenerator(Generator(config, shape).eval(), config, shape, (1,), 1, 1)
    seen: list[int] = []
    trained.network.register_forward_hook(lambda module, inputs, output: seen.append(len(output)))
    assert trained.draw(torch.randn(most + 1, 8)).shape == (most + 1, 1, size, size) and seen == [most, 1]


def test_classes_occur_as_often_as_in_the_data_to_within_one_image() -> None:
    counts, noise = torch.tensor([5923, 0, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851]), torch.Generator()
    for count in (0, 1, 7, 64, 2000):
        found = in_proportion(counts, count, noise).bincount(minlength=10)
        assert (found - counts.double() / counts.sum() * count).abs().max() < 1 and found[1] == 0
    shuffled = in_proportion(counts, 2000, noise)
    assert (shuffled[:1000] == 0).sum() == pytest.approx((shuffled[1000:] == 0).sum(), abs=60)


def test_each_image_alone_has_the_chances_of_the_data() -> None:
    counts, noise = torch.tensor([1, 2, 5]), torch.Generator().manual_seed(0)
    rounds = torch.stack([in_proportion(counts, 4, noise) for _ in range(4000)])
    for image in rounds.T:
        assert image.bincount(minlength=3) / 4000 == pytest.approx([0.125, 0.25, 0.625], abs=0.03)


def test_every_class_is_drawn_in_one_style(snapshot: tuple[Trainer, Frame]) -> None:
    trained = load_snapshot(snapshot[1])
    images = draw_every_class(trained, 3, 5)
    z = trained.random_z(3, torch.Generator().manual_seed(5))
    assert images.shape == (30, 1, 28, 28)
    for row in range(3):
        for digit in range(10):
            alone = trained.draw(z[row : row + 1], trained.condition([digit]))[0]
            assert (images[10 * row + digit].int() - alone.int()).abs().max() <= 1
    with pytest.raises(UserError, match="at most 1,000,000"):
        draw_every_class(trained, 200_000, 0)


@pytest.mark.parametrize(
    ("count", "label", "match"),
    [(0, None, "at least 1"), (10**12, None, "at most 1,000,000"), (1, 10, "between 0 and 9, not 10")],
)
def test_impossible_samples_are_refused(
    snapshot: tuple[Trainer, Frame], count: int, label: int | None, match: str
) -> None:
    with pytest.raises(UserError, match=match):
        draw_samples(load_snapshot(snapshot[1]), count, 0, label)


def test_unconditional_generators_cannot_be_asked_for_a_digit(small_config: TrainConfig, digits: ImageData) -> None:
    trainer = Trainer(small_config.with_changes(conditioning="none"), digits)
    trained = TrainedGenerator(trainer.averaged, trainer.config, trainer.shape, (1,) * 10, 0, 0)  # type: ignore[arg-type]
    assert draw_samples(trained, 2, 0)[1] is None
    with pytest.raises(UserError, match="trained without labels"):
        draw_samples(trained, 2, 0, 3)
    with pytest.raises(UserError, match="cannot draw every digit in one style"):
        draw_every_class(trained, 2, 0)


@pytest.mark.parametrize("counts", [[], [1] * 9, [1] * 9 + [-1], [0] * 10, [1] * 11])
def test_counts_that_no_class_can_be_drawn_by_are_damage(snapshot: tuple[Trainer, Frame], counts: list[int]) -> None:
    trainer, frame = snapshot
    weights = trainer.generator_weights()
    save_snapshot(frame.path, weights, trainer.config, trainer.shape, counts, epoch=1, step=3)
    with pytest.raises(UserError, match="gone or damaged"):
        load_snapshot(frame)


@pytest.mark.parametrize("value", [torch.nan, -torch.inf])
def test_weights_that_are_no_numbers_are_damage(snapshot: tuple[Trainer, Frame], value: float) -> None:
    trainer, frame = snapshot
    weights = {name: tensor.clone() for name, tensor in trainer.generator_weights().items()}
    weights["stem.weight"][0, 0] = value
    save_snapshot(frame.path, weights, trainer.config, trainer.shape, [1] * 10, epoch=1, step=3)
    with pytest.raises(UserError, match="some of its weights are not finite"):
        load_snapshot(frame)


def test_few_weights_that_would_draw_giant_images_are_refused(snapshot: tuple[Trainer, Frame]) -> None:
    trainer, frame = snapshot
    config, shape = trainer.config, ImageShape(7 * 2**11, 1, 10)
    save_snapshot(frame.path, Generator(config, shape).state_dict(), config, shape, [1] * 10, epoch=1, step=3)
    assert frame.path.stat().st_size < 1_000_000
    with pytest.raises(UserError, match="gone or damaged"):
        load_snapshot(frame)


@pytest.mark.parametrize("damage", ["gone", "cut", "foreign", "shapes", "huge", "noise"])
def test_damaged_files_are_one_sentence(snapshot: tuple[Trainer, Frame], damage: str) -> None:
    trainer, frame = snapshot
    content = frame.path.read_bytes()
    frame.path.unlink()
    if damage == "cut":
        frame.path.write_bytes(content[: len(content) // 2])
    elif damage == "foreign":
        save_file({"x": torch.zeros(2)}, frame.path)
    elif damage == "shapes":
        other = trainer.config.with_changes(generator_width=8)
        save_snapshot(frame.path, trainer.generator_weights(), other, trainer.shape, [1] * 10, epoch=1, step=3)
    elif damage == "huge":
        header = b'{"a":{"dtype":"F32","shape":[1099511627776],"data_offsets":[0,4398046511104]}}'
        frame.path.write_bytes(len(header).to_bytes(8, "little") + header)
    elif damage == "noise":
        frame.path.write_bytes(np.random.default_rng(0).bytes(1000))
    with pytest.raises(UserError, match=r"epoch-0001-step-000003.safetensors (is|are)|generator epoch-0001"):
        load_snapshot(frame)
