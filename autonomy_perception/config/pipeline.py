"""Parameters of the pipeline: modes, timing, health of the calibration; and all stages together."""

from __future__ import annotations

from pydantic import Field

from autonomy_perception.config.base import Strict
from autonomy_perception.config.detection import DetectionConfig
from autonomy_perception.config.occupancy import OccupancyConfig
from autonomy_perception.config.sensors import SensorsConfig
from autonomy_perception.config.terrain import GroundConfig, TerrainConfig
from autonomy_perception.config.tracking import TrackingConfig


class PipelineConfig(Strict):
    """Mode machine and output timing."""

    tick_ms: float = Field(180.0, ge=20, le=2000, description="without a frame for this long outputs age by ticks [ms]")
    stale_after_s: float = Field(0.5, ge=0.05, le=10, description="mode STALE when data is older [s]")
    stopped_after_s: float = Field(3.0, ge=0.1, le=60, description="mode STOPPED when data is older [s]")
    max_jump_m: float = Field(
        5.0, ge=0.1, le=100, description="odometry step beyond prediction that resets the maps [m]"
    )
    seed: int = Field(0, ge=0, description="seed of track UUIDs")


class CalibrationConfig(Strict):
    """Calibration health while driving."""

    enabled: bool = Field(True, description="compare the sensors with each other and with the ground while driving")
    period_s: float = Field(1.0, ge=0.2, le=60, description="a camera's image is compared with a lidar this often [s]")
    window_s: float = Field(10.0, ge=4, le=60, description="how far back the data behind a verdict reaches [s]")
    max_angle_deg: float = Field(
        1.0, ge=0.2, le=3, description="larger errors of a sensor's direction are reported [deg]"
    )
    max_offset_m: float = Field(
        0.12, ge=0.05, le=0.4, description="larger errors of a sensor's position are reported [m]"
    )


class PerceptionConfig(Strict):
    """All stages."""

    sensors: SensorsConfig = SensorsConfig()
    ground: GroundConfig = GroundConfig()
    terrain: TerrainConfig = TerrainConfig()
    detection: DetectionConfig = DetectionConfig()
    tracking: TrackingConfig = TrackingConfig()
    occupancy: OccupancyConfig = OccupancyConfig()
    pipeline: PipelineConfig = PipelineConfig()
    calibration: CalibrationConfig = CalibrationConfig()
