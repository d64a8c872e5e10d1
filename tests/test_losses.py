import torch
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from dcgan.losses import discriminator_loss, generator_loss

REAL = torch.tensor([3.0, -0.5, 0.0, 40.0], dtype=torch.float64)
FAKE = torch.tensor([-2.0, 1.5, 0.0, -60.0], dtype=torch.float64)


def test_discriminator_loss_is_binary_cross_entropy() -> None:
    expected = bce(REAL, torch.ones_like(REAL)) + bce(FAKE, torch.zeros_like(FAKE))
    torch.testing.assert_close(discriminator_loss(REAL, FAKE), expected)


def test_smoothing_lowers_the_target_of_real_images_only() -> None:
    expected = bce(REAL, torch.full_like(REAL, 0.9)) + bce(FAKE, torch.zeros_like(FAKE))
    torch.testing.assert_close(discriminator_loss(REAL, FAKE, 0.1), expected)


def test_generator_loss_is_the_non_saturating_form() -> None:
    torch.testing.assert_close(generator_loss(FAKE), bce(FAKE, torch.ones_like(FAKE)))


def test_undecided_discriminator_costs_two_ln_two() -> None:
    zero = torch.zeros(5, dtype=torch.float64)
    torch.testing.assert_close(discriminator_loss(zero, zero), 2 * torch.tensor(2.0, dtype=torch.float64).log())


def test_losses_stay_finite_for_huge_logits() -> None:
    huge = torch.tensor([1e4, -1e4])
    assert torch.isfinite(discriminator_loss(huge, huge)) and torch.isfinite(generator_loss(huge))


def test_gradients_match_finite_differences() -> None:
    real, fake = REAL.clone().requires_grad_(), FAKE.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda r, f: discriminator_loss(r, f, 0.1), (real, fake))
    assert torch.autograd.gradcheck(generator_loss, (fake,))
