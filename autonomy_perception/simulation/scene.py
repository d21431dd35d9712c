"""Triangle meshes and exact ray casting against them (Intel Embree through embreex).

Rays start anywhere, directions need not be unit vectors: distances come in multiples of the direction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore_scene import EmbreeScene
from numpy.typing import NDArray

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


@dataclass(frozen=True)
class Mesh:
    """Triangles with one material each.

    Attributes:
        vertices: float64 (V,3) [m].
        faces: int32 (F,3) vertex indices; counter-clockwise seen from outside.
        material: uint8 (F,) of :class:`~autonomy_perception.simulation.materials.Material`.
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
        origins, directions = np.ascontiguousarray(origins, np.float32), np.ascontiguousarray(directions, np.float32)
        if len(origins) == 0:
            none = np.zeros(0, np.float32)
            return Hits(none, np.zeros(0, np.int32), np.zeros((0, 3), np.float32), none, none)
        raw = self._scene.run(origins, directions, query="INTERSECT", output=True)
        face = np.where(raw["geomID"] >= 0, raw["primID"], -1).astype(np.int32)
        distance = np.where(face >= 0, raw["tfar"], FAR).astype(np.float32)
        normal = np.zeros_like(directions)
        met = np.flatnonzero(face >= 0)
        across = raw["Ng"][met]
        facing = np.where(np.einsum("ni,ni->n", across, directions[met]) > 0.0, -1.0, 1.0)
        normal[met] = across * (facing / np.sqrt(np.einsum("ni,ni->n", across, across)))[:, None]
        return Hits(distance, face, normal, raw["u"], raw["v"])

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
