"""Transforms, quaternions, angles and trajectories."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy_perception import geometry as g
from autonomy_perception.types import Trajectory

angles = st.floats(-3.1, 3.1)
pitches = st.floats(-1.5, 1.5)


@settings(deadline=None)
@given(angles, pitches, angles)
def test_rotation_round_trips(roll: float, pitch: float, yaw: float) -> None:
    rotation = g.rotation_rpy(roll, pitch, yaw)
    assert np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.allclose(g.rotation_of(g.quaternion_of(rotation)), rotation, atol=1e-9)
    assert np.allclose(g.rotation_rpy(*g.rpy_of(rotation)), rotation, atol=1e-9)
    assert np.allclose(g.rotations_rpy([[0.1, 0.2, 0.3], [roll, pitch, yaw]])[1], rotation, atol=1e-14)


@settings(deadline=None)
@given(angles, angles, st.floats(-100, 100), st.floats(-100, 100))
def test_inverse_undoes(roll: float, yaw: float, x: float, y: float) -> None:
    T = g.make_transform(g.rotation_rpy(roll, 0.3, yaw), (x, y, 1.0))
    assert np.allclose(g.invert(T) @ T, np.eye(4), atol=1e-9)


@settings(deadline=None)
@given(st.floats(-50, 50))
def test_wrap_angle_stays_in_range(angle: float) -> None:
    wrapped = float(g.wrap_angle(angle))
    assert -np.pi <= wrapped < np.pi
    assert np.isclose(np.cos(wrapped), np.cos(angle), atol=1e-9)


def test_zero_quaternion_is_refused() -> None:
    import pytest

    with pytest.raises(ValueError, match="quaternion"):
        g.rotation_of([0.0, 0.0, 0.0, 0.0])


def test_box_corners_of_a_turned_box() -> None:
    corners = g.box_corners(np.array([[1.0, 2.0]]), np.array([[4.0, 2.0]]), np.array([np.pi / 2]))[0]
    assert np.allclose(sorted(corners.tolist()), [[0, 0], [0, 4], [2, 0], [2, 4]])


def test_trajectory_interpolates_inside_and_keeps_its_twist_outside() -> None:
    poses = np.stack([g.make_transform(None, (0, 0, 0)), g.make_transform(g.rotation_z(0.2), (1, 0, 0))])
    twist = np.array([[10.0, 0, 0, 0, 0, 0], [10.0, 0, 0, 0, 0, 0]])
    track = Trajectory(np.array([0, 100_000_000]), poses, twist)
    middle = track.pose(50_000_000)
    assert np.isclose(g.yaw_of(middle), 0.1)
    assert np.allclose(middle[:3, 3], [0.5, 0, 0])
    after = track.pose(200_000_000)
    assert np.allclose(after[:3, 3], [1 + np.cos(0.2), np.sin(0.2), 0])
