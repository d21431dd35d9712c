"""Truth of one moment of a drive: what the returns hit, every road user and structure, grid and terrain."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.config import Dimensions
from autonomy_perception.simulation.sensors.lidar import Lidar, Sweep
from autonomy_perception.simulation.truth.grid import GridTruth, SweepHits
from autonomy_perception.simulation.truth.sight import Sight
from autonomy_perception.simulation.truth.truth import Truth, TruthObjects
from autonomy_perception.simulation.world.materials import Semantic
from autonomy_perception.simulation.world.world import FIRST_STRUCTURE, World

F64 = NDArray[np.float64]
STRUCTURE_RANGE_M = 90.0


class TruthMaker:
    """Makes the truth of moments of one world.

    Args:
        lidars: that see the grid; the first is the reference.
        grid: edge length and cell edge of the grids [m], and how far ahead of the vehicle their middle lies (0 if left out).
    """

    def __init__(self, world: World, body: Dimensions, lidars: Sequence[Lidar], grid: tuple[float, ...]) -> None:
        self._world = world
        self.sight = Sight(world, body, lidars)
        self._grid = GridTruth(world, body, self.sight, *grid)

    def make(
        self, t: float, stamp_ns: int, T_world_base: F64, T_odom_world: F64, sweeps: Sequence[tuple[float, Sweep]]
    ) -> Truth:
        """Truth at time ``t`` [s].

        Args:
            T_odom_world: float64 (4,4) to the frame in which the truth is wanted.
            sweeps: true end [s] and data of the sweeps that belong to it, the reference lidar's first.
        """
        instance = np.concatenate([s.instance for _, s in sweeps])
        semantic = np.concatenate([s.semantic for _, s in sweeps])
        time = np.concatenate([end - t + s.time for end, s in sweeps])
        xyz = carried(self._world, t, time, np.concatenate([s.xyz for _, s in sweeps]), instance)
        thing = (semantic == Semantic.OBJECT) | (semantic == Semantic.STRUCTURE)
        height = np.zeros(len(xyz))
        height[thing] = xyz[thing, 2] - self._world.ground(xyz[thing, :2])
        hits = SweepHits(xyz, height, semantic, instance)
        grid, terrain = self._grid.make(t, T_world_base, T_odom_world, hits)
        reference = sweeps[0][1]
        return Truth(
            stamp_ns, T_odom_world, T_odom_world @ T_world_base, self._objects(t, T_odom_world, instance, time, sweeps),
            self._structures(T_world_base, T_odom_world, instance), grid, terrain, reference.semantic, reference.instance,
        )  # fmt: skip

    def _objects(
        self, t: float, T_odom_world: F64, instance: NDArray[np.int32], time: F64, sweeps: Sequence[tuple[float, Sweep]]
    ) -> TruthObjects:
        met = set(np.unique(instance).tolist())  # who left the modelled ground during the sweep may have returns
        there = [a for a in self._world.actors if a.present(t) or a.number in met]
        pose = [T_odom_world @ a.path.poses(np.array([t]))[0] for a in there]
        size = np.array([a.shape.size for a in there]).reshape(-1, 3)
        center = np.array([p[:3, 3] + p[:3, 2] * 0.5 * s[2] for p, s in zip(pose, size, strict=True)]).reshape(-1, 3)
        velocity = np.array([(T_odom_world[:3, :3] @ a.path.velocity(t))[:2] for a in there]).reshape(-1, 2)
        points = np.array([np.count_nonzero(instance == a.number) for a in there], np.int32)
        when = [time[instance == a.number].mean() if n else 0.0 for a, n in zip(there, points, strict=True)]
        reached, seen = (
            np.array([sum(getattr(s, name).get(a.number, 0) for _, s in sweeps) for a in there], np.float32)
            for name in ("reached", "seen")
        )
        return TruthObjects(
            np.array([a.number for a in there], np.int32), np.array([a.group for a in there], np.int32),
            np.array([a.shape.label for a in there], np.uint8), center, size.astype(np.float32),
            np.array([geometry.yaw_of(p) for p in pose], np.float32), velocity.astype(np.float32), points, np.array(when, np.float32),
            (seen / np.maximum(reached, 1.0)).astype(np.float32),
        )  # fmt: skip

    def _structures(self, T_world_base: F64, T_odom_world: F64, instance: NDArray[np.int32]) -> TruthObjects:
        """Boxes (upright, along world axes) of the structures near the vehicle."""
        number = np.arange(FIRST_STRUCTURE, FIRST_STRUCTURE + len(self._world.structures), dtype=np.int32)
        low, high = self._world.bounds
        beside = np.maximum(np.maximum(low - T_world_base[:3, 3], T_world_base[:3, 3] - high), 0.0)[:, :2]
        near = np.flatnonzero(np.linalg.norm(beside, axis=1) < STRUCTURE_RANGE_M)
        count = np.bincount(instance[instance >= FIRST_STRUCTURE] - FIRST_STRUCTURE, minlength=len(number))
        zero = np.zeros(len(near), np.float32)
        return TruthObjects(
            number[near], number[near], zero.astype(np.uint8), geometry.transform_points(T_odom_world, 0.5 * (low + high)[near]),
            (high - low)[near].astype(np.float32), np.full(len(near), geometry.yaw_of(T_odom_world), np.float32),
            np.zeros((len(near), 2), np.float32), count[near].astype(np.int32), zero, np.ones(len(near), np.float32),
        )  # fmt: skip


def carried(world: World, t: float, time: F64, xyz: F64, instance: NDArray[np.int32]) -> F64:
    """Points (P,3) in world where they are at time ``t`` [s], if they lie on bodies that have moved since ``t + time``."""
    out = xyz.copy()
    for actor in world.actors:
        mine = np.flatnonzero(instance == actor.number)
        if len(mine) and actor.moving:
            then = geometry.invert(actor.path.poses(t + time[mine]))
            local = np.einsum("nij,nj->ni", then[:, :3, :3], xyz[mine]) + then[:, :3, 3]
            out[mine] = geometry.transform_points(actor.path.poses(np.array([t]))[0], local)
    return out
