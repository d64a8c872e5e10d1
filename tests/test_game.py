"""A round of the game, held against the networks and torch's own losses."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from dcgan.config import TrainConfig
from dcgan.data import to_unit_range
from dcgan.errors import UserError
from dcgan.game import RealImages, play_round, real_images, wish_pictures
from dcgan.models import Discriminator, Generator, ImageShape, initialise
from dcgan.players import Players, TrainedDiscriminator
from dcgan.runs import Run, create_run
from dcgan.sampling import TrainedGenerator
from dcgan.session import run_training

SHAPE = ImageShape(28, 1, 10)


@pytest.fixture
def run(runs_dir: Path, small_config: TrainConfig) -> Run:
    return create_run(runs_dir / "r", small_config, "quick")


def players(config: TrainConfig) -> Players:
    """Untrained players whose weights a seed fixes; their words are as true as a trained one's."""
    G, D = Generator(config, SHAPE), Discriminator(config, SHAPE)
    for network in (G, D):
        initialise(network, torch.Generator().manual_seed(1))
        network.eval().requires_grad_(False)
        for module in network.modules():
            if isinstance(module, torch.nn.Linear):
                module.weight.mul_(10)  # so that D has an opinion
    return Players(
        TrainedGenerator(G, config, SHAPE, (1,) * 10, 1, 1), TrainedDiscriminator(D, config, SHAPE, 1, 1)
    )  # fmt: skip


def test_the_losses_are_those_of_just_these_logits(run: Run) -> None:
    found = play_round(players(run.config), real_images(run), seed=3)
    assert found.real is not None and found.real_logits is not None and found.sure_real is not None
    assert found.real.shape == found.fake.shape == (8, 1, 28, 28) and found.real.dtype == torch.uint8
    real = binary_cross_entropy_with_logits(found.real_logits, torch.ones(8))
    fake = binary_cross_entropy_with_logits(found.fake_logits, torch.zeros(8))
    assert found.loss_d == pytest.approx(float(real + fake), rel=1e-5)
    assert found.loss_g == pytest.approx(float(binary_cross_entropy_with_logits(found.fake_logits, torch.ones(8))))
    assert torch.allclose(found.sure_real, found.real_logits.sigmoid())
    D = players(run.config).discriminator.network
    assert found.classes is not None
    condition = torch.eye(10)[found.classes]
    assert torch.allclose(D(to_unit_range(found.real), condition), found.real_logits, atol=1e-5)


def test_both_sides_show_the_same_classes(run: Run, digits: Any) -> None:
    found = play_round(players(run.config), real_images(run), seed=4)
    assert found.real is not None and found.classes is not None
    for image, label in zip(found.real, found.classes, strict=True):
        [place] = [i for i, known in enumerate(digits.images) if torch.equal(known, image)][:1]
        assert digits.labels[place] == label


OBJECTIVES = ["non-saturating", "minimax", "hinge", "lsgan", "wgan-gp", "rpgan"]


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_following_the_wish_lowers_the_loss_of_g_as_it_says(run: Run, objective: str) -> None:
    config = run.config.with_changes(objective=objective, discriminator_norm="none", conditioning="none")
    both = players(config)
    found = play_round(both, real_images(run), seed=5)
    assert found.wish is not None and found.wish_lengths is not None and found.loss_g is not None
    assert torch.allclose(found.wish_lengths, found.wish.square().sum((1, 2, 3)).sqrt())
    assert float(found.wish_lengths.min()) > 0
    again = play_round(both, real_images(run), seed=5)
    assert torch.equal(again.wish, found.wish)  # type: ignore[arg-type]
    # One image moved by t along its wish changes the mean loss of eight by -t |wish|^2 / 8.
    from dcgan.losses import generator_loss

    with torch.no_grad():
        fake = both.generator.network(found.z).double()
        D, real = both.discriminator.network.double(), found.real_logits
        assert real is not None
        moved = fake.clone()
        t = 1e-4 / float(found.wish_lengths[2])
        moved[2] += t * found.wish[2]
        before, after = (float(generator_loss(D(x), real.double(), objective)) for x in (fake, moved))
    assert (after - before) / t == pytest.approx(-(float(found.wish_lengths[2]) ** 2) / 8, rel=0.02)


def test_the_picture_of_a_wish_shows_where_and_which_way(run: Run) -> None:
    found = play_round(players(run.config), None, seed=7)
    pictures = wish_pictures(found, (255, 0, 0), (0, 0, 255))
    assert pictures is not None and pictures.shape == (8, 28, 28, 3) and found.wish is not None
    place = int(found.wish[0, 0].argmax())
    red, _, blue = pictures[0, place // 28, place % 28].tolist()
    assert red > blue
    place = int(found.wish[0, 0].argmin())
    red, _, blue = pictures[0, place // 28, place % 28].tolist()
    assert blue > red


def test_a_handful_of_real_images_meet_as_many_fakes(run: Run) -> None:
    few = RealImages(*(part[:3] for part in vars(real_images(run)).values()))
    found = play_round(players(run.config), few, seed=4)
    assert found.real is not None and len(found.real) == len(found.fake) == len(found.z) == 3
    assert found.loss_d is not None and found.classes is not None and len(found.classes) == 3


def test_without_real_images_the_fakes_are_still_judged(run: Run) -> None:
    found = play_round(players(run.config), None, seed=6)
    assert found.real is None and found.loss_d is None and found.real_logits is None
    assert found.loss_g is not None and found.wish is not None and found.classes is not None
    compared = play_round(
        players(run.config.with_changes(objective="rpgan", discriminator_norm="none")), None, seed=6
    )  # fmt: skip
    assert compared.loss_g is None and compared.wish is None and compared.fake_logits.shape == (8,)


def test_data_that_is_not_there_is_one_sentence(run: Run, runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DCGAN_DATA_DIR", str(runs_dir / "empty"))
    other = create_run(runs_dir / "mnist", run.config.with_changes(dataset="mnist"), "quick")
    with pytest.raises(UserError, match="The real images of MNIST are not on this computer"):
        real_images(other)


def test_clusters_are_the_classes_where_the_run_has_them(runs_dir: Path, small_config: TrainConfig) -> None:
    config = small_config.with_changes(conditioning="clusters", clusters=12, epochs=1)
    run = create_run(runs_dir / "c", config, "quick")
    with pytest.raises(UserError, match="are not on this computer"):
        real_images(run)
    run_training(run)
    kept = real_images(run)
    assert int(kept.classes.max()) > 9 and len(kept.images) == len(kept.classes) == 512
