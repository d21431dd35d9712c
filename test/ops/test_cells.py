"""Cell ids, grouping and height statistics against NumPy."""

import os
import subprocess
import sys

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from autonomy_perception.grid import BevGrid
from autonomy_perception.ops.cells import cell_ids, cell_index, cell_stats
from autonomy_perception.ops.library import CpuLibrary

LIB = CpuLibrary()
GRID = BevGrid(-4.0, 6.0, -3.0, 5.0, 0.5)
CELLS = GRID.nx * GRID.ny
COORDINATE = st.one_of(
    st.integers(-40, 60).map(lambda v: v * 0.125),  # many on cell borders, exact in float32
    st.floats(-8, 8, width=32),
    st.sampled_from([np.nan, np.inf, -np.inf, 1e30]),
)
CLOUD = st.lists(st.tuples(COORDINATE, COORDINATE, COORDINATE), max_size=60).map(
    lambda v: np.array(v, np.float32).reshape(-1, 3)
)


def ids_by_numpy(xyz: NDArray[np.float32]) -> NDArray[np.int32]:
    ids = np.full(len(xyz), -1, np.int32)
    for i, (x, y, _) in enumerate(xyz.astype(float)):
        if np.isfinite(x) and np.isfinite(y):
            u, v = np.floor((x - GRID.x_min) / GRID.resolution), np.floor((y - GRID.y_min) / GRID.resolution)
            if 0 <= u < GRID.nx and 0 <= v < GRID.ny:
                ids[i] = int(v) * GRID.nx + int(u)
    return ids


def near_border(xyz: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Points so close to a border, without lying on it, that float32 and float64 may disagree."""
    with np.errstate(invalid="ignore"):
        f = (xyz[:, :2].astype(float) - [GRID.x_min, GRID.y_min]) / GRID.resolution
        off = np.abs(f - np.round(f))
    return np.asarray(np.any((off > 0) & (off < 1e-5), axis=1))


@settings(max_examples=100, deadline=None)
@given(CLOUD)
def test_ids_agree_with_numpy_on_borders_and_beyond(xyz: NDArray[np.float32]) -> None:
    ours, sure = cell_ids(LIB, xyz, GRID), ~near_border(xyz)
    np.testing.assert_array_equal(ours[sure], ids_by_numpy(xyz)[sure])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(-2, 12), max_size=80))
def test_index_is_a_stable_sort(values: list[int]) -> None:
    ids, n = np.array(values, np.int32), 10
    index = cell_index(LIB, ids, n)
    taken = (ids >= 0) & (ids < n)
    expected = np.flatnonzero(taken)[np.argsort(ids[taken], kind="stable")]
    np.testing.assert_array_equal(index.order[: index.starts[-1]], expected)
    np.testing.assert_array_equal(index.starts, np.searchsorted(ids[expected], np.arange(n + 1)))
    assert np.all(index.order[index.starts[-1] :] == -1)


@settings(max_examples=60, deadline=None)
@given(CLOUD, st.sampled_from([0.0, 250.0]))
def test_statistics_agree_with_numpy(xyz: NDArray[np.float32], altitude: float) -> None:
    xyz = xyz + np.array([0, 0, altitude], np.float32)
    xyz[np.abs(xyz[:, 2]) > 1e4, 2] = np.nan
    ids = cell_ids(LIB, xyz, GRID)
    ours = cell_stats(LIB, xyz, ids, CELLS)
    for c in range(CELLS):
        z = xyz[ids == c, 2].astype(float)
        z = z[np.isfinite(z)]
        assert ours.count[c] == len(z)
        if len(z) == 0:
            assert np.isnan([ours.min[c], ours.max[c], ours.mean[c], ours.variance[c]]).all()
            continue
        assert (ours.min[c], ours.max[c]) == (np.float32(z.min()), np.float32(z.max()))
        np.testing.assert_allclose(
            [ours.mean[c], ours.variance[c]], [z.mean(), z.var()], rtol=1e-5, atol=1e-5 * (1 + np.ptp(z) ** 2)
        )


def test_one_dimensional_values_and_no_point() -> None:
    stats = cell_stats(LIB, np.array([1.0, 3.0], np.float32), np.array([2, 2], np.int32), 4)
    assert (stats.count[2], stats.mean[2], stats.variance[2]) == (2, 2.0, 1.0)
    nothing = cell_stats(LIB, np.empty((0, 3), np.float32), np.empty(0, np.int32), 4)
    assert not nothing.count.any()
    assert np.isnan(nothing.mean).all()


def test_results_do_not_depend_on_the_number_of_threads() -> None:
    """The same bytes with one and with four OpenMP threads."""
    code = (
        "import hashlib, numpy as np\n"
        "from autonomy_perception.grid import BevGrid\n"
        "from autonomy_perception.ops import cells, image, iou, library, pillarise\n"
        "from autonomy_perception.types import CameraModel\n"
        "lib, rng = library.CpuLibrary(), np.random.default_rng(1)\n"
        "xyz, grid = rng.normal(0, 20, (20000, 3)).astype(np.float32), BevGrid.square(80, 0.5)\n"
        "s = cells.cell_stats(lib, xyz, cells.cell_ids(lib, xyz, grid), grid.nx * grid.ny)\n"
        "p = pillarise.pillarise(lib, xyz, xyz[:, 0].copy(), grid, pillarise.Pillars(lib, 4000, 8))\n"
        "c = CameraModel(320, 200, np.array([[200., 0, 160], [0, 200, 100], [0, 0, 1]]), np.array([-.3, .1, 0, 0, 0]))\n"
        "i = image.preprocess(lib, rng.integers(0, 256, (200, 320, 3), np.uint8), image.plan(c, 160, 96))\n"
        "boxes = np.ascontiguousarray(np.abs(xyz[:200, [0, 1, 2, 0, 1]]))\n"
        "b = iou.iou_bev(lib, boxes, boxes)\n"
        "print(hashlib.sha256(b''.join(a.tobytes() for a in (s.mean, s.variance, p.features, p.coords, i, b))).hexdigest())\n"
    )
    hashes = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "OMP_NUM_THREADS": n},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for n in ("1", "4")
    ]
    assert len(hashes[0].strip()) == 64
    assert hashes[0] == hashes[1]
