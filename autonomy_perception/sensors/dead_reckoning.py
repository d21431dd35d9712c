"""Ego motion without odometry: the rates of a gyroscope and a speed, integrated.

Roll and pitch are integrated too, because a truck that brakes dips by a degree, which is a metre of height at 50 m; their
drift is taken out slowly, towards gravity or, without accelerometers, towards level.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry

F64 = NDArray[np.float64]
KEEP_NS = 2_000_000_000
"""Samples are remembered this long, to go on from the last odometry when that falls silent. A longer gap is not
integrated over: where the vehicle went meanwhile is not known."""
MAX_STEP_S = 0.2
"""Of the time between two samples at standstill so much counts for the bias at most."""
MAX_ACCELERATION = 10.0
"""The speed is extrapolated by its trend up to this [m/s2]."""
STANDING = 0.02
"""Slower is standing still [m/s]: what the gyroscope says then is its bias."""
MAX_BIAS, BIAS_S = 0.05, 10.0
"""Larger rates at standstill are the vehicle being moved [rad/s]; the bias is averaged over this long [s]."""
GRAVITY_S, LEVEL_S = 2.0, 5.0
"""Roll and pitch follow gravity, or level, with these time constants [s]."""


@dataclass(frozen=True)
class InertialSample:
    """What the gyroscope and the accelerometers say in the axes of base_link: rate (3,) [rad/s], force (3,) [m/s2] (a
    vehicle at rest on level ground feels +9.81 on z; zero: no accelerometers)."""

    stamp_ns: int
    rate: F64
    force: F64


@dataclass(frozen=True)
class Step:
    """Pose of base_link in odom (4,4) and its twist (6,) in base_link at a stamp."""

    stamp_ns: int
    T_odom_base: F64
    twist: F64


class DeadReckoning:
    """Integrates from a pose onwards.

    Args:
        max_age_ns: an older speed is none.
        use_gravity: roll and pitch follow gravity; otherwise the plane the vehicle started on.
    """

    def __init__(self, max_age_ns: int, use_gravity: bool = True) -> None:
        self._max_age, self._use_gravity = max_age_ns, use_gravity
        self._speeds: deque[tuple[int, float]] = deque(maxlen=2)
        self._samples: deque[InertialSample] = deque()
        self.bias, self._stood_s = np.zeros(3), 0.0
        self._at: Step | None = None
        self.gap_ns = 0

    def clear(self) -> None:
        """Forget samples and pose; the gyroscope's bias stays."""
        self._speeds.clear()
        self._samples.clear()
        self._at = None

    @property
    def newest_ns(self) -> int | None:
        """Stamp of the newest inertial sample."""
        return self._samples[-1].stamp_ns if self._samples else None

    def begin(self, stamp_ns: int, T_odom_base: F64) -> None:
        """Go on from a known pose."""
        self._at = Step(stamp_ns, T_odom_base, np.zeros(6))

    def add_speed(self, stamp_ns: int, speed: float) -> None:
        """Take in a forward speed [m/s]; one that is older than the newest is left out."""
        if not self._speeds or stamp_ns > self._speeds[-1][0]:
            self._speeds.append((stamp_ns, speed))

    def add_sample(self, sample: InertialSample) -> None:
        """Take in a sample; one that is older than the newest is left out."""
        newest = self.newest_ns
        if newest is not None and sample.stamp_ns <= newest:
            return
        speed = self.speed(sample.stamp_ns)
        if newest is not None and speed is not None and abs(speed) < STANDING:
            self._learn_bias(sample.rate, min((sample.stamp_ns - newest) * 1e-9, MAX_STEP_S))
        self._samples.append(sample)
        while self._samples[0].stamp_ns < sample.stamp_ns - KEEP_NS:
            self._samples.popleft()

    def _learn_bias(self, rate: F64, dt: float) -> None:
        if np.all(np.abs(rate) < MAX_BIAS):
            self._stood_s = min(self._stood_s + dt, BIAS_S)
            self.bias += (rate - self.bias) * (dt / self._stood_s)

    def speed(self, stamp_ns: int) -> float | None:
        """Speed at a stamp [m/s] by the trend of the last two; None if the last one is too far, unless it lies between."""
        if not self._speeds:
            return None
        t0, (t1, v1) = self._speeds[0][0], self._speeds[-1]
        between = t0 <= stamp_ns <= t1 <= t0 + KEEP_NS
        if not between and abs(stamp_ns - t1) > self._max_age:
            return None
        return v1 + self._trend() * (stamp_ns - t1) * 1e-9

    def _trend(self) -> float:
        """Acceleration by the last two speeds [m/s2]."""
        (t0, v0), (t1, v1) = self._speeds[0], self._speeds[-1]
        trend = (v1 - v0) / ((t1 - t0) * 1e-9) if t1 > t0 else 0.0
        return float(np.clip(trend, -MAX_ACCELERATION, MAX_ACCELERATION))

    def steps(self) -> list[Step]:
        """Integrate over the samples since the last pose; empty while pose or speed are not known.

        The first pose of all is the origin: heading 0 where the vehicle stands. After a gap of more than ``KEEP_NS`` it
        goes on where it was, and ``gap_ns`` says how long that was (0: there was none).
        """
        self.gap_ns = 0
        if self._at is None and self._samples and self.speed(self._samples[-1].stamp_ns) is not None:
            self._at = Step(self._samples[-1].stamp_ns, np.eye(4), np.zeros(6))
        out: list[Step] = []
        for sample in self._samples:
            if self._at is None or sample.stamp_ns <= self._at.stamp_ns:
                continue
            speed = self.speed(sample.stamp_ns)
            if speed is None and self._speeds and sample.stamp_ns < self._speeds[-1][0]:
                continue  # no speed was known then, and none will be
            if speed is None:
                break
            gap_ns = sample.stamp_ns - self._at.stamp_ns
            if gap_ns > KEEP_NS:
                self.gap_ns, out = gap_ns, []
                self._at = Step(sample.stamp_ns, self._at.T_odom_base, np.array([speed, 0.0, 0.0, *sample.rate]))
            else:
                self._at = self._step(self._at, sample, speed)
            out.append(self._at)
        return out

    def _step(self, at: Step, sample: InertialSample, speed: float) -> Step:
        """Midpoint rule: half the turn, the way, the other half."""
        dt = (sample.stamp_ns - at.stamp_ns) * 1e-9
        rate = sample.rate - self.bias
        half = geometry.rotation_rpy(*(0.5 * dt * rate))
        turned = at.T_odom_base[:3, :3] @ half
        position = at.T_odom_base[:3, 3] + turned[:, 0] * speed * dt
        rotation = turned @ half
        up = rotation @ (sample.force - (self._trend(), speed * rate[2], 0.0))
        norm = float(np.linalg.norm(up))
        if self._use_gravity and np.any(sample.force) and 5.0 < norm < 15.0:  # not a pothole
            rotation = _turned_up(rotation, up / norm, dt / GRAVITY_S)
        else:
            rotation = _turned_up(rotation, rotation[:, 2], dt / LEVEL_S)
        twist = np.array([speed, 0.0, 0.0, *rate])
        return Step(sample.stamp_ns, geometry.make_transform(rotation, position), twist)


def _turned_up(rotation: F64, up: F64, share: float) -> F64:
    """The rotation (3,3), tilted by a share of what brings a direction (3,) upright."""
    tilt = np.cross(up, (0.0, 0.0, 1.0)) * min(share, 1.0)
    return np.asarray(geometry.rotation_rpy(float(tilt[0]), float(tilt[1]), 0.0) @ rotation)
