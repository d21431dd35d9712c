"""One moment as training sees it: points, objects and layers in ego, whatever data set they are from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.grid import BevGrid

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]
BOOL = NDArray[np.bool_]
IGNORED = 255
"""In layers of classes: not known, not judged."""


@dataclass(frozen=True)
class Points:
    """Returns of all lidars, without those on the own vehicle.

    Attributes:
        xyz: float32 (P,3) [m] in ego. intensity: float32 (P,) 0..1.
        ring: uint16 (P,) beam. lidar: uint8 (P,) index into ``origins``.
        origins: float32 (L,3) [m] in ego, where the lidars sit.
    """

    xyz: F32
    intensity: F32
    ring: NDArray[np.uint16]
    lidar: U8
    origins: F32

    def take(self, kept: BOOL) -> Points:
        """Those of a mask (P,)."""
        return Points(self.xyz[kept], self.intensity[kept], self.ring[kept], self.lidar[kept], self.origins)


@dataclass(frozen=True)
class Objects:
    """Objects with at least one return, or that a sensor could have met.

    Attributes:
        kind: int64 (N,) row of ``networks.layout.DETECTED``.
        center, size: float32 (N,3) [m]; yaw: float32 (N,) [rad]; velocity: float32 (N,2) [m/s], all in ego.
        points: int32 (N,) returns on it.
    """

    kind: NDArray[np.int64]
    center: F32
    size: F32
    yaw: F32
    velocity: F32
    points: NDArray[np.int32]

    def take(self, kept: BOOL) -> Objects:
        """Those of a mask (N,)."""
        return Objects(*(getattr(self, name)[kept] for name in ("kind", "center", "size", "yaw", "velocity", "points")))


@dataclass(frozen=True)
class Layers:
    """What is known of the ground, on a grid.

    Attributes:
        terrain: uint8 (ny,nx) row of ``networks.layout.TERRAIN``, or IGNORED.
        drivable: uint8 (ny,nx) 1, 0 or IGNORED.
        elevation: float32 (ny,nx) [m] in ego, NaN where not known.
        observed: bool (ny,nx): the sensors could judge the cell.
        known: bool (ny,nx): ``observed`` is known there.
    """

    grid: BevGrid
    terrain: U8
    drivable: U8
    elevation: F32
    observed: BOOL
    known: BOOL


@dataclass(frozen=True)
class Scene:
    """A moment; ``name`` says where it is from, ``group`` what is reported apart (scenario)."""

    points: Points
    objects: Objects
    layers: Layers
    name: str
    group: str
