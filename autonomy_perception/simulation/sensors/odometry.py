"""What the vehicle knows of its own motion: odometry that drifts slowly against the truth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.simulation.sensors.setups import OdometrySetup
from autonomy_perception.simulation.world.actors import Path, relative_motion
from autonomy_perception.types import Trajectory

F64 = NDArray[np.float64]


class Odometry:
    """Wheel speed and gyroscope integrated in the plane; roll, pitch and height from the attitude filter.

    Errors: constant speed scale and gyro bias as drawn, noise on every sample, height drifting by centimetres.

    Args:
        rng: seeded generator. path: true motion. end: last time needed [s]. setup: rate, clock and how large the errors are.
        seed: of the errors of its clock.

    Attributes:
        ticks: when it measured, what its stamps say and when its messages come.
        trajectory: what it measured, in that order; the motion is that of the true times.
    """

    def __init__(
        self, rng: np.random.Generator, path: Path, end: float, setup: OdometrySetup | None = None, seed: int = 0
    ) -> None:
        self._path, s = path, setup or OdometrySetup()
        rate = s.rate_hz
        self.ticks = s.clock.ticks(-0.3 - 0.5 / rate, end + 0.2 + 0.5 / rate, 1.0 / rate, seed)
        self.t = self.ticks.t
        poses, twist = relative_motion(path, self.t)
        n = len(self.t)
        scale, bias = rng.normal(0.0, s.speed_scale), rng.normal(0.0, np.radians(s.yaw_bias_deg_s))
        twist[:, 0] *= 1.0 + scale
        twist[:, 5] += bias
        yaw = np.arctan2(poses[:, 1, 0], poses[:, 0, 0])
        turn = np.diff(np.unwrap(yaw)) + bias / rate + rng.normal(0, 2e-5, n - 1)
        ahead = np.einsum("nji,nj->ni", _planar(yaw[:-1]), np.diff(poses[:, :2, 3], axis=0))
        forward = ahead * (1.0 + scale + rng.normal(0, 0.002, n - 1))[:, None]
        self._yaw = np.concatenate([[0.0], np.cumsum(turn)])
        step = np.einsum("nij,nj->ni", _planar(self._yaw[:-1]), forward)
        self._xy = np.concatenate([np.zeros((1, 2)), np.cumsum(step, axis=0)])
        self._z = 0.03 * np.sin(2 * np.pi * self.t / rng.uniform(20, 40) + rng.uniform(0, 6)) - poses[0, 2, 3]
        measured = self.T_odom_world(self.t) @ poses
        for k in range(n):
            wobble = geometry.rotation_rpy(rng.normal(0.0, np.radians(0.015)), rng.normal(0.0, np.radians(0.015)), 0.0)
            measured[k, :3, :3] = measured[k, :3, :3] @ wobble
        noise = rng.normal(0.0, 1.0, (n, 6)) * [0.02, 0.005, 0.01, 0.001, 0.001, 0.0005]
        self.trajectory = Trajectory(self.ticks.stamp_ns, measured, twist + noise)

    def T_odom_world(self, t: F64) -> F64:
        """World to odom (N,4,4) at times (N,) [s]: a turn about z and a shift that creep as odometry drifts."""
        t = np.atleast_1d(t)
        true = self._path.poses(t)
        yaw = np.interp(t, self.t, self._yaw) - np.arctan2(true[:, 1, 0], true[:, 0, 0])
        out = np.tile(np.eye(4), (len(t), 1, 1))
        out[:, :2, :2] = _planar(yaw)
        at = np.column_stack([np.interp(t, self.t, self._xy[:, 0]), np.interp(t, self.t, self._xy[:, 1])])
        out[:, :2, 3] = at - np.einsum("nij,nj->ni", out[:, :2, :2], true[:, :2, 3])
        out[:, 2, 3] = np.interp(t, self.t, self._z)
        return out


def _planar(yaw: F64) -> F64:
    """Rotations (N,2,2) in the plane."""
    c, s = np.cos(yaw), np.sin(yaw)
    return np.stack([np.stack([c, -s], -1), np.stack([s, c], -1)], -2)
