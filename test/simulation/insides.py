"""What lies inside the solids of a world, found another way than the truth grid does: part by part, by rays."""

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from autonomy_perception.simulation.rays.scene import Mesh, Scene
from autonomy_perception.simulation.truth.truth import FREE


def passable(grid, terrain):
    """Mask (ny,nx) of the cells that the truth says something can drive on."""
    return (grid.state == FREE) | (terrain.drivable == 1.0) | (terrain.traversability > 0.0)


def _closed_parts(mesh):
    """The parts of a mesh that share no vertex."""
    pairs = np.concatenate([mesh.faces[:, [0, 1]], mesh.faces[:, [0, 2]]])
    graph = coo_matrix((np.ones(len(pairs)), tuple(pairs.T)), (len(mesh.vertices),) * 2)
    part = connected_components(graph, directed=False)[1][mesh.faces[:, 0]]
    return [Mesh(mesh.vertices, mesh.faces[part == k], mesh.material[part == k]) for k in np.unique(part)]


def _among(points, rows, corners):
    """Those of some rows of points (N,3) that lie in the box around corners (...,3)."""
    low, high = corners.reshape(-1, 3).min(0), corners.reshape(-1, 3).max(0)
    return rows[((points[rows] > low) & (points[rows] < high)).all(1)]


def _inside(mesh, points, out):
    """Set the mask (N,) of the points (N,3) from which a ray up first meets some closed part of a mesh from its inside."""
    near = _among(points, np.arange(len(points)), mesh.vertices)
    for part in _closed_parts(mesh) if len(near) else ():
        corners = part.corners()
        rows = _among(points, near, corners)
        if len(rows):
            hits = Scene(part).cast(points[rows], np.tile(np.float32([0.0, 0.0, 1.0]), (len(rows), 1)))
            leaving = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[hits.face, 2] > 0.0
            out[rows] |= hits.hit & leaving


def inside_structures(world, points):
    """Mask (N,) of the points (N,3) that lie inside what stands in a world."""
    out = np.zeros(len(points), bool)
    for structure in world.structures:
        if structure.solid:
            _inside(structure.solid, points, out)
    return out
