"""A gyroscope and accelerometers on a true path: angular rate and specific force with noise and bias."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.simulation.sensors.setups import ImuSetup
from autonomy_perception.simulation.world.actors import Path, relative_motion

F64 = NDArray[np.float64]
GRAVITY = 9.80665
STEP_S = 0.02  # over which the path is differentiated


@dataclass(frozen=True)
class ImuSamples:
    """K samples: stamp and reception [ns], angular velocity (K,3) [rad/s] and specific force (K,3) [m/s2] in the
    IMU's frame (a resting, level unit reads +9.81 on z; REP-145)."""

    stamp_ns: NDArray[np.int64]
    receive_ns: NDArray[np.int64]
    angular_velocity: F64
    linear_acceleration: F64


class Imu:
    """One unit on a path.

    Args:
        setup: noise, mount and clock. path: true motion of base_link. seed: of this drive.
    """

    def __init__(self, setup: ImuSetup, path: Path, seed: int) -> None:
        self.setup, self._path, self._seed = setup, path, seed
        self.T_base_imu = geometry.make_transform(geometry.rotation_rpy(*setup.rpy), setup.xyz)
        rng = np.random.default_rng([seed, 11])
        self._gyro_bias = setup.gyro_bias * rng.standard_normal(3)
        self._accel_bias = setup.accel_bias * rng.standard_normal(3)

    def true(self, t: F64) -> tuple[F64, F64]:
        """Exact angular rate and specific force (K,3) at times (K,) [s], from central differences over 20 ms."""
        poses, twist = relative_motion(self._path, t)
        R = poses[:, :3, :3] @ self.T_base_imu[:3, :3]
        position = [(self._path.poses(t + dt) @ self.T_base_imu)[:, :3, 3] for dt in (-STEP_S, 0.0, STEP_S)]
        acceleration = (position[0] - 2.0 * position[1] + position[2]) / STEP_S**2
        force = np.einsum("nji,nj->ni", R, acceleration + np.array([0.0, 0.0, GRAVITY]))
        return twist[:, 3:] @ self.T_base_imu[:3, :3], force

    def samples(self, start: float, end: float) -> ImuSamples:
        """Samples with start < t <= end [s]; the same whatever the span they are asked in."""
        ticks = self.setup.clock.ticks(start, end, self.setup.period_ms * 1e-3, self._seed * 16 + 3)
        rate, force = self.true(ticks.t)
        keys = np.round(ticks.t * 1e6).astype(np.int64) + 10**9
        noise = np.array([np.random.default_rng([self._seed, 12, int(k)]).standard_normal(6) for k in keys])
        noise = noise.reshape(-1, 6)
        rate = rate + self._gyro_bias + self.setup.gyro_noise * noise[:, :3]
        force = force + self._accel_bias + self.setup.accel_noise * noise[:, 3:]
        return ImuSamples(ticks.stamp_ns, ticks.receive_ns, rate, force)
