"""What is compared with what: depth edges with an image, structure with what was seen before, a lidar with another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

CELL = 0.2
"""Edge of a cell of the maps seen from above [m]."""
HALF_CELLS = 200
NEAREST, FARTHEST = 3.0, 38.0
LOWEST, HIGHEST = 0.4, 3.0
"""Structure lies between these ranges from the vehicle and heights above the plane of base_link [m]."""
SPREAD_CELLS = 1.2
MOST_POINTS = 800


@dataclass(frozen=True)
class CameraEvidence:
    """Depth edges against the edges of one image: (points, map) pairs, K (3,3) of the maps, T_camera_base (4,4) that
    also accounts for the vehicle's motion between cloud and image."""

    sets: tuple[tuple[F32, U8], ...]
    K: F64
    T_camera_base: F64

    def projections(self, corrections: F64) -> F64:
        """(P,3,4)."""
        return np.asarray(self.K @ (self.T_camera_base @ corrections)[:, :3])


@dataclass(frozen=True)
class PlanEvidence:
    """Structure against structure seen from above.

    The corrected lidar may have made the map too: then T_map_points is a motion of the vehicle (4,4), and a corrected
    lidar sees it as C^-1 T C.
    """

    sets: tuple[tuple[F32, U8], ...]
    T_map_points: F64
    corrects_map: bool

    def projections(self, corrections: F64) -> F64:
        """(P,3,4): orthographic, x to columns and y to rows of the map."""
        T = self.T_map_points @ corrections
        if self.corrects_map:
            T = geometry.invert(corrections) @ T
        out = np.zeros((len(corrections), 3, 4))
        out[:, :2] = T[:, :2] / CELL
        out[:, :2, 3] += HALF_CELLS
        out[:, 2, 3] = 1.0
        return out


def structure(xyz: F32) -> F32:
    """Returns (M,3) of what stands on the ground around the vehicle, at most 800, one per cell."""
    z = xyz[:, 2]
    reach = np.maximum(np.abs(xyz[:, 0]), np.abs(xyz[:, 1]))
    near = xyz[(z > LOWEST) & (z < HIGHEST) & (reach > NEAREST) & (reach < FARTHEST)]
    cell = np.floor(near[:, :2] / CELL).astype(np.int64)
    _, first = np.unique(cell[:, 0] * 4096 + cell[:, 1], return_index=True)
    kept = near[np.sort(first)]
    return np.ascontiguousarray(kept[:: -(-len(kept) // MOST_POINTS) or 1])


def plan_map(points: F32) -> U8:
    """Structure seen from above as a map uint8 (2 HALF_CELLS, 2 HALF_CELLS): 255 on it, fading over two cells."""
    import cv2

    map_ = np.zeros((2 * HALF_CELLS, 2 * HALF_CELLS), np.float32)
    cell = np.rint(points[:, :2] / CELL).astype(np.int64) + HALF_CELLS
    cell = cell[np.all((cell >= 0) & (cell < 2 * HALF_CELLS), axis=1)]
    map_[cell[:, 1], cell[:, 0]] = 1.0
    spread = cv2.GaussianBlur(map_, (0, 0), SPREAD_CELLS)
    return np.asarray(cv2.convertScaleAbs(np.minimum(spread, 0.25), alpha=1020.0), np.uint8)
