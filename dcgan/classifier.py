"""The judge's eye: a small MNIST classifier, trained by `benchmarks/train_classifier.py` and shipped in `dcgan/assets`.

The shape is LeNet's (LeCun et al. 1998, "Gradient-based learning applied to document recognition", section II-B) with
rectifiers and max pooling. Batch normalisation helps while training and is folded into the convolutions before saving.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from dcgan import real_digits
from dcgan.data import to_unit_range
from dcgan.errors import UserError

ASSET = real_digits.ASSET
FEATURE_WIDTH = 64
NUM_CLASSES = 10
_FORMAT = "dcgan-lab mnist classifier 1"
_WEIGHTS = "classifier."


@dataclass(frozen=True)
class ClassifierInfo:
    """Where a classifier comes from: `accuracy` in [0, 1] on `tested_on`; `extractor` names its features."""

    extractor: str
    trained_on: str
    tested_on: str
    accuracy: float
    seed: int
    feature_width: int = FEATURE_WIDTH

    def to_dict(self) -> dict[str, Any]:
        """All fields as JSON values."""
        return asdict(self)


class DigitClassifier(nn.Module):
    """Tells the ten digits apart; `info` is None until the weights come from a file.

    Images are [N, 1, 28, 28]: uint8 in [0, 255], or floating point in [-1, 1]; the type decides.
    """

    def __init__(self, *, batch_norm: bool = False) -> None:
        super().__init__()
        self.conv1 = _convolution(1, 16, 5, batch_norm)
        self.conv2 = _convolution(16, 32, 3, batch_norm)
        self.conv3 = _convolution(32, 64, 3, batch_norm)
        self.dense = nn.Linear(64 * 4 * 4, FEATURE_WIDTH)
        self.score = nn.Linear(FEATURE_WIDTH, NUM_CLASSES)
        self.info: ClassifierInfo | None = None

    def features(self, images: Tensor) -> Tensor:
        """The last hidden layer after its rectifier: float32 [N, 64], not negative."""
        x = _checked(images).contiguous(memory_format=torch.channels_last)
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        x = F.relu(F.max_pool2d(self.conv3(x), 2, padding=1))
        return F.relu(self.dense(x.flatten(1))).float()

    def logits(self, features: Tensor) -> Tensor:
        """Scores of the ten digits, float32 [N, 10], from what `features` returned."""
        scores: Tensor = self.score(features)
        return scores.float()

    def forward(self, images: Tensor) -> Tensor:
        """Scores of the ten digits, float32 [N, 10]."""
        return self.logits(self.features(images))


def load_classifier(path: Path = ASSET) -> DigitClassifier:
    """The shipped classifier (or the one in `path`), float32, on the CPU, in evaluation mode and without gradients.

    Raises:
        UserError: the file is missing, damaged, or not such a classifier.
    """
    model = DigitClassifier()
    expected = {_WEIGHTS + name: tuple(value.shape) for name, value in model.state_dict().items()}
    tensors, metadata = read_asset(path, expected)
    model.load_state_dict({name.removeprefix(_WEIGHTS): value.float() for name, value in tensors.items()})
    model.info = _info(path, metadata)
    return model.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def read_asset(path: Path, expected: dict[str, tuple[int, ...]]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors named in `expected` and the metadata of a classifier file; header and shapes are checked first.

    Raises:
        UserError: the file is missing, damaged, or not such a classifier.
    """
    if not path.is_file():
        raise UserError(f"The digit classifier {path} is missing; restore it, or train one with {_PROGRAM}.")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            names = set(file.keys())
            if metadata.get("format") != _FORMAT or not expected.keys() <= names:
                raise UserError(f"{path} is not a digit classifier of this project; {_REMEDY}.")
            for name, shape in expected.items():
                if tuple(file.get_slice(name).get_shape()) != shape:
                    raise UserError(f"{name} in {path} does not have the shape {list(shape)}; {_REMEDY}.")
            tensors = {name: file.get_tensor(name) for name in expected}
    except (SafetensorError, OSError, ValueError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path} is damaged or not a safetensors file; {_REMEDY}.") from error
    if not all(value.isfinite().all() for value in tensors.values()):
        raise UserError(f"{path} holds numbers that are not finite; {_REMEDY}.")
    return tensors, metadata


def classifier_asset(model: DigitClassifier, info: ClassifierInfo) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors (float16) and metadata of a classifier file for the folded `model`; `load_classifier` reads it back."""
    tensors = {_WEIGHTS + name: value.half().contiguous() for name, value in model.state_dict().items()}
    return tensors, {"format": _FORMAT, "classifier": json.dumps(info.to_dict())}


def held_out_mask(count: int) -> Tensor:
    """Which of `count` training digits are kept for choosing between recipes and never learned from: bool [count].

    It is every sixth pair of neighbours, 10,000 of 60,000. Pairs, because MNIST's even and odd places hold digits of
    two sources of unequal difficulty (a small network errs three times as often on the even ones).
    """
    return (torch.arange(count) // 2) % 6 == 5


_PROGRAM = "`python -m benchmarks.train_classifier`"
_REMEDY = f"restore the shipped file, or train one with {_PROGRAM}"


def _convolution(inputs: int, outputs: int, size: int, batch_norm: bool) -> nn.Module:
    convolution = nn.Conv2d(inputs, outputs, size, padding=size // 2, bias=not batch_norm)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs)) if batch_norm else convolution


def _checked(images: Tensor) -> Tensor:
    if images.dim() != 4 or images.shape[1:] != (1, 28, 28):
        raise UserError(f"The digit classifier reads images of shape [N, 1, 28, 28], not {list(images.shape)}.")
    if images.dtype == torch.uint8:
        return to_unit_range(images)
    if not images.is_floating_point():
        raise UserError(f"The digit classifier reads uint8 or floating point images, not {images.dtype}.")
    return images


def _info(path: Path, metadata: dict[str, str]) -> ClassifierInfo:
    try:
        values = json.loads(metadata["classifier"])
        return ClassifierInfo(**{spec.name: values[spec.name] for spec in fields(ClassifierInfo)})
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} does not say where the classifier comes from; {_REMEDY}.") from error
