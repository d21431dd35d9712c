"""Edges in range, from rays cast at exact shapes."""

import numpy as np
import pytest

from autonomy_perception.calibration.depth_edges import find_edges
from autonomy_perception.types import CameraModel, LidarScan, PointCloud

MODEL = CameraModel(1200, 400, np.array([[700.0, 0, 600], [0, 700.0, 200], [0, 0, 1]]), np.zeros(5))
ORIGIN = np.array([0.0, 0.0, 2.0])
T_CAMERA_BASE = np.array([[0.0, -1, 0, 0], [0, 0, -1, 2.0], [1, 0, 0, 0], [0, 0, 0, 1]])
BEAMS = np.deg2rad(np.linspace(-20, 2, 64))


def cast(box: tuple[float, float, float, float] | None, ring: bool = False) -> LidarScan:
    """A sweep over flat ground with an upright panel (distance, y from, y to, top [m]) before a wall at 40 m."""
    azimuth, elevation = np.meshgrid(np.deg2rad(np.arange(-50, 50, 0.2)), BEAMS)
    d = np.stack(
        [np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)], -1
    ).reshape(-1, 3)
    reach = 40.0 / d[:, 0]
    with np.errstate(divide="ignore"):
        reach = np.where(d[:, 2] < 0, np.minimum(reach, -2.0 / d[:, 2]), reach)
    if box is not None:
        x, low, high, top = box
        t = x / d[:, 0]
        hit = (t * d[:, 1] > low) & (t * d[:, 1] < high) & (2.0 + t * d[:, 2] < top) & (t < reach)
        reach = np.where(hit, t, reach)
    xyz = (ORIGIN + d * reach[:, None]).astype(np.float32)
    number = np.repeat(np.arange(64, dtype=np.uint16)[::-1], azimuth.shape[1])
    cloud = PointCloud(xyz, np.ones(len(xyz), np.float32), np.zeros(len(xyz), np.float32), number, "base_link", 0, ring)
    return LidarScan("top", cloud, ORIGIN.astype(np.float32), BEAMS.astype(np.float32))


@pytest.mark.parametrize("ring", [False, True])
def test_edges_of_a_panel_lie_on_its_border(ring):
    edges = find_edges(cast((12.0, -1.5, 2.0, 1.6), ring), T_CAMERA_BASE, MODEL)
    sides, tops = edges.upright, edges.lying
    panel_sides, panel_tops = sides[np.abs(sides[:, 0] - 12) < 0.2], tops[np.abs(tops[:, 0] - 12) < 0.2]
    assert len(panel_sides) >= 6 and len(panel_tops) >= 20
    off = np.minimum(np.abs(panel_sides[:, 1] + 1.5), np.abs(panel_sides[:, 1] - 2.0))
    assert off.max() < 12.5 * np.deg2rad(0.2)
    assert {-1.5, 2.0} == {min((-1.5, 2.0), key=lambda y: abs(y - p)) for p in panel_sides[:, 1]}
    assert np.abs(panel_tops[:, 2] - 1.6).max() < 12.5 * np.deg2rad(22 / 63)


def test_ground_and_wall_alone_have_no_edges():
    edges = find_edges(cast(None), T_CAMERA_BASE, MODEL)
    assert len(edges.upright) == 0 and len(edges.lying) == 0


def test_a_view_without_returns():
    behind = T_CAMERA_BASE.copy()
    behind[2, :3] *= -1
    behind[0, :3] *= -1
    edges = find_edges(cast((12.0, -1.5, 2.0, 1.6)), behind, MODEL)
    assert edges.upright.shape == edges.lying.shape == (0, 3)
