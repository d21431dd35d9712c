"""Parameters of the occupancy grid."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from autonomy_perception.config.base import DRIVES, Strict, tuned


class OccupancyConfig(Strict):
    """Log-odds occupancy grid."""

    side: float = Field(150.0, ge=20, le=400, description="edge length of the grid [m]")
    resolution: float = Field(0.5, ge=0.2, le=2.0, description="cell edge [m]")
    free_range: float = tuned(45.0, 5, 200, "ground seen farther from its lidar frees nothing [m]", DRIVES)
    hit: float = tuned(0.9, 0.05, 5, "log-odds added to a cell with obstacle returns", DRIVES)
    miss: float = tuned(0.6, 0.05, 5, "log-odds taken from a cell observed free", DRIVES)
    clamp: float = tuned(3.5, 0.5, 20, "upper bound of the log-odds", DRIVES)
    clamp_free: float = tuned(2.0, 0.5, 20, "lower bound of the log-odds, as a positive number", DRIVES)
    half_life_s: float = tuned(3.0, 0.1, 120, "unseen occupied cells fade with this half-life [s]", DRIVES)
    free_half_life_s: float = tuned(
        0.3, 0.05, 120, "unseen free cells fade with this half-life: something may have moved in [s]", DRIVES
    )
    encoding: Literal["ros", "autoware"] = Field("ros", description="ros: -1, 0..100; autoware: 1..99 with 50 unknown")
    box_margin: float = tuned(
        0.5, 0, 3, "an object's returns and the ground it hides may lie so far outside its box [m]"
    )
    far_end: float = tuned(1.5, 0, 10, "the far end of an object may lie so far behind that of its box [m]")
    compact_area: float = tuned(
        60.0, 1, 1000, "detections larger than this are walls or hedges: their box covers open ground [m^2]"
    )
    unknown_below: float = tuned(0.2, 0, 2, "cells with a smaller |log-odds| go out as unknown")
