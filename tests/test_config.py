import json
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcgan.config import TrainConfig, config_fields, field_info
from dcgan.errors import UserError
from dcgan.presets import PRESET_GROUPS, PRESETS, get_preset


def test_json_round_trip_keeps_every_field() -> None:
    config = TrainConfig(epochs=3, lr_g=1e-3, minibatch_std=True, conditioning="labels")
    assert TrainConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_unknown_field_names_the_nearest() -> None:
    with pytest.raises(UserError, match=r"Unknown setting 'epoch'; did you mean 'epochs'\."):
        TrainConfig.from_dict({"epoch": 3})


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("epochs", 0, "epochs must be between 1 and 10000, not 0."),
        ("lr_g", float("nan"), "lr_g must be between 1e-07 and 1, not nan."),
        ("dropout", 1, "dropout must be between 0 and 0.9, not 1."),
        ("batch_size", "64", "batch_size must be a whole number, not '64'."),
        ("batch_size", 6.5, "batch_size must be a whole number, not 6.5."),
        ("seed", True, "seed must be a whole number, not True."),
        ("minibatch_std", 1, "minibatch_std must be true or false, not 1."),
        ("device", "tpu", "device must be one of auto, cpu, cuda, mps, not 'tpu'."),
    ],
)
def test_wrong_values_meet_one_sentence(field: str, value: object, sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        TrainConfig(**{field: value})
    assert str(caught.value) == sentence


def test_whole_numbers_are_taken_for_numbers_and_back() -> None:
    config = TrainConfig(dropout=0, epochs=5.0)  # type: ignore[arg-type]
    assert (config.dropout, type(config.dropout), config.epochs, type(config.epochs)) == (0.0, float, 5, int)


def test_config_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        TrainConfig().epochs = 3  # type: ignore[misc]


def test_every_field_is_explained() -> None:
    for name, kind, info in config_fields():
        assert info.label and info.help.endswith("."), name
        assert kind in (int, float, str, bool), name
        assert info == field_info(name)


def test_presets_are_what_they_are_called() -> None:
    quick, classic = get_preset("quick").config, get_preset("dcgan").config
    assert quick.conditioning == "labels" and quick.lr_g == 3e-3 and quick.ema_decay > 0
    assert (classic.conditioning, classic.lr_g, classic.lr_d, classic.beta1) == ("none", 2e-4, 2e-4, 0.5)
    assert all(preset.name == name and preset.summary.endswith(".") for name, preset in PRESETS.items())


def test_unknown_preset_names_the_nearest() -> None:
    with pytest.raises(UserError, match="Unknown preset 'quik'; did you mean 'quick'"):
        get_preset("quik")


@given(st.dictionaries(st.text(max_size=20), st.none() | st.booleans() | st.floats() | st.text() | st.integers()))
def test_any_mapping_gives_a_config_or_a_sentence(values: dict[str, object]) -> None:
    try:
        TrainConfig.from_dict(values)
    except UserError as error:
        assert str(error).endswith(".")


@given(
    st.sampled_from([name for name, _, _ in config_fields()]),
    st.none() | st.booleans() | st.floats() | st.text() | st.integers() | st.lists(st.integers()),
)
def test_any_value_of_a_field_gives_a_config_or_a_sentence(name: str, value: object) -> None:
    try:
        config = TrainConfig.from_dict({name: value})
    except UserError as error:
        assert name in str(error)
    else:
        assert TrainConfig.from_dict(config.to_dict()) == config


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"image_size": 50}, "image_size must be 28, 32, 64, 128, or 0 for the data's own, not 50."),
        ({"channels": 2}, "channels must be 1 (gray), 3 (colour), or 0 for the data's own, not 2."),
        (
            {"objective": "wgan-gp"},
            "Objective wgan-gp holds D's slope at every image by itself, which batch normalisation in D mixes up; take "
            "discriminator_norm none, layer or spectral.",
        ),
        (
            {"objective": "hinge", "label_smoothing": 0.1},
            "label_smoothing moves the targets of non-saturating and minimax; objective hinge has none, so set it to "
            "0.",
        ),
        (
            {"family": "mlp", "generator_finish": 16},
            "generator_finish is a convolution, and family mlp has none; set it to 0.",
        ),
        (
            {"family": "mlp", "kernel_size": 5},
            "kernel_size is the window of a convolution, and family mlp has none; leave it at 4.",
        ),
    ],
)
def test_what_cannot_go_together_is_refused_with_the_reason(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        TrainConfig(**changes)  # type: ignore[arg-type]
    assert str(caught.value) == sentence


def test_presets_belong_to_groups_and_say_what_they_are_for() -> None:
    assert next(iter(PRESETS)) == "quick"
    for preset in PRESETS.values():
        assert preset.group in PRESET_GROUPS and preset.summary.endswith("."), preset.name
