"""Rotated overlap against an independent polygon intersection."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from autonomy_perception.ops.iou import iou_3d, iou_bev
from autonomy_perception.ops.library import CpuLibrary

LIB = CpuLibrary()
COORDINATE = st.integers(-12, 12).map(lambda v: v * 0.5)
SIZE = st.integers(1, 24).map(lambda v: v * 0.5)
YAW = st.one_of(st.floats(-10, 10, width=32), st.sampled_from([0.0, np.pi / 2, np.pi, -np.pi / 2, np.pi / 4]))
BOX = st.tuples(COORDINATE, COORDINATE, COORDINATE, SIZE, SIZE, SIZE, YAW)
BOXES = st.lists(BOX, max_size=6).map(lambda v: np.array(v, np.float32).reshape(-1, 7))


def corners(b: NDArray[np.float64]) -> NDArray[np.float64]:
    c, s = np.cos(b[6]), np.sin(b[6])
    half = 0.5 * np.array([[b[3], b[4]], [-b[3], b[4]], [-b[3], -b[4]], [b[3], -b[4]]])
    return np.asarray(half @ np.array([[c, s], [-s, c]]) + b[:2])


def inside(p: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.bool_]:
    c, s = np.cos(b[6]), np.sin(b[6])
    local = (p - b[:2]) @ np.array([[c, -s], [s, c]])
    return np.asarray(np.all(np.abs(local) <= 0.5 * b[3:5] + 1e-9, axis=1))


def area_by_vertices(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Area of the intersection from its vertices: corners inside the other box and crossings of sides, sorted by angle."""
    p, q = corners(a), corners(b)
    found = [*p[inside(p, b)], *q[inside(q, a)]]
    for i in range(4):
        for j in range(4):
            d, e = p[(i + 1) % 4] - p[i], q[(j + 1) % 4] - q[j]
            cross = d[0] * e[1] - d[1] * e[0]
            if abs(cross) > 1e-12:
                w = q[j] - p[i]
                t, u = (w[0] * e[1] - w[1] * e[0]) / cross, (w[0] * d[1] - w[1] * d[0]) / cross
                if 0 <= t <= 1 and 0 <= u <= 1:
                    found.append(p[i] + t * d)
    if len(found) < 3:
        return 0.0
    v = np.array(found) - np.mean(found, axis=0)
    v = v[np.argsort(np.arctan2(v[:, 1], v[:, 0]))]
    w = np.roll(v, -1, axis=0)
    return float(0.5 * np.sum(v[:, 0] * w[:, 1] - v[:, 1] * w[:, 0]))


@settings(max_examples=80, deadline=None)
@given(BOXES, BOXES)
def test_tables_agree_with_polygon_clipping(a: NDArray[np.float32], b: NDArray[np.float32]) -> None:
    flat = [0, 1, 3, 4, 6]
    bev, full = iou_bev(LIB, a[:, flat].copy(), b[:, flat].copy()), iou_3d(LIB, a, b)
    assert bev.shape == full.shape == (len(a), len(b))
    for i, p in enumerate(a.astype(float)):
        for j, q in enumerate(b.astype(float)):
            common = area_by_vertices(p, q)
            want = common / (p[3] * p[4] + q[3] * q[4] - common)
            assert bev[i, j] == pytest.approx(want, abs=1e-4)
            high = max(min(p[2] + p[5] / 2, q[2] + q[5] / 2) - max(p[2] - p[5] / 2, q[2] - q[5] / 2), 0.0)
            volume = common * high
            assert full[i, j] == pytest.approx(volume / (np.prod(p[3:6]) + np.prod(q[3:6]) - volume), abs=1e-4)


@settings(max_examples=80, deadline=None)
@given(BOX, YAW)
def test_same_box_symmetry_and_turning_the_world(box: tuple[float, ...], turn: float) -> None:
    a = np.array([box], np.float32)
    assert iou_3d(LIB, a, a)[0, 0] == pytest.approx(1.0, abs=1e-5)
    other = a + np.array([[0.7, -0.4, 0.2, 0.5, 0.0, 0.0, 0.3]], np.float32)
    there, back = iou_3d(LIB, a, other)[0, 0], iou_3d(LIB, other, a)[0, 0]
    assert there == pytest.approx(back, abs=1e-5)
    c, s = np.cos(turn), np.sin(turn)
    both = np.concatenate([a, other])
    both[:, :2] = both[:, :2] @ np.array([[c, s], [-s, c]], np.float32)
    both[:, 6] += np.float32(turn)
    assert iou_3d(LIB, both[:1], both[1:])[0, 0] == pytest.approx(there, abs=1e-4)


def test_known_overlaps() -> None:
    a = np.array([[0, 0, 2, 2, 0]], np.float32)
    b = np.array([[0, 0, 2, 2, np.pi / 4], [1, 0, 2, 2, 0], [2, 0, 2, 2, 0], [0, 0, 1, 1, 0.3]], np.float32)
    octagon = 8 * (np.sqrt(2) - 1)
    np.testing.assert_allclose(iou_bev(LIB, a, b)[0], [octagon / (8 - octagon), 1 / 3, 0.0, 0.25], atol=1e-6)


def test_far_from_the_origin_precision_holds() -> None:
    a = np.array([[8000.0, -8000.0, 4, 2, 0.2]], np.float32)
    assert iou_bev(LIB, a, a + np.float32([0, 0, 0, 0, 1e-4]))[0, 0] > 0.999


def test_boxes_without_size_or_with_nan_overlap_nothing() -> None:
    good = np.array([[0, 0, 0, 2, 2, 2, 0]], np.float32)
    bad = np.tile(good, (6, 1))
    bad[0, 3], bad[1, 4], bad[2, 6], bad[3, 0], bad[4, 5], bad[5, 6] = 0, -1, np.nan, np.nan, np.nan, np.inf
    assert not iou_3d(LIB, good, bad).any()
    assert not iou_3d(LIB, bad, good).any()
    with pytest.raises(ValueError, match=r"expected float32 \(n, 5\)"):
        iou_bev(LIB, good, good)
