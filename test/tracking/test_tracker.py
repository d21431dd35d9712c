"""The tracker as a whole, on single objects and hand-made situations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tracking.partial_views import PERIOD_NS, START_NS, bush, detections, together

from autonomy_perception.config import TrackingConfig
from autonomy_perception.geometry import make_transform, rotation_z, wrap_angle
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.tracking.tracker import Tracker
from autonomy_perception.types import Detections, ObjectClass, Tracks

CAR = (4.4, 1.8, 1.5)
HOME = np.eye(4)


def _feed(tracker: Tracker, scans: list[Detections], start: int = 0) -> list[Tracks]:
    return [tracker.step(d, START_NS + (start + k) * PERIOD_NS, HOME) for k, d in enumerate(scans)]


def _car(x: float, y: float = 8.0, yaw: float = 0.0, label: ObjectClass = ObjectClass.CAR) -> Detections:
    return detections(np.array([[x, y]]), np.array([CAR]), np.array([yaw]), [label])


def _only(tracks: Tracks) -> int:
    found = np.flatnonzero(tracks.confirmed)
    assert len(found) == 1, f"{len(found)} confirmed of {len(tracks)}"
    return int(found[0])


def test_a_moving_car() -> None:
    rng = np.random.default_rng(0)
    scans = [_car(5 + 1.2 * k + rng.normal(0, 0.05), yaw=np.pi * (k % 2) + rng.normal(0, 0.03)) for k in range(20)]
    out = _feed(Tracker(TrackingConfig(), CpuLibrary(), 0), scans)
    last, i = out[-1], _only(out[-1])
    assert len({o.uuid[_only(o)].tobytes() for o in out[3:]}) == 1
    assert not last.is_stationary[i] and last.orientation[i] == 2
    assert abs(wrap_angle(last.yaw[i])) < 0.1
    np.testing.assert_allclose(last.velocity[i], [12.0, 0.0], atol=0.5)
    np.testing.assert_allclose(last.center[i], [5 + 1.2 * 19, 8.0, 0.75], atol=0.2)
    np.testing.assert_allclose(last.size[i], CAR, atol=0.2)
    assert last.class_probs[i].argmax() == ObjectClass.CAR
    assert np.linalg.eigvalsh(last.covariance[i].astype(float)).min() > 0.0
    assert last.frame_id == "odom" and last.age_s[i] == pytest.approx(1.9, abs=1e-3)


def test_a_truck_whose_trailer_comes_into_view_keeps_its_speed() -> None:
    """It comes nearer at 14 m/s; for half a second its box ends 8 m farther back, so that this bound stands still."""
    scans = []
    for k in range(24):
        length = 16.7 if 12 <= k < 17 else 8.2
        near = 55.0 - 1.4 * k
        size = np.array([[length, 2.4, 3.4]])
        scans.append(detections(np.array([[near + 0.5 * length, 4.0]]), size, np.zeros(1), [ObjectClass.TRUCK]))
    out = _feed(Tracker(TrackingConfig(), CpuLibrary(), 0), scans)
    for tracks in out[8:]:
        i = _only(tracks)
        assert not tracks.is_stationary[i]
        assert np.hypot(*tracks.velocity[i]) > 10.0


def test_a_new_car_missed_at_first_is_not_published_at_rest() -> None:
    scans = [_car(20.0 + 1.2 * k) for k in range(9)]
    scans[1] = scans[2] = scans[3] = Detections.empty("odom")
    out = _feed(Tracker(TrackingConfig(), CpuLibrary(), 0), scans)
    speeds = [np.hypot(*t.velocity[i]) for t in out for i in np.flatnonzero(t.confirmed)]
    assert len(speeds) >= 3 and min(speeds) > 10.0


@pytest.mark.parametrize("broken", [-40.0, -0.01])
def test_a_network_box_whose_covariance_is_none_is_counted_and_spoils_nothing(broken: float) -> None:
    scans = [replace(_car(20.0 + 1.2 * k), source=np.ones(1, np.uint8)) for k in range(14)]
    for k in (8, 9):
        cov = scans[k].covariance.copy()
        cov[:, 0, 0] = cov[:, 1, 1] = broken
        cov[:, 0, 1] = cov[:, 1, 0] = -0.9 * broken
        scans[k] = replace(scans[k], covariance=cov)
    tracker = Tracker(TrackingConfig(), CpuLibrary(), 0)
    out = _feed(tracker, scans)
    assert tracker.refused == 2
    for tracks in out:
        assert np.isfinite(tracks.center).all() and np.isfinite(tracks.covariance).all()
        assert np.linalg.eigvalsh(tracks.covariance.astype(float)).min() > -1e-6
    i = _only(out[-1])
    np.testing.assert_allclose(out[-1].center[i, 0], 20.0 + 1.2 * 13, atol=0.3)
    assert out[9].since_update_s[_only(out[9])] == pytest.approx(0.2)  # it coasted


def test_a_parked_car_reports_no_speed_and_no_front() -> None:
    rng = np.random.default_rng(1)
    out = _feed(
        Tracker(TrackingConfig(), CpuLibrary(), 0),
        [_car(15 + rng.normal(0, 0.1), yaw=np.pi * (k % 2)) for k in range(30)],
    )
    for tracks in out[3:]:
        i = _only(tracks)
        assert tracks.is_stationary[i] and not tracks.velocity[i].any()
        assert tracks.orientation[i] == 1


def test_seen_from_behind_the_length_axis_points_away() -> None:
    # Only the rear face: 1.8 m across, 0.4 m deep, its unseen depth uncertain; then it drives off along x.
    scans = []
    for k in range(15):
        d = detections(
            np.array([[10.2 + 1.0 * k, 0.0]]),
            np.array([[1.8, 0.4, 1.5]]),
            np.array([np.pi / 2]),
            [ObjectClass.CAR],
            hidden=np.array([[0.1, 2.0]]),
        )
        scans.append(d)
    out = _feed(Tracker(TrackingConfig(), CpuLibrary(), 0), scans)
    i = _only(out[-1])
    assert abs(wrap_angle(out[-1].yaw[i])) < 0.15 and out[-1].orientation[i] == 2
    assert out[-1].size[i, 0] > 3.5 and abs(out[-1].size[i, 1] - 1.8) < 0.2
    assert abs(out[-1].center[i, 0] - (10.0 + 14.0 + 2.2)) < 0.5  # rear face at 10 m, half a car ahead of it
    assert abs(out[-1].velocity[i, 0] - 10.0) < 0.7


def test_flickering_bushes_never_move_and_are_not_published() -> None:
    rng = np.random.default_rng(2)
    tracker = Tracker(TrackingConfig(), CpuLibrary(), 0)
    places = [(float(x), float(y)) for x in (10, 20, 30) for y in (-12, -6, 6, 12)]
    out = _feed(tracker, [together(*(bush(p, rng) for p in places)) for _ in range(60)])
    assert sum(int(o.confirmed.sum()) for o in out) == 0
    assert sum(int((~o.is_stationary).sum()) for o in out) <= 5
    shown = _feed(
        Tracker(TrackingConfig(publish_unknown=True), CpuLibrary(), 0),
        [together(*(bush(p, rng) for p in places)) for _ in range(20)],
    )
    assert shown[-1].confirmed.sum() >= 8
    assert (shown[-1].class_probs[shown[-1].confirmed].argmax(1) == ObjectClass.UNKNOWN).all()


def test_a_wall_whose_visible_part_slides_along_does_not_move() -> None:
    scans = [
        detections(
            np.array([[10.0 + 1.0 * k, 6.0]]), np.array([[25.0, 0.3, 1.2]]), np.zeros(1), [ObjectClass.UNKNOWN], 0.3
        )
        for k in range(30)
    ]
    out = _feed(Tracker(TrackingConfig(), CpuLibrary(), 0), scans)
    assert all(not o.confirmed.any() and o.is_stationary.all() for o in out)


def test_tractor_and_trailer_split_and_merge_without_new_identity() -> None:
    tracker = Tracker(TrackingConfig(), CpuLibrary(), 0)
    names: list[bytes] = []
    for k in range(40):
        x = 10.0 + 0.8 * k
        if k % 8 < 5:
            d = detections(np.array([[x, 6.0]]), np.array([[16.0, 2.5, 3.5]]), np.zeros(1), [ObjectClass.TRAILER])
        else:
            d = detections(
                np.array([[x - 2.5, 6.0], [x + 6.0, 6.0]]), np.array([[11.0, 2.5, 3.5], [4.0, 2.5, 3.0]]), np.zeros(2),
                [ObjectClass.TRAILER, ObjectClass.TRUCK],
            )  # fmt: skip
        tracks = tracker.step(d, START_NS + k * PERIOD_NS, HOME)
        if k > 8:
            i = _only(tracks)
            names.append(tracks.uuid[i].tobytes())
            assert abs(tracks.velocity[i, 0] - 8.0) < 1.0
            assert abs(tracks.center[i, 0] - x) < 0.7
    assert len(set(names)) == 1


def test_growing_view_of_a_truck_is_no_speed() -> None:
    # A parked truck comes out from behind a house: its rear end stays, its visible front end moves on.
    tracker = Tracker(TrackingConfig(), CpuLibrary(), 0)
    for k in range(25):
        length = 2.5 + 0.25 * k
        d = detections(
            np.array([[20.0 + 0.5 * length, 7.0]]), np.array([[length, 2.5, 3.2]]), np.zeros(1), [ObjectClass.TRUCK]
        )
        tracks = tracker.step(d, START_NS + k * PERIOD_NS, HOME)
        assert tracks.is_stationary.all()


def test_two_cars_that_merge_for_a_moment_keep_their_identity() -> None:
    tracker = Tracker(TrackingConfig(), CpuLibrary(), 0)
    before: set[bytes] = set()
    for k in range(30):
        a, b = 10.0 + 0.5 * k, 10.0
        if 12 <= k <= 15:
            low, high = min(a, b) - 2.2, max(a, b) + 2.2
            d = detections(
                np.array([[0.5 * (low + high), 7.5]]),
                np.array([[high - low, 4.8, 1.5]]),
                np.zeros(1),
                [ObjectClass.UNKNOWN],
                0.4,
            )
        else:
            d = detections(np.array([[a, 9.0], [b, 6.0]]), np.array([CAR, CAR]), np.zeros(2), [ObjectClass.CAR] * 2)
        tracks = tracker.step(d, START_NS + k * PERIOD_NS, HOME)
        names = {tracks.uuid[i].tobytes() for i in np.flatnonzero(tracks.confirmed)}
        if k == 11:
            before = names
    assert len(before) == 2 and names == before


def test_same_input_same_output_bit_for_bit() -> None:
    rng = np.random.default_rng(4)
    scans = [together(_car(5 + k, yaw=rng.normal()), bush((20.0, -5.0), rng)) for k in range(15)]
    a, b = (
        _feed(Tracker(TrackingConfig(), CpuLibrary(), 7), scans),
        _feed(Tracker(TrackingConfig(), CpuLibrary(), 7), scans),
    )
    for x, y in zip(a, b, strict=True):
        for name, value in vars(x).items():
            assert np.array_equal(value, getattr(y, name)), name
    other = _feed(Tracker(TrackingConfig(), CpuLibrary(), 8), scans)
    assert not set(map(bytes, other[-1].uuid)) & set(map(bytes, a[-1].uuid))


def test_reset_begins_anew_with_the_same_names() -> None:
    tracker = Tracker(TrackingConfig(), CpuLibrary(), 3)
    first = _feed(tracker, [_car(5.0 + k) for k in range(5)])
    tracker.reset()
    assert np.array_equal(_feed(tracker, [_car(5.0 + k) for k in range(5)])[-1].uuid, first[-1].uuid)
    tracker.reset(4)
    assert not np.array_equal(_feed(tracker, [_car(5.0 + k) for k in range(5)])[-1].uuid, first[-1].uuid)


def test_no_detections_and_broken_detections() -> None:
    tracker = Tracker(TrackingConfig(), CpuLibrary(), 0)
    assert len(tracker.step(Detections.empty("odom"), START_NS, HOME)) == 0
    assert len(tracker.predict(START_NS)) == 0
    good = _car(10.0)
    bad = together(
        good,
        replace(good, center=np.full((1, 3), np.nan, np.float32)),
        replace(good, size=np.full((1, 3), np.inf, np.float32)),
    )
    assert len(tracker.step(bad, START_NS + PERIOD_NS, HOME)) == 1
    for k in range(2, 30):
        tracks = tracker.step(Detections.empty("odom"), START_NS + k * PERIOD_NS, HOME)
    assert len(tracks) == 0


def test_coasting_ends() -> None:
    config = TrackingConfig(max_coast_s=0.6)
    tracker = Tracker(config, CpuLibrary(), 0)
    out = _feed(tracker, [_car(5 + 1.0 * k) for k in range(10)])
    x = out[-1].center[_only(out[-1]), 0]
    blind = _feed(tracker, [Detections.empty("odom")] * 9, start=10)
    i = _only(blind[1])
    assert abs(blind[1].center[i, 0] - x - 2.0) < 0.3 and blind[1].since_update_s[i] == pytest.approx(0.2, abs=1e-3)
    assert blind[1].existence[i] < out[-1].existence[_only(out[-1])]
    assert len(blind[-1]) == 0


def test_predict_moves_and_fades_but_keeps_the_state() -> None:
    tracker = Tracker(TrackingConfig(), CpuLibrary(), 0)
    now = _feed(tracker, [_car(5 + 1.0 * k) for k in range(10)])[-1]
    stamp = START_NS + 9 * PERIOD_NS
    later = tracker.predict(stamp + 3 * PERIOD_NS)
    i, j = _only(now), _only(later)
    assert abs(later.center[j, 0] - now.center[i, 0] - 3.0) < 0.3
    assert later.existence[j] < now.existence[i] and later.covariance[j, 0, 0] > now.covariance[i, 0, 0]
    assert later.age_s[j] == pytest.approx(1.2, abs=1e-3)
    assert np.array_equal(tracker.predict(stamp + 3 * PERIOD_NS).center, later.center)
    assert len(tracker.predict(stamp + 12 * PERIOD_NS)) == 0
    np.testing.assert_allclose(tracker.predict(stamp).center, now.center, atol=1e-6)


def test_more_than_max_tracks() -> None:
    tracker = Tracker(TrackingConfig(max_tracks=20), CpuLibrary(), 0)
    xy = np.stack(np.meshgrid(np.arange(7) * 10.0, np.arange(7) * 10.0), -1).reshape(-1, 2)
    d = detections(xy, np.tile(CAR, (49, 1)), np.zeros(49), [ObjectClass.CAR] * 49)
    first = tracker.step(d, START_NS, HOME)
    assert len(first) == 20
    assert np.array_equal(tracker.step(d, START_NS + PERIOD_NS, HOME).uuid, first.uuid)


def test_another_frame_or_a_stamp_from_the_past_begins_anew() -> None:
    tracker = Tracker(TrackingConfig(), CpuLibrary(), 0)
    old = _feed(tracker, [_car(5.0 + k) for k in range(5)])[-1]
    back = tracker.step(_car(9.0), START_NS, HOME)
    assert back.age_s.max() == 0.0
    base = tracker.step(replace(_car(9.0), frame_id="base_link"), START_NS + PERIOD_NS, HOME)
    assert base.frame_id == "base_link" and base.age_s.max() == 0.0
    assert len(old) == 1


def test_measured_velocity_is_used() -> None:
    d = replace(_car(10.0), velocity=np.array([[9.0, 0.0]], np.float32), yaw_known=np.array([True]))
    tracker = Tracker(TrackingConfig(), CpuLibrary(), 0)
    tracker.step(d, START_NS, HOME)
    moved = replace(_car(10.9), velocity=d.velocity, yaw_known=d.yaw_known)
    tracks = tracker.step(moved, START_NS + PERIOD_NS, HOME)
    assert len(tracks) == 1 and abs(tracks.velocity[0, 0] - 9.0) < 1.5
    assert not tracks.is_stationary[0]


def test_result_does_not_depend_on_where_odom_begins() -> None:
    T = make_transform(rotation_z(1.0), (300.0, -200.0, 5.0))
    scans = [_car(8.0 + 0.9 * k, yaw=0.02 * (k % 3)) for k in range(12)]
    here = _feed(Tracker(TrackingConfig(), CpuLibrary(), 0), scans)[-1]
    moved = [
        replace(
            d,
            center=(d.center @ T[:3, :3].T + T[:3, 3]).astype(np.float32),
            yaw=(d.yaw + 1.0).astype(np.float32),
            covariance=_turned(d.covariance, T),
        )
        for d in scans
    ]
    tracker = Tracker(TrackingConfig(), CpuLibrary(), 0)
    for k, d in enumerate(moved):
        there = tracker.step(d, START_NS + k * PERIOD_NS, T)
    np.testing.assert_allclose((there.center - T[:3, 3]) @ T[:3, :3], here.center, atol=2e-3)
    np.testing.assert_allclose(there.velocity @ T[:2, :2], here.velocity, atol=5e-3)


def _turned(covariance: np.ndarray, T: np.ndarray) -> np.ndarray:
    out = covariance.copy()
    out[:, :3, :3] = T[:3, :3] @ covariance[:, :3, :3] @ T[:3, :3].T
    return out
