"""ONNX files are read as the package onnx reads them, and damaged ones end in one kind of error."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from inference.networks import SHAPE_IN, SHAPE_OUT, WEIGHT, conv_net, onnx

from autonomy_perception.inference.errors import ModelError
from autonomy_perception.inference.onnx_file import read_onnx
from autonomy_perception.inference.tensors import TensorSpec


@pytest.mark.parametrize("kind", ["fp32", "fp16", "int8"])
def test_contents_are_those_that_onnx_reads(tmp_path: Path, kind: str) -> None:
    path = conv_net(tmp_path / "net.onnx", kind, opset=17)
    found, theirs = read_onnx(path), onnx.load(str(path))
    assert found.opset == 17 == theirs.opset_import[0].version
    assert found.inputs == {"x": TensorSpec(dtype="float32", shape=SHAPE_IN)}
    assert found.outputs == {"y": TensorSpec(dtype="float32", shape=SHAPE_OUT)}
    assert found.operators == Counter(n.op_type for n in theirs.graph.node)
    assert found.parameters == sum(np.prod(t.dims, dtype=int) for t in theirs.graph.initializer)
    assert found.precision == kind


def test_weights_listed_as_inputs_are_no_inputs(tmp_path: Path) -> None:
    assert list(read_onnx(conv_net(tmp_path / "old.onnx", opset=13, old=True)).inputs) == ["x"]


def test_free_dimensions_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"x has the shape \['frames', 3, 16, 16\], expected fixed lengths"):
        read_onnx(conv_net(tmp_path / "net.onnx", batch="frames"))


def test_weights_in_another_file_are_refused(tmp_path: Path) -> None:
    net = onnx.load(str(conv_net(tmp_path / "net.onnx")))
    onnx.save(net, str(tmp_path / "out.onnx"), save_as_external_data=True, size_threshold=0, location="w.bin")
    with pytest.raises(ModelError, match="weight w lies in another file"):
        read_onnx(tmp_path / "out.onnx")


def test_types_that_not_all_runtimes_know_are_refused(tmp_path: Path) -> None:
    net = onnx.load(str(conv_net(tmp_path / "net.onnx")))
    net.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.DOUBLE
    (tmp_path / "net.onnx").write_bytes(net.SerializeToString())
    with pytest.raises(ModelError, match="x has ONNX type 11, expected one of float32"):
        read_onnx(tmp_path / "net.onnx")


def test_whatever_is_cut_off_or_changed_is_an_error_of_ours_or_none(tmp_path: Path) -> None:
    data = conv_net(tmp_path / "net.onnx").read_bytes()
    rng, path, refused = np.random.default_rng(0), tmp_path / "damaged.onnx", 0
    head = len(data) - WEIGHT.nbytes
    cut = [data[:n] for n in (0, 1, *rng.integers(2, len(data), 60))]
    flipped = []
    for at in rng.integers(0, len(data), 200):
        changed = bytearray(data)
        changed[at] ^= int(rng.integers(1, 256))
        flipped.append(bytes(changed))
    for damaged in (*cut, *flipped):
        path.write_bytes(damaged)
        try:
            read_onnx(path)
        except ModelError as e:
            refused += 1
            assert str(path) in str(e)
    assert refused > len(cut) + 0.1 * len(flipped) * head / len(data)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"gone\.onnx: cannot be read: No such file"):
        read_onnx(tmp_path / "gone.onnx")
