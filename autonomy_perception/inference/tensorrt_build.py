"""ONNX in, TensorRT plan out."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from autonomy_perception.inference.errors import EngineError, UnsupportedNodeError
from autonomy_perception.inference.onnx_file import read_onnx
from autonomy_perception.inference.tensorrt_api import TensorRT
from autonomy_perception.inference.tensors import TensorSpec, differences

Progress = Callable[[str, int, int], None]
"""Phase of the build, steps done, steps in all."""

UNSUPPORTED = ("UNSUPPORTED_NODE", "UNSUPPORTED_GRAPH", "UNSUPPORTED_NODE_ATTR", "UNSUPPORTED_NODE_INPUT", "UNSUPPORTED_NODE_DATATYPE",
               "UNSUPPORTED_NODE_DYNAMIC", "UNSUPPORTED_NODE_SHAPE")  # fmt: skip


@dataclass(frozen=True)
class Compiled:
    """A plan and what is known of it without a GPU."""

    plan: bytes
    inputs: dict[str, TensorSpec]
    outputs: dict[str, TensorSpec]
    layers: int
    seconds: float

    @property
    def sha256(self) -> str:
        """Hash of the plan."""
        return hashlib.sha256(self.plan).hexdigest()


def compile_plan(trt: TensorRT, path: Path, target: str, progress: Progress | None = None) -> Compiled:
    """Compile a model.

    Args:
        target: ``sm_86`` and the like; for classic TensorRT the architecture of the GPU at hand.
        progress: called while it compiles.

    Raises:
        ModelError: no ONNX model with fixed shapes.
        UnsupportedNodeError: TensorRT has nothing for a node (the first one is named; TensorRT stops there).
        EngineError: it cannot be compiled for another reason, or not for this target.
    """
    file, start = read_onnx(path), time.monotonic()
    trt.log.clear()
    builder = trt.builder()
    network, config = trt.network(builder), builder.create_builder_config()
    trt.aim(config, target)
    parser = trt.parser(network)
    if not parser.parse(path.read_bytes()):
        raise _refusal(path, parser, trt)
    if progress:
        trt.watch(config, progress)
    built = builder.build_serialized_network(network, config)
    if built is None:
        raise EngineError(f"{path}: {trt.package} {trt.version} cannot compile it for {target}: {trt.errors()}")
    sides = (
        {(t := network.get_input(i)).name: trt.spec(t.dtype, t.shape) for i in range(network.num_inputs)},
        {(t := network.get_output(i)).name: trt.spec(t.dtype, t.shape) for i in range(network.num_outputs)},
    )
    if wrong := [*differences(sides[0], file.inputs), *differences(sides[1], file.outputs)]:
        raise EngineError(f"{path}: {trt.package} {trt.version} reads it differently: {'; '.join(wrong)}")
    return Compiled(bytes(built), *sides, network.num_layers, time.monotonic() - start)


def _refusal(path: Path, parser: object, trt: TensorRT) -> EngineError:
    """What the parser complained of; a node that is not supported has a class of its own."""
    errors = [parser.get_error(i) for i in range(parser.num_errors)]  # type: ignore[attr-defined]
    for error in errors:
        node, operator, code = error.node_name(), error.node_operator(), str(error.code()).rpartition(".")[2]
        if error.node() >= 0:
            kind = "not supported" if code in UNSUPPORTED else "not accepted"
            text = f"{path}: node {node or error.node()} ({operator}) is {kind} by {trt.package} {trt.version}: {error.desc()}"
            return UnsupportedNodeError(text, node, operator)
    said = "; ".join(e.desc() for e in errors) or trt.errors()
    return EngineError(f"{path}: {trt.package} {trt.version} cannot read it: {said}")
