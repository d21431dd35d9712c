"""Free-space evidence of one scan and the log-odds update of a grid (kernels/freespace.cuh)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.grid import WorldGrid
from autonomy_perception.ops.library import Library

N_AZIMUTH = 1800
"""Azimuth sectors of 0.2 degrees: about one column of a spinning lidar each, 0.26 m wide at 75 m."""


@dataclass(frozen=True)
class Evidence:
    """What the scans of one frame say of each cell, all (ny,nx) on the device.

    Attributes:
        hits: int32, obstacle returns.
        free: uint8, 0 none, 1 low returns (grass), 2 ground.
        shadow: uint8, 1 where an obstacle in front hides the ground.
    """

    hits: Any
    free: Any
    shadow: Any

    @classmethod
    def none(cls, lib: Library, shape: tuple[int, int]) -> Evidence:
        """No evidence yet."""
        return cls(*(lib.to_device(np.zeros(shape, kind)) for kind in (np.int32, np.uint8, np.uint8)))


def free_space(
    lib: Library,
    xyz: NDArray[np.float32],
    label: NDArray[np.uint8],
    origin: NDArray[np.float32],
    anchor: NDArray[np.float64],
    world: WorldGrid,
    evidence: Evidence,
    max_range: float,
    slope_tolerance: float = 0.03,
    gap_factor: float = 1.5,
    gap_floor: float = 0.25,
    max_gap: float = 2.0,
    shadow: float = 3.0,
    beam_factor: float = 1.7,
) -> None:
    """Add one scan's evidence in place.

    Args:
        xyz: float32 (N,3) [m] in anchor; label: uint8 (N,) of PointLabel; origin: (3,) lidar in anchor.
        anchor: float64 (3,) position of the anchor frame in odom [m].
        world: placement of the grid.
        max_range: ground returns farther away free nothing [m].
        slope_tolerance: how far the ground may fall below the slope seen so far [-].
        gap_factor, gap_floor: largest accepted spacing = floor [m] + factor * predicted spacing.
        max_gap: and never more than this [m]: a ditch could hide in between.
        shadow: ground this far behind an obstacle is hidden, unless a return shows it [m].
        beam_factor: largest accepted elevation step in units of the scan's typical one.
    """
    shift = np.asarray(anchor[:2], np.float64) - np.asarray(world.origin)
    lib.call(
        "ap_freespace", xyz=xyz, label=label, **vars(evidence), ox=origin[0], oy=origin[1], oz=origin[2], shift_x=shift[0],
        shift_y=shift[1], inv_res=1.0 / world.resolution, n_azimuth=N_AZIMUTH, max_range=max_range,
        slope_tolerance=slope_tolerance, gap_factor=gap_factor, gap_floor=gap_floor, max_gap=max_gap, shadow_length=shadow,
        beam_factor=beam_factor,
    )  # fmt: skip


@dataclass(frozen=True)
class Fusion:
    """How a cell is fused over time.

    Attributes:
        fade, fade_free: factors per step on occupied and on free evidence.
        hit, miss: log-odds that one scan adds for returns and takes for free ground.
        clamp, clamp_free: bounds of the log-odds, upwards and downwards.
        unknown_below: smaller |log-odds| go out as unknown.
    """

    fade: float
    fade_free: float
    hit: float
    miss: float
    clamp: float
    clamp_free: float
    unknown_below: float = 0.2


def update_log_odds(
    lib: Library, log_odds: Any, hits: Any, free: Any, lethal: Any | None, wire: Any, fusion: Fusion
) -> None:
    """Fade, add evidence, clamp, and write the wire values; all arrays (ny,nx), in place.

    ``lethal`` float32 0..1 is the weight of terrain the vehicle cannot cross; it counts as hits.
    """
    lib.call("ap_log_odds", log_odds=log_odds, hits=hits, free=free, lethal=lethal, wire=wire, **vars(fusion))
