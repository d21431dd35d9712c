"""What an ONNX file says of itself: opset, inputs, outputs, operators, precision of its weights.

Read from the file's own encoding (protocol buffers; field numbers of onnx.proto, ONNX 1.17), because the package ``onnx`` is not
needed on a vehicle. Every runtime is held against the same reading.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from pydantic import ValidationError

from autonomy_perception.inference.errors import ModelError
from autonomy_perception.inference.tensors import DType, TensorSpec

Field = tuple[int, int | memoryview]
"""Number and value of a field; texts, arrays and messages are bytes."""

DTYPES = {1: "float32", 2: "uint8", 3: "int8", 6: "int32", 7: "int64", 9: "bool", 10: "float16"}
"""TensorProto.DataType of what :class:`.TensorSpec` knows."""

QUANTISED = {"QuantizeLinear", "DequantizeLinear", "QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger"}


@dataclass(frozen=True)
class OnnxFile:
    """Contents of a model file.

    Attributes:
        opset: version of the standard operators; operators: how many nodes of each type; parameters: values in the weights.
        precision: ``int8`` if it holds quantised operators, ``fp16`` if most weights are float16, else ``fp32``.
    """

    opset: int
    inputs: dict[str, TensorSpec]
    outputs: dict[str, TensorSpec]
    operators: dict[str, int]
    parameters: int
    precision: str


def read_onnx(path: Path) -> OnnxFile:
    """Read a model file.

    Raises:
        ModelError: it cannot be read, is no ONNX model, keeps weights in another file, or has an input or output of a type
            that is not supported or of no fixed shape; the message names it.
    """
    try:
        data = path.read_bytes()
    except OSError as e:
        raise ModelError(f"{path}: cannot be read: {e.strerror}") from e
    try:
        return _model(path, memoryview(data))
    except (IndexError, ValueError, UnicodeDecodeError, TypeError, AttributeError) as e:
        raise ModelError(f"{path}: not an ONNX model (damaged or cut off?): {e}") from e


def _model(path: Path, data: memoryview) -> OnnxFile:
    graph: list[Field] = []
    opset = 0
    for number, value in _fields(data):
        if number == 7:
            graph += _fields(cast(memoryview, value))
        elif number == 8:
            entry = dict(_fields(cast(memoryview, value)))
            if _text(entry.get(1, b"")) in ("", "ai.onnx"):
                opset = cast(int, entry.get(2, 0))
    if not graph or not opset:
        raise ValueError("it holds no graph" if not graph else "it names no opset")
    operators: Counter[str] = Counter()
    weights: Counter[int] = Counter()
    names: set[str] = set()
    for number, value in graph:
        if number == 1:
            operators[_text(dict(_fields(cast(memoryview, value)))[4])] += 1
        elif number == 5:
            name, kind, count = _initializer(path, cast(memoryview, value))
            names.add(name)
            weights[kind] += count
    tensors = [[_tensor(path, cast(memoryview, v)) for n, v in graph if n == which] for which in (11, 12)]
    inputs = {name: spec for name, spec in tensors[0] if name not in names}  # old files list their weights as inputs
    half = 2 * weights[10] > sum(weights.values())
    precision = "int8" if QUANTISED & operators.keys() else "fp16" if half else "fp32"
    return OnnxFile(opset, inputs, dict(tensors[1]), dict(operators), sum(weights.values()), precision)


def _initializer(path: Path, data: memoryview) -> tuple[str, int, int]:
    """Name, type and number of values."""
    name, kind, count = "", 0, 1
    for number, value in _fields(data):
        if number == 1:
            lengths = _varints(value) if isinstance(value, memoryview) else [value]
            for n in lengths:
                count *= n
        elif number == 2:
            kind = cast(int, value)
        elif number == 8:
            name = _text(value)
        elif number == 14 and value == 1:
            raise ModelError(f"{path}: weight {name} lies in another file, expected all weights within the model")
    return name, kind, count


def _tensor(path: Path, data: memoryview) -> tuple[str, TensorSpec]:
    """Name and specification of an input or output."""
    info = dict(_fields(data))
    name = _text(info[1])
    kinds = dict(_fields(cast(memoryview, info[2])))
    if 1 not in kinds:
        raise ModelError(f"{path}: {name} is no tensor")
    tensor = dict(_fields(cast(memoryview, kinds[1])))
    kind = cast(int, tensor.get(1, 0))
    if kind not in DTYPES:
        raise ModelError(f"{path}: {name} has ONNX type {kind}, expected one of {', '.join(DTYPES.values())}")
    shape: list[int | str] = []
    for number, value in _fields(cast(memoryview, tensor.get(2, memoryview(b"")))):
        if number == 1:
            length = dict(_fields(cast(memoryview, value)))
            shape.append(cast(int, length[1]) if 1 in length else _text(length.get(2, b"?")))
    try:
        return name, TensorSpec(dtype=cast(DType, DTYPES[kind]), shape=cast("tuple[int, ...]", tuple(shape)))
    except ValidationError as e:
        raise ModelError(f"{path}: {name} has the shape {shape}, expected fixed lengths") from e


def _fields(data: memoryview) -> Iterator[Field]:
    """Fields of one message, in order."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        wire = key & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield key >> 3, value
            continue
        if wire == 2:
            length, at = _varint(data, at)
        elif wire in (1, 5):
            length = 8 if wire == 1 else 4
        else:
            raise ValueError(f"byte {at} starts no field")
        if at + length > len(data):
            raise ValueError(f"{at + length - len(data)} bytes are missing")
        yield key >> 3, data[at : at + length]
        at += length


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """A number, and where the next thing begins."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at
        if shift > 63:
            raise ValueError(f"byte {at} ends no number")


def _varints(data: memoryview) -> Iterator[int]:
    at = 0
    while at < len(data):
        value, at = _varint(data, at)
        yield value


def _text(value: object) -> str:
    return bytes(cast(memoryview, value)).decode()
