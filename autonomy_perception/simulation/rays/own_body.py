"""The tractor's own body as its sensors see it: rigid, so traced once per sensor."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.config import Dimensions
from autonomy_perception.simulation.rays.scene import FAR, Mesh, Scene, join, rotate
from autonomy_perception.simulation.rays.tracing import HitKind, RayBundle, RayHits
from autonomy_perception.simulation.world.materials import Material, Semantic
from autonomy_perception.simulation.world.solids import box
from autonomy_perception.simulation.world.truck import ego_mesh

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

TRUCK_FRONT_M = 4.2  # vehicles that reach less far ahead of their rear axle have no truck's cab
ROBOT_FRONT_M = 2.0


def hull(body: Dimensions) -> Mesh:
    """Body of the tractor in base_link; robots are a low box, cars have a higher one on its rear half."""
    if body.front > TRUCK_FRONT_M:
        return ego_mesh(body)
    half, floor = 0.5 * body.width, body.ground_clearance
    low = box((-body.rear, -half, floor), (body.front, half, 0.42 * body.height), Material.DARK_METAL)
    if body.front < ROBOT_FRONT_M:
        return low
    cabin = box(
        (-0.8 * body.rear, -0.8 * half, floor), (0.45 * body.front, 0.8 * half, 0.72 * body.height), Material.DARK_METAL
    )
    return join([low, cabin])


class OwnBody:
    """What each ray of a sensor meets of the vehicle that carries it, from outside: a camera behind the windscreen sees through.

    Args:
        body: outline of the vehicle. T_base_sensor: true mount (4,4). directions: float32 (R,3) in the sensor's frame.

    Attributes:
        stopped: float32 (R,) where each ray meets it [m], ``FAR`` where it does not.
    """

    def __init__(self, body: Dimensions, T_base_sensor: F64, directions: F32) -> None:
        mesh = hull(body)
        in_base = rotate(T_base_sensor[:3, :3], directions)
        origins = np.broadcast_to(T_base_sensor[:3, 3].astype(np.float32), in_base.shape)
        hits = Scene(mesh).cast(origins, in_base)
        corner = mesh.corners()[hits.face]
        outward = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
        self._rays = np.flatnonzero(hits.hit & (np.einsum("ni,ni->n", outward, in_base) < 0.0))
        mine = hits.of(self._rays)
        self._distance, self._face, self._material = mine.distance, mine.face, mesh.material[mine.face]
        self._normal = rotate(T_base_sensor[:3, :3].T, mine.normal)
        self.stopped = np.full(len(directions), FAR)
        self.stopped[self._rays] = mine.distance
        self._cosine = np.abs(np.einsum("ni,ni->n", mine.normal, in_base[self._rays]))

    def cover(self, met: RayHits, bundle: RayBundle, normals: bool = True) -> None:
        """Put the own body in front of what the rays met behind it (``normals``: also fill in theirs)."""
        nearer = np.flatnonzero(self._distance < met.distance.take(self._rays))
        at = self._rays[nearer]
        if len(at) == 0:
            return
        met.distance[at], met.face[at], met.part[at] = self._distance[nearer], self._face[nearer], HitKind.OWN
        if normals:
            rotation = bundle.poses[at // bundle.per_line, :3, :3].astype(np.float32)
            met.normal[at] = np.einsum("nij,nj->ni", rotation, self._normal[nearer])
        met.cosine[at], met.material[at] = self._cosine[nearer], self._material[nearer]
        met.semantic[at], met.instance[at] = Semantic.EGO, 0
