"""The lidar canvas against a NumPy loop over cells."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from autonomy_perception.grid import BevGrid
from autonomy_perception.ops.canvas import CANVAS, bev_canvas
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.types import PointLabel

LIB = CpuLibrary()
GRID = BevGrid(-4.0, 6.0, -3.0, 5.0, 1.0)
SLICES = (0.1, 0.4, 0.9, 1.6, 2.5, np.inf)
POINT = st.tuples(
    st.integers(-320, 448).map(lambda v: v / 64), st.integers(-256, 384).map(lambda v: v / 64),  # exact: one cell for both
    st.floats(-30, 30, width=32), st.sampled_from(list(PointLabel)),
    st.one_of(st.floats(-2, 20, width=32), st.sampled_from([np.nan, np.inf, *SLICES[:5]])), st.floats(0, 1, width=32),
)  # fmt: skip
POINTS = st.lists(POINT, max_size=60).map(lambda v: np.array(v, np.float32).reshape(-1, 6))


def by_hand(points: NDArray[np.float32]) -> NDArray[np.float64]:
    out = np.zeros((len(CANVAS), *GRID.shape))
    cells = GRID.cells(points)
    taken = (points[:, 3] != PointLabel.IGNORED) & np.isfinite(points[:, 4])
    for ix, iy in np.unique(cells[taken & GRID.inside(cells)], axis=0):
        own = points[(cells == [ix, iy]).all(1) & taken]
        x, y, z, label, height, intensity = own.T
        ground, over = label == PointLabel.GROUND, label == PointLabel.OVERHANG
        stands = height[~ground & ~over]
        z = np.clip(z.astype(np.float64) / 4, -3, 3)
        counts = [
            len(own),
            *(((stands >= np.float32(low)) & (stands < high)).sum() for low, high in pairwise(SLICES)),
        ]
        logs = np.log1p([*counts, over.sum()]) / np.log(33)
        out[:, iy, ix] = [
            logs[0], z.mean(), z.min(), z.max(), z.std(), intensity.mean(), intensity.max(),
            (x - GRID.x_min - ix - 0.5).mean(), (y - GRID.y_min - iy - 0.5).mean(), ground.mean(),
            z[ground].mean() if ground.any() else 0.0, np.clip(stands, 0, 12).max(initial=0) / 4, *logs[1:],
        ]  # fmt: skip
    return out


@settings(max_examples=80, deadline=None)
@given(POINTS)
def test_the_canvas_says_what_a_loop_over_cells_says(points: NDArray[np.float32]) -> None:
    columns = [np.ascontiguousarray(points[:, k]) for k in range(6)]
    dirty = np.full((len(CANVAS), *GRID.shape), np.nan, np.float32)
    out = bev_canvas(LIB, points[:, :3].copy(), columns[5], columns[3].astype(np.uint8), columns[4], GRID, out=dirty)
    want = by_hand(points)
    spread = CANVAS.index("z_spread")  # a root: its error near 0 is the root of the rounding of a variance
    np.testing.assert_allclose(np.delete(out, spread, 0), np.delete(want, spread, 0), atol=1e-5)
    np.testing.assert_allclose(out[spread] ** 2, want[spread] ** 2, atol=1e-5)


def test_heights_far_from_zero_keep_their_spread() -> None:
    z = np.float32([10.0, 10.004])
    xyz = np.stack([[0.5, 0.5], [0.5, 0.5], z], 1).astype(np.float32)
    out = bev_canvas(LIB, xyz, np.zeros(2, np.float32), np.full(2, 2, np.uint8), np.ones(2, np.float32), GRID)
    np.testing.assert_allclose(out[CANVAS.index("z_spread"), 3, 4], 0.0005, rtol=1e-3)
