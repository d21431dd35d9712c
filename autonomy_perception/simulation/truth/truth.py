"""Exact truth of one sweep: objects, structures, and the grid as planning should see it (docs/accuracy.md)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.grid import WorldGrid

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
BOOL = NDArray[np.bool_]


class Mask(IntFlag):
    """Bits of the mask grid (``/ground_truth/mask``)."""

    VISIBLE = 1  # the cell's surface is in the lidar's view and nothing stands in between
    DITCH = 2  # the middle of the cell lies in the ditch, more than 0.25 m below its edge


FREE, OCCUPIED, UNDECIDED = 0, 100, -1


@dataclass(frozen=True)
class TruthObjects:
    """Road users (or structures) as boxes in ``odom`` at the end of the sweep; one row each.

    Attributes:
        number: int32 (N,) stays with the object for the whole drive; group: int32 (N,) equal for a truck and its trailer.
        label: uint8 (N,) of ObjectClass (0 for structures).
        center: float64 (N,3) [m], box centre; size: float32 (N,3) l, w, h [m]; yaw: float32 (N,) [rad].
        velocity: float32 (N,2) over ground in odom axes [m/s].
        points: int32 (N,) returns on it in this sweep; scan_time: float32 (N,) [s] their mean time relative to the stamp.
        visibility: float32 (N,) 0..1 share of the rays towards it that nothing else stops first; 0 without any.
    """

    number: NDArray[np.int32]
    group: NDArray[np.int32]
    label: NDArray[np.uint8]
    center: F64
    size: F32
    yaw: F32
    velocity: F32
    points: NDArray[np.int32]
    scan_time: F32
    visibility: F32

    def __len__(self) -> int:
        return len(self.number)


@dataclass(frozen=True)
class TruthGrid:
    """Truth on the published grid.

    Attributes:
        state: int8 (ny,nx): 100 occupied, 0 free (bare ground the vehicle could drive on), -1 undecided (neither counts).
        visible, ditch: bool (ny,nx), see :class:`Mask`.
    """

    grid: WorldGrid
    state: NDArray[np.int8]
    visible: BOOL
    ditch: BOOL

    @property
    def mask(self) -> NDArray[np.int8]:
        """int8 (ny,nx) of :class:`Mask` bits."""
        return (self.visible * np.int8(Mask.VISIBLE) + self.ditch * np.int8(Mask.DITCH)).astype(np.int8)


@dataclass(frozen=True)
class TruthTerrain:
    """The true surface on the cells of the published grid; float layers are NaN beside the modelled ground.

    Attributes:
        elevation: float32 (ny,nx) odom z of the ground in the middle of the cell [m].
        slope: float32 [rad]; step: float32 [m]; see :class:`~autonomy_perception.simulation.truth.terrain.GroundCells`.
        terrain_class: uint8 (ny,nx) of Semantic (0 beside the modelled ground).
        drivable: float32, 1 where the surface, or what is known to lie close below its water, is meant for driving and
            nothing blocks it, else 0.
        traversability: float32, 1 level and smooth .. 0 beyond the vehicle or blocked; at most 0.5 in water or mud of
            unknown depth.
    """

    grid: WorldGrid
    elevation: F32
    slope: F32
    step: F32
    terrain_class: NDArray[np.uint8]
    drivable: F32
    traversability: F32

    def layers(self) -> dict[str, F32]:
        """All layers by name, as float32 (ny,nx)."""
        names = ("elevation", "slope", "step", "terrain_class", "drivable", "traversability")
        return {name: np.asarray(getattr(self, name), np.float32) for name in names}


@dataclass(frozen=True)
class Truth:
    """Truth of one sweep.

    Attributes:
        T_odom_world: float64 (4,4) at the stamp, and the exact pose T_odom_base (without attitude noise).
        semantic: uint8 (P,) of Semantic per return; instance: int32 (P,) 0 ground, else object or structure number.
    """

    stamp_ns: int
    T_odom_world: F64
    T_odom_base: F64
    objects: TruthObjects
    structures: TruthObjects
    grid: TruthGrid
    terrain: TruthTerrain
    semantic: NDArray[np.uint8]
    instance: NDArray[np.int32]
