"""Results: ground labels, maps, and everything that one step gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.grid import WorldGrid
from autonomy_perception.types.arrays import F32, F64, U8
from autonomy_perception.types.enums import Mode
from autonomy_perception.types.objects import Detections, Tracks
from autonomy_perception.types.sensing import SensorHealth


@dataclass(frozen=True)
class GroundLabels:
    """Ground segmentation of N points: label uint8 (N,) of PointLabel, height float32 (N,) [m] above local ground (NaN unknown)."""

    label: U8
    height: F32


@dataclass(frozen=True)
class TerrainGrid:
    """Layers (ny,nx) on a world grid; NaN = unknown in float layers.

    Layers: elevation [m, odom z], variance [m^2], slope [rad], step [m], roughness [m],
    traversability 0..1, drivable 0..1 (NaN until a network says), terrain_class uint8 (0 unknown),
    negative uint8 (1 = drop or ditch), age float32 [s] since last seen.
    """

    grid: WorldGrid
    layers: Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True)
class Occupancy:
    """Occupancy on a world grid: log_odds float32 (ny,nx); wire int8 (ny,nx): -1 unknown, 0..100."""

    grid: WorldGrid
    log_odds: F32
    wire: NDArray[np.int8]

    @classmethod
    def unknown(cls, grid: WorldGrid) -> Occupancy:
        """Nothing is known of any cell."""
        return cls(grid, np.zeros(grid.shape, np.float32), np.full(grid.shape, -1, np.int8))


@dataclass(frozen=True)
class Perception:
    """Result of one step or tick.

    Attributes:
        stamp_ns: time of the output; data_stamp_ns: time of the newest data behind it.
        T_odom_base: float64 (4,4) at ``stamp_ns``; identity without ego motion.
        stage_ms: milliseconds per stage, in order.
        reasons: short upper-case words, e.g. NO_EGO_MOTION.
        frame_id: frame of occupancy, terrain and tracks (odom, or base_link without ego motion).
        more: what further stages publish, by the name of its key.
    """

    stamp_ns: int
    data_stamp_ns: int
    mode: Mode
    reasons: tuple[str, ...]
    T_odom_base: F64
    detections: Detections
    tracks: Tracks
    terrain: TerrainGrid
    occupancy: Occupancy
    health: tuple[SensorHealth, ...] = ()
    stage_ms: Mapping[str, float] = field(default_factory=dict)
    calibration_hash: str = ""
    has_ego_motion: bool = True
    frame_id: str = "odom"
    more: Mapping[str, object] = field(default_factory=dict)
