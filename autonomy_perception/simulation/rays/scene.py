"""Triangle meshes and exact ray casting against them (Intel Embree through embreex).

Rays start anywhere, directions need not be unit vectors: distances come in multiples of the direction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore_scene import EmbreeScene
from numpy.typing import NDArray

from autonomy_perception.simulation.rays.casting import first_hits

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
FAR = np.float32(1e6)

_BATCH = 64


def rotate(rotation: NDArray[np.floating], vectors: F32) -> F32:
    """Vectors (N,3) turned by a rotation (3,3). In small batches, so that BLAS keeps to one thread: on a busy machine
    its threads wait for each other many times longer than the product takes."""
    turn = np.asarray(rotation, np.float32).T
    out = np.empty((len(vectors), 3), np.float32)
    whole = len(vectors) // _BATCH * _BATCH
    np.matmul(vectors[:whole].reshape(-1, _BATCH, 3), turn, out=out[:whole].reshape(-1, _BATCH, 3))
    out[whole:] = vectors[whole:] @ turn
    return out


def along(axis: NDArray[np.floating], vectors: F32) -> F32:
    """Scalar products (N,) of vectors (N,3) with one axis (3,); in small batches as :func:`rotate`."""
    a = np.asarray(axis, np.float32)
    whole = len(vectors) // _BATCH * _BATCH
    return np.concatenate([(vectors[:whole].reshape(-1, _BATCH, 3) @ a).ravel(), vectors[whole:] @ a])


def dots(a: F32, b: F32) -> F32:
    """Scalar products (N,) of vectors (N,3) with vectors (N,3), row by row."""
    product = a * b
    return np.asarray(product[:, 0] + product[:, 1] + product[:, 2])


def towards(normal: F32, directions: F32) -> F32:
    """Unit normals (N,3) on the side that rays come from, of normals of any length on either side."""
    side = np.where(dots(normal, directions) > 0, np.float32(-1), np.float32(1))
    length = np.sqrt(np.maximum(dots(normal, normal), np.float32(1e-24)))
    return np.asarray(normal * (side / length)[:, None], np.float32)


@dataclass(frozen=True)
class Mesh:
    """Triangles with one material each.

    Attributes:
        vertices: float64 (V,3) [m].
        faces: int32 (F,3) vertex indices; counter-clockwise seen from outside.
        material: uint8 (F,) of :class:`~autonomy_perception.simulation.world.materials.Material`.
    """

    vertices: F64
    faces: I32
    material: NDArray[np.uint8]

    def moved(self, transform: F64) -> Mesh:
        """The same mesh under a transform (4,4)."""
        return Mesh(self.vertices @ transform[:3, :3].T + transform[:3, 3], self.faces, self.material)

    def corners(self) -> F64:
        """Triangle corners (F,3,3) [m]."""
        return np.asarray(self.vertices[self.faces])


def join(meshes: list[Mesh]) -> Mesh:
    """One mesh holding all the given ones, in order.

    Raises:
        ValueError: the list is empty.
    """
    if not meshes:
        raise ValueError("join needs at least one mesh")
    offset = np.cumsum([0, *(len(m.vertices) for m in meshes[:-1])])
    return Mesh(
        np.concatenate([m.vertices for m in meshes]),
        np.concatenate([m.faces + o for m, o in zip(meshes, offset, strict=True)]).astype(np.int32),
        np.concatenate([m.material for m in meshes]),
    )


@dataclass(frozen=True)
class Hits:
    """Answers for N rays: distance float32 (N,) (``FAR`` = none), face int32 (N,) (-1 = none),
    unit normal float32 (N,3) facing the ray's origin (zero = none), barycentric u, v float32 (N,) of corners 1 and 2."""

    distance: F32
    face: I32
    normal: F32
    u: F32
    v: F32

    @property
    def hit(self) -> NDArray[np.bool_]:
        """Mask (N,) of the rays that met something."""
        return np.asarray(self.face >= 0)

    def of(self, rays: NDArray[np.bool_] | NDArray[np.int64]) -> Hits:
        """The answers for some of the rays, by mask or index."""
        return Hits(self.distance[rays], self.face[rays], self.normal[rays], self.u[rays], self.v[rays])


class Scene:
    """A mesh ready for ray casting; ``radius`` [m] bounds it around its own origin."""

    def __init__(self, mesh: Mesh) -> None:
        self.mesh = mesh
        self.radius = float(np.sqrt((mesh.vertices**2).sum(1).max()))
        self._scene = EmbreeScene()
        self._keep = TriangleMesh(
            self._scene, np.ascontiguousarray(mesh.vertices, np.float32), np.ascontiguousarray(mesh.faces, np.int32)
        )

    def cast(self, origins: F32, directions: F32) -> Hits:
        """First hit of every ray: origins (N,3) [m], directions (N,3)."""
        n = len(origins)
        out = Hits(
            np.full(n, FAR), np.full(n, -1, np.int32), np.zeros((n, 3), np.float32), np.zeros(n, np.float32),
            np.zeros(n, np.float32),
        )  # fmt: skip
        rays, hits = self.meet(origins, directions)
        out.distance[rays], out.face[rays], out.normal[rays] = hits.distance, hits.face, hits.normal
        out.u[rays], out.v[rays] = hits.u, hits.v
        return out

    def meet(self, origins: F32, directions: F32) -> tuple[NDArray[np.int64], Hits]:
        """The rays (indices) that hit something, and their first hits: origins (N,3) [m], directions (N,3)."""
        raw = first_hits(self._scene, origins, directions)
        rays = np.flatnonzero(raw["geomID"] >= 0)
        distance, face, across, u, v = (raw[name].take(rays, 0) for name in ("tfar", "primID", "Ng", "u", "v"))
        facing = np.where(np.einsum("ni,ni->n", across, directions.take(rays, 0)) > 0.0, -1.0, 1.0)
        normal = across * (facing / np.sqrt(np.einsum("ni,ni->n", across, across)))[:, None]
        return rays, Hits(distance, face, normal.astype(np.float32), u, v)

    def distance(self, origins: F32, directions: F32) -> F32:
        """Distance (N,) of the first hit along every ray, ``FAR`` where there is none."""
        if len(origins) == 0:
            return np.zeros(0, np.float32)
        raw = self._scene.run(
            np.ascontiguousarray(origins, np.float32), np.ascontiguousarray(directions, np.float32), query="DISTANCE"
        )
        return np.asarray(np.where(raw < FAR, raw, FAR), np.float32)


def passing(to: NDArray[np.floating], directions: F32, radius: float) -> NDArray[np.int64]:
    """Indices of the unit directions (N,3) that pass within ``radius`` [m] of a point at offset ``to`` (3,)."""
    along = directions @ np.asarray(to, np.float32)
    return np.flatnonzero((along > -radius) & (float(np.dot(to, to)) - along**2 < radius**2))
