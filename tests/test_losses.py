import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from dcgan.config import OBJECTIVES
from dcgan.losses import (
    between,
    certainty,
    class_loss,
    discriminator_loss,
    generator_loss,
    slope_penalty,
    unit_slope_penalty,
)

REAL = torch.tensor([3.0, -0.5, 0.0, 40.0], dtype=torch.float64)
FAKE = torch.tensor([-2.0, 1.5, 0.0, -60.0], dtype=torch.float64)
ONES, ZEROS = torch.ones_like(REAL), torch.zeros_like(REAL)


def test_discriminator_loss_is_binary_cross_entropy() -> None:
    torch.testing.assert_close(discriminator_loss(REAL, FAKE), bce(REAL, ONES) + bce(FAKE, ZEROS))
    torch.testing.assert_close(discriminator_loss(REAL, FAKE, 0.0, "minimax"), bce(REAL, ONES) + bce(FAKE, ZEROS))


def test_smoothing_lowers_the_target_of_real_images_only() -> None:
    expected = bce(REAL, torch.full_like(REAL, 0.9)) + bce(FAKE, ZEROS)
    torch.testing.assert_close(discriminator_loss(REAL, FAKE, 0.1), expected)
    torch.testing.assert_close(discriminator_loss(REAL, FAKE, 0.1, "minimax"), expected)


def test_generator_loss_is_the_non_saturating_form() -> None:
    torch.testing.assert_close(generator_loss(FAKE, REAL), bce(FAKE, ONES))


def test_minimax_plays_the_value_of_the_game_with_the_other_sign() -> None:
    torch.testing.assert_close(generator_loss(FAKE, REAL, "minimax"), -bce(FAKE, ZEROS))


def test_class_loss_is_the_logarithm_of_the_chance_given_to_the_class_asked_for() -> None:
    class_logits = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.5, 0.5]], dtype=torch.float64)
    asked = torch.tensor([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]], dtype=torch.float64)
    chances = class_logits.exp() / class_logits.exp().sum(1, keepdim=True)
    expected = -(chances[0, 1].log() + chances[1, 0].log()) / 2
    torch.testing.assert_close(class_loss(class_logits, asked), expected)


def test_hinge_is_torchs_margin_loss() -> None:
    expected = F.hinge_embedding_loss(1 - (1 - REAL), -ONES) + F.hinge_embedding_loss(1 - (1 + FAKE), -ONES)
    torch.testing.assert_close(discriminator_loss(REAL, FAKE, 0.0, "hinge"), expected)
    torch.testing.assert_close(generator_loss(FAKE, REAL, "hinge"), -FAKE.mean())


def test_least_squares_are_halved_squared_errors() -> None:
    expected = F.mse_loss(REAL, ONES) / 2 + F.mse_loss(FAKE, ZEROS) / 2
    torch.testing.assert_close(discriminator_loss(REAL, FAKE, 0.0, "lsgan"), expected)
    torch.testing.assert_close(generator_loss(FAKE, REAL, "lsgan"), F.mse_loss(FAKE, ONES) / 2)


def test_wasserstein_is_a_difference_of_means() -> None:
    torch.testing.assert_close(discriminator_loss(REAL, FAKE, 0.0, "wgan-gp"), FAKE.mean() - REAL.mean())
    torch.testing.assert_close(generator_loss(FAKE, REAL, "wgan-gp"), -FAKE.mean())


def test_relativistic_pairs_are_binary_cross_entropy_of_differences() -> None:
    torch.testing.assert_close(discriminator_loss(REAL, FAKE, 0.0, "rpgan"), bce(REAL - FAKE, ONES))
    torch.testing.assert_close(generator_loss(FAKE, REAL, "rpgan"), bce(FAKE - REAL, ONES))


def test_undecided_discriminator_costs_two_ln_two() -> None:
    zero = torch.zeros(5, dtype=torch.float64)
    torch.testing.assert_close(discriminator_loss(zero, zero), 2 * torch.tensor(2.0, dtype=torch.float64).log())


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_losses_stay_finite_for_huge_logits(objective: str) -> None:
    huge = torch.tensor([1e4, -1e4])
    assert torch.isfinite(discriminator_loss(huge, huge, 0.0, objective))
    assert torch.isfinite(generator_loss(huge, huge, objective))


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_gradients_match_finite_differences(objective: str) -> None:
    real, fake = (REAL + 0.1).requires_grad_(), (FAKE + 0.1).requires_grad_()
    assert torch.autograd.gradcheck(lambda r, f: discriminator_loss(r, f, 0.1, objective), (real, fake))
    assert torch.autograd.gradcheck(lambda r, f: generator_loss(f, r, objective), (real, fake))


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_generator_wants_higher_scores(objective: str) -> None:
    fake = torch.tensor([0.0, 0.5], requires_grad=True)
    generator_loss(fake, torch.tensor([0.2, 0.4]), objective).backward()
    assert (fake.grad < 0).all()


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_certainty_is_a_share_that_rises_with_the_score(objective: str) -> None:
    low, high = torch.tensor([-0.4, 0.3]), torch.tensor([0.4, 0.9])
    for part in certainty(high, low, objective):
        assert ((part >= 0) & (part <= 1)).all() and part[0] < part[1]
    real, fake = certainty(high, low, objective)
    assert real.mean() > fake.mean()


def test_certainty_of_relative_scores_forgets_a_common_shift() -> None:
    for before, after in zip(certainty(REAL, FAKE, "rpgan"), certainty(REAL + 7, FAKE + 7, "rpgan"), strict=True):
        torch.testing.assert_close(before, after)


def quadratic(images: Tensor) -> Tensor:
    """Logits whose slope at x is x itself."""
    return images.flatten(1).square().sum(1) / 2


def test_slope_penalty_of_a_parabola_is_half_its_mean_square() -> None:
    images = torch.randn(3, 1, 4, 4, generator=torch.Generator().manual_seed(0)).requires_grad_()
    expected = images.detach().flatten(1).square().sum(1).mean() / 2
    torch.testing.assert_close(slope_penalty(quadratic(images), images).detach(), expected)


def test_unit_slope_penalty_of_a_plane_is_known() -> None:
    images = torch.randn(3, 1, 4, 4, generator=torch.Generator().manual_seed(0)).requires_grad_()
    torch.testing.assert_close(unit_slope_penalty(3 * images[:, 0, 1, 2], images), torch.tensor(4.0))


@pytest.mark.parametrize("penalty", [slope_penalty, unit_slope_penalty])
def test_penalties_move_the_weights_as_finite_differences_say(penalty: object) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Softplus(), nn.Flatten(), nn.Linear(8, 1)).double()
    images = torch.randn(2, 1, 4, 4, dtype=torch.float64)

    def value() -> Tensor:
        points = images.clone().requires_grad_()
        return penalty(network(points).squeeze(1), points)  # type: ignore[operator,no-any-return]

    weight = network[0].weight
    (gradient,) = torch.autograd.grad(value(), weight)
    numeric, step = torch.zeros_like(weight), 1e-4
    for place in range(weight.numel()):
        values = []
        for sign in (1, -1):
            with torch.no_grad():
                weight.view(-1)[place] += sign * step
            values.append(value().item())
            with torch.no_grad():
                weight.view(-1)[place] -= sign * step
        numeric.view(-1)[place] = (values[0] - values[1]) / (2 * step)
    torch.testing.assert_close(gradient, numeric, rtol=1e-5, atol=1e-8)


def test_points_between_are_on_the_line() -> None:
    real, fake = torch.ones(3, 1, 2, 2), -torch.ones(3, 1, 2, 2)
    points = between(real, fake, torch.tensor([0.0, 0.5, 1.0]))
    torch.testing.assert_close(points[:, 0, 0, 0].detach(), torch.tensor([-1.0, 0.0, 1.0]))
    assert points.requires_grad
