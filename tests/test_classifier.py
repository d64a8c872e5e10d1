"""The shipped classifier: as good as its file says, and strict about what it is given."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from benchmarks.train_classifier import accuracy, augment, fold, non_digits, rounded, train
from dcgan.classifier import (
    ASSET,
    FEATURE_WIDTH,
    ClassifierInfo,
    DigitClassifier,
    classifier_asset,
    held_out_mask,
    load_classifier,
)
from dcgan.data import ImageData, load_dataset, to_unit_range
from dcgan.errors import UserError


@pytest.fixture(scope="module")
def classifier() -> DigitClassifier:
    return load_classifier()


def test_it_tells_992_of_1000_real_test_digits_and_knows_it(classifier: DigitClassifier, mnist_dir: Path) -> None:
    test = load_dataset("mnist", mnist_dir, "test", download=False)
    with torch.inference_mode():
        told = torch.cat([classifier(images).argmax(1) for images in test.images.split(500)])
    measured = (told == test.labels).double().mean().item()
    assert measured >= 0.992
    assert classifier.info is not None
    assert measured == pytest.approx(classifier.info.accuracy, abs=2e-4)


def test_the_file_is_small_and_says_where_it_comes_from(classifier: DigitClassifier) -> None:
    assert ASSET.stat().st_size <= 1_000_000
    info = classifier.info
    assert info is not None
    assert (info.extractor, info.feature_width, info.seed) == ("lenet-64", FEATURE_WIDTH, 0)
    assert "50,000 of the 60,000" in info.trained_on


def test_features_and_logits_have_the_promised_form(classifier: DigitClassifier) -> None:
    images = torch.randint(0, 256, (5, 1, 28, 28), dtype=torch.uint8)
    features = classifier.features(images)
    assert features.shape == (5, FEATURE_WIDTH) and features.dtype == torch.float32 and features.min() >= 0
    assert classifier(images).shape == (5, 10)
    assert torch.equal(classifier(images), classifier.logits(features))
    assert not features.requires_grad and not classifier.training


def test_bytes_and_unit_range_are_the_same_images(classifier: DigitClassifier) -> None:
    images = torch.randint(0, 256, (3, 1, 28, 28), dtype=torch.uint8)
    assert torch.equal(classifier(images), classifier(to_unit_range(images)))


def test_noise_is_no_digit(classifier: DigitClassifier) -> None:
    noise = torch.randint(0, 256, (500, 1, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(3))
    for images in (noise, torch.zeros_like(noise[:1]), torch.full_like(noise[:1], 255)):
        assert classifier(images).softmax(1).max().item() < 0.95


@pytest.mark.parametrize("shape", [(1, 28, 28), (2, 3, 28, 28), (2, 1, 32, 32)])
def test_other_shapes_are_refused(classifier: DigitClassifier, shape: tuple[int, ...]) -> None:
    with pytest.raises(UserError, match=r"shape \[N, 1, 28, 28\]"):
        classifier(torch.zeros(shape))


def test_other_number_types_are_refused(classifier: DigitClassifier) -> None:
    with pytest.raises(UserError, match="uint8 or floating point"):
        classifier(torch.zeros(1, 1, 28, 28, dtype=torch.int64))


def test_held_out_digits_are_a_sixth_balanced_over_even_and_odd_places() -> None:
    mask = held_out_mask(60_000)
    assert mask.sum() == 10_000
    assert mask[::2].sum() == mask[1::2].sum() == 5_000
    assert mask[:14].tolist() == [False] * 10 + [True] * 2 + [False] * 2


def test_a_classifier_survives_the_file(tmp_path: Path) -> None:
    model = DigitClassifier().eval()
    info = ClassifierInfo("other", "nothing", "nothing", 0.1, 7)
    tensors, metadata = classifier_asset(model, info)
    save_file(tensors, tmp_path / "c.safetensors", metadata)
    back = load_classifier(tmp_path / "c.safetensors")
    assert back.info == info
    for name, value in model.state_dict().items():
        assert torch.equal(back.state_dict()[name], value.half().float())


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"c\.safetensors is missing; restore it, or train one with"):
        load_classifier(tmp_path / "c.safetensors")


@pytest.mark.parametrize("keep", [0, 5, 300, 20_000])
def test_a_truncated_file_is_one_sentence(tmp_path: Path, keep: int) -> None:
    (tmp_path / "c.safetensors").write_bytes(ASSET.read_bytes()[:keep])
    with pytest.raises(UserError, match="is damaged or not a safetensors file"):
        load_classifier(tmp_path / "c.safetensors")


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    torch.save({"classifier.conv1.weight": torch.zeros(1)}, tmp_path / "c.safetensors")
    with pytest.raises(UserError, match="is damaged or not a safetensors file"):
        load_classifier(tmp_path / "c.safetensors")


def test_a_foreign_network_is_refused(tmp_path: Path) -> None:
    save_file({"weight": torch.zeros(3, 3)}, tmp_path / "c.safetensors")
    with pytest.raises(UserError, match="is not a digit classifier of this project"):
        load_classifier(tmp_path / "c.safetensors")


def test_other_shapes_and_values_in_the_file_are_refused(tmp_path: Path) -> None:
    tensors, metadata = classifier_asset(DigitClassifier(), ClassifierInfo("a", "b", "c", 0.5, 0))
    name, path = "classifier.score.weight", tmp_path / "c.safetensors"
    save_file(tensors | {name: torch.zeros(10, 3)}, path, metadata)
    with pytest.raises(UserError, match=r"does not have the shape \[10, 64\]"):
        load_classifier(path)
    save_file(tensors | {name: torch.full((10, 64), float("nan"))}, path, metadata)
    with pytest.raises(UserError, match="numbers that are not finite"):
        load_classifier(path)
    save_file(tensors, path, metadata | {"classifier": json.dumps({"accuracy": 1})})
    with pytest.raises(UserError, match="does not say where the classifier comes from"):
        load_classifier(path)


@pytest.fixture(scope="module")
def trained(digits: ImageData) -> DigitClassifier:
    return train(digits.images, digits.labels, epochs=2, lr=4e-3, seed=5)


def test_training_learns_and_repeats_itself(trained: DigitClassifier, digits: ImageData) -> None:
    assert accuracy(trained, digits.images, digits.labels) > 0.5
    torch.manual_seed(99)
    again = train(digits.images, digits.labels, epochs=2, lr=4e-3, seed=5)
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in trained.state_dict().items())


def test_folding_keeps_the_function(trained: DigitClassifier, digits: ImageData) -> None:
    folded = fold(trained)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in folded.modules())
    torch.testing.assert_close(folded(digits.images[:50]), trained(digits.images[:50]), rtol=1e-4, atol=1e-4)
    weights = rounded(folded).state_dict().values()
    assert all(torch.equal(value, value.half().float()) for value in weights)


def test_moved_digits_stay_in_range_and_non_digits_are_no_digits(digits: ImageData) -> None:
    generator = torch.Generator().manual_seed(0)
    images = to_unit_range(digits.images[:60])
    moved, others = augment(images, generator), non_digits(images, generator)
    for changed in (moved, others):
        assert changed.shape == images.shape
        assert changed.min() >= -1.0001 and changed.max() <= 1.0001
    assert (moved - images).square().mean() < (moved.roll(1, 0) - images).square().mean()
    torch.testing.assert_close(others[-20:].sum((1, 2, 3)), images[-20:].sum((1, 2, 3)), rtol=1e-4, atol=1e-2)


def test_the_shipped_weights_are_half_precision() -> None:
    weights = {name: value for name, value in load_file(ASSET).items() if name.startswith("classifier.")}
    assert {value.dtype for value in weights.values()} == {torch.float16}
