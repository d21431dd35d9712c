"""Height, roll and pitch from ground that is seen ahead and then driven over, whatever its shape."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy_perception import geometry
from autonomy_perception.calibration.alignment import corrections_of
from autonomy_perception.calibration.driven_ground import DrivenGround, GroundFit, ground_ahead

ORIGIN = np.array([1.0, 0.0, 1.9])
WHEELBASE, FRONT = 2.8, 3.6


def surface(xy: np.ndarray, shape: float) -> np.ndarray:
    """Crests and dips 50 m long, and crossfall."""
    return shape * np.sin(xy[:, 0] / 8.0) + 0.03 * xy[:, 1] * np.cos(xy[:, 0] / 15.0)


def pose_on(x: float, shape: float) -> np.ndarray:
    """T_world_base with both axles and both wheels of each on the surface."""
    corners = np.array([[x, -0.8], [x, 0.8], [x + WHEELBASE, -0.8], [x + WHEELBASE, 0.8]])
    z = surface(corners, shape)
    pitch = -np.arctan2((z[2] + z[3] - z[0] - z[1]) / 2, WHEELBASE)
    roll = np.arctan2((z[1] - z[0] + z[3] - z[2]) / 2, 1.6)
    return geometry.make_transform(geometry.rotation_rpy(roll, pitch, 0.0), (x, 0.0, (z[0] + z[1]) / 2))


def drive(vector: np.ndarray, shape: float, metres: float = 15.0) -> GroundFit | None:
    """What the check finds where the lidar's calibration needs ``vector`` to be true."""
    rng = np.random.default_rng(0)
    error = geometry.invert(corrections_of(vector[None], ORIGIN)[0])
    ground = DrivenGround(FRONT, WHEELBASE, 10.0)
    for k in range(int(metres / 0.5)):
        T = pose_on(0.5 * k, shape)
        xy = rng.uniform([0.5 * k + 4, -3], [0.5 * k + 22, 3], (4000, 2))
        world = np.column_stack([xy, surface(xy, shape) + rng.normal(0, 0.01, len(xy))])
        seen = geometry.transform_points(error, geometry.transform_points(geometry.invert(T), world))
        ground.look(k * 10**8, seen.astype(np.float32), ORIGIN.astype(np.float32), T)
        ground.drive(k * 10**8, T)
    return ground.fit()


@settings(max_examples=6, deadline=None)
@given(
    roll=st.floats(-2.5, 2.5),
    pitch=st.floats(-2.5, 2.5),
    z=st.floats(-0.25, 0.25),
    shape=st.sampled_from([0.0, 0.4, 1.0]),
)
def test_the_error_is_found_on_any_ground(roll, pitch, z, shape):
    found = drive(np.array([np.deg2rad(roll), np.deg2rad(pitch), 0, 0, 0, z]), shape)
    assert found is not None
    assert np.degrees(found.correction[:2]) == pytest.approx([roll, pitch], abs=0.45)
    assert found.correction[2] == pytest.approx(z, abs=0.04)
    assert np.all(found.error < np.array([np.deg2rad(0.3), np.deg2rad(0.3), 0.03]))


def test_without_driving_nothing_is_said():
    assert drive(np.zeros(6), 0.0, metres=3.0) is None


def test_what_stands_on_the_road_is_not_ground():
    rng = np.random.default_rng(1)
    road = np.column_stack([rng.uniform(4, 20, 8000), rng.uniform(-1.5, 1.5, 8000), rng.normal(0, 0.01, 8000)])
    car = np.column_stack([rng.uniform(12, 16, 500), rng.uniform(-0.9, 0.9, 500), rng.uniform(0.2, 0.8, 500)])
    picked = ground_ahead(np.concatenate([road, car]).astype(np.float32), FRONT)
    assert len(picked) > 100 and np.abs(picked[:, 2]).max() < 0.1
