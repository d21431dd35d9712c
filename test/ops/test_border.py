"""The kernels' border: what is refused, how it is told, and that nothing runs before."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy_perception.grid import BevGrid, WorldGrid
from autonomy_perception.ops import (
    align,
    canvas,
    cells,
    cluster,
    freespace,
    ground,
    library,
    pillar_net,
    pillarise,
    project,
    terrain,
    transform,
)  # fmt: skip
from autonomy_perception.ops.arguments import DTYPES, Arguments
from autonomy_perception.ops.border import HOST, make_border
from autonomy_perception.ops.camera import Lens
from autonomy_perception.ops.cuda import CudaLibrary, DeviceArray
from autonomy_perception.ops.library import LIB_DIR, CpuLibrary, KernelArgumentError, KernelError, Library
from autonomy_perception.ops.signatures import REFUSALS, SIGNATURES, header
from autonomy_perception.ops.signatures.cameras import LENS
from autonomy_perception.ops.signatures.model import Signature
from autonomy_perception.types import CameraModel

sys.path.insert(0, str(Path(__file__).parents[1]))
from host_memory import HostMemory
from ops.refused_calls import REFUSED
from ops.valid_calls import valid_call

CPU = CpuLibrary()
LIBRARIES: dict[str, Library] = {"cpu": CPU, "cuda": CudaLibrary(LIB_DIR / "libap_cpu.so", HostMemory())}
NAMES = sorted(SIGNATURES)


def test_the_header_is_the_one_that_the_table_makes() -> None:
    assert header.PATH.read_text() == header.header(), "run python -m autonomy_perception.ops.signatures.header"


def test_the_table_needs_the_standard_library_alone() -> None:
    code = "import sys; import autonomy_perception.ops.signatures.header; print(sorted({'numpy', 'pydantic'} & set(sys.modules)))"
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-S", "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("device", LIBRARIES)
def test_a_call_by_the_table_is_taken(device: str, name: str) -> None:
    lib = LIBRARIES[device]
    assert lib.call(name, **valid_call(lib, name)) >= 0


@pytest.mark.parametrize("name", NAMES)
def test_the_usual_call_takes_the_short_way_to_the_same_bytes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = valid_call(CPU, name)
    careful = Arguments(SIGNATURES[name], HOST).pack(arguments)
    monkeypatch.setattr(Arguments, "pack", lambda self, given: pytest.fail("took the long way"))
    assert make_border(SIGNATURES[name], HOST)(arguments) == careful


# One wrong thing ------------------------------------------------------------------------------------------------------


def free_axes(signature: Signature) -> set[tuple[str, int]]:
    """Axes whose length may be anything: a size that nothing else speaks of."""
    words = [w for a in signature.arrays for axis in a.axes for w in re.findall(r"[a-z]\w*", axis)]
    return {place for size, place in signature.sizes.items() if words.count(size) == 1}


def on_device(lib: Library, array: Any) -> Any:
    """The array where the library's arrays lie, with its layout."""
    if lib is CPU:
        return array
    out = lib.to_device(array)
    if not array.flags.c_contiguous:
        view = {"shape": out.shape, "typestr": out.dtype.str, "data": (out.address, False), "version": 3,
                "strides": tuple(2 * s for s in np.empty(out.shape, out.dtype).strides)}  # fmt: skip
        return type("Strided", (), {"__cuda_array_interface__": view})()
    return out


def strided(array: Any) -> Any:
    """The same values with gaps between them."""
    wide = np.zeros([2 * n for n in array.shape], array.dtype)
    wide[tuple(slice(None, None, 2) for _ in array.shape)] = array
    return wide[tuple(slice(None, None, 2) for _ in array.shape)]


def read_only(array: Any) -> Any:
    """A view that may not be written."""
    view = array.view()
    view.flags.writeable = False
    return view


@st.composite
def wrong_calls(draw: Any, lib: Library, name: str) -> tuple[str, dict[str, Any]]:
    """The name of an argument, and a call in which it is wrong in one way."""
    signature = SIGNATURES[name]
    arguments = valid_call(lib, name)
    which = draw(st.sampled_from(signature.names))
    array = next((a for a in signature.arrays if a.name == which), None)
    if array is None:
        field = next(f for f in signature.params if f.name == which)
        numbers = {"f32": [], "f64": [], "i32": [1.5, 2**31]}.get(str(field.type), [3]) if field.count == 1 else [1.0]
        bad = draw(st.sampled_from([None, "1", object(), [], float, "missing", *numbers]))
        if bad == "missing":
            del arguments[which]
        else:
            arguments[which] = bad
        return which, arguments
    value = lib.to_host(arguments[which]).copy()
    kinds = ["missing", "dtype", "list", "number", "axes"]
    kinds += [f"length{i}" for i in range(value.ndim) if (which, i) not in free_axes(signature)]
    kinds += ["strided"] if value.size > 1 else []
    kinds += ["read_only"] if array.written and lib is CPU else []
    kinds += ["none"] if not array.with_ or sum(a.with_ == array.with_ for a in signature.arrays) > 1 else []
    kind = draw(st.sampled_from(kinds))
    if kind == "missing":
        del arguments[which]
    elif kind == "dtype":
        others = sorted({*DTYPES.values(), "complex64", ">f4", ">i4"} - {DTYPES[array.dtype]})
        arguments[which] = on_device(lib, value.astype(draw(st.sampled_from(others))))
    elif kind.startswith("length"):
        shape = list(value.shape)
        shape[int(kind[6:])] += draw(st.sampled_from([k for k in (-1, 1, 7) if shape[int(kind[6:])] + k >= 0]))
        arguments[which] = on_device(lib, np.zeros(shape, value.dtype))
    elif kind == "axes":
        arguments[which] = on_device(lib, value[None] if draw(st.booleans()) else value.reshape(*value.shape, 1))
    elif kind == "strided":
        arguments[which] = on_device(lib, strided(value))
    else:
        arguments[which] = {"list": value.tolist(), "number": 0, "none": None, "read_only": read_only(value)}[kind]
    return which, arguments


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("device", LIBRARIES)
def test_one_wrong_thing_is_refused_by_name_before_anything_runs(device: str, name: str) -> None:
    lib = LIBRARIES[device]

    @settings(max_examples=25, deadline=None, database=None)
    @given(wrong_calls(lib, name))
    def one_wrong_thing(call: tuple[str, dict[str, Any]]) -> None:
        which, arguments = call
        held = {k: lib.to_host(v).copy() for k, v in arguments.items() if isinstance(v, np.ndarray | DeviceArray)}
        with pytest.raises(KernelArgumentError, match=rf"^{name}: .*\b{which}\b"):
            lib.call(name, **arguments)
        for k, before in held.items():
            np.testing.assert_array_equal(lib.to_host(arguments[k]), before)

    one_wrong_thing()


@pytest.mark.parametrize("name", NAMES)
def test_an_argument_that_does_not_exist_is_refused(name: str) -> None:
    with pytest.raises(KernelArgumentError, match=f"{name}: there is no argument colour, expected "):
        CPU.call(name, **valid_call(CPU, name), colour=1)


@pytest.mark.parametrize("why", [r for r, _ in REFUSALS])
def test_a_launcher_that_refuses_says_why(why: str) -> None:
    name, parameters, arrays = REFUSED[why]
    arguments = valid_call(CPU, name, **parameters) | arrays
    with pytest.raises(KernelArgumentError, match=rf"^{name} refused: {re.escape(dict(REFUSALS)[why])} \({why}; "):
        CPU.call(name, **arguments)


# The words ------------------------------------------------------------------------------------------------------------


def test_the_message_names_kernel_argument_expected_and_found() -> None:
    xyz, ids = np.zeros((10, 3), np.float32), np.zeros(9, np.int32)
    grid = cells.CellGrid(0.0, 0.0, 1.0, 2, 2)
    for array, other, words in [
        (xyz, ids, "ap_cell_ids: ids is int32 (9,), expected int32 (n) = (10,) with n by xyz, contiguous, writable, on the host"),
        (xyz.astype(float), ids, "ap_cell_ids: xyz is float64 (10, 3), expected float32 (n, 3), contiguous, on the host"),
        (xyz[::2], ids, "ap_cell_ids: xyz is float32 (5, 3), not contiguous, expected float32 (n, 3), contiguous, on the host"),
        (LIBRARIES["cuda"].to_device(xyz), ids, "ap_cell_ids: xyz is an array on the GPU: use to_host first, expected "
                                                "float32 (n, 3), contiguous, on the host"),
    ]:  # fmt: skip
        with pytest.raises(KernelArgumentError, match=f"^{re.escape(words)}$"):
            CPU.call("ap_cell_ids", xyz=array, ids=other, grid=grid)
    with pytest.raises(KernelArgumentError, match=r"^ap_cell_index: n_cells is 2\.5, expected i32 \("):
        CPU.call("ap_cell_index", **valid_call(CPU, "ap_cell_index") | {"n_cells": 2.5})


def test_the_record_of_the_lens_has_the_numbers_of_the_table() -> None:
    names = [f"{f.name}{i + 1}" if f.count > 1 else f.name for f in LENS.fields for i in range(f.count)]
    assert names == list(Lens._fields)


def test_read_only_and_empty_arrays_are_taken() -> None:
    grid = BevGrid.square(4.0, 1.0)
    inside = np.frombuffer(np.ones((2, 3), np.float32).tobytes(), np.float32).reshape(2, 3)
    assert cells.cell_ids(CPU, inside, grid).tolist() == [grid.nx * 3 + 3] * 2
    assert cells.cell_ids(CPU, np.empty((0, 3), np.float32), grid).shape == (0,)


def test_arrays_of_other_libraries_on_the_gpu_are_taken() -> None:
    lib = LIBRARIES["cuda"]
    xyz = lib.to_device(np.ones((2, 3), np.float32))
    foreign = type(
        "Tensor", (), {"__cuda_array_interface__": xyz.__cuda_array_interface__, "__len__": lambda self: 2}
    )()
    grid = BevGrid.square(4.0, 1.0)
    assert lib.to_host(cells.cell_ids(lib, foreign, grid)).tolist() == [grid.nx * 3 + 3] * 2


def test_a_library_of_another_table_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "border", lambda: "0123456789abcdef")
    with pytest.raises(KernelError, match=r"libap_cpu\.so was built for other signatures.*run `make kernels`"):
        CpuLibrary()


# Points of the wrong type -----------------------------------------------------------------------------------------------

GRID, WORLD = BevGrid.square(8.0, 1.0), WorldGrid.around(0.0, 0.0, 8.0, 1.0)
N, F32 = 6, np.float32
HEIGHT, LABEL, ZERO = np.zeros(N, F32), np.zeros(N, np.uint8), np.zeros(3)
CAMERA = CameraModel(8, 6, np.array([[5.0, 0, 4], [0, 5, 3], [0, 0, 1]]), np.zeros(5))


def maps(count: int) -> list[Any]:
    return [np.zeros(WORLD.shape, F32) for _ in range(count)]


TAKE_POINTS: dict[str, Callable[[Any], object]] = {
    "transform": lambda p: transform.transform(CPU, p, np.eye(4)),
    "cell_ids": lambda p: cells.cell_ids(CPU, p, GRID),
    "cell_stats": lambda p: cells.cell_stats(CPU, p, np.zeros(N, np.int32), 4),
    "pillarise": lambda p: pillarise.pillarise(
        CPU, p, HEIGHT, GRID, pillarise.Pillars(CPU, 4, 2),
        cells.cell_index(CPU, np.zeros(N, np.int32), GRID.nx * GRID.ny),
    ),
    "pillar_net": lambda p: pillar_net.pillar_net(
        CPU, p, HEIGHT, GRID, np.zeros((9, 4), F32), np.zeros(4, F32),
        index=cells.cell_index(CPU, np.zeros(N, np.int32), GRID.nx * GRID.ny),
    ),
    "bev_canvas": lambda p: canvas.bev_canvas(
        CPU, p, HEIGHT, LABEL, HEIGHT, GRID, index=cells.cell_index(CPU, np.zeros(N, np.int32), GRID.nx * GRID.ny)
    ),
    "ground": lambda p: ground.ground(
        CPU, p, np.zeros(ground.work_size(CPU, N), np.int32), LABEL.copy(), HEIGHT.copy(), ZERO, 0.0, 0.2, 4.0, 0.1, 0.3
    ),
    "terrain_fuse": lambda p: terrain.fuse(
        CPU, p, LABEL, np.zeros((*WORLD.shape, 3), np.int64), *maps(5), ZERO, ZERO, WORLD, 9.0, 0.1
    ),
    "free_space": lambda p: freespace.free_space(
        CPU, p, LABEL, ZERO, ZERO, WORLD, freespace.Evidence.none(CPU, WORLD.shape), 9.0
    ),
    "cluster_points": lambda p: cluster.cluster_points(cluster.Workspace(CPU), p, LABEL, HEIGHT, ZERO, 9.0, 2),
    "project": lambda p: project.project(CPU, p, CAMERA, np.eye(4)),
    "map_scores": lambda p: align.map_scores(CPU, p, np.ones(N, F32), np.zeros((1, 3, 4)), np.zeros((4, 4), np.uint8)),
}  # fmt: skip


@pytest.mark.parametrize("name", TAKE_POINTS)
def test_a_float64_cloud_is_refused(name: str) -> None:
    points = np.random.default_rng(0).uniform(-3.0, 3.0, (N, 3)).astype(F32)
    TAKE_POINTS[name](points)
    with pytest.raises(KernelArgumentError, match=r"(xyz|points|values) is float64 \(6, 3\), expected float32 "):
        TAKE_POINTS[name](points.astype(np.float64))


def test_every_launcher_that_takes_points_is_among_them() -> None:
    taking = {
        n
        for n, s in SIGNATURES.items()
        if any(a.shape == "n, 3" and a.dtype == "f32" and not a.written for a in s.arrays)
    }
    called: set[str] = set()

    class Recording(CpuLibrary):
        def call(self, name: str, **arguments: Any) -> int:
            called.add(name)
            return super().call(name, **arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(globals(), "CPU", Recording())
        for take in TAKE_POINTS.values():
            take(np.zeros((N, 3), F32))
    assert taking - called == set()
