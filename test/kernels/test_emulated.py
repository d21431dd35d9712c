"""The CUDA launchers run on the CPU by emulation and give what the CPU kernels give (no GPU needed)."""

import hashlib
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from autonomy_perception.bench.kernel_cases import CASES
from autonomy_perception.bench.kernel_scene import KernelScene, kernel_scene
from autonomy_perception.ops.cells import cell_index
from autonomy_perception.ops.cuda import CudaLibrary
from autonomy_perception.ops.library import CpuLibrary

KERNELS = Path(__file__).parents[2] / "kernels"
sys.path[:0] = [str(KERNELS), str(Path(__file__).parents[1])]
import gpu_check
from host_memory import HostMemory

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
