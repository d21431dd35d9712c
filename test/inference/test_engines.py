"""The CPU runtimes compute what the network says, and refuse what it does not take."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from inference.networks import conv_net, example, reference

from autonomy_perception.inference.engine import Engine
from autonomy_perception.inference.errors import EngineError, ModelError
from autonomy_perception.inference.golden import TOLERANCES, faults
from autonomy_perception.inference.onnxruntime_engine import OnnxRuntimeEngine
from autonomy_perception.inference.openvino_engine import OpenVinoEngine


def openvino(path: Path, threads: int = 1, **options: Any) -> Engine:
    """OpenVINO, where it is installed."""
    pytest.importorskip("openvino", reason="make setup EXTRAS=infer")
    return OpenVinoEngine(path, threads, **options)


MAKERS = [OnnxRuntimeEngine, openvino]


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("kind", ["fp32", "fp16", "int8"])
def test_outputs_are_those_of_the_reference(tmp_path: Path, make: Any, kind: str) -> None:
    engine = make(conv_net(tmp_path / "net.onnx", kind), 1)
    for seed in range(3):
        x = example(seed)
        assert faults(engine.run({"x": x}), {"y": reference(x)}, TOLERANCES[kind]) == []
    assert str(engine.outputs["y"]) == "float32 (1, 8, 16, 16)" and "1 thread" in engine.runtime


@pytest.mark.parametrize("make", MAKERS)
def test_outputs_stay_when_the_next_frame_comes_and_are_the_same_again(tmp_path: Path, make: Any) -> None:
    engine = make(conv_net(tmp_path / "net.onnx"), 2)
    first = engine.run({"x": example(0)})["y"]
    kept = first.copy()
    assert not np.array_equal(engine.run({"x": example(1)})["y"], kept)
    assert np.array_equal(first, kept)
    assert np.array_equal(engine.run({"x": example(0)})["y"], kept)


@pytest.mark.parametrize("make", MAKERS)
def test_inputs_that_lie_strided_in_memory_are_taken(tmp_path: Path, make: Any) -> None:
    engine, x = make(conv_net(tmp_path / "net.onnx"), 1), example()
    strided = np.asfortranarray(x)
    assert not strided.flags.c_contiguous
    assert np.array_equal(engine.run({"x": strided})["y"], engine.run({"x": x})["y"])


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({}, r"net\.onnx: inputs x expected: missing x"),
        ({"x": example(), "z": example()}, "unknown z"),
        ({"x": example()[0]}, r"input x is float32 \(3, 16, 16\), expected float32 \(1, 3, 16, 16\)"),
        ({"x": example().astype(np.float64)}, "input x is float64 .* expected float32"),
    ],
)
def test_other_inputs_are_refused(tmp_path: Path, inputs: Any, said: str) -> None:
    with pytest.raises(EngineError, match=said):
        OnnxRuntimeEngine(conv_net(tmp_path / "net.onnx"), 1).run(inputs)


@pytest.mark.parametrize("make", MAKERS)
def test_files_that_are_no_models_are_refused(tmp_path: Path, make: Any) -> None:
    path = conv_net(tmp_path / "net.onnx")
    good = path.read_bytes()
    path.write_bytes(good[:-20])
    with pytest.raises(ModelError, match=r"net\.onnx: not an ONNX model"):
        make(path, 1)
    path.write_bytes(good.replace(b"Conv", b"Cony"))
    with pytest.raises(EngineError, match=r"net\.onnx: o.* cannot load it"):
        make(path, 1)


def test_threads_do_not_spin_between_frames(tmp_path: Path) -> None:
    """Spinning as ONNX Runtime does it of its own accord costs half a core and more in such a pause."""
    engine = OnnxRuntimeEngine(conv_net(tmp_path / "net.onnx"), 2)
    spent = []
    for _ in range(20):
        engine.run({"x": example()})
        before = time.process_time()
        time.sleep(0.01)
        spent.append(time.process_time() - before)
    assert np.median(spent) < 0.002


def test_bfloat16_is_a_precision_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, x = conv_net(tmp_path / "net.onnx"), example()
    full = openvino(path).run({"x": x})
    assert faults(full, {"y": reference(x)}, TOLERANCES["fp32"]) == []
    openvino_module = pytest.importorskip("openvino", reason="make setup EXTRAS=infer")
    if "BF16" in openvino_module.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        assert faults(openvino(path, bf16=True).run({"x": x}), full, TOLERANCES["bf16"]) == []
    monkeypatch.setattr(openvino_module, "Core", lambda: SimpleNamespace(get_property=lambda *names: ["FP32", "INT8"]))
    with pytest.raises(EngineError, match=r"net\.onnx: this CPU has no bfloat16"):
        openvino(path, bf16=True)


def test_nothing_of_a_runtime_or_of_torch_is_imported_before_it_is_needed() -> None:
    """What every node pays for importing the suite, and what the vehicle does not have."""
    code = (
        "import sys, autonomy_perception.inference.opening; print(*sorted({m.partition('.')[0] for m in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"onnx", "onnxruntime", "openvino", "tensorrt", "tensorrt_rtx", "torch"} & set(done.stdout.split())
