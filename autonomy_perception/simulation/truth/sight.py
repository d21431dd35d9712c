"""What the lidars of the vehicle have in view, and what stands in between."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.config import Dimensions
from autonomy_perception.simulation.rays.scene import FAR, Scene, passing
from autonomy_perception.simulation.sensors.lidar import Lidar
from autonomy_perception.simulation.world.truck import ego_mesh
from autonomy_perception.simulation.world.world import World

F64 = NDArray[np.float64]
BOOL = NDArray[np.bool_]

GRAZING = 0.05  # ground that a ray meets so little before its goal hides nothing [m]
REACH = 250.0  # bodies farther from a lidar than this hide nothing that is asked for [m]


class Sight:
    """Lines of sight from the lidars of a vehicle into a world."""

    def __init__(self, world: World, body: Dimensions, lidars: Sequence[Lidar]) -> None:
        self._world, self._views, self._own = world, [_View(x) for x in lidars], Scene(ego_mesh(body))

    def sees(self, t: float, T_world_base: F64, points: F64) -> BOOL:
        """Whether one of the lidars, at time ``t`` [s], sees each point (M,3) in world."""
        bodies = [(self._own, T_world_base)]
        own = [] if self._world.trailer is None else [self._world.trailer]
        bodies += [(a.scene(t), a.path.poses(np.array([t]))[0]) for a in (*own, *self._world.actors) if a.present(t)]
        out = np.zeros(len(points), np.bool_)
        for view in self._views:
            T_world_lidar = T_world_base @ view.T_base_lidar
            to = points - T_world_lidar[:3, 3]
            index = np.flatnonzero(~out & view.covers(to @ T_world_lidar[:3, :3]))
            out[index] = self._clear(T_world_lidar[:3, 3], to[index], bodies)
        return out

    def _clear(self, origin: F64, to: F64, bodies: list[tuple[Scene, F64]]) -> BOOL:
        """Whether nothing stands between a place (3,) and what lies at offsets (M,3) from it."""
        length = np.linalg.norm(to, axis=1)
        rays = (to / length[:, None]).astype(np.float32)
        origins = np.tile(origin, (len(to), 1)).astype(np.float32)
        clear = np.ones(len(to), np.bool_)
        for scene in (self._world.terrain, self._world.solid, self._world.porous):
            left = np.flatnonzero(clear)
            clear[left] = scene.distance(origins[left], rays[left]) > length[left] - GRAZING
        for scene, pose in bodies:
            back = geometry.invert(pose)
            start = geometry.transform_points(back, origin[None]).astype(np.float32)
            if np.linalg.norm(start) > REACH + scene.radius:
                continue
            left = np.flatnonzero(clear)
            left = left[passing(pose[:3, 3] - origin, rays[left], scene.radius)]
            distance = scene.distance(np.repeat(start, len(left), 0), rays[left] @ back[:3, :3].T.astype(np.float32))
            clear[left] = (distance > length[left]) | (distance >= FAR)
        return clear


class _View:
    """Where a lidar looks: its elevations, and whether it looks there at all, per degree of azimuth."""

    def __init__(self, lidar: Lidar) -> None:
        self.T_base_lidar = lidar.T_base_lidar
        d = lidar.directions.astype(np.float64)
        self._low, self._high = float(d[:, 2].min()), float(d[:, 2].max())
        self._azimuths = np.zeros(360, np.bool_)
        self._azimuths[_degrees(d)] = True

    def covers(self, to: F64) -> BOOL:
        """Whether offsets (M,3) in the lidar's frame lie in its field of view."""
        z = to[:, 2] / np.linalg.norm(to, axis=1)
        return np.asarray((z > self._low) & (z < self._high) & self._azimuths[_degrees(to)])


def _degrees(to: F64) -> NDArray[np.int64]:
    """Azimuth (M,) in whole degrees 0..359."""
    return np.floor(np.degrees(np.arctan2(to[:, 1], to[:, 0]))).astype(np.int64) % 360
