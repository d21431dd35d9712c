"""L-shape fit on vehicles of known pose."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from autonomy_perception.ops.cluster import ClusterIds, Feature, Workspace, fit_boxes
from autonomy_perception.ops.library import CpuLibrary

WORK = Workspace(CpuLibrary())


def as_clusters(parts: list[NDArray[np.float64]]) -> ClusterIds:
    """Clusters whose points (N,4) are x, y, z, height."""
    counts = [len(p) for p in parts]
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    grouped = np.ascontiguousarray(np.concatenate(parts), np.float32)
    return ClusterIds(
        np.repeat(np.arange(len(parts)), counts),
        np.zeros(len(parts), np.uint8),
        np.arange(len(grouped)),
        offsets,
        grouped,
    )


def fit(parts: list[NDArray[np.float64]], origin: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> NDArray[np.float32]:
    return np.array(fit_boxes(WORK, as_clusters(parts), np.array(origin, np.float32), 22.0))


def two_faces(
    x: float, y: float, yaw: float, length: float, width: float, seed: int, spacing: float = 0.08
) -> NDArray[np.float64]:
    """Points on the faces of a box that the origin sees, 2 cm noise, at 4 heights."""
    rng, c, s = np.random.default_rng(seed), np.cos(yaw), np.sin(yaw)
    u0, v0 = -(c * x + s * y), s * x - c * y  # the lidar in the frame of the box
    parts = []
    if abs(u0) > length / 2:
        v = np.arange(-width / 2, width / 2 + 1e-9, spacing)
        parts.append(np.column_stack([np.full(len(v), np.sign(u0) * length / 2), v]))
    if abs(v0) > width / 2:
        u = np.arange(-length / 2, length / 2 + 1e-9, spacing)
        parts.append(np.column_stack([u, np.full(len(u), np.sign(v0) * width / 2)]))
    local = np.tile(np.concatenate(parts), (4, 1))
    local = local + rng.normal(0, 0.02, local.shape)
    height = np.repeat([0.4, 0.7, 1.0, 1.3], len(local) // 4)
    xy = np.column_stack([x + c * local[:, 0] - s * local[:, 1], y + s * local[:, 0] + c * local[:, 1]])
    return np.column_stack([xy, height - 1.7, height])


def line_angle(a: float, b: float) -> float:
    """Angle [deg] between two lines without direction."""
    return float(np.degrees(abs((a - b + np.pi / 2) % np.pi - np.pi / 2)))


@settings(max_examples=80, deadline=None)
@given(st.floats(-180, 180), st.floats(0, 180), st.floats(6, 40), st.integers(0, 1000))
def test_yaw_and_centre_of_two_visible_faces(bearing: float, relative: float, distance: float, seed: int) -> None:
    bearing, yaw = np.radians(bearing), np.radians(bearing + relative)
    ahead, aside = distance * abs(np.cos(yaw - bearing)), distance * abs(np.sin(yaw - bearing))
    assume(ahead > 2.25 + 0.1 * distance and aside > 0.9 + 0.1 * distance)  # both faces are in view
    x, y = distance * np.cos(bearing), distance * np.sin(bearing)
    row = fit([two_faces(x, y, yaw, 4.5, 1.8, seed)])[0]
    assert line_angle(row[Feature.YAW], yaw) < 2.0
    assert np.hypot(row[Feature.X] - x, row[Feature.Y] - y) < 0.12
    assert abs(row[Feature.LENGTH] - 4.5) < 0.2 and abs(row[Feature.WIDTH] - 1.8) < 0.2
    assert row[Feature.EDGE_SHARE] > 0.95 and row[Feature.EDGE_RMS] < 0.08


@pytest.mark.parametrize("length, width", [(4.3, 1.8), (12.0, 2.5), (18.0, 2.6)])
def test_stray_returns_do_not_turn_the_box(length: float, width: float) -> None:
    car = two_faces(12.0, 9.0, 0.3, length, width, 1)
    stray = car[[0, 30]] - [0.3, 0.4, 0.0, 0.0]  # a mirror, a drop of rain
    row = fit([np.concatenate([car, stray])])[0]
    assert line_angle(row[Feature.YAW], 0.3) < 2.0
    assert abs(row[Feature.WIDTH] - width) < 0.45


def test_heights_ground_and_range() -> None:
    row = fit([two_faces(10.0, 3.0, 0.0, 4.0, 2.0, 0)])[0]
    assert row[Feature.HEIGHT_MIN] == pytest.approx(0.4) and row[Feature.HEIGHT_MAX] == pytest.approx(1.3)
    assert row[Feature.Z_MIN] == pytest.approx(-1.3) and row[Feature.GROUND] == pytest.approx(-1.7, abs=1e-5)
    assert row[Feature.RANGE] == pytest.approx(np.hypot(8.0, 2.0), abs=0.1)


def test_unknown_heights_one_point_and_points_in_one_place() -> None:
    unknown = two_faces(10.0, 3.0, 0.0, 4.0, 2.0, 0)
    unknown[:, 3] = np.nan
    table = fit([unknown, np.array([[5.0, 1.0, 0.2, 0.9]]), np.tile([[5.0, 1.0, 0.2, 0.9]], (9, 1))])
    assert np.isnan(table[0, Feature.HEIGHT_MIN]) and table[0, Feature.GROUND] == table[0, Feature.Z_MIN]
    assert table[0, Feature.LENGTH] == pytest.approx(4.0, abs=0.15)
    assert np.isfinite(table[1:]).all()
    np.testing.assert_allclose(
        table[1:, [Feature.X, Feature.Y, Feature.LENGTH, Feature.WIDTH]], [[5, 1, 0, 0]] * 2, atol=1e-5
    )


def test_longer_than_the_limit_keeps_its_axis_parallel_box() -> None:
    wall = np.column_stack([np.arange(-20, 20, 0.1), np.full(400, 8.0), np.zeros(400), np.ones(400)])
    row = fit([wall])[0]
    assert (
        row[Feature.LENGTH] == pytest.approx(39.9, abs=0.01) and row[Feature.WIDTH] == 0.0 and row[Feature.YAW] == 0.0
    )


def test_is_deterministic() -> None:
    parts = [two_faces(8.0 + k, 3.0 - k, 0.2 * k, 4.5, 1.8, k) for k in range(20)]
    np.testing.assert_array_equal(fit(parts), fit(parts))
    np.testing.assert_array_equal(fit(parts)[7], fit(parts[7:8])[0])
