"""Objects through messages of both families and back: nothing is lost but what the messages have no place for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from messages.families import STAMP, detections, families, spreads, tracks

from autonomy_perception import geometry
from autonomy_perception.bags.classes import STORE
from autonomy_perception.messages import objects
from autonomy_perception.messages.classification import MIN_PROBABILITY
from autonomy_perception.messages.fields import Pool
from autonomy_perception.messages.parts import stamp_ns
from autonomy_perception.types import N_CLASSES, Detections, Tracks

EXACT = ("center", "size", "existence")


def told(probs: np.ndarray) -> np.ndarray:
    """What a message says of class distributions: the likely ones, scaled to sum to 1."""
    likely = np.where(probs >= MIN_PROBABILITY, probs, 0.0)
    return likely / likely.sum(axis=1, keepdims=True)


def angle_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.abs(geometry.wrap_angle(a.astype(np.float64) - b))


@given(tracks())
@settings(max_examples=40, deadline=None)
def test_tracks_come_back_from_either_family(sent: Tracks) -> None:
    """The covariance between pose and velocity has no place in the message; tentative tracks are not sent."""
    kept, bytes_of = objects.chosen(sent, sent.confirmed), set()
    for family in families():
        data = family.wire(objects.tracked_objects(Pool(family.classes), sent, STAMP), objects.TRACKED.msgtype)
        message = family.back(data, objects.TRACKED.msgtype)
        bytes_of.add(data)
        got, refused = objects.tracks_of(message)
        assert refused == () and (got.frame_id, stamp_ns(message.header.stamp)) == ("odom", STAMP)
        for name in (
            *EXACT,
            "uuid",
            "yaw_rate",
            "orientation",
            "is_stationary",
            "age_s",
            "since_update_s",
            "confirmed",
        ):
            np.testing.assert_array_equal(getattr(got, name), getattr(kept, name), name)
            assert getattr(got, name).dtype == getattr(kept, name).dtype
        assert np.all(angle_between(got.yaw, kept.yaw) < 1e-6)
        np.testing.assert_allclose(got.velocity, kept.velocity, atol=2e-5)
        np.testing.assert_allclose(got.acceleration, kept.acceleration, atol=2e-5)
        np.testing.assert_array_equal(got.covariance[:, :4, :4], kept.covariance[:, :4, :4])
        np.testing.assert_allclose(got.covariance[:, 4:, 4:], kept.covariance[:, 4:, 4:], atol=1e-4)
        assert not got.covariance[:, :4, 4:].any() and not got.covariance[:, 4:, :4].any()
        np.testing.assert_allclose(got.class_probs, told(kept.class_probs), atol=1e-6)
        again = objects.recorded_tracks(message)
        np.testing.assert_array_equal(again.covariance, got.covariance)
    assert len(bytes_of) == 1, "both families say the same on the wire"


@given(detections())
@settings(max_examples=40, deadline=None)
def test_detections_come_back_from_either_family(sent: Detections) -> None:
    bytes_of = set()
    for family in families():
        data = family.wire(objects.detected_objects(Pool(family.classes), sent, STAMP), objects.DETECTED.msgtype)
        message = family.back(data, objects.DETECTED.msgtype)
        bytes_of.add(data)
        got, refused = objects.detections_of(message)
        assert refused == () and (got.frame_id, stamp_ns(message.header.stamp)) == ("lidar", STAMP)
        for name in (*EXACT, "covariance", "points", "yaw_known", "source"):
            np.testing.assert_array_equal(getattr(got, name), getattr(sent, name), name)
            assert getattr(got, name).dtype == getattr(sent, name).dtype
        assert np.all(angle_between(got.yaw, sent.yaw) < 1e-6)
        np.testing.assert_allclose(got.velocity, sent.velocity, atol=2e-5)
        np.testing.assert_allclose(got.class_probs, told(sent.class_probs), atol=1e-6)
    assert len(bytes_of) == 1, "both families say the same on the wire"


@given(st.lists(st.one_of(tracks(), detections()), min_size=2, max_size=5))
@settings(max_examples=20, deadline=None)
def test_a_used_pool_gives_the_same_messages_as_a_fresh_one(sent: list[Tracks | Detections]) -> None:
    for family in families():
        pool = Pool(family.classes)
        for one in sent:
            kind = objects.TRACKED if isinstance(one, Tracks) else objects.DETECTED
            send = objects.tracked_objects if isinstance(one, Tracks) else objects.detected_objects
            used, fresh = (family.wire(send(p, one, STAMP), kind.msgtype) for p in (pool, Pool(family.classes)))
            assert used == fresh


@given(spreads(1, 4), st.floats(-3, 3), st.floats(-50, 50), st.floats(-3, 3))
@settings(max_examples=40, deadline=None)
def test_a_change_of_frame_of_a_message_is_T_C_Tt(spread: np.ndarray, yaw: float, x: float, heading: float) -> None:
    """6x6 on the wire: a turn R of the frame makes C to diag(R, R) C diag(R, R)^T."""
    one = replace(some_detections(), covariance=spread, yaw=np.array([heading], np.float32))
    T = geometry.make_transform(geometry.rotation_z(yaw), (x, 2.0, -1.0))
    before = objects.detected_objects(Pool(STORE), one, STAMP)
    after = objects.detected_objects(Pool(STORE), objects.detections_of(before)[0].moved(T, "base_link"), STAMP)
    a, b = (message.objects[0].kinematics.pose_with_covariance for message in (before, after))
    turn = np.kron(np.eye(2), T[:3, :3])
    want = turn @ np.reshape(a.covariance, (6, 6)) @ turn.T
    np.testing.assert_allclose(np.reshape(b.covariance, (6, 6)), want, atol=1e-3)
    moved = T @ [a.pose.position.x, a.pose.position.y, a.pose.position.z, 1.0]
    np.testing.assert_allclose([b.pose.position.x, b.pose.position.y, b.pose.position.z], moved[:3], atol=1e-3)
    assert after.header.frame_id == "base_link"


def test_a_quarter_turn_exchanges_the_variances_of_x_and_y() -> None:
    one = replace(some_detections(), covariance=np.diag([4.0, 0.01, 1.0, 0.1]).astype(np.float32)[None])
    message = objects.detected_objects(Pool(STORE), one, STAMP)
    quarter = geometry.make_transform(geometry.rotation_z(np.pi / 2))
    got = objects.detections_of(message)[0].moved(quarter, "base_link")
    np.testing.assert_allclose(np.diagonal(got.covariance[0]), [0.01, 4.0, 1.0, 0.1], atol=1e-6)


def test_covariances_lie_where_ros_has_them() -> None:
    """Pose: row-major over x y z roll pitch yaw, frame axes. Twist: the same order, object axes."""
    ours = np.zeros((1, 6, 6), np.float32)
    ours[0, :4, :4] = [[1, 0.1, 0.2, 0.3], [0.1, 2, 0.4, 0.5], [0.2, 0.4, 3, 0.6], [0.3, 0.5, 0.6, 4]]
    ours[0, 4:, 4:] = [[5, 0.7], [0.7, 6]]
    sent = replace(some_tracks(), covariance=ours, yaw=np.array([np.pi / 2], np.float32))
    motion = objects.tracked_objects(Pool(STORE), sent, STAMP).objects[0].kinematics
    want = np.zeros((6, 6))
    want[:3, :3], want[5, 5] = ours[0, :3, :3], 4
    want[:3, 5] = want[5, :3] = [0.3, 0.5, 0.6]
    np.testing.assert_allclose(np.reshape(motion.pose_with_covariance.covariance, (6, 6)), want, atol=1e-6)
    along = np.reshape(motion.twist_with_covariance.covariance, (6, 6))
    np.testing.assert_allclose(along[:2, :2], [[6, -0.7], [-0.7, 5]], atol=1e-5)
    assert np.count_nonzero(np.abs(along) > 1e-5) == 4


def test_twist_and_acceleration_are_in_the_objects_axes_over_ground() -> None:
    sent = replace(
        some_tracks(), yaw=np.array([np.pi / 2], np.float32), velocity=np.array([[0.0, 8.0]], np.float32),
        acceleration=np.array([[1.0, 0.0]], np.float32),
    )  # fmt: skip
    motion = objects.tracked_objects(Pool(STORE), sent, STAMP).objects[0].kinematics
    speed, push = motion.twist_with_covariance.twist.linear, motion.acceleration_with_covariance.accel.linear
    assert (speed.x, speed.y, push.x, push.y) == pytest.approx((8.0, 0.0, 0.0, -1.0), abs=1e-6)


def test_classes_are_sorted_and_a_row_without_mass_is_unknown() -> None:
    probs = np.zeros((2, N_CLASSES), np.float32)
    probs[0, [2, 4, 5]] = 0.3, 0.69, 0.005
    two = objects.chosen(some_tracks(), np.array([0, 0]))
    sent = replace(two, class_probs=probs)
    rows = [
        [(c.label, c.probability) for c in item.classification]
        for item in objects.tracked_objects(Pool(STORE), sent, STAMP).objects
    ]
    assert rows == [[(4, pytest.approx(0.69 / 0.99)), (2, pytest.approx(0.3 / 0.99))], [(0, 1.0)]]


def test_what_is_not_labelled_stays_unknown_in_a_recording() -> None:
    from autonomy_perception.bags import messages as m
    from autonomy_perception.types import ObjectClass

    T = geometry.make_transform(geometry.rotation_z(0.4), (3, 4, 5))
    labels = [
        m.TruthObject("a", ObjectClass.BUS, T, (9, 2.5, 3)),
        m.TruthObject("b", ObjectClass.CAR, T, (4, 2, 1), (1, 2)),
    ]
    message = m.truth("base_link", STAMP, labels)
    got = objects.recorded_tracks(message)
    assert np.isnan(got.covariance[0, 4:, 4:]).all() and not got.covariance[1].any()
    assert (
        got.class_probs.argmax(1).tolist() == [ObjectClass.BUS, ObjectClass.CAR] and len(set(map(bytes, got.uuid))) == 2
    )
    np.testing.assert_allclose(got.velocity, [[0, 0], [1, 2]], atol=1e-6)
    np.testing.assert_allclose(got.center, np.tile([3, 4, 5], (2, 1)))
    assert got.yaw == pytest.approx([0.4, 0.4]) and len(objects.tracks_of(message)[0]) == 1


def some_tracks() -> Tracks:
    """One confirmed car at the origin."""
    one, zero = np.ones(1, np.float32), np.zeros(1, np.float32)
    return Tracks(
        np.zeros((1, 16), np.uint8), np.zeros((1, 3), np.float32), np.ones((1, 3), np.float32), zero, np.zeros((1, 2), np.float32),
        np.zeros((1, 2), np.float32), zero, np.zeros((1, 6, 6), np.float32), np.eye(N_CLASSES, dtype=np.float32)[[1]], one,
        np.full(1, 2, np.uint8), np.zeros(1, np.bool_), one, zero, np.ones(1, np.bool_), "odom",
    )  # fmt: skip


def some_detections() -> Detections:
    """One car ahead."""
    t = some_tracks()
    return Detections(
        np.array([[7.0, -2.0, 0.5]], np.float32), t.size, t.yaw, np.array([[3.0, 1.0]], np.float32), t.covariance[:, :4, :4],
        t.class_probs, t.existence, np.array([5], np.int32), np.ones(1, np.bool_), np.zeros(1, np.uint8), "lidar",
    )  # fmt: skip


def test_nothing_labelled_is_a_message_without_objects() -> None:
    from autonomy_perception.bags import messages as m

    message = m.truth("base_link", STAMP, [])
    assert (len(message.objects), message.header.frame_id) == (0, "base_link")
    assert len(objects.recorded_tracks(message)) == 0
