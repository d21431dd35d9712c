"""Odometry, its jumps, and deskewing against the closed form."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy_perception import geometry
from autonomy_perception.config import LidarConfig
from autonomy_perception.messages.events import OdomMsg
from autonomy_perception.sensors.deskew import pose_table, sweep_time
from autonomy_perception.sensors.odometry import OdometryBuffer, OdometryError, move_twist

MS = 1_000_000
T0 = 1_700_000_000 * 1000 * MS


def circle(t: float, speed: float, rate: float) -> np.ndarray:
    """Pose after ``t`` seconds of a steady turn from the origin."""
    yaw = rate * t
    r = speed / rate if abs(rate) > 1e-9 else 0.0
    position = (r * np.sin(yaw), r * (1 - np.cos(yaw)), 0) if r else (speed * t, 0, 0)
    return geometry.make_transform(geometry.rotation_z(yaw), position)


def odom(at_ms: float, T: np.ndarray, twist=(0, 0, 0, 0, 0, 0), **changes) -> OdomMsg:
    values = {
        "stamp_ns": T0 + round(at_ms * MS),
        "position": tuple(T[:3, 3]),
        "quaternion": tuple(geometry.quaternion_of(T)),
        "twist": twist,
    }
    return OdomMsg("/odometry", T0 + round(at_ms * MS), 0, **{**values, **changes})


def driven(speed: float, rate: float, until_ms: int = 400, step_ms: int = 20) -> OdometryBuffer:
    buffer = OdometryBuffer(5.0, 200 * MS)
    for t in range(0, until_ms + 1, step_ms):
        assert buffer.add(odom(t, circle(t * 1e-3, speed, rate), (speed, 0, 0, 0, 0, rate))) is None
    return buffer


@given(st.floats(-15, 15), st.floats(-1, 1), st.sampled_from(["start", "mid", "end"]))
@settings(max_examples=40, deadline=None)
def test_deskewing_brings_a_fixed_point_back_to_where_it_is(speed, rate, stamp_at):
    lidar = LidarConfig(topic="/p", frame="l", stamp_at=stamp_at, period_ms=100.0)
    header = T0 + {"start": 200, "mid": 250, "end": 300}[stamp_at] * MS
    sweep = sweep_time(header, lidar, True)
    assert (sweep.start_ns, sweep.end_ns, sweep.reference_ns) == (T0 + 200 * MS, T0 + 300 * MS, T0 + 300 * MS)
    buffer = driven(speed, rate)
    trajectory = buffer.trajectory(sweep.start_ns, sweep.end_ns)
    T_base_lidar = geometry.make_transform(geometry.rotation_rpy(0.02, -0.05, 0.3), (1.0, 0.2, 1.8))
    poses, (first, last) = pose_table(sweep, sweep.end_ns, trajectory, T_base_lidar, True)
    world = np.array([12.0, -7.0, 0.5])
    want = geometry.transform_points(geometry.invert(circle(0.3, speed, rate)), world[None])[0]
    for t in np.linspace(0.2, 0.3, 7):
        seen = geometry.transform_points(geometry.invert(circle(t, speed, rate) @ T_base_lidar), world[None])[0]
        u = (t + (T0 - header) * 1e-9 - first) / (last - first) * (len(poses) - 1)
        k = min(int(u), len(poses) - 2)
        pose = poses[k] + (u - k) * (poses[k + 1] - poses[k])
        np.testing.assert_allclose(pose[:, :3] @ seen + pose[:, 3], want, atol=2e-3)


def test_without_times_a_cloud_is_rigid_and_belongs_to_the_middle_of_the_sweep():
    lidar = LidarConfig(topic="/p", frame="l", stamp_at="end", period_ms=100.0, offset_ms=-10.0)
    sweep = sweep_time(T0 + 310 * MS, lidar, False)
    assert sweep.stamp_ns == T0 + 300 * MS and sweep.reference_ns == T0 + 250 * MS
    trajectory = driven(10.0, 0.0).trajectory(sweep.start_ns, sweep.end_ns)
    poses, _ = pose_table(sweep, T0 + 300 * MS, trajectory, np.eye(4), False)
    np.testing.assert_allclose(poses[:, 0, 3], [-0.5], atol=1e-6)  # 50 ms at 10 m/s before the frame
    poses, _ = pose_table(sweep, T0 + 300 * MS, None, np.eye(4), True)
    np.testing.assert_array_equal(poses, np.eye(4)[None, :3])


def test_a_trajectory_is_given_only_within_the_allowed_extrapolation():
    buffer = driven(10.0, 0.0)
    assert buffer.trajectory(T0 + 500 * MS, T0 + 601 * MS) is None
    found = buffer.trajectory(T0 + 500 * MS, T0 + 600 * MS)
    assert found.pose(T0 + 600 * MS)[0, 3] == pytest.approx(6.0)
    assert buffer.trajectory(T0 - 400 * MS, T0 - 201 * MS) is None
    inside = buffer.trajectory(T0 + 110 * MS, T0 + 210 * MS)
    assert inside.stamps_ns[0] <= T0 + 110 * MS and inside.stamps_ns[-1] >= T0 + 210 * MS
    assert len(inside.stamps_ns) < 10
    assert OdometryBuffer(5.0, MS).trajectory(T0, T0) is None


def test_a_jump_is_reported_and_motion_goes_on_from_there():
    buffer = driven(10.0, 0.0)
    far = geometry.make_transform(None, (50.0, 0, 0))
    assert buffer.add(odom(420, far, (10, 0, 0, 0, 0, 0))).startswith("ODOMETRY_JUMP 45")
    assert buffer.add(odom(440, geometry.make_transform(None, (50.2, 0, 0)))) is None
    assert buffer.trajectory(T0 + 420 * MS, T0 + 440 * MS).pose(T0 + 430 * MS)[0, 3] == pytest.approx(50.1)
    turned = geometry.make_transform(geometry.rotation_z(1.0), (50.2, 0, 0))
    assert "rad" in buffer.add(odom(460, turned))


def test_time_going_back_a_gap_and_late_messages():
    buffer = driven(10.0, 0.0)
    assert buffer.add(odom(390, circle(0.39, 10.0, 0.0))) is None  # late: sorted in
    assert buffer.add(odom(-5000, np.eye(4))).startswith("ODOMETRY_TIME_BACK")
    assert buffer.newest_ns == T0 - 5000 * MS
    assert buffer.add(odom(60_000, np.eye(4))).startswith("ODOMETRY_GAP")


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"position": (np.nan, 0, 0)}, "pose.position"), ({"quaternion": (0, 0, 0, 0)}, "pose.orientation"),
     ({"twist": (0, 0, 0, 0, 0, np.inf)}, "twist")],
)  # fmt: skip
def test_odometry_that_is_no_number_is_named_and_left_out(changes, field):
    buffer = OdometryBuffer(5.0, MS)
    with pytest.raises(OdometryError) as error:
        buffer.add(odom(0, np.eye(4), **changes))
    assert error.value.field == field and buffer.newest_ns is None


def test_odometry_of_another_point_of_the_body_is_moved_to_base_link():
    T_child_base = geometry.make_transform(geometry.rotation_z(np.pi / 2), (0.0, -2.0, 0.5))
    buffer = OdometryBuffer(5.0, MS)
    buffer.add(odom(0, geometry.make_transform(None, (10, 0, 0)), (1, 0, 0, 0, 0, 0.5)), T_child_base)
    trajectory = buffer.trajectory(T0, T0)
    np.testing.assert_allclose(trajectory.pose(T0)[:3, 3], (10, -2, 0.5), atol=1e-12)
    # v + w x r = (1 + 0.5 * 2, 0) in the child frame; base_link's x is the child's y
    np.testing.assert_allclose(trajectory.twist[0], (0, -2, 0, 0, 0, 0.5), atol=1e-12)
    np.testing.assert_allclose(move_twist(np.arange(6.0), np.eye(4)), np.arange(6.0))


def test_the_buffer_is_bounded():
    buffer = OdometryBuffer(5.0, MS)
    for k in range(5000):
        buffer.add(odom(k, np.eye(4)))
    assert len(buffer.trajectory(T0, T0 + 5000 * MS).stamps_ns) <= 3001
