"""The occupancy map over time: ageing, moving objects, scrolling."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy_perception.config import OccupancyConfig
from autonomy_perception.grid import WorldGrid
from autonomy_perception.occupancy.grid import OccupancyMap, ScanEvidence, to_autoware
from autonomy_perception.ops.footprint import footprint
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.types import N_CLASSES, Detections, PointLabel, Tracks

NO_TRACKS = Tracks.empty()
NOTHING = Detections.empty("odom")


def track_at(x: float, y: float, moving: bool = True) -> Tracks:
    f = np.float32
    return Tracks(
        np.zeros((1, 16), np.uint8), np.array([[x, y, 1]], f), np.array([[4, 2, 2]], f), np.zeros(1, f), np.array([[10, 0]], f),
        np.zeros((1, 2), f), np.zeros(1, f), np.tile(np.eye(6, dtype=f), (1, 1, 1)), np.full((1, N_CLASSES), 1 / N_CLASSES, f),
        np.ones(1, f), np.array([2], np.uint8), np.array([not moving]), np.ones(1, f), np.zeros(1, f), np.array([True]),
    )  # fmt: skip


def obstacle_at(x: float, y: float) -> ScanEvidence:
    xyz = np.array([[x, y, 1.0]] * 5, np.float32)
    return ScanEvidence(xyz, np.full(5, int(PointLabel.OBSTACLE), np.uint8), np.array([0, 0, 2], np.float32))


def cell(world: WorldGrid, wire: np.ndarray, x: float, y: float) -> int:
    ix, iy = world.bev.cells(np.array([[x, y]]))[0]
    return int(wire[iy, ix])


@pytest.fixture
def occupancy() -> OccupancyMap:
    return OccupancyMap(OccupancyConfig(), CpuLibrary())


def test_an_obstacle_is_published_and_ages_to_unknown(occupancy: OccupancyMap) -> None:
    for k in range(5):
        out = occupancy.update(
            [obstacle_at(10, 0)], np.zeros(3), (0.0, 0.0), (1 + k) * 100_000_000, None, NO_TRACKS, NOTHING
        )
    assert cell(out.grid, out.wire, 10, 0) >= 90
    assert cell(out.grid, out.wire, 20, 0) == -1
    aged = occupancy.age(100_000_000 * 5 + 60_000_000_000)
    assert aged is not None and cell(aged.grid, aged.wire, 10, 0) == -1


def test_a_moving_object_leaves_no_trail(occupancy: OccupancyMap) -> None:
    for k in range(10):
        x = 5.0 + k
        out = occupancy.update(
            [obstacle_at(x, 0)], np.zeros(3), (0.0, 0.0), (1 + k) * 100_000_000, None, track_at(x, 0), NOTHING
        )
        assert cell(out.grid, out.wire, x, 0) >= 90
        for behind in np.arange(2.0, x - 3.5, 0.5):
            assert cell(out.grid, out.wire, behind, 0) <= 50


def test_an_object_that_starts_to_move_clears_the_place_it_left(occupancy: OccupancyMap) -> None:
    for k in range(10):
        occupancy.update(
            [obstacle_at(10, 0)],
            np.zeros(3),
            (0.0, 0.0),
            (1 + k) * 100_000_000,
            None,
            track_at(10, 0, moving=False),
            NOTHING,
        )
    occupancy.update([obstacle_at(10.5, 0)], np.zeros(3), (0.0, 0.0), 1_200_000_000, None, track_at(10.5, 0), NOTHING)
    out = occupancy.update([obstacle_at(16, 0)], np.zeros(3), (0.0, 0.0), 1_300_000_000, None, track_at(16, 0), NOTHING)
    assert cell(out.grid, out.wire, 10, 0) <= 50
    assert cell(out.grid, out.wire, 16, 0) >= 90


def test_the_map_stays_in_odom_while_the_vehicle_moves(occupancy: OccupancyMap) -> None:
    for k in range(4):
        occupancy.update([obstacle_at(10, 3)], np.zeros(3), (0.0, 0.0), (1 + k) * 100_000_000, None, NO_TRACKS, NOTHING)
    empty = ScanEvidence(np.zeros((0, 3), np.float32), np.zeros(0, np.uint8), np.zeros(3, np.float32))
    out = occupancy.update([empty], np.array([10.0, 0, 0]), (17.3, -4.2), 500_000_000, None, NO_TRACKS, NOTHING)
    assert cell(out.grid, out.wire, 10, 3) >= 90


def test_lethal_terrain_is_occupied_even_when_its_ground_is_seen(occupancy: OccupancyMap) -> None:
    lethal = np.zeros((300, 300), np.float32)
    lethal[150, 170] = 1.0
    xyz = np.array([[10.25, 0.25, 0.0]], np.float32)
    ground = ScanEvidence(xyz, np.array([int(PointLabel.GROUND)], np.uint8), np.array([0, 0, 2], np.float32))
    out = occupancy.update([ground], np.zeros(3), (0.0, 0.0), 100_000_000, lethal, NO_TRACKS, NOTHING)
    assert cell(out.grid, out.wire, 10.25, 0.25) > 50


def full_ground() -> ScanEvidence:
    x, y = np.meshgrid(np.arange(2, 30, 0.25), np.arange(-10, 10, 0.25))
    xyz = np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], 1).astype(np.float32)
    return ScanEvidence(xyz, np.full(len(xyz), int(PointLabel.GROUND), np.uint8), np.array([0, 0, 2], np.float32))


def test_ground_under_an_object_is_never_free(occupancy: OccupancyMap) -> None:
    out = occupancy.update([full_ground()], np.zeros(3), (0.0, 0.0), 100_000_000, None, NO_TRACKS, NOTHING)
    assert 0 <= cell(out.grid, out.wire, 10.2, 0.2) < 50
    for moving in (True, False):
        out = occupancy.update(
            [full_ground()], np.zeros(3), (0.0, 0.0), 200_000_000, None, track_at(10, 0, moving), NOTHING
        )
        inside = [cell(out.grid, out.wire, x, y) for x in (8.75, 10.25, 11.75) for y in (-0.75, 0.25)]
        assert all(v == -1 or v >= 50 for v in inside)
        assert 0 <= cell(out.grid, out.wire, 15.2, 0.2) < 50


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(-12, 12), st.floats(-12, 12), st.floats(0.1, 15), st.floats(0.1, 4), st.floats(-7, 7)), max_size=5),
       st.floats(0, 1))  # fmt: skip
def test_footprint_equals_numpy(boxes: list[tuple[float, ...]], margin: float) -> None:
    world = WorldGrid(-20, -20, 40, 40, 0.5)
    b = np.array(boxes, np.float32).reshape(-1, 5)
    mask = footprint(CpuLibrary(), b[:, :2], b[:, 2:4], b[:, 4], world, margin)
    cx, cy = np.meshgrid(*world.bev.centers())
    inside, near = np.zeros(world.shape, bool), np.zeros(world.shape, bool)
    for x, y, length, width, yaw in b.astype(np.float64):
        u, v = np.cos(yaw) * (cx - x) + np.sin(yaw) * (cy - y), -np.sin(yaw) * (cx - x) + np.cos(yaw) * (cy - y)
        a, c = length / 2 + margin - np.abs(u), width / 2 + margin - np.abs(v)
        inside |= (a >= 0) & (c >= 0)
        near |= np.minimum(np.abs(a), np.abs(c)) < 1e-4
    assert np.array_equal(mask[~near].astype(bool), inside[~near])


def test_boxes_that_are_not_finite_cover_nothing() -> None:
    bad = np.array([[np.nan, 0.0], [0.0, 0.0]])
    mask = footprint(CpuLibrary(), bad, np.array([[1.0, 1], [np.inf, 1]]), np.zeros(2), WorldGrid(0, 0, 4, 4, 1.0))
    assert mask.sum() == 0


def test_autoware_encoding() -> None:
    assert to_autoware(np.array([-1, 0, 37, 100], np.int8)).tolist() == [50, 1, 37, 99]


@settings(max_examples=40)
@given(st.lists(st.integers(-150, 400), min_size=1, max_size=8), st.data())
def test_time_fades_once_whatever_the_order_of_ticks_and_late_frames(steps_ms: list[int], data: st.DataObject) -> None:
    """Evidence fades by the time since it came, not by the number of calls: a frame may be older than the last tick."""
    config = OccupancyConfig()
    occupancy, start = OccupancyMap(config, CpuLibrary()), 10_000_000_000
    occupancy.update([obstacle_at(10, 0)], np.zeros(3), (0.0, 0.0), start, None, NO_TRACKS, NOTHING)
    now = latest = start
    for step in steps_ms:
        now = max(now + step * 1_000_000, start)
        if data.draw(st.booleans()):
            out = occupancy.update([], np.zeros(3), (0.0, 0.0), now, None, NO_TRACKS, NOTHING)
        else:
            aged = occupancy.age(now)
            assert aged is not None
            out = aged
        latest = max(latest, now)
    ix, iy = out.grid.bev.cells(np.array([[10.0, 0.0]]))[0]
    expected = config.hit * 0.5 ** ((latest - start) * 1e-9 / config.half_life_s)
    assert abs(float(out.log_odds[iy, ix]) - expected) < 1e-4
