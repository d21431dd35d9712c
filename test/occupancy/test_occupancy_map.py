"""The occupancy map over time: ageing, moving objects, scrolling."""

from dataclasses import replace

import numpy as np
import pytest

from autonomy_perception.config import OccupancyConfig
from autonomy_perception.occupancy.grid import OccupancyMap, ScanEvidence, moving_mask, to_autoware
from autonomy_perception.grid import WorldGrid
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.types import N_CLASSES, PointLabel, Tracks

NO_TRACKS = Tracks.empty()


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
        out = occupancy.update([obstacle_at(10, 0)], np.zeros(3), (0.0, 0.0), (1 + k) * 100_000_000, None, NO_TRACKS)
    assert cell(out.grid, out.wire, 10, 0) >= 90
    assert cell(out.grid, out.wire, 20, 0) == -1
    aged = occupancy.age(100_000_000 * 5 + 60_000_000_000)
    assert aged is not None and cell(aged.grid, aged.wire, 10, 0) == -1


def test_a_moving_object_leaves_no_trail(occupancy: OccupancyMap) -> None:
    for k in range(10):
        x = 5.0 + k
        out = occupancy.update(
            [obstacle_at(x, 0)], np.zeros(3), (0.0, 0.0), (1 + k) * 100_000_000, None, track_at(x, 0)
        )
        assert cell(out.grid, out.wire, x, 0) >= 90
        for behind in np.arange(2.0, x - 3.5, 0.5):
            assert cell(out.grid, out.wire, behind, 0) <= 50


def test_an_object_that_starts_to_move_clears_the_place_it_left(occupancy: OccupancyMap) -> None:
    for k in range(10):
        occupancy.update(
            [obstacle_at(10, 0)], np.zeros(3), (0.0, 0.0), (1 + k) * 100_000_000, None, track_at(10, 0, moving=False)
        )
    occupancy.update([obstacle_at(10.5, 0)], np.zeros(3), (0.0, 0.0), 1_200_000_000, None, track_at(10.5, 0))
    out = occupancy.update([obstacle_at(16, 0)], np.zeros(3), (0.0, 0.0), 1_300_000_000, None, track_at(16, 0))
    assert cell(out.grid, out.wire, 10, 0) <= 50
    assert cell(out.grid, out.wire, 16, 0) >= 90


def test_the_map_stays_in_odom_while_the_vehicle_moves(occupancy: OccupancyMap) -> None:
    for k in range(4):
        occupancy.update([obstacle_at(10, 3)], np.zeros(3), (0.0, 0.0), (1 + k) * 100_000_000, None, NO_TRACKS)
    empty = ScanEvidence(np.zeros((0, 3), np.float32), np.zeros(0, np.uint8), np.zeros(3, np.float32))
    out = occupancy.update([empty], np.array([10.0, 0, 0]), (17.3, -4.2), 500_000_000, None, NO_TRACKS)
    assert cell(out.grid, out.wire, 10, 3) >= 90


def test_lethal_terrain_is_occupied_even_when_its_ground_is_seen(occupancy: OccupancyMap) -> None:
    lethal = np.zeros((300, 300), np.float32)
    lethal[150, 170] = 1.0
    xyz = np.array([[10.25, 0.25, 0.0]], np.float32)
    ground = ScanEvidence(xyz, np.array([int(PointLabel.GROUND)], np.uint8), np.array([0, 0, 2], np.float32))
    out = occupancy.update([ground], np.zeros(3), (0.0, 0.0), 100_000_000, lethal, NO_TRACKS)
    assert cell(out.grid, out.wire, 10.25, 0.25) > 50


def test_stationary_and_unconfirmed_tracks_are_not_masked() -> None:
    world = WorldGrid.around(0, 0, 40, 0.5)
    assert moving_mask(track_at(0, 0), world).sum() > 0
    assert moving_mask(track_at(0, 0, moving=False), world).sum() == 0
    assert moving_mask(replace(track_at(0, 0), confirmed=np.array([False])), world).sum() == 0
    assert moving_mask(track_at(500, 0), world).sum() == 0


def test_autoware_encoding() -> None:
    assert to_autoware(np.array([-1, 0, 37, 100], np.int8)).tolist() == [50, 1, 37, 99]
