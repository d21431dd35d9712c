"""Parameters of ground segmentation and terrain map."""

from __future__ import annotations

from pydantic import Field

from autonomy_perception.config.base import Strict, tuned


class GroundConfig(Strict):
    """Ground segmentation."""

    obstacle_height: float = Field(
        0.25, ge=0.05, le=1.0, description="returns higher above local ground are obstacles [m]"
    )
    rough_height: float = tuned(
        0.2, 0.02, 0.5, "grass, stones and kerbs up to this are ground where nothing stands [m]", "tools/fit_ground.py"
    )
    max_slope: float = tuned(0.46, 0.05, 1.0, "steepest bank that is still ground [rad]", "tools/fit_ground.py")


class TerrainConfig(Strict):
    """Rolling 2.5D map."""

    side: float = Field(100.0, ge=20, le=300, description="edge length of the map [m]")
    resolution: float = Field(0.4, ge=0.1, le=2.0, description="cell edge [m]")
    derive_period_ms: float = Field(
        250.0, ge=0, le=2000, description="slope, steps, ditches and traversability are derived anew this often [ms]"
    )
    max_age_s: float = Field(30.0, ge=1, le=600, description="cells unseen for longer are forgotten [s]")
    max_range: float = Field(
        60.0, ge=5, le=200, description="ground returns farther from their lidar are not mapped [m]"
    )
