"""Every parameter of the suite, one pydantic model per stage (floor 0).

These models are the truth: ROS parameters (with ranges and descriptions), ``config/perception.yaml``, the JSON
schema and the tables in docs/parameters.md are generated from them. Every field has a unit in its description; what was
tuned names the experiment behind its default.

What a stranger imports: ``pipeline.PerceptionConfig`` (all stages), ``vehicle.VehicleConfig``, ``files.load_perception`` and
``files.load_vehicle``, ``base.ConfigError``; all of them and the models of the stages from here.
"""

from autonomy_perception.config.base import MAX_ERRORS, ConfigError, Strict
from autonomy_perception.config.detection import (
    ClutterConfig,
    CompletionConfig,
    DetectionConfig,
    EvidenceWeights,
    LinkConfig,
)
from autonomy_perception.config.files import load_perception, load_vehicle
from autonomy_perception.config.occupancy import OccupancyConfig
from autonomy_perception.config.pipeline import CalibrationConfig, PerceptionConfig, PipelineConfig
from autonomy_perception.config.sensors import SensorsConfig
from autonomy_perception.config.terrain import GroundConfig, TerrainConfig
from autonomy_perception.config.tracking import (
    AssociationConfig,
    BirthConfig,
    EvidenceConfig,
    ExistenceConfig,
    ExtentConfig,
    FaceConfig,
    MotionConfig,
    OrientationConfig,
    TrackingConfig,
)
from autonomy_perception.config.vehicle import (
    BodyPart,
    CameraConfig,
    Dimensions,
    Extrinsics,
    Hitch,
    LidarConfig,
    OdometryConfig,
    VehicleConfig,
)

__all__ = [
    "MAX_ERRORS",
    "AssociationConfig",
    "BirthConfig",
    "BodyPart",
    "CalibrationConfig",
    "CameraConfig",
    "ClutterConfig",
    "CompletionConfig",
    "ConfigError",
    "DetectionConfig",
    "Dimensions",
    "EvidenceConfig",
    "EvidenceWeights",
    "ExistenceConfig",
    "ExtentConfig",
    "Extrinsics",
    "FaceConfig",
    "GroundConfig",
    "Hitch",
    "LidarConfig",
    "LinkConfig",
    "MotionConfig",
    "OccupancyConfig",
    "OdometryConfig",
    "OrientationConfig",
    "PerceptionConfig",
    "PipelineConfig",
    "SensorsConfig",
    "Strict",
    "TerrainConfig",
    "TrackingConfig",
    "VehicleConfig",
    "load_perception",
    "load_vehicle",
]
