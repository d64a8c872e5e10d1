"""A generator as an ONNX model, for engines that are not torch.

The few messages of the format that a chain of layers needs are written here, byte by byte (onnx/onnx.proto, IR version
8, operators of version 13): torch's exporter takes seconds and two more packages, this takes milliseconds, and a page
waits for it. Batch normalisation is folded into the layer before it, in float64.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from torch import nn

from dcgan.errors import UserError
from dcgan.sampling import TrainedGenerator

INPUT, OUTPUT = "rows", "images"
_IR_VERSION, _OPERATORS = 8, 13
_DATA_TYPES = {"float32": 1, "int64": 7}  # TensorProto.DataType
_INT, _INTS = 2, 7  # AttributeProto.AttributeType
Array = NDArray[np.float64]
Values = NDArray[np.float32] | NDArray[np.int64]


@dataclass
class _Operator:
    """One of the chain: its name in the format, its constant inputs after the one from before it, its attributes."""

    name: str
    constants: list[Values] = field(default_factory=list)
    attributes: Mapping[str, int | Sequence[int]] = field(default_factory=dict)


def onnx_bytes(trained: TrainedGenerator) -> bytes:
    """The generator as a model from `rows` to `images`, both float32.

    `rows` [N, latent_dim + classes] hold z and, where conditional, the condition; `images` [N, C, H, W] are in [-1, 1]
    as in torch's evaluation mode; N is free. The metadata say data set, conditioning, latent_dim, classes and epoch.

    Raises:
        UserError: the generator has a layer that is not known here.
    """
    modules = [trained.network.stem, trained.network.unflatten, *trained.network.body]
    operators = _operators([module for module in modules if not isinstance(module, nn.Identity)])
    names = [INPUT, *(f"x{place}" for place in range(1, len(operators))), OUTPUT]
    nodes, weights = [], []
    for place, operator in enumerate(operators):
        constants = [f"w{place}.{i}" for i in range(len(operator.constants))]
        nodes.append(_node(operator, [names[place], *constants], names[place + 1]))
        weights += [_tensor(*pair) for pair in zip(constants, operator.constants, strict=True)]
    shape = trained.shape
    graph = [_message(1, node) for node in nodes]
    graph += [_text(2, "generator")]
    graph += [_message(5, weight) for weight in weights]
    graph += [_message(11, _value(INPUT, trained.config.latent_dim + trained.num_conditions))]
    graph += [_message(12, _value(OUTPUT, shape.channels, shape.size, shape.size))]
    return _model(b"".join(graph), _facts(trained))


def _facts(trained: TrainedGenerator) -> dict[str, str]:
    return {
        "dataset": trained.config.dataset,
        "conditioning": trained.config.conditioning,
        "latent_dim": str(trained.config.latent_dim),
        "classes": str(trained.num_conditions),
        "epoch": str(trained.epoch),
    }


def _operators(modules: Iterable[nn.Module]) -> list[_Operator]:
    """The chain of operators that computes what the chain of `modules` does in evaluation mode."""
    chain: list[_Operator] = []
    waiting = list(modules)
    while waiting:
        module = waiting.pop(0)
        if isinstance(module, nn.Linear | nn.ConvTranspose2d | nn.Conv2d):
            shaped = [_reshape(waiting.pop(0))] if waiting and isinstance(waiting[0], nn.Unflatten) else []
            norm = waiting.pop(0) if waiting and isinstance(waiting[0], _NORMS) else None
            chain += [_weighted(module, norm), *shaped]
        elif type(module) in _PLAIN:
            chain.append(_Operator(_PLAIN[type(module)]))
        else:
            raise UserError(f"This generator has a {type(module).__name__} layer, which cannot be written as ONNX.")
    return chain


_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
_PLAIN: dict[type[nn.Module], str] = {nn.ReLU: "Relu", nn.Tanh: "Tanh"}


def _reshape(module: nn.Module) -> _Operator:
    assert isinstance(module, nn.Unflatten)
    return _Operator("Reshape", [np.array([-1, *module.unflattened_size], dtype=np.int64)])


def _weighted(module: nn.Linear | nn.ConvTranspose2d | nn.Conv2d, norm: nn.Module | None) -> _Operator:
    """`module` followed by `norm`, if any, as one operator; where a map has several outputs its norm repeats."""
    axis = 1 if isinstance(module, nn.ConvTranspose2d) else 0
    weight: Array = module.weight.detach().double().numpy()
    bias: Array = np.zeros(weight.shape[axis]) if module.bias is None else module.bias.detach().double().numpy()
    if isinstance(norm, _NORMS):
        factor, shift = _affine(norm)
        pixels = weight.shape[axis] // len(factor)
        factor, shift = factor.repeat(pixels), shift.repeat(pixels)
        weight = weight * factor.reshape([-1 if i == axis else 1 for i in range(weight.ndim)])
        bias = bias * factor + shift
    constants: list[Values] = [weight.astype(np.float32), bias.astype(np.float32)]
    if isinstance(module, nn.Linear):
        return _Operator("Gemm", constants, {"transB": 1})
    assert module.groups == 1 and module.dilation == (1, 1) and not isinstance(module.padding, str)
    sizes = {"kernel_shape": module.kernel_size, "strides": module.stride, "pads": module.padding * 2}
    if isinstance(module, nn.ConvTranspose2d):
        sizes["output_padding"] = module.output_padding
    return _Operator("ConvTranspose" if axis else "Conv", constants, sizes)


def _affine(norm: nn.BatchNorm1d | nn.BatchNorm2d) -> tuple[Array, Array]:
    """Factor and shift [C] that the normalisation amounts to once its statistics stand."""
    assert norm.running_mean is not None and norm.running_var is not None
    mean, variance = norm.running_mean.double(), norm.running_var.double()
    factor = norm.weight.detach().double() / (variance + norm.eps).sqrt()
    shift = norm.bias.detach().double() - mean * factor
    return factor.numpy(), shift.numpy()


def _model(graph: bytes, facts: Mapping[str, str]) -> bytes:
    parts = [_number(1, _IR_VERSION), _text(2, "dcgan-lab"), _message(7, graph), _message(8, _number(2, _OPERATORS))]
    parts += [_message(14, _text(1, key) + _text(2, value)) for key, value in facts.items()]
    return b"".join(parts)


def _node(operator: _Operator, inputs: Sequence[str], output: str) -> bytes:
    parts = [_text(1, name) for name in inputs] + [_text(2, output), _text(3, output), _text(4, operator.name)]
    return b"".join(parts + [_message(5, _attribute(*pair)) for pair in operator.attributes.items()])


def _attribute(name: str, value: int | Sequence[int]) -> bytes:
    if isinstance(value, int):
        return _text(1, name) + _number(3, value) + _number(20, _INT)
    return _text(1, name) + b"".join(_number(8, item) for item in value) + _number(20, _INTS)


def _tensor(name: str, values: Values) -> bytes:
    little = values.astype(values.dtype.newbyteorder("<"))
    dims = b"".join(_number(1, size) for size in values.shape)
    return dims + _number(2, _DATA_TYPES[values.dtype.name]) + _text(8, name) + _message(9, little.tobytes())


def _value(name: str, *sizes: int) -> bytes:
    """A float32 input or output of shape [N, *sizes]."""
    dims = _message(1, _text(2, "N")) + b"".join(_message(1, _number(1, size)) for size in sizes)
    return _text(1, name) + _message(2, _message(1, _number(1, _DATA_TYPES["float32"]) + _message(2, dims)))


def _text(number: int, value: str) -> bytes:
    return _message(number, value.encode())


def _message(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
