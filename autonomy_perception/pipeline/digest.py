"""The hash that says whether two replays gave the same outputs (DESIGN: "Same")."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

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
    """SHA-256 (32 bytes) of one step: the stamp that names it and its four outputs."""
    out = hashlib.sha256(np.int64(result.data_stamp_ns).tobytes())
    grid = result.occupancy.grid
    out.update(np.array([grid.cell_x, grid.cell_y, grid.nx, grid.ny], np.int64).tobytes())
    out.update(np.ascontiguousarray(result.occupancy.wire).tobytes())
    for name in sorted(result.terrain.layers):
        out.update(name.encode() + np.ascontiguousarray(result.terrain.layers[name]).tobytes())
    d, t = result.detections, result.tracks
    objects: tuple[NDArray[np.generic], ...] = (
        *(d.center, d.size, d.yaw, d.class_probs, d.existence),
        *(t.uuid, t.center, t.size, t.yaw, t.velocity, t.class_probs, t.existence, t.confirmed),
    )
    for array in objects:
        out.update(np.ascontiguousarray(array).tobytes())
    return out.digest()
