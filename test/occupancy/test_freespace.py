"""The free-space kernel against a plain NumPy reading of the same rules."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from autonomy_perception.grid import WorldGrid
from autonomy_perception.ops.freespace import N_AZIMUTH, Evidence, Fusion, free_space, update_log_odds
from autonomy_perception.ops.library import CpuLibrary, KernelError
from autonomy_perception.types import PointLabel

WORLD = WorldGrid(-60, -60, 120, 120, 0.5)
ORIGIN = np.array([0.0, 0.0, 2.0], np.float32)
G, L, OBS = int(PointLabel.GROUND), int(PointLabel.LOW), int(PointLabel.OBSTACLE)


def evidence(xyz: NDArray[np.float32], label: NDArray[np.uint8]) -> Evidence:
    seen = Evidence.none(CpuLibrary(), WORLD.shape)
    free_space(CpuLibrary(), xyz, label, ORIGIN, np.zeros(3), WORLD, seen, 40.0)
    return seen


def run(xyz: NDArray[np.float32], label: NDArray[np.uint8]) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    seen = evidence(xyz, label)
    return seen.hits, seen.free


def ground_rays(
    ranges: NDArray[np.float64], azimuth: float, z: NDArray[np.float64] | float = 0.0
) -> NDArray[np.float32]:
    z = np.broadcast_to(z, ranges.shape)
    return np.stack([ranges * np.cos(azimuth), ranges * np.sin(azimuth), z], 1).astype(np.float32)


def beam_ranges(first: float = 3.0, step_deg: float = 0.4, n: int = 90) -> NDArray[np.float64]:
    """Where the beams of a lidar 2 m above level ground meet it."""
    elevation = np.arctan2(2.0, first) - np.radians(step_deg) * np.arange(n)
    return np.asarray(2.0 / np.tan(elevation[elevation > 0.03]))


def full_scan(ranges: NDArray[np.float64]) -> NDArray[np.float32]:
    azimuth = (np.arange(N_AZIMUTH) + 0.5) * 2 * np.pi / N_AZIMUTH - np.pi
    return np.concatenate([ground_rays(ranges, a) for a in azimuth])


def free_along_x(free: NDArray[np.uint8], x: float) -> int:
    cell = WORLD.bev.cells(np.array([[x, 0.01]]))[0]
    return int(free[cell[1], cell[0]])


def test_level_ground_is_free_between_its_beams_and_unknown_beyond() -> None:
    xyz = full_scan(beam_ranges())
    _, free = run(xyz, np.full(len(xyz), G, np.uint8))
    ranges = beam_ranges()
    reach = float(ranges[:-1][np.diff(ranges) < 2.0].max())  # where beams are 2 m apart a ditch could hide
    assert 20.0 < reach < 30.0
    assert all(free_along_x(free, x) == 2 for x in np.arange(3.5, reach - 0.5, 0.5))
    assert (
        free_along_x(free, 1.0) == 0
        and np.mean([free_along_x(free, x) == 0 for x in np.arange(reach + 2, 29.9, 0.5)]) > 0.5
    )


def test_the_order_of_the_points_does_not_matter() -> None:
    """Beams from near to far, from far to near, and, as of several lidars in one cloud, in any order."""
    xyz = full_scan(beam_ranges())
    xyz[::7, 2] = 1.0
    label = np.where(xyz[:, 2] > 0.5, OBS, G).astype(np.uint8)
    expected = evidence(xyz, label)
    assert expected.free.any() and expected.shadow.any()
    for order in (np.arange(len(xyz))[::-1], np.random.default_rng(3).permutation(len(xyz))):
        found = evidence(np.ascontiguousarray(xyz[order]), label[order])
        for name in ("hits", "free", "shadow"):
            np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


def test_a_gap_wider_than_the_beams_explain_is_not_free() -> None:
    ranges = beam_ranges()
    hole = (ranges > 8.0) & (ranges < 10.5)  # a ditch swallowed these returns
    xyz = full_scan(ranges[~hole])
    _, free = run(xyz, np.full(len(xyz), G, np.uint8))
    assert free_along_x(free, 9.25) == 0
    assert free_along_x(free, 7.25) == 2 and free_along_x(free, 12.25) == 2


def test_nothing_is_free_behind_an_obstacle_or_across_it() -> None:
    xyz = full_scan(beam_ranges())
    label = np.full(len(xyz), G, np.uint8)
    r = np.hypot(xyz[:, 0], xyz[:, 1])
    label[(r > 8.0) & (r < 9.0)] = OBS
    hits, free = run(xyz, label)
    assert free_along_x(free, 8.75) == 0
    assert hits.sum() == np.count_nonzero((label == OBS) & WORLD.bev.inside(WORLD.bev.cells(xyz[:, :2])))


def test_the_ground_behind_an_obstacle_is_hidden_until_a_return_shows_it() -> None:
    ranges = beam_ranges()
    xyz = full_scan(ranges[(ranges < 8.0) | (ranges > 12.0)])
    wall = full_scan(np.array([8.0]))
    label = np.r_[np.full(len(xyz), G, np.uint8), np.full(len(wall), OBS, np.uint8)]
    shadow = evidence(np.concatenate([xyz, wall]), label).shadow
    assert [free_along_x(shadow, x) for x in (6.25, 7.25, 8.75, 9.75, 10.75, 11.75)] == [0, 0, 1, 1, 1, 0]


def test_low_returns_count_as_weak_free() -> None:
    xyz = full_scan(beam_ranges())
    _, free = run(xyz, np.full(len(xyz), L, np.uint8))
    assert free_along_x(free, 6.0) == 1


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 200), st.integers(0, 2**31 - 1))
def test_point_evidence_equals_numpy(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    xyz = rng.uniform(-40, 40, (n, 3)).astype(np.float32)
    border = rng.random(n) < 0.2
    xyz[border] = np.round(xyz[border] * 2) / 2
    xyz[rng.random(n) < 0.05] = np.nan
    label = rng.integers(0, 5, n).astype(np.uint8)
    hits, free = run(xyz, label)
    expected = np.zeros(WORLD.shape, np.int32)
    finite = np.isfinite(xyz).all(1)
    cells = WORLD.bev.cells(np.where(finite[:, None], xyz, 1e6)[:, :2])
    use = finite & WORLD.bev.inside(cells) & (label == OBS)
    np.add.at(expected, (cells[use, 1], cells[use, 0]), 1)
    assert np.array_equal(hits, expected)
    near = finite & WORLD.bev.inside(cells) & (np.hypot(xyz[:, 0], xyz[:, 1]) < 39.9)
    for value, kind in ((2, G), (1, L)):
        for iy, ix in zip(*cells[near & (label == kind)][:, ::-1].T, strict=True):
            assert free[iy, ix] >= value
    again = run(xyz, label)
    assert np.array_equal(hits, again[0]) and np.array_equal(free, again[1])


def test_log_odds_fade_add_clamp_and_wire() -> None:
    value = np.array([0.0, 2.0, -1.0, 0.0, 0.1, 0.0, 0.0], np.float32)
    hits = np.array([2, 0, 0, 1, 0, 0, 5], np.int32)
    free = np.array([2, 0, 2, 0, 0, 1, 0], np.uint8)
    lethal = np.array([0, 0, 0, 0, 0, 0.5, 1.0], np.float32)
    wire = np.empty(7, np.int8)
    fusion = Fusion(fade=0.5, fade_free=0.25, hit=1.0, miss=0.4, clamp=0.95, clamp_free=0.6)
    update_log_odds(CpuLibrary(), *(a[None] for a in (value, hits, free, lethal, wire)), fusion)
    expected = np.array([0.95, 0.95, -0.6, 0.6, 0.05, 0.5, 0.95], np.float32)
    assert np.allclose(value, expected, atol=1e-6)
    p = 100 / (1 + np.exp(-expected))
    assert wire.tolist() == [-1 if abs(v) < 0.2 else int(np.floor(q + 0.5)) for v, q in zip(expected, p, strict=True)]


def test_wrong_sizes_are_refused() -> None:
    seen = Evidence.none(CpuLibrary(), WORLD.shape)
    points, label = np.zeros((4, 3), np.float32), np.zeros(3, np.uint8)
    with pytest.raises(
        KernelError, match=r"ap_freespace: label is uint8 \(3,\), expected uint8 \(n\) = \(4,\) with n by xyz"
    ):
        free_space(CpuLibrary(), points, label, ORIGIN, np.zeros(3), WORLD, seen, 40.0)
