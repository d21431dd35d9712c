"""The CUDA launchers run on the CPU by emulation and give what the CPU kernels give (no GPU needed)."""

import ctypes
import hashlib
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from autonomy_perception.bench.kernel_cases import CASES
from autonomy_perception.bench.kernel_scene import KernelScene, kernel_scene
from autonomy_perception.bev.boxes import BoxSettings, decode
from autonomy_perception.bev.cameras import CameraLayout, CameraTensors
from autonomy_perception.bev.lidar import LidarCanvas
from autonomy_perception.grid import BevGrid
from autonomy_perception.ops.cells import cell_index
from autonomy_perception.ops.cuda import CudaLibrary
from autonomy_perception.ops.library import CpuLibrary, CudaError, KernelArgumentError, KernelError
from autonomy_perception.ops.lift import depth_bins
from autonomy_perception.ops.signatures import REFUSALS, SIGNATURES

KERNELS = Path(__file__).parents[2] / "kernels"
sys.path[:0] = [str(KERNELS), str(Path(__file__).parents[1])]
import gpu_check
from bev import bev_frame
from host_memory import HostMemory
from ops.refused_calls import REFUSED
from ops.valid_calls import valid_call

import build

SHIM = Path(__file__).parent / "emulation"
FLAGS = [
    "-std=c++17",
    "-O1",
    "-mavx2",
    "-ffp-contract=off",
    "-fPIC",
    "-w",
    "-include",
    "cuda_runtime.h",
    f"-I{SHIM}",
    f"-I{KERNELS}",
]


def matching(text: str, at: int, opening: str, closing: str, step: int) -> int:
    """Index of the bracket that matches the one at ``at``, going by ``step``."""
    depth = 0
    while True:
        depth += (text[at] == opening) - (text[at] == closing)
        if depth == 0:
            return at
        at += step


def without_launch_syntax(text: str) -> str:
    """``kernel<<<grid, block, shared, stream>>>(arguments)`` as a call of the emulation."""
    while (at := text.find("<<<")) >= 0:
        start = at
        if text[start - 1] == ">":
            start = matching(text, start - 1, "<", ">", -1)
        if text[start - 1] == ")":
            start = matching(text, start - 1, "(", ")", -1)
        else:
            start = re.search(r"[\w:]+$", text[:start]).start()  # type: ignore[union-attr]
        close = text.index(">>>", at)
        end = matching(text, close + 3, "(", ")", 1)
        grid, block = re.split(r",(?![^()]*\))", text[at + 3 : close])[:2]
        call = f"emulation::launch({grid}, {block}, [&]() {{ {text[start:at]}{text[close + 3 : end + 1]}; }})"
        text = text[:start] + call + text[end + 1 :]
    return text


@pytest.fixture(scope="module")
def emulated() -> Path:
    """The library of emulated launchers; a source is compiled anew when it or what it includes has changed."""
    folder = build.OBJ_DIR / "emulated"
    folder.mkdir(parents=True, exist_ok=True)
    shim = (SHIM / "cuda_runtime.h").read_bytes() + Path(__file__).read_bytes()

    def compile_one(source: Path) -> Path:
        texts = [p.read_bytes() for p in sorted(build.sources_of(source))]
        target = folder / f"{source.stem}-{hashlib.sha256(b''.join([shim, *texts])).hexdigest()[:16]}.o"
        if not target.exists():
            copy = target.with_suffix(".cpp")
            copy.write_text(f'#line 1 "{source}"\n' + without_launch_syntax(source.read_text()))
            subprocess.run(["g++", *FLAGS, "-c", copy, "-o", target.with_suffix(".part")], check=True)
            target.with_suffix(".part").rename(target)
        return target

    with ThreadPoolExecutor(2) as pool:
        objects = list(pool.map(compile_one, sorted((KERNELS / "cuda").glob("*.cu"))))
    library = folder / f"libap_emulated-{hashlib.sha256(''.join(map(str, objects)).encode()).hexdigest()[:16]}.so"
    if not library.exists():
        subprocess.run(["g++", "-shared", *objects, "-o", library.with_suffix(".part")], check=True)
        library.with_suffix(".part").rename(library)
    return library


@pytest.fixture(scope="module")
def gpu(emulated: Path) -> CudaLibrary:
    return CudaLibrary(emulated, HostMemory())


@pytest.fixture(scope="module")
def scene() -> KernelScene:
    return kernel_scene(columns=40)


@pytest.mark.parametrize("name", sorted(CASES))
def test_emulated_cuda_equals_the_cpu(name: str, gpu: CudaLibrary, scene: KernelScene) -> None:
    entry = gpu_check.check_case(CASES[name], scene, CpuLibrary(), gpu)
    assert entry["ok"], entry


@pytest.mark.parametrize(("n", "n_cells"), [(0, 5), (1, 1), (31, 3), (2048, 300), (2049, 70000), (9000, 2)])
def test_sort_is_stable_at_every_size(n: int, n_cells: int, gpu: CudaLibrary) -> None:
    ids = np.random.default_rng(n).integers(-1, n_cells + 1, n).astype(np.int32)
    ours, other = cell_index(gpu, gpu.to_device(ids), n_cells), cell_index(CpuLibrary(), ids, n_cells)
    np.testing.assert_array_equal(gpu.to_host(ours.starts), other.starts)
    np.testing.assert_array_equal(gpu.to_host(ours.order), other.order)


def test_the_tensors_of_a_frame_are_the_same_on_the_gpu(gpu: CudaLibrary) -> None:
    """Rooms hand device arrays on: canvas, images, pooled features and detections, without a copy to the host in between."""
    rng, grid, cpu = np.random.default_rng(0), BevGrid.square(12.0, 1.0), CpuLibrary()
    scan, labels = bev_frame.scan(rng.uniform(-6, 6, (50, 3)), rng.integers(0, 5, 50), rng.uniform(0, 3, 50))
    layout = CameraLayout(("front", "left"), 32, 16, 8, depth_bins(1.0, 7.0, 3), grid)
    picture = rng.integers(0, 256, (400, 640, 3), np.uint8)
    depth, context = rng.random((2, 3, 2, 4), np.float32), rng.random((2, 2, 4, 16), np.float32)
    heads = {
        "heatmap": rng.normal(-2, 2, (9, 12, 12)),
        "box": rng.normal(size=(10, 12, 12)),
        "box_log_variance": rng.normal(size=(9, 12, 12)),
    }
    found = []
    for lib in (cpu, gpu):
        tensors = CameraTensors(layout, lib)
        images, present = tensors.images(bev_frame.FRAME.cameras, {"front": picture})
        pooled = tensors.pool(
            lib.to_device(depth), lib.to_device(context), tensors.index(bev_frame.FRAME, np.eye(4), present)
        )
        canvas = LidarCanvas(grid, lib).fill([scan], [labels], np.eye(4))
        boxes = decode(
            lib,
            {k: lib.to_device(v.astype(np.float32)) for k, v in heads.items()},
            grid,
            BoxSettings(room=16),
            np.eye(4),
        )
        found.append([*map(lib.to_host, (images, pooled, canvas)), boxes.center, boxes.class_probs])
    assert all(a.any() for a in found[0])
    for ours, other in zip(*found, strict=True):
        np.testing.assert_allclose(ours, other, atol=1e-4)


# Errors ---------------------------------------------------------------------------------------------------------------

NO_MEMORY, BAD_LAUNCH, BAD_ADDRESS = 2, 9, 700
ON_THE_HOST = ("SmallWork", "NoRow")
"""What only the CPU build can tell: it needs a workspace, it reads the rows."""


@pytest.fixture
def fail(emulated: Path) -> Iterator[Callable[[int, int, int], None]]:
    """Sets the errors of the next launch, the next running kernel and the next allocation."""
    function = ctypes.CDLL(str(emulated)).emulation_fail
    yield function
    function(0, 0, 0)


@pytest.mark.parametrize("name", sorted(SIGNATURES))
def test_a_call_by_the_table_is_taken(name: str, gpu: CudaLibrary) -> None:
    assert gpu.call(name, **valid_call(gpu, name)) >= 0


@pytest.mark.parametrize("why", [r for r, _ in REFUSALS if r not in ON_THE_HOST])
def test_a_launcher_that_refuses_says_why(why: str, gpu: CudaLibrary) -> None:
    name, parameters, arrays = REFUSED[why]
    arguments = valid_call(gpu, name, **parameters) | {
        k: gpu.to_device(v) if v is not None else v for k, v in arrays.items()
    }
    with pytest.raises(KernelArgumentError, match=rf"^{name} refused: {re.escape(dict(REFUSALS)[why])} \({why}; "):
        gpu.call(name, **arguments)


@pytest.mark.parametrize("name", sorted(set(SIGNATURES) - {"ap_ground_work"}))
def test_an_error_at_launch_is_a_cuda_error_and_told_once(
    name: str, gpu: CudaLibrary, fail: Callable[..., None]
) -> None:
    arguments = valid_call(gpu, name)
    fail(BAD_LAUNCH, 0, 0)
    with pytest.raises(
        CudaError, match=rf"^{name} on host.*: cudaErrorInvalidConfiguration \(9\): invalid configuration argument$"
    ) as raised:
        gpu.call(name, **arguments)
    assert (raised.value.code, raised.value.name) == (BAD_LAUNCH, "cudaErrorInvalidConfiguration")
    assert gpu.call(name, **arguments) >= 0


def test_an_error_of_a_running_kernel_names_what_was_launched_before(emulated: Path, fail: Callable[..., None]) -> None:
    lib = CudaLibrary(emulated, HostMemory())
    first, second = valid_call(lib, "ap_transform"), valid_call(lib, "ap_cell_ids")
    lib.to_host(first["xyz"])
    fail(0, BAD_ADDRESS, 0)
    lib.call("ap_transform", **first)
    for _ in range(2):  # the context stays broken
        with pytest.raises(
            CudaError,
            match=r"^ap_cell_ids on host after ap_transform: cudaErrorIllegalAddress \(700\): an illegal memory access",
        ):
            lib.call("ap_cell_ids", **second)


def test_an_error_while_the_launcher_waits_is_a_cuda_error(emulated: Path, fail: Callable[..., None]) -> None:
    lib = CudaLibrary(emulated, HostMemory())
    fail(0, BAD_ADDRESS, 0)
    with pytest.raises(CudaError, match=r"^ap_cluster_order on host: cudaErrorIllegalAddress"):
        lib.call("ap_cluster_order", **valid_call(lib, "ap_cluster_order"))


def test_an_error_at_the_copy_to_the_host_names_what_was_launched_before(emulated: Path) -> None:
    class Broken(HostMemory):
        def copy_out(self, array: object, address: int) -> None:
            raise KernelError("cuStreamSynchronize: an illegal memory access was encountered (CUDA error 700)")

    lib = CudaLibrary(emulated, Broken())
    arguments = valid_call(lib, "ap_transform")
    lib.call("ap_transform", **arguments)
    with pytest.raises(KernelError, match=r"^copy to the host after ap_transform: cuStreamSynchronize: an illegal"):
        lib.to_host(arguments["out"])


def test_no_room_for_scratch_is_a_cuda_error_and_not_left_for_the_next_call(
    emulated: Path, fail: Callable[..., None]
) -> None:
    memory = HostMemory()
    memory.stream = 77  # scratch memory is kept by stream: a new one starts with none
    lib = CudaLibrary(emulated, memory)
    arguments = valid_call(lib, "ap_cell_index")
    fail(0, 0, NO_MEMORY)
    with pytest.raises(CudaError, match=r"^ap_cell_index on host: cudaErrorMemoryAllocation \(2\): out of memory$"):
        lib.call("ap_cell_index", **arguments)
    assert lib.call("ap_cell_index", **arguments) == 0
