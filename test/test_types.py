"""Objects in another frame: everything that has a direction turns, T C T^T."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.types import Detections, Tracks

angle = st.floats(-3.1, 3.1)
tilt = st.floats(-0.4, 0.4)


def spread(rng: np.random.Generator, n: int, k: int) -> NDArray[np.float32]:
    """Positive definite matrices (n,k,k)."""
    root = rng.normal(size=(n, k, k))
    return np.asarray(root @ np.swapaxes(root, 1, 2) + np.eye(k), np.float32)


def detections(rng: np.random.Generator, n: int = 3) -> Detections:
    f = np.float32
    none = Detections.empty()
    return replace(
        none, center=rng.normal(0, 20, (n, 3)).astype(f), size=np.ones((n, 3), f), yaw=rng.uniform(-3, 3, n).astype(f),
        velocity=rng.normal(0, 5, (n, 2)).astype(f), covariance=spread(rng, n, 4), class_probs=np.zeros((n, 9), f),
        existence=np.ones(n, f), points=np.ones(n, np.int32), yaw_known=np.ones(n, bool), source=np.zeros(n, np.uint8),
    )  # fmt: skip


def tracks(rng: np.random.Generator, n: int = 3) -> Tracks:
    d, f = detections(rng, n), np.float32
    return replace(
        Tracks.empty(), center=d.center, size=d.size, yaw=d.yaw, velocity=d.velocity, covariance=spread(rng, n, 6),
        acceleration=rng.normal(0, 2, (n, 2)).astype(f), yaw_rate=np.ones(n, f), uuid=np.zeros((n, 16), np.uint8),
    )  # fmt: skip


def test_a_quarter_turn_swaps_the_variances_of_x_and_y() -> None:
    one = replace(
        detections(np.random.default_rng(0), 1), covariance=np.diag([4.0, 0.01, 1.0, 0.1]).astype(np.float32)[None]
    )
    turned = one.moved(geometry.make_transform(geometry.rotation_z(np.pi / 2)), "odom")
    assert np.allclose(np.diag(turned.covariance[0]), [0.01, 4.0, 1.0, 0.1], atol=1e-6) and turned.frame_id == "odom"


@given(seed=st.integers(0, 2**32 - 1), roll=tilt, pitch=tilt, yaw=angle)
@pytest.mark.parametrize("kind", [detections, tracks])
def test_samples_of_an_object_move_as_its_mean_and_covariance_say(
    kind: object, seed: int, roll: float, pitch: float, yaw: float
) -> None:
    """Draw objects from the belief, move each by hand: the moved belief has their mean and covariance (it is linear)."""
    rng = np.random.default_rng(seed)
    found = detections(rng) if kind is detections else tracks(rng)
    T = geometry.make_transform(geometry.rotation_rpy(roll, pitch, yaw), rng.normal(0, 50, 3))
    moved = found.moved(T, "there")
    for k in range(len(found)):
        root = np.linalg.cholesky(found.covariance[k].astype(float))
        heading = geometry.yaw_of(T)
        level = geometry.rotation_z(heading)[:2, :2]
        turned = np.array([[*(T[:3, :3] @ c[:3]), c[3], *(level @ c[4:] if len(c) > 4 else ())] for c in root.T]).T
        assert np.allclose(turned @ turned.T, moved.covariance[k], rtol=1e-4, atol=1e-4)
        assert np.allclose(T[:3, :3] @ found.center[k] + T[:3, 3], moved.center[k], atol=1e-3)
        assert np.allclose(level @ found.velocity[k], moved.velocity[k], atol=1e-4)
        assert abs(geometry.wrap_angle(found.yaw[k] + heading - moved.yaw[k])) < 1e-5


@given(seed=st.integers(0, 2**32 - 1), yaw=angle)
def test_there_and_back_again_is_the_same(seed: int, yaw: float) -> None:
    found = tracks(np.random.default_rng(seed))
    T = geometry.make_transform(geometry.rotation_z(yaw), [3.0, -2.0, 1.0])
    back = found.moved(T, "there").moved(geometry.invert(T), "odom")
    for name in ("center", "velocity", "acceleration", "covariance"):
        assert np.allclose(getattr(back, name), getattr(found, name), atol=1e-4), name
