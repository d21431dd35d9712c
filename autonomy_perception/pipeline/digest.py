"""The hash that says whether two replays gave the same outputs (DESIGN: "Same")."""

from __future__ import annotations

import hashlib
from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.grid import WorldGrid
from autonomy_perception.types import Perception


class Digest:
    """SHA-256 over occupancy, terrain, detections and tracks of each step, in order; no times, no status."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.steps = 0

    def update(self, result: Perception) -> None:
        """Take in one step."""
        self.steps += 1
        self._hash.update(step_digest(result))

    def hexdigest(self) -> str:
        """Hash (64 hex digits) of all steps so far."""
        return self._hash.hexdigest()


def step_digest(result: Perception) -> bytes:
    """SHA-256 (32 bytes) of one step: the stamp that names it, the ego pose and every column of its four outputs."""
    out = hashlib.sha256(np.int64(result.data_stamp_ns).tobytes())
    out.update(np.ascontiguousarray(result.T_odom_base, np.float64).tobytes())
    _grid(out, result.occupancy.grid)
    _array(out, "occupancy", result.occupancy.wire)
    _grid(out, result.terrain.grid)
    for name in sorted(result.terrain.layers):
        _array(out, name, result.terrain.layers[name])
    for objects in (result.detections, result.tracks):
        out.update(objects.frame_id.encode())
        for column in fields(objects):
            if column.name != "frame_id":
                _array(out, column.name, getattr(objects, column.name))
    return out.digest()


def _grid(out: hashlib._Hash, grid: WorldGrid) -> None:
    out.update(np.array([grid.cell_x, grid.cell_y, grid.nx, grid.ny], np.int64).tobytes())
    out.update(np.float64(grid.resolution).tobytes())


def _array(out: hashlib._Hash, name: str, values: NDArray[np.generic]) -> None:
    """Name, type and shape go in as well, so that no two different outputs are the same bytes."""
    values = np.ascontiguousarray(values)
    out.update(f"{name} {values.dtype.str} {values.shape}".encode() + values.tobytes())
