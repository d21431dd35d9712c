"""Parameters of the collector and the decoders."""

from __future__ import annotations

from pydantic import Field

from autonomy_perception.config.base import Strict


class SensorsConfig(Strict):
    """Collector and decoding."""

    timeout_ms: float = Field(60.0, ge=1, le=1000, description="longest wait for the other sensors of a frame [ms]")
    jitter_ms: float = Field(20.0, ge=0, le=200, description="two stamps closer than this belong together [ms]")
    max_camera_age_ms: float = Field(120.0, ge=0, le=2000, description="largest |image stamp - frame stamp| used [ms]")
    no_data_after_ms: float = Field(500.0, ge=50, le=10000, description="a sensor silent for longer is MISSING [ms]")
    min_range: float = Field(1.0, ge=0, le=20, description="points nearer to their lidar are dropped [m]")
    max_range: float = Field(120.0, ge=5, le=500, description="points farther from their lidar are dropped [m]")
    max_points: int = Field(1_000_000, ge=1000, le=10_000_000, description="a cloud is cut to this many points")
