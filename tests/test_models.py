import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dcgan.config import D_NORMALIZATIONS, FAMILIES, NORMALIZATIONS, TrainConfig
from dcgan.models import (
    Discriminator,
    Dropout,
    Generator,
    ImageShape,
    MinibatchStd,
    condition_vector,
    count_parameters,
    initialise,
    map_sizes,
)
from dcgan.presets import PRESETS, get_preset

MNIST = ImageShape(28, 1, 10)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(
    ("size", "sizes"), [(28, [7, 14, 28]), (32, [4, 8, 16, 32]), (64, [4, 8, 16, 32, 64]), (20, [5, 10, 20])]
)
def test_maps_double_from_a_small_one(size: int, sizes: list[int]) -> None:
    assert map_sizes(size) == sizes


def test_classic_network_has_the_parameters_one_counts_by_hand() -> None:
    config = get_preset("dcgan").config
    stem, norms = 100 * 128 * 49, 2 * (128 + 64)
    up = 128 * 64 * 16 + (64 * 16 + 1)
    assert count_parameters([Generator(config, MNIST)]) == stem + norms + up
    down = (16 * 64 + 64) + 64 * 128 * 16 + 2 * 128
    assert count_parameters([Discriminator(config, MNIST)]) == down + 128 * 49 + 1


@settings(max_examples=60, deadline=None)
@given(
    family=st.sampled_from(FAMILIES),
    size=st.sampled_from([28, 32, 64, 128]),
    channels=st.sampled_from([1, 3]),
    latent=st.integers(2, 512),
    norm=st.sampled_from(D_NORMALIZATIONS),
    generator_norm=st.sampled_from(NORMALIZATIONS),
    kernel=st.sampled_from([3, 4, 5]),
    spread=st.booleans(),
    features=st.sampled_from([0, 16]),
    finish=st.sampled_from([0, 8]),
    dropout=st.sampled_from([0.0, 0.3]),
    conditioning=st.sampled_from(["none", "labels"]),
)
def test_every_combination_gives_images_and_logits(
    family: str,
    size: int,
    channels: int,
    latent: int,
    norm: str,
    generator_norm: str,
    kernel: int,
    spread: bool,
    features: int,
    finish: int,
    dropout: float,
    conditioning: str,
) -> None:
    dcgan = family == "dcgan"
    config = TrainConfig(
        family=family, latent_dim=latent, generator_width=4, discriminator_width=4, discriminator_norm=norm,
        generator_norm=generator_norm, kernel_size=kernel if dcgan else 4, minibatch_std=spread,
        discriminator_features=features, generator_finish=finish if dcgan else 0, dropout=dropout,
        conditioning=conditioning,
    )  # fmt: skip
    shape = ImageShape(size, channels, 10)
    condition = condition_vector(torch.tensor([1, 2, 3]), 10) if conditioning == "labels" else None
    images = Generator(config, shape)(torch.randn(3, latent), condition)
    assert images.shape == (3, channels, size, size)
    assert images.abs().max() <= 1
    assert Discriminator(config, shape, seeded())(images, condition).shape == (3,)


def test_d_reads_classes_where_it_is_taught_to_and_there_are_some() -> None:
    config = TrainConfig(conditioning="labels", latent_dim=8, generator_width=4, discriminator_width=4, class_loss=0.1)
    judge, images = Discriminator(config, MNIST).eval(), torch.rand(3, 1, 28, 28)
    condition = condition_vector(torch.tensor([1, 2, 3]), 10)
    logits, read = judge(images, condition, read=True)
    assert torch.equal(logits, judge(images, condition)) and read.shape == (3, 10)
    for other in (config.with_changes(class_loss=0.0), config.with_changes(conditioning="none")):
        assert not Discriminator(other, MNIST).reads_classes
        assert not any("reading" in name for name in Discriminator(other, MNIST).state_dict())


def test_the_asked_class_changes_the_image_and_the_score() -> None:
    config = TrainConfig(conditioning="labels", latent_dim=8, generator_width=4, discriminator_width=4)
    network, judge = Generator(config, MNIST).eval(), Discriminator(config, MNIST).eval()
    z = torch.randn(1, 8).expand(2, 8)
    condition = condition_vector(torch.tensor([3, 8]), 10)
    three, eight = network(z, condition)
    assert (three - eight).abs().max() > 1e-4
    same = torch.zeros(2, 1, 28, 28)
    assert judge(same, condition)[0] != judge(same, condition)[1]


def test_stem_is_linear_in_z() -> None:
    network = Generator(TrainConfig(latent_dim=8, generator_width=4), MNIST)
    a, b = torch.randn(2, 1, 8)
    torch.testing.assert_close(
        network.stem_activations(a + 2 * b), network.stem_activations(a) + 2 * network.stem_activations(b)
    )


def test_initialisation_is_the_papers_and_repeats_with_its_seed() -> None:
    config = TrainConfig(discriminator_norm="spectral")
    first, second = Generator(config, MNIST), Generator(config, MNIST)
    initialise(first, seeded(3))
    initialise(second, seeded(3))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    assert first.stem.weight.std().item() == pytest.approx(0.02, rel=0.02)
    scale = first.body[0].weight
    assert scale.mean().item() == pytest.approx(1.0, abs=0.01)
    judge = Discriminator(config, MNIST)
    initialise(judge, seeded(3))
    # Nothing in this network keeps signals in size, so its weights are drawn for that: He's 2 / fan in.
    assert judge.body[0].parametrizations.weight.original.std().item() == pytest.approx((2 / 16) ** 0.5, rel=0.1)


def test_signals_neither_fade_nor_grow_without_normalisation() -> None:
    config = TrainConfig(generator_norm="none", discriminator_norm="none", generator_width=16, discriminator_width=16)
    shape = ImageShape(64, 3, 10)
    network, judge = Generator(config, shape), Discriminator(config, shape)
    initialise(network, seeded(1))
    initialise(judge, seeded(2))
    z = torch.randn(16, 100, generator=seeded(3))
    before_tanh = network.body[:-1](network.unflatten(network.stem_activations(z)))
    assert 0.1 < before_tanh.std() < 10
    assert 0.1 < judge(network(z)).std() + judge(network(z)).mean().abs() < 10


def test_fully_connected_networks_have_the_parameters_one_counts_by_hand() -> None:
    config = get_preset("mlp").config
    hidden = 100 * 256 + 256 * 512 + 512 * 1024 + 2 * (256 + 512 + 1024)
    assert count_parameters([Generator(config, MNIST)]) == hidden + 1024 * 784 + 784
    assert count_parameters([Discriminator(config, MNIST)]) == 784 * 512 + 512 + 512 * 256 + 256 + 256 + 1


def test_digit_generator_starts_from_256_maps_of_7_by_7() -> None:
    network = Generator(get_preset("digitgen").config, MNIST)
    assert network.stem.weight.shape == (7 * 7 * 256, 200)
    assert network.unflatten(network.stem_activations(torch.zeros(1, 200))).shape == (1, 256, 7, 7)
    doublings = [m for m in network.body if isinstance(m, torch.nn.ConvTranspose2d)]
    assert [(m.in_channels, m.out_channels, m.stride) for m in doublings] == [(256, 128, (2, 2)), (128, 1, (2, 2))]


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_makes_networks_that_fit_together(name: str) -> None:
    config = PRESETS[name].config
    shape = ImageShape(config.image_size or 28, config.channels or 1, 10)
    condition = condition_vector(torch.tensor([1, 2]), 10) if config.conditioning == "labels" else None
    images = Generator(config, shape)(torch.randn(2, config.latent_dim), condition)
    assert Discriminator(config, shape)(images, condition).shape == (2,)


def test_minibatch_std_appends_the_mean_spread() -> None:
    batch = torch.stack([torch.zeros(2, 3, 3), torch.full((2, 3, 3), 4.0)])
    out = MinibatchStd()(batch)
    assert out.shape == (2, 3, 3, 3)
    torch.testing.assert_close(out[:, 2], torch.full((2, 3, 3), 2.0))


def test_dropout_keeps_the_mean_and_repeats_with_its_generator() -> None:
    ones = torch.ones(10_000)
    dropped = Dropout(0.3, seeded(1))(ones)
    assert torch.equal(dropped, Dropout(0.3, seeded(1))(ones))
    assert (dropped == 0).float().mean().item() == pytest.approx(0.3, abs=0.02)
    assert dropped.mean().item() == pytest.approx(1.0, abs=0.03)
    assert torch.equal(Dropout(0.3, None).eval()(ones), ones)


def test_spectral_norm_starts_from_the_given_generator_alone() -> None:
    """torch would start its power iteration from the global state, and for weights that are drawn anew."""
    config = TrainConfig(discriminator_norm="spectral", discriminator_width=4)
    networks = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        networks.append(Discriminator(config, MNIST))
        initialise(networks[-1], seeded())
    first, second = (network.state_dict() for network in networks)
    assert all(torch.equal(first[name], second[name]) for name in first)
    for conv in (networks[0].body[0], networks[0].body[2]):
        assert torch.linalg.matrix_norm(conv.weight.flatten(1), 2).item() == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("spread", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("norm", D_NORMALIZATIONS)
def test_a_discriminator_says_whether_other_images_count(norm: str, family: str, spread: bool) -> None:
    config = TrainConfig(family=family, discriminator_width=8, discriminator_norm=norm, minibatch_std=spread)
    D = Discriminator(config, MNIST)
    initialise(D, torch.Generator().manual_seed(0))
    images = torch.randn(6, 1, 28, 28, generator=torch.Generator().manual_seed(1))
    others = torch.cat([images[:3], -2 * images[3:]])
    if norm == "spectral":
        D.eval()  # its weights move a little with every look in training, whatever is looked at
    same = torch.allclose(D(images)[:3], D(others)[:3], atol=1e-5)
    assert D.looks_at_whole_batch == (spread or norm == "batch") == (not same)
