"""Pillars against a plain NumPy loop."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from autonomy_perception.grid import BevGrid
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.ops.pillarise import Pillars, pillarise

LIB = CpuLibrary()
GRID = BevGrid(-2.0, 3.0, -2.0, 2.0, 0.5)
COORDINATE = st.one_of(st.integers(-20, 28).map(lambda v: v * 0.125), st.sampled_from([np.nan, np.inf]))
CLOUD = st.lists(st.tuples(COORDINATE, COORDINATE, COORDINATE), max_size=80).map(
    lambda v: np.array(v, np.float32).reshape(-1, 3)
)


def reference(
    xyz: NDArray[np.float32], intensity: NDArray[np.float32], max_pillars: int, max_points: int
) -> tuple[NDArray[np.float32], ...]:
    """Features, coords, counts, totals."""
    ok = np.isfinite(xyz[:, :2]).all(1)
    cells = np.full((len(xyz), 2), -1)
    cells[ok] = GRID.cells(xyz[ok])
    members: dict[tuple[int, int], list[int]] = {}
    for i in np.flatnonzero(ok & GRID.inside(cells.astype(np.int32))):
        members.setdefault((int(cells[i, 1]), int(cells[i, 0])), []).append(int(i))
    keys = sorted(members)
    total = len(keys)
    if total > max_pillars:
        keys = [k for r, k in enumerate(keys) if (r + 1) * max_pillars // total > r * max_pillars // total]
    features = np.zeros((max_pillars, max_points, 9), np.float32)
    coords, counts = np.full((max_pillars, 2), -1, np.int32), np.zeros(max_pillars, np.int32)
    for row, (iy, ix) in enumerate(keys):
        own = members[iy, ix][:max_points]
        p = xyz[own]
        center = [GRID.x_min + (ix + 0.5) * GRID.resolution, GRID.y_min + (iy + 0.5) * GRID.resolution]
        features[row, : len(own)] = np.c_[p, intensity[own], p - p.mean(0), p[:, :2] - center]
        coords[row], counts[row] = (iy, ix), len(own)
    return features, coords, counts, np.array([len(keys), total])


@settings(max_examples=80, deadline=None)
@given(st.lists(CLOUD, min_size=1, max_size=3), st.sampled_from([4, 40]), st.sampled_from([1, 3, 8]))
def test_reused_buffers_hold_exactly_the_last_cloud(
    clouds: list[NDArray[np.float32]], max_pillars: int, max_points: int
) -> None:
    out = Pillars(LIB, max_pillars, max_points)
    for cloud in clouds:
        xyz = cloud.copy()
        xyz[~np.isfinite(xyz[:, 2]), 2] = 1.0  # heights arrive finite from unpack
        intensity = np.linspace(0, 1, len(xyz), dtype=np.float32)
        pillarise(LIB, xyz, intensity, GRID, out)
        features, coords, counts, totals = reference(xyz, intensity, max_pillars, max_points)
        np.testing.assert_array_equal(out.coords, coords)
        np.testing.assert_array_equal(out.counts, counts)
        np.testing.assert_array_equal(out.totals, totals)
        np.testing.assert_allclose(out.features, features, atol=1e-5)


def test_more_pillars_than_room_keep_an_even_share() -> None:
    x, y = np.meshgrid(*GRID.centers())
    xyz = np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], 1).astype(np.float32)
    out = pillarise(LIB, xyz, np.zeros(len(xyz), np.float32), GRID, Pillars(LIB, 20, 2))
    assert out.totals.tolist() == [20, 80]
    assert len(np.unique(out.coords[:, 0])) == GRID.ny  # every row of the grid keeps some
