"""The TensorRT engine's bookkeeping, with ordinary memory and a stand-in for TensorRT: what can be said without a GPU."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from host_memory import HostMemory

from autonomy_perception.inference import opening
from autonomy_perception.inference.errors import EngineError
from autonomy_perception.inference.opening import Means
from autonomy_perception.inference.plans import Plan, PlanCache, PlanKey
from autonomy_perception.inference.tensorrt_api import TensorRT
from autonomy_perception.inference.tensorrt_engine import TensorRTEngine
from autonomy_perception.inference.tensors import TensorSpec
from autonomy_perception.ops import cuda_memory
from autonomy_perception.ops.cuda import DeviceArray
from autonomy_perception.ops.errors import KernelError

SPECS = {"x": TensorSpec(dtype="float32", shape=(2, 3)), "y": TensorSpec(dtype="float32", shape=(2, 3))}
GOOD = b"a plan"


class Context:
    """Executes y = 2 x + 1 on whatever the addresses name."""

    def __init__(self) -> None:
        self.addresses: dict[str, int] = {}
        self.starts = True

    def set_tensor_address(self, name: str, address: int) -> bool:
        self.addresses[name] = address
        return True

    def execute_async_v3(self, stream: int) -> bool:
        x, y = (np.frombuffer((ctypes.c_float * 6).from_address(self.addresses[n]), np.float32) for n in "xy")
        y[:] = 2 * x + 1
        return self.starts


class FakeEngine:
    """What deserialising gives."""

    num_io_tensors = 2

    def __init__(self) -> None:
        self.context: Context | None = Context()
        self.types = {"x": "DataType.FLOAT", "y": "DataType.FLOAT"}

    def get_tensor_name(self, i: int) -> str:
        return "xy"[i]

    def get_tensor_dtype(self, name: str) -> str:
        return self.types[name]

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return (2, 3)

    def create_execution_context(self) -> Context | None:
        return self.context


class Logger:
    """Base class of loggers."""


def fake(engine: FakeEngine) -> TensorRT:
    """A package that knows one plan."""
    runtime = SimpleNamespace(deserialize_cuda_engine=lambda plan: engine if plan == GOOD else None)
    module = SimpleNamespace(__version__="10.3.0", ILogger=Logger, Runtime=lambda logger: runtime)
    return TensorRT("tensorrt", module)


def plan(data: bytes = GOOD, **changed: Any) -> Plan:
    """A plan as the cache gives it."""
    inputs, outputs = {"x": SPECS["x"]}, {"y": SPECS["y"]}
    return Plan(data, **({"inputs": inputs, "outputs": outputs, "path": None, "note": "compiled"} | changed))


def made(engine: FakeEngine, memory: HostMemory, **options: Any) -> TensorRTEngine:
    """The engine under test."""
    return TensorRTEngine("net", fake(engine), plan(), memory, **options)


def test_arrays_of_the_host_go_in_and_come_out() -> None:
    memory = HostMemory()
    engine = made(FakeEngine(), memory)
    blocks = len(memory.blocks)
    for seed in range(3):
        x = np.random.default_rng(seed).normal(size=(2, 3)).astype(np.float32)
        found = engine.run({"x": x})["y"]
        assert isinstance(found, np.ndarray) and np.array_equal(found, 2 * x + 1)
    assert len(memory.blocks) == blocks == 2, "nothing is allocated after loading"
    assert engine.runtime == "tensorrt 10.3.0 on host" and engine.note == "compiled"


def test_arrays_on_the_gpu_are_read_where_they_lie_and_host_arrays_again_afterwards() -> None:
    memory, fake_engine = HostMemory(), FakeEngine()
    engine = made(fake_engine, memory, on_device=True)
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    there = DeviceArray((2, 3), np.float32, memory.allocate(24), memory, 0)
    memory.copy_in(there.address, x)
    found = engine.run({"x": there})["y"]
    assert isinstance(found, DeviceArray) and np.array_equal(engine.to_host(found), 2 * x + 1)
    assert fake_engine.context is not None and fake_engine.context.addresses["x"] == there.address
    assert np.array_equal(engine.to_host(engine.run({"x": -x})["y"]), 1 - 2 * x)
    assert fake_engine.context.addresses["x"] != there.address


def test_wrong_inputs_are_refused_before_they_reach_the_gpu() -> None:
    engine = made(FakeEngine(), HostMemory())
    with pytest.raises(EngineError, match=r"net: input x is float64 \(2, 3\), expected float32"):
        engine.run({"x": np.zeros((2, 3))})
    with pytest.raises(EngineError, match="missing x"):
        engine.run({})


def test_a_damaged_plan_is_refused() -> None:
    with pytest.raises(EngineError, match=r"tensorrt 10\.3\.0 refuses the plan: no reason given"):
        TensorRTEngine("net", fake(FakeEngine()), plan(b"other"), HostMemory())


def test_a_plan_that_is_not_what_its_manifest_says_is_refused() -> None:
    half = FakeEngine()
    half.types["y"] = "DataType.HALF"
    with pytest.raises(EngineError, match=r"not what its manifest says: y is float16 \(2, 3\), expected float32"):
        made(half, HostMemory())
    half.types["y"] = "DataType.FP8"
    with pytest.raises(EngineError, match="type FP8 of a tensor"):
        made(half, HostMemory())


def test_no_context_no_room_no_start() -> None:
    none, memory = FakeEngine(), HostMemory()
    none.context = None
    with pytest.raises(EngineError, match="tensorrt makes no context"):
        made(none, memory)

    class Full(HostMemory):
        def allocate(self, n_bytes: int) -> int:
            raise KernelError(f"the GPU has no room for {n_bytes} bytes")

    with pytest.raises(EngineError, match="net: the GPU has no room for 24 bytes"):
        made(FakeEngine(), Full())
    still = FakeEngine()
    engine = made(still, memory)
    assert still.context is not None
    still.context.starts = False
    with pytest.raises(EngineError, match="did not start"):
        engine.run({"x": np.zeros((2, 3), np.float32)})


def test_a_plan_of_the_cache_that_does_not_load_is_built_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after an update of the driver: its hash is right, and TensorRT refuses it."""
    memory, cache, asked = HostMemory(), PlanCache(tmp_path), []
    key = PlanKey(onnx_sha256="", package="tensorrt", version="10.3.0", target="sm_87", precision="fp16")

    def build(trt: TensorRT, path: Path, key: PlanKey, cache: PlanCache, why: str, progress: object) -> Plan:
        asked.append(why)
        return plan()

    monkeypatch.setattr(opening, "open_tensorrt", lambda package: fake(FakeEngine()))
    monkeypatch.setattr(opening, "compute_capability", lambda: (8, 7))
    monkeypatch.setattr(opening, "plan_key", lambda *args: key)
    monkeypatch.setattr(opening, "build_plan", build)
    monkeypatch.setattr(cache, "find", lambda path, key: (plan(b"other"), ""))
    engine = opening.make_engine("tensorrt", tmp_path / "net.onnx", None, Means(1, cache, lambda: memory))
    assert asked == ["tensorrt 10.3.0 refuses the plan: no reason given"]
    assert np.array_equal(engine.run({"x": np.ones((2, 3), np.float32)})["y"], np.full((2, 3), 3))


def test_without_a_gpu_the_driver_is_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr(cuda_memory.ctypes, "CDLL", missing)
    with pytest.raises(KernelError, match=r"no NVIDIA driver here: libcuda\.so\.1"):
        cuda_memory.compute_capability()


@pytest.mark.parametrize(
    ("code", "said"), [(0, None), (100, "no usable NVIDIA GPU 0: the driver answers with CUDA error 100")]
)
def test_the_driver_says_the_architecture(monkeypatch: pytest.MonkeyPatch, code: int, said: str | None) -> None:
    def attribute(value: Any, which: Any, gpu: Any) -> int:
        value._obj.value = {75: 8, 76: 7}[which.value]
        return 0

    driver = SimpleNamespace(cuInit=lambda flags: code, cuDeviceGet=lambda *args: 0, cuDeviceGetAttribute=attribute)
    monkeypatch.setattr(cuda_memory.ctypes, "CDLL", lambda name: driver)
    if said is None:
        assert cuda_memory.compute_capability() == (8, 7)
        return
    with pytest.raises(KernelError, match=said):
        cuda_memory.compute_capability()
