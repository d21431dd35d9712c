"""Extent, orientation, existence, classes, motion and sweep times, each alone."""

from __future__ import annotations

import uuid

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy_perception.config import TrackingConfig
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.tracking import classes, existence, extent, motion, orientation
from autonomy_perception.tracking.state import HISTORY, make_uuid
from autonomy_perception.tracking.sweep import Sweep
from autonomy_perception.types import N_CLASSES, LidarScan, ObjectClass, PointCloud

CONFIG = TrackingConfig()
AXES = extent.axes_of(np.zeros(1))


OLD = np.zeros(1, np.bool_)


def _located(center, extent_, size, complete, sensor, predicted, spread=0.2):  # type: ignore[no-untyped-def]
    side, _ = extent.view(np.array([center]), AXES, np.array([extent_]), np.asarray(sensor, float))
    out, doubt = extent.locate(
        np.array([predicted]), np.array([[spread]]), np.array([center]), AXES, np.array([extent_]), np.array([size]),
        np.array([complete]), side, CONFIG.extent,
    )  # fmt: skip
    return out[0], doubt[0]


def test_a_car_seen_from_behind_is_completed_away_from_the_sensor() -> None:
    # Rear face at x = 10, sensor at the origin: 0.4 m deep cluster of a 4.4 m car.
    place, _ = _located([10.2, 0.0], [0.4, 1.8], [4.4, 1.8], [0.0, 1.0], [0.0, 0.0], [12.0, 0.0])
    np.testing.assert_allclose(place, [12.2, 0.0], atol=0.05)


def test_a_hidden_near_end_does_not_push_a_known_truck_away() -> None:
    # An 8 m truck at x = 14 (10..18); something hides its near 5 m: only 15..18 is seen.
    place, _ = _located([16.5, 0.0], [3.0, 2.5], [8.0, 2.5], [1.0, 1.0], [0.0, 0.0], [14.0, 0.0])
    assert abs(place[0] - 14.0) < 0.3


def test_a_piece_of_a_long_vehicle_does_not_stop_it() -> None:
    """Of an oncoming truck never seen whole only a strip of its far half is seen: where that ends is not its front."""
    strip, size, unknown = [16.5, 0.0], [8.0, 2.5], [0.0, 1.0]
    place, doubt = _located(strip, [3.0, 2.5], size, unknown, [0.0, 0.0], [14.0, 0.0], spread=0.5)
    assert abs(place[0] - 14.0) < 0.1 and doubt[0] > 1.0, "its place says little"
    unsure, _ = _located(strip, [3.0, 2.5], size, unknown, [0.0, 0.0], [14.0, 0.0], spread=4.0)
    assert unsure[0] > 18.0, "without a prediction the visible end is all there is"


def test_size_is_a_robust_maximum() -> None:
    seen, complete, surplus = np.array([[4.0, 1.8]]), np.zeros((1, 2)), np.zeros((1, 2))
    for k in range(40):
        now = np.array([[4.5 if k % 2 else 3.2, 1.8]])
        seen, complete, surplus = extent.grow(seen, complete, surplus, now, np.ones((1, 2)), OLD, CONFIG.extent)
    assert 4.1 < seen[0, 0] < 4.6 and complete[0, 0] > 0.9
    merged = np.array([[9.0, 1.8]])
    before = seen[0, 0]
    for _ in range(CONFIG.extent.lasting_scans - 1):
        seen, complete, surplus = extent.grow(seen, complete, surplus, merged, np.ones((1, 2)), OLD, CONFIG.extent)
    assert seen[0, 0] == before, "two cars merged for a moment"
    for _ in range(8):
        seen, complete, surplus = extent.grow(seen, complete, surplus, merged, np.ones((1, 2)), OLD, CONFIG.extent)
    assert seen[0, 0] > 8.5, "it is that long after all"


def test_a_new_object_is_as_large_as_it_is_seen() -> None:
    """A car that comes out from behind something: half of it at first, then all of it."""
    start, zero = np.array([[2.0, 1.7]]), np.zeros((1, 2))
    whole = np.array([[4.3, 1.7]])
    assert extent.grow(start, zero, zero, whole, np.ones((1, 2)), ~OLD, CONFIG.extent)[0][0, 0] == pytest.approx(4.3)
    assert extent.grow(start, zero, zero, whole, np.ones((1, 2)), OLD, CONFIG.extent)[0][0, 0] < 3.0


def test_unseen_extent_is_not_whole() -> None:
    sure = extent.whole(np.array([[0.5**2, 0.01]]), np.array([0.08]), np.array([[0.9, 0.9]]), np.ones(1))
    assert sure[0, 0] == 0.0 and sure[0, 1] > 0.9
    edge_on = extent.whole(np.array([[0.01, 0.01]]), np.array([0.08]), np.array([[0.05, 0.9]]), np.ones(1))
    assert edge_on[0, 0] == 0.0
    assert extent.whole(np.array([[0.01, 0.01]]), np.array([0.08]), np.ones((1, 2)), np.zeros(1)).max() == 0.0


@settings(max_examples=60, deadline=None)
@given(st.floats(-10, 10), st.floats(-10, 10))
def test_fold_brings_within_45_degrees_and_tells_the_turns(measured: float, yaw: float) -> None:
    folded, turns = orientation.fold(np.array([measured]), np.array([yaw]))
    assert abs(folded[0] - yaw) <= np.pi / 4 + 1e-9
    off = (measured - folded[0] - 0.5 * np.pi * turns[0]) / (2 * np.pi)
    assert abs(off - round(off)) < 1e-6


def test_direction_of_travel_settles_the_front() -> None:
    belief = np.array([[0.0, -1.0, 0.0, -1.0]])
    yaw, velocity = np.array([np.pi]), np.array([[6.0, 0.0]])  # box points backwards
    assert orientation.availability(belief, np.ones(1, bool))[0] == orientation.SIGN_UNKNOWN
    for _ in range(5):
        belief = orientation.normalise(
            belief + orientation.motion_evidence(yaw, velocity, np.array([0.5]), np.array([True])),
            CONFIG.orientation,
        )
    assert orientation.best_turn(belief, CONFIG.orientation)[0] == 2
    still = orientation.motion_evidence(yaw, velocity, np.array([0.5]), np.array([False]))
    assert not still.any()


def test_a_long_side_must_be_the_length() -> None:
    long = orientation.axis_evidence(np.array([1]), np.array([4.2]), np.array([1.6]), np.ones(1), np.zeros(1, bool))
    assert long[0, 1] > 0.3 and long[0, 0] == 0.0
    rear = orientation.axis_evidence(np.array([1]), np.array([1.8]), np.array([0.4]), np.ones(1), np.zeros(1, bool))
    assert not rear.any()


def test_existence_rises_with_hits_and_falls_with_misses() -> None:
    r = existence.born(np.array([0.8]))
    for _ in range(3):
        r = existence.hit(r, np.array([0.8]), np.array([0.8]), CONFIG.existence)
    assert r[0] > 0.9
    hidden, seen = r, r
    for _ in range(10):
        hidden = existence.miss(hidden, np.array([0.9]), np.array([0.1]), CONFIG.existence)
        seen = existence.miss(seen, np.array([0.9]), np.array([1.0]), CONFIG.existence)
    assert hidden[0] > 0.8 and seen[0] < 0.35
    assert existence.survive(r, 20.0, CONFIG.existence)[0] < 0.4 * r[0]


def test_shadow() -> None:
    sensor = np.zeros(2)
    target = existence.bearings(np.array([[20.0, 0.0], [20.0, 20.0], [5.0, 0.0]]), np.full(3, 0.5), sensor)
    screen = existence.bearings(np.array([[10.0, 0.0]]), np.array([1.0]), sensor)
    share, touched = existence.shadowed(CpuLibrary(), target, screen)
    np.testing.assert_allclose(share, [1.0, 0.0, 0.0])
    assert touched.tolist() == [True, False, False]
    assert not existence.shadowed(CpuLibrary(), target, screen[:0])[0].any()


def test_class_needs_credit_and_a_size_that_fits() -> None:
    log = np.log(np.array([[0.1, 0.7, *[0.2 / (N_CLASSES - 2)] * (N_CLASSES - 2)]]))
    one, zero = np.ones((1, 2)), np.zeros(1)

    def unknown(road_user_log_odds: float, size: list[float], travel: float = 0.0) -> float:
        p = classes.posterior(
            CpuLibrary(),
            log,
            np.array([road_user_log_odds]),
            np.array([size]),
            one,
            np.array([1.5]),
            zero,
            np.array([travel]),
        )
        np.testing.assert_allclose(p.sum(), 1.0)
        return float(p[0, ObjectClass.UNKNOWN])

    assert unknown(2.0, [4.4, 1.8]) < 0.2 < 0.8 < unknown(-1.0, [4.4, 1.8])
    assert unknown(-1.0, [4.4, 1.8], travel=1.0) < 0.4
    assert unknown(1.0, [2.4, 2.4]) > unknown(1.0, [4.4, 1.8])


def _history(x: np.ndarray) -> np.ndarray:
    h = np.full((1, HISTORY, 5), np.nan)
    n = len(x)
    h[0, -n:, 0] = 0.1 * np.arange(n)
    h[0, -n:, 1:] = np.stack([x[:, 0], np.zeros(n), x[:, 1], np.ones(n)], 1)
    return h


def _starts(x: np.ndarray) -> bool:
    history = _history(x)
    moved = motion.displacement(CpuLibrary(), history, np.arange(len(history)), 2.4)
    probs = np.zeros((1, N_CLASSES))
    probs[0, ObjectClass.CAR] = 1.0
    return bool(motion.starts(moved, np.array([0.7]), probs, np.array([[4.4, 1.8]]), np.array([2.0]), CONFIG.motion)[0])


def test_motion_needs_both_bounds_and_many_steps() -> None:
    t = 0.1 * np.arange(12)
    assert _starts(np.stack([2.0 * t, 4.4 + 2.0 * t], 1))
    assert not _starts(np.stack([0.0 * t, 1.0 + 3.0 * t], 1)), "a growing outline is no motion"
    hop = np.where(np.arange(12) < 6, 0.0, 2.0)
    assert not _starts(np.stack([hop, 4.4 + hop], 1)), "one jump is re-association"
    jitter = np.random.default_rng(3).normal(0.0, 0.3, (12, 2))
    assert not _starts(jitter + np.array([0.0, 4.4]))
    assert not _starts(np.zeros((2, 2)))


def test_sweep_tells_when_a_bearing_was_seen() -> None:
    bearing = np.linspace(-np.pi, np.pi, 7200, endpoint=False) + 1e-4
    xyz = np.stack([10 * np.cos(bearing) + 2.0, 10 * np.sin(bearing), 0 * bearing], 1).astype(np.float32)
    time = (-0.1 * (bearing + np.pi) / (2 * np.pi)).astype(np.float32)
    cloud = PointCloud(xyz, 0 * time, time, np.zeros(len(time), np.uint16), "base_link", 0)
    sweep = Sweep.from_scans([LidarScan("top", cloud, np.array([2.0, 0.0, 1.0], np.float32))])
    ask = np.array([-1.0, 0.0, 2.5, 2.5 + 2 * np.pi])
    want = -0.1 * ((ask + np.pi) % (2 * np.pi)) / (2 * np.pi)
    np.testing.assert_allclose(sweep.look_up(ask), want, atol=4e-4)
    empty = PointCloud(xyz[:0], time[:0], time[:0], np.zeros(0, np.uint16), "base_link", 0)
    assert not Sweep.from_scans([LidarScan("top", empty, np.zeros(3, np.float32))]).offsets.any()


def test_identity_depends_on_seed_stamp_and_index_only() -> None:
    a = make_uuid(0, 10**18, 3)
    assert a.tobytes() == uuid.uuid5(uuid.UUID(int=0), f"{10**18}:3").bytes
    assert np.array_equal(a, make_uuid(0, 10**18, 3)) and a.shape == (16,)
    others = [make_uuid(1, 10**18, 3), make_uuid(0, 10**18 + 1, 3), make_uuid(0, 10**18, 4)]
    assert not any(np.array_equal(a, o) for o in others)
