"""Small worlds whose answers are known in closed form."""

from __future__ import annotations

import numpy as np

from autonomy_perception.config import Dimensions, Extrinsics, LidarConfig
from autonomy_perception.simulation.rays.scene import Scene, join
from autonomy_perception.simulation.sensors.beams import LidarModel
from autonomy_perception.simulation.sensors.lidar import Lidar
from autonomy_perception.simulation.world import solids
from autonomy_perception.simulation.world.actors import Path
from autonomy_perception.simulation.world.ground import GroundSample
from autonomy_perception.simulation.world.materials import Material, Semantic
from autonomy_perception.simulation.world.motion import STEP_S
from autonomy_perception.types import ObjectClass

SMALL = Dimensions(front=0.3, rear=0.3, width=0.4, height=0.4, wheelbase=0.4)
"""A body so small that no ray of a sensor above it meets it."""
STRAIGHT = np.arange(0.0, 20.0, STEP_S)


def path(x, y=0.0, yaw=0.0, z=0.0):
    """Poses over 20 s; each argument a number or an array over STRAIGHT."""
    one = np.ones_like(STRAIGHT)
    position = np.column_stack([x * one, y * one, z * one])
    return Path(STRAIGHT, position, np.column_stack([0 * one, 0 * one, yaw * one]))


class Shape:
    """Body of a test object."""

    def __init__(self, mesh):
        self.size, self.label, self.color = np.ptp(mesh.vertices, axis=0), ObjectClass.CAR, (120.0, 120.0, 120.0)


class Body:
    """A rigid object on a path."""

    def __init__(self, number, mesh, way):
        self.number, self.path, self._scene, self.shape = number, way, Scene(mesh), Shape(mesh)

    def present(self, t):
        return True

    def scene(self, t):
        return self._scene


class Yard:
    """A plane at z = 0 with structures, objects and an ego path.

    ``ground``: semantic, material and wetness of the plane. ``porous``: foliage. ``structures``: instead of ``solid``.
    ``bed``: what the wheels stand on, if it is not the plane.
    """

    def __init__(
        self,
        solid=None,
        porous=None,
        actors=(),
        ego=None,
        ground=(Semantic.ROAD, Material.ASPHALT, 0.0),
        structures=(),
        bed=None,
    ):
        self.structures, self._bed = list(structures), bed
        solid = join([s.solid for s in structures]) if structures else solid
        far_away = solids.box((900, 900, -9), (901, 901, -8), Material.ROCK)
        self.terrain = Scene(solids.box((-400, -400, -1.0), (400, 400, 0.0), Material.ASPHALT))
        self.solid, self.porous = Scene(solid or far_away), Scene(porous or far_away)
        self.solid_owner = np.zeros(len(self.solid.mesh.faces), np.int32)
        self.porous_owner = np.zeros(len(self.porous.mesh.faces), np.int32)
        self.actors, self.trailer, self.ego = list(actors), None, ego or path(0.0)
        self.sun, self._ground = np.array([0.3, 0.2, 0.93]), ground

    def ground_at(self, hits):
        n = len(hits.face)
        semantic, material, wet = self._ground
        bed = semantic if self._bed is None else self._bed
        return GroundSample(
            np.full(n, semantic, np.uint8), np.full(n, material, np.uint8), np.zeros(n, np.float32),
            np.full(n, wet, np.float32), np.full(n, bed, np.uint8),
        )  # fmt: skip

    def ground(self, xy):
        return np.zeros(xy.shape[:-1])

    def surface_at(self, xy):
        start = np.column_stack([xy, np.full(len(xy), 100.0)]).astype(np.float32)
        hits = self.terrain.cast(start, np.tile(np.float32([0.0, 0.0, -1.0]), (len(xy), 1)))
        return np.zeros(len(xy)), hits, self.ground_at(hits)


def lidar(model: LidarModel, xyz=(0.0, 0.0, 2.0), rpy=(0.0, 0.0, 0.0), **options) -> Lidar:
    """A lidar on the small body."""
    mount = Extrinsics(xyz=list(xyz), rpy=list(rpy))
    config = LidarConfig(topic="/points", frame="lidar", period_ms=model.period_ms, extrinsics=mount)
    return Lidar("top", config, model, SMALL, **options)
