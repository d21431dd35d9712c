"""The search finds the correction that was taken away, and none where there is none."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy_perception import geometry
from autonomy_perception.calibration.alignment import Aligner, corrections_of
from autonomy_perception.calibration.evidence import CameraEvidence, PlanEvidence, plan_map, structure
from autonomy_perception.ops.library import CpuLibrary

LIB = CpuLibrary()
REACH = np.array([*np.deg2rad([3.2, 3.2, 3.2]), 0.4, 0.4, 0.4])
K = np.array([[360.0, 0.0, 310.0], [0.0, 360.0, 94.0], [0.0, 0.0, 1.0]])
T_CAMERA_BASE = np.array([[0.0, -1, 0, 0.1], [0, 0, -1, 1.6], [1, 0, 0, -1.0], [0, 0, 0, 1]])
ORIGIN = np.array([0.8, 0.0, 1.8])


@st.composite
def vectors(draw):
    angle = st.floats(-0.05, 0.05)
    return np.array([*(draw(angle) for _ in range(3)), *(draw(st.floats(-0.3, 0.3)) for _ in range(3))])


@settings(deadline=None)
@given(vector=vectors())
def test_corrections_are_rigid_and_turn_about_the_sensor(vector):
    T = corrections_of(vector[None], ORIGIN)[0]
    assert np.allclose(T[:3, :3], geometry.rotation_rpy(*vector[:3]), atol=1e-12)
    assert np.allclose(geometry.transform_points(T, ORIGIN[None])[0], ORIGIN + vector[3:], atol=1e-12)


def image_of(points: np.ndarray) -> np.ndarray:
    """A map (188,620) that is bright where the points project to."""
    import cv2

    p = geometry.transform_points(T_CAMERA_BASE, points) @ K.T
    uv = np.rint(p[:, :2] / p[:, 2:]).astype(int)
    map_ = np.zeros((188, 620), np.float32)
    inside = (uv >= 0).all(1) & (uv < [620, 188]).all(1)
    map_[uv[inside, 1], uv[inside, 0]] = 1.0
    return np.clip(cv2.GaussianBlur(map_, (0, 0), 1.5) * 2000, 0, 255).astype(np.uint8)


def poles(rng: np.random.Generator) -> np.ndarray:
    """Points on upright and lying edges between 5 and 40 m ahead."""
    feet = np.column_stack([rng.uniform(5, 40, 25), rng.uniform(-12, 12, 25)])
    upright = np.concatenate([np.column_stack([np.tile(f, (12, 1)), np.linspace(0.3, 3.0, 12)]) for f in feet])
    lying = np.concatenate(
        [np.column_stack([np.full(8, f[0]), f[1] + np.linspace(0, 2, 8), np.full(8, 1.5)]) for f in feet]
    )
    return np.concatenate([upright, lying])


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 1000), axis=st.integers(0, 5), share=st.floats(-0.9, 0.9))
def test_a_camera_brings_an_error_of_one_axis_back(seed, axis, share):
    vector = np.zeros(6)
    vector[axis] = share * REACH[axis]
    points = poles(np.random.default_rng(seed))
    wrong = geometry.transform_points(geometry.invert(corrections_of(vector[None], ORIGIN)[0]), points)
    about = ORIGIN - vector[3:]  # where the wrong calibration puts the sensor
    evidence = CameraEvidence(((wrong.astype(np.float32), image_of(points)),), K, T_CAMERA_BASE)
    found = Aligner(LIB, about, REACH, 0.002).fit([evidence])
    assert found.best >= found.score
    off = np.abs(found.correction - vector)
    assert np.degrees(off[:3]).max() < 0.4 and off[3:].max() < 0.08


def test_nothing_to_correct_stays_nothing():
    points = poles(np.random.default_rng(3)).astype(np.float32)
    found = Aligner(LIB, ORIGIN, REACH, 0.006).fit([CameraEvidence(((points, image_of(points)),), K, T_CAMERA_BASE)])
    assert np.all(np.abs(found.correction[:3]) < np.deg2rad(0.2)) and np.all(np.abs(found.correction[3:]) < 0.03)


@dataclass
class Town:
    """Walls around a road, seen from above."""

    xyz: np.ndarray

    @classmethod
    def of(cls, seed: int) -> "Town":
        rng = np.random.default_rng(seed)
        walls = []
        for _ in range(60):
            x, y, length = rng.uniform(-40, 60), rng.choice([-1, 1]) * rng.uniform(5, 15), rng.uniform(1, 6)
            d = np.array([np.cos(a := rng.uniform(0, np.pi)), np.sin(a)])
            walls.append(np.array([x, y]) + np.linspace(0, length, 60)[:, None] * d)
        xy = np.concatenate(walls)
        return cls(np.column_stack([xy, rng.uniform(0.5, 2.0, len(xy))]))

    def seen(self, T_world_base: np.ndarray, error: np.ndarray) -> np.ndarray:
        """Points in base_link as a lidar with a wrong calibration gives them."""
        local = geometry.transform_points(geometry.invert(T_world_base), self.xyz)
        return structure(geometry.transform_points(geometry.invert(error), local).astype(np.float32))


@pytest.mark.parametrize("degrees", [-2.0, 0.0, 2.0])
def test_motion_tells_yaw(degrees):
    town, about = Town.of(1), np.array([1.0, 0.0, 1.8])
    error = corrections_of(np.array([[0, 0, np.deg2rad(degrees), 0, 0, 0]]), about)[0]
    poses = [geometry.make_transform(geometry.rotation_z(0.01 * k), (2.0 * k, 0.02 * k * k, 0.0)) for k in range(6)]
    clouds = [town.seen(T, error) for T in poses]
    evidence = [
        PlanEvidence(((clouds[k + 3], plan_map(clouds[k])),), geometry.invert(poses[k]) @ poses[k + 3], True)
        for k in range(3)
    ]
    found = Aligner(LIB, about, REACH * [0, 0, 1, 1, 1, 0], 0.001).fit(evidence)
    assert np.degrees(found.correction[2]) == pytest.approx(degrees, abs=0.35)
    assert np.all(found.correction[[0, 1, 5]] == 0.0)
