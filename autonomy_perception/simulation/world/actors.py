"""Road users and the ego on the ground: exact poses at any time of the drive."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from autonomy_perception import geometry
from autonomy_perception.simulation.rays.scene import Scene
from autonomy_perception.simulation.world.ground import Ground
from autonomy_perception.simulation.world.motion import STEP_S, Plan
from autonomy_perception.simulation.world.shapes import Shape
from autonomy_perception.types import ObjectClass

F64 = NDArray[np.float64]
STRIDE_M = 1.45  # a person walks one full stride over this distance
RIM_M = 6.0  # nearer to the rim of the ground nobody is shown


@dataclass(frozen=True)
class Path:
    """Poses over time: t (T,) [s], position (T,3) [m], roll pitch yaw (T,3) [rad], yaw without jumps."""

    t: F64
    position: F64
    rpy: F64

    def poses(self, t: F64) -> F64:
        """T_world_body (N,4,4) at times (N,) [s], linear between the tabulated ones."""
        low, r = self._row(t)
        roll, pitch, yaw = ((1 - r) * self.rpy[low] + r * self.rpy[low + 1]).T
        cr, sr, cp, sp, cy, sy = np.cos(roll), np.sin(roll), np.cos(pitch), np.sin(pitch), np.cos(yaw), np.sin(yaw)
        out = np.zeros((len(low), 4, 4))
        out[:, 0, 0], out[:, 0, 1], out[:, 0, 2] = cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr
        out[:, 1, 0], out[:, 1, 1], out[:, 1, 2] = sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr
        out[:, 2, 0], out[:, 2, 1], out[:, 2, 2] = -sp, cp * sr, cp * cr
        out[:, :3, 3] = (1 - r) * self.position[low] + r * self.position[low + 1]
        out[:, 3, 3] = 1.0
        return out

    def places(self, t: F64) -> F64:
        """The positions (N,3) [m] of :meth:`poses` alone."""
        low, r = self._row(t)
        return np.asarray((1 - r) * self.position[low] + r * self.position[low + 1])

    def _row(self, t: F64) -> tuple[NDArray[np.int64], F64]:
        """The tabulated moment (N,) before each time, and how far the time is on the way (N,1) to the next, 0..1."""
        t = np.atleast_1d(np.asarray(t, np.float64))
        index = np.clip((t - self.t[0]) / STEP_S, 0.0, len(self.t) - 1.001)
        low = index.astype(np.int64)
        return low, (index - low)[:, None]

    def velocity(self, t: float) -> F64:
        """Velocity (3,) over ground in world axes [m/s], central difference over 20 ms."""
        low, high = np.interp([t - 0.01, t + 0.01], self.t, np.arange(len(self.t)))
        a, b = (
            np.array([np.interp(i, np.arange(len(self.t)), self.position[:, k]) for k in range(3)]) for i in (low, high)
        )
        return np.asarray((b - a) / ((high - low) * STEP_S))


def ride(
    ground: Ground, t: F64, xy: F64, yaw: F64, axles: tuple[float, float], half_track: float, smooth: float
) -> Path:
    """Path of a rigid body with four wheels on the ground; origin on the line between its axles.

    Args:
        xy, yaw: origin (T,2) [m] and direction (T,) [rad]. axles: rear and front [m] ahead of the origin.
        smooth: suspension, standard deviation [s].
    """
    c, s = np.cos(yaw), np.sin(yaw)
    wheels = np.array([[x, y] for x in axles for y in (-half_track, half_track)])
    at = xy[:, None] + np.stack(
        [c[:, None] * wheels[:, 0] - s[:, None] * wheels[:, 1], s[:, None] * wheels[:, 0] + c[:, None] * wheels[:, 1]],
        -1,
    )
    z = _known(ground.height(at))
    if smooth > 0.0:
        z = gaussian_filter1d(z, smooth / STEP_S, axis=0, mode="nearest")
    rear, front = z[:, :2].mean(1), z[:, 2:].mean(1)
    pitch = -np.arctan2(front - rear, axles[1] - axles[0])
    roll = np.arctan2(0.5 * (z[:, 1] + z[:, 3] - z[:, 0] - z[:, 2]), 2 * half_track)
    middle = rear + (front - rear) * (0.0 - axles[0]) / (axles[1] - axles[0])
    return Path(t, np.column_stack([xy, middle]), np.column_stack([roll, pitch, np.unwrap(yaw)]))


def _known(z: F64) -> F64:
    """Elevations (T,...) with gaps (beside the ground) filled by the nearest moment before or after."""
    flat = z.reshape(len(z), -1).copy()
    for column in flat.T:
        gap = np.isnan(column)
        if gap.any():
            known = np.flatnonzero(~gap)
            column[gap] = np.interp(np.flatnonzero(gap), known, column[known]) if len(known) else 0.0
    return flat.reshape(z.shape)


@dataclass(frozen=True)
class Actor:
    """A road user: instance number, name, body, path of its origin (on the ground under the box centre), ray scenes.

    Attributes:
        group: equal for a tractor and its trailer.
        there: bool (T,) at the times of the path: whether it is on the modelled ground.
    """

    number: int
    name: str
    shape: Shape
    group: int
    path: Path
    scenes: tuple[Scene, ...]
    there: NDArray[np.bool_]

    def present(self, t: float) -> bool:
        """Whether it is on the modelled part of the world at time t [s]."""
        return bool(self.there[np.clip(np.searchsorted(self.path.t, t), 0, len(self.there) - 1)])

    @property
    def moving(self) -> bool:
        """Whether it ever moves."""
        return bool(np.ptp(self.path.position[:, :2], axis=0).sum() > 0.1)

    def scene(self, t: float) -> Scene:
        """Body in the phase of its motion at time t [s]."""
        if len(self.scenes) == 1:
            return self.scenes[0]
        walked = np.interp(t, self.path.t[1:], self._walked)
        return self.scenes[int(walked / STRIDE_M * len(self.scenes)) % len(self.scenes)]

    @cached_property
    def _walked(self) -> F64:
        """Distance (T-1,) [m] that it has gone at each time of its path but the first."""
        return np.asarray(np.linalg.norm(np.diff(self.path.position[:, :2], axis=0), axis=1).cumsum())


def place(number: int, plan: Plan, ground: Ground, t: F64) -> Actor:
    """Put a planned road user on the ground."""
    length, width, _ = plan.shape.size
    if plan.shape.label in (ObjectClass.PEDESTRIAN, ObjectClass.ANIMAL):
        position = np.column_stack([plan.xy, _known(ground.height(plan.xy))])
        path = Path(t, position, np.column_stack([np.zeros((len(t), 2)), np.unwrap(plan.yaw)]))
    else:
        axles = (-0.32 * length, 0.32 * length)
        path = ride(ground, t, plan.xy, plan.yaw, axles, 0.4 * width, 0.05 if plan.moving else 0.0)
    there = ground.inside(plan.xy, RIM_M)
    return Actor(number, plan.name, plan.shape, plan.group, path, tuple(Scene(m) for m in plan.shape.phases), there)


def relative_motion(path: Path, t: F64) -> tuple[F64, F64]:
    """Poses (N,4,4) and body twists (N,6) vx vy vz wx wy wz [m/s, rad/s] at times (N,) [s]."""
    poses, half = path.poses(t), 0.005
    step = geometry.invert(path.poses(t - half)) @ path.poses(t + half)
    rotation = step[:, :3, :3]
    w = 0.5 * np.stack(
        [
            rotation[:, 2, 1] - rotation[:, 1, 2],
            rotation[:, 0, 2] - rotation[:, 2, 0],
            rotation[:, 1, 0] - rotation[:, 0, 1],
        ],
        -1,
    )
    return poses, np.concatenate([step[:, :3, 3], w], 1) / (2 * half)
