"""The device path's bookkeeping, run on host memory with the CPU kernels, and its behaviour without a GPU."""

import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from autonomy_perception.grid import BevGrid
from autonomy_perception.ops import cells, cuda_memory, iou, pillarise
from autonomy_perception.ops.cuda import CudaLibrary
from autonomy_perception.ops.library import LIB_DIR, CpuLibrary, KernelError
from autonomy_perception.ops.ops import Ops, open_library
from autonomy_perception.ops.unpack import CloudLayout, FieldAt, unpack

sys.path.insert(0, str(Path(__file__).parents[1]))
from host_memory import HostMemory

CPU = CpuLibrary()


@pytest.fixture
def device() -> CudaLibrary:
    return CudaLibrary(LIB_DIR / "libap_cpu.so", HostMemory())


def test_operations_give_the_same_on_device_arrays(device: CudaLibrary) -> None:
    rng = np.random.default_rng(0)
    xyz = rng.normal(0, 8, (3000, 3)).astype(np.float32)
    grid = BevGrid.square(20.0, 0.5)
    results = []
    for lib in (CPU, device):
        raw = np.frombuffer(np.c_[xyz, xyz[:, :1]].astype("<f4").tobytes(), np.uint8)
        layout = CloudLayout(3000, 1, 16, 48000, FieldAt(0, 7), FieldAt(4, 7), FieldAt(8, 7), FieldAt(12, 7))
        points = unpack(lib, lib.to_device(raw), layout, np.eye(4, dtype=np.float32)[None, :3])
        ids = cells.cell_ids(lib, points.xyz, grid)
        stats = cells.cell_stats(lib, points.xyz, ids, grid.nx * grid.ny)
        pillars = pillarise.pillarise(lib, points.xyz, points.intensity, grid, pillarise.Pillars(lib, 500, 4))
        boxes = lib.to_device(np.abs(xyz[:20].repeat(2, 1)[:, :5]).copy())
        arrays = (points.xyz, stats.mean, stats.count, pillars.features, pillars.coords, iou.iou_bev(lib, boxes, boxes))
        results.append([lib.to_host(a) for a in arrays])
    for ours, other in zip(*results, strict=True):
        np.testing.assert_array_equal(ours, other)


def test_blocks_are_reused_and_views_keep_them(device: CudaLibrary) -> None:
    memory = device.memory
    assert isinstance(memory, HostMemory)
    for _ in range(50):
        array = device.empty((1000, 3), np.float32)
    view = array[10:20]
    address = array.address
    del array
    assert view.address == address + 10 * 12
    assert device.empty((1000, 3), np.float32).address != address  # the view still holds the block
    del view
    assert len(memory.blocks) == 2


def test_device_arrays_speak_the_common_interface(device: CudaLibrary) -> None:
    array = device.to_device(np.arange(12, dtype=np.int32).reshape(4, 3))
    view = array.__cuda_array_interface__
    assert (view["shape"], view["typestr"], view["data"][0]) == ((4, 3), "<i4", array.address)
    assert device.to_device(array) is array
    np.testing.assert_array_equal(device.to_host(array[1:3]), [[3, 4, 5], [6, 7, 8]])
    np.testing.assert_array_equal(device.to_host(array.reshape(-1)[5:]), np.arange(5, 12))
    assert device.to_host(device.empty((0, 3), np.float32)).shape == (0, 3)
    with pytest.raises(KernelError, match="consecutive rows"):
        array[::2]
    with pytest.raises(ValueError, match="reshape"):
        array.reshape(5, -1)


def test_misuse_is_refused_before_it_reaches_the_gpu(device: CudaLibrary) -> None:
    big = np.zeros((5000, 3), np.float32)
    with pytest.raises(KernelError, match="on the host: use to_device first"):
        cells.cell_ids(device, big, BevGrid.square(10, 1))
    with pytest.raises(KernelError, match="holds no kernel ap_nothing"):
        device.call("ap_nothing")
    with pytest.raises(KernelError, match="xyz is None"):
        device.call("ap_cell_ids", xyz=None, ids=None, grid=cells.CellGrid(0.0, 0.0, 1.0, 1, 1))
    raised: list[Exception] = []

    def elsewhere() -> None:
        try:
            device.empty(3, np.float32)
        except KernelError as e:
            raised.append(e)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert "belongs to the thread" in str(raised[0])


def test_errors_that_pycuda_raises_are_kernel_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    class Driver(SimpleNamespace):
        Error = type("Error", (Exception,), {})

        def __getattr__(self, name: str) -> Any:
            def call(*args: Any) -> Any:
                if name.startswith("memcpy") or name == "synchronize":
                    raise self.Error(f"{name} failed: an illegal memory access was encountered")
                return Driver(handle=0)

            return call

    monkeypatch.setattr(cuda_memory.importlib, "import_module", lambda name: Driver())
    memory = cuda_memory.PyCudaMemory()
    array = np.zeros(3, np.float32)
    for run in (lambda: memory.copy_in(0, array), lambda: memory.copy_out(array, 0), memory.synchronize):
        with pytest.raises(KernelError, match="illegal memory access"):
            run()


def test_the_dispatch_rule(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    ops = Ops("cpu")
    assert (ops.device, ops.reason) == ("cpu", "cpu: asked for")
    xyz = np.zeros((2, 3), np.float32)
    assert ops.to_host(ops.cell_ids(xyz, BevGrid.square(2.0, 1.0))).tolist() == [3, 3]
    with pytest.raises(ValueError, match="device 'tpu' is unknown"):
        Ops("tpu")

    def no_gpu(device: int = 0) -> Any:
        raise KernelError("no NVIDIA driver here")

    (tmp_path / "libap_cuda.so").touch()
    monkeypatch.setattr("autonomy_perception.ops.cuda.open_memory", no_gpu)
    monkeypatch.setattr("autonomy_perception.ops.cuda.LIB_DIR", tmp_path)
    with pytest.raises(KernelError):
        open_library("cuda")
    library, reason = open_library("auto")
    assert library.device == "cpu"
    assert reason.startswith("cpu: ")


def test_without_a_driver_the_reason_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise OSError(name)

    monkeypatch.setattr("autonomy_perception.ops.cuda_memory.ctypes.CDLL", missing)
    with pytest.raises(KernelError, match=r"^no NVIDIA driver here: libcuda.so.1 is not on the library path$"):
        cuda_memory.DriverMemory()
