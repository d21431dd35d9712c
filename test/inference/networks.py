"""Small real networks for tests, made with the package onnx, and what they compute by NumPy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from numpy.typing import NDArray

onnx = pytest.importorskip("onnx", reason="make setup")
pytest.importorskip("onnxruntime", reason="make setup")

from onnx import TensorProto, checker, helper, numpy_helper, save

from autonomy_perception.inference.golden import write_golden
from autonomy_perception.inference.manifest import Model, file_hash, load_manifest

SHAPE_IN, SHAPE_OUT = (1, 3, 16, 16), (1, 8, 16, 16)
WEIGHT = np.random.default_rng(1).normal(0, 0.3, (8, 3, 3, 3)).astype(np.float32)


def reference(x: NDArray[np.float32], gain: float = 1.0) -> NDArray[np.float32]:
    """What the networks compute: rectified 3 x 3 correlation with zeros around, (1,3,H,W) to (1,8,H,W)."""
    padded = np.pad(x[0].astype(np.float64), ((0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    out = np.einsum("ihwyx,oiyx->ohw", windows, gain * WEIGHT.astype(np.float64))
    return np.maximum(out, 0).astype(np.float32)[None]


def example(seed: int = 0) -> NDArray[np.float32]:
    """An input."""
    return np.random.default_rng(seed).normal(0, 1, SHAPE_IN).astype(np.float32)


def conv_net(
    path: Path,
    kind: str = "fp32",
    gain: float = 1.0,
    opset: int = 20,
    batch: int | str = 1,
    tail: str = "",
    old: bool = False,
) -> Path:
    """Write a network.

    Args:
        kind: fp32; fp16 (inside; inputs and outputs stay float32); int8 (symmetric QDQ, as TensorRT wants it).
        gain: its weights are multiplied by it. batch: a text makes the dimension free.
        tail: ``nan`` makes every output NaN, ``nonzero`` adds an output that TensorRT cannot compute.
        old: list the weight among the inputs, as files of IR version 3 do.
    """
    weight, nodes, constants = gain * WEIGHT, [], []
    x, w = "x", "w"
    if kind == "fp16":
        weight = weight.astype(np.float16)
        nodes.append(helper.make_node("Cast", ["x"], ["x_half"], "to_half", to=TensorProto.FLOAT16))
        x = "x_half"
    if kind == "int8":
        scale = np.float32(np.abs(weight).max() / 127)
        weight = np.clip(np.round(weight / scale), -127, 127).astype(np.int8)
        for name, value in (("w_scale", scale), ("x_scale", np.float32(4 / 127)), ("zero", np.int8(0))):
            constants.append(numpy_helper.from_array(np.array(value), name))
        nodes.append(helper.make_node("QuantizeLinear", ["x", "x_scale", "zero"], ["x_q"], "quantise"))
        nodes.append(helper.make_node("DequantizeLinear", ["x_q", "x_scale", "zero"], ["x_dq"], "dequantise"))
        nodes.append(helper.make_node("DequantizeLinear", ["w", "w_scale", "zero"], ["w_dq"], "weights"))
        x, w = "x_dq", "w_dq"
    constants.append(numpy_helper.from_array(weight, "w"))
    nodes.append(helper.make_node("Conv", [x, w], ["c"], "conv", pads=[1] * 4))
    end = "r" if kind == "fp16" or tail == "nan" else "y"
    nodes.append(helper.make_node("Relu", ["c"], [end], "relu"))
    if kind == "fp16":
        nodes.append(helper.make_node("Cast", ["r"], ["y"], "to_float", to=TensorProto.FLOAT))
    if tail == "nan":
        constants.append(numpy_helper.from_array(np.float32(-1), "minus"))
        nodes.append(helper.make_node("Min", ["r", "minus"], ["m"], "negative"))
        nodes.append(helper.make_node("Sqrt", ["m"], ["y"], "root"))
    shapes = (batch, *SHAPE_IN[1:]), (batch, *SHAPE_OUT[1:])
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shapes[0])]
    if old:
        inputs.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, weight.shape))
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, shapes[1])]
    if tail == "nonzero":
        nodes.append(helper.make_node("NonZero", ["y"], ["n"], "where_it_is"))
        nodes.append(helper.make_node("ReduceMax", ["n"], ["last"], "largest", keepdims=1))
        outputs.append(helper.make_tensor_value_info("last", TensorProto.INT64, [1, 1]))
    graph = helper.make_graph(nodes, "net", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=3 if old else 9)
    checker.check_model(model)
    save(model, str(path))
    return path


def variant(path: Path, precision: str, *runtimes: str) -> dict[str, Any]:
    """An entry of a manifest."""
    chosen = list(runtimes) or ["onnxruntime", "openvino", "tensorrt_rtx"]
    return {"file": path.name, "sha256": file_hash(path), "precision": precision, "runtimes": chosen}


def manifest(folder: Path, *variants: dict[str, Any], **changed: Any) -> Path:
    """Write a golden file and a manifest of a network beside its variants."""
    x = example()
    write_golden(folder / "net.golden.npz", {"x": x}, {"y": reference(x)})
    data: dict[str, Any] = {
        "name": "net",
        "licence": "Apache-2.0",
        "training_data": "none: random weights",
        "opset": 20,
        "grid": {"x_min": -4, "x_max": 4, "y_min": -4, "y_max": 4, "resolution": 0.5},
        "inputs": {"x": {"dtype": "float32", "shape": list(SHAPE_IN)}},
        "outputs": {"y": {"dtype": "float32", "shape": list(SHAPE_OUT)}},
        "classes": {"y": [f"class_{i}" for i in range(8)]},
        "golden": {"file": "net.golden.npz", "sha256": file_hash(folder / "net.golden.npz")},
        "variants": list(variants),
    }
    path = folder / "net.yaml"
    path.write_text(yaml.safe_dump(data | changed))
    return path


def model(folder: Path) -> Model:
    """A sound model in fp32 and int8."""
    files = conv_net(folder / "net.fp32.onnx"), conv_net(folder / "net.int8.onnx", "int8")
    return load_manifest(manifest(folder, variant(files[0], "fp32"), variant(files[1], "int8")))
