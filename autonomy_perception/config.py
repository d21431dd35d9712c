"""Every parameter of the suite, one pydantic model per stage (floor 0).

This file is the truth: ROS parameters (with ranges and descriptions), ``config/perception.yaml``, the JSON
schema and the tables in docs/parameters.md are generated from it. Every field has a unit in its description.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from autonomy_perception.geometry import is_convex
from autonomy_perception.wrong_fields import sentences

MAX_ERRORS = 50
"""More wrong fields than this are counted but not listed."""


class ConfigError(ValueError):
    """A configuration file is wrong; the message names the file, the field, what was expected and what came."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class SensorsConfig(_Strict):
    """Collector and decoding."""

    timeout_ms: float = Field(60.0, ge=1, le=1000, description="longest wait for the other sensors of a frame [ms]")
    jitter_ms: float = Field(20.0, ge=0, le=200, description="two stamps closer than this belong together [ms]")
    max_camera_age_ms: float = Field(120.0, ge=0, le=2000, description="largest |image stamp - frame stamp| used [ms]")
    no_data_after_ms: float = Field(500.0, ge=50, le=10000, description="a sensor silent for longer is MISSING [ms]")
    min_range: float = Field(1.0, ge=0, le=20, description="points nearer to their lidar are dropped [m]")
    max_range: float = Field(120.0, ge=5, le=500, description="points farther from their lidar are dropped [m]")
    max_points: int = Field(1_000_000, ge=1000, le=10_000_000, description="a cloud is cut to this many points")


class GroundConfig(_Strict):
    """Ground segmentation."""

    obstacle_height: float = Field(
        0.25, ge=0.05, le=1.0, description="returns higher above local ground are obstacles [m]"
    )
    rough_height: float = Field(
        0.2, ge=0.02, le=0.5, description="grass, stones and kerbs up to this are ground where nothing stands [m]"
    )
    max_slope: float = Field(0.46, ge=0.05, le=1.0, description="steepest bank that is still ground [rad]")


class TerrainConfig(_Strict):
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


class DetectionConfig(_Strict):
    """Geometric clusters to boxes."""

    max_range: float = Field(75.0, ge=10, le=200, description="clusters farther away are not made [m]")
    min_points: int = Field(5, ge=1, le=100, description="smallest cluster [points]")
    gap: float = Field(0.5, ge=0.2, le=2.0, description="reach between two cells of one object at the lidar [m]")
    gap_slope: float = Field(0.01, ge=0, le=0.1, description="growth of that reach [m per m of range]")
    max_height: float = Field(4.6, ge=1, le=20, description="higher clusters are buildings or trees [m]")
    max_detections: int = Field(150, ge=1, le=2000, description="the most certain objects kept of one scan")
    min_existence: float = Field(0.05, ge=0, le=1, description="less certain clusters are not reported")


class TrackingConfig(_Strict):
    """Multi-object tracker."""

    birth_existence: float = Field(0.5, ge=0, le=1, description="existence probability from which a track is published")
    max_coast_s: float = Field(1.0, ge=0.1, le=10, description="a track unseen for longer is dropped [s]")
    max_tracks: int = Field(300, ge=1, le=2000, description="upper bound on the number of tracks")
    min_hits: int = Field(3, ge=1, le=50, description="a track is published only after this many detections")
    publish_unknown: bool = Field(
        False, description="also publish resting tracks of unknown class (poles, bushes, walls)"
    )


class OccupancyConfig(_Strict):
    """Log-odds occupancy grid."""

    side: float = Field(150.0, ge=20, le=400, description="edge length of the grid [m]")
    resolution: float = Field(0.5, ge=0.2, le=2.0, description="cell edge [m]")
    free_range: float = Field(45.0, ge=5, le=200, description="ground seen farther from its lidar frees nothing [m]")
    hit: float = Field(0.9, ge=0.05, le=5, description="log-odds added to a cell with obstacle returns")
    miss: float = Field(0.6, ge=0.05, le=5, description="log-odds taken from a cell observed free")
    clamp: float = Field(3.5, ge=0.5, le=20, description="upper bound of the log-odds")
    clamp_free: float = Field(2.0, ge=0.5, le=20, description="lower bound of the log-odds, as a positive number")
    half_life_s: float = Field(3.0, ge=0.1, le=120, description="unseen occupied cells fade with this half-life [s]")
    free_half_life_s: float = Field(
        0.3, ge=0.05, le=120, description="unseen free cells fade with this half-life: something may have moved in [s]"
    )
    encoding: Literal["ros", "autoware"] = Field("ros", description="ros: -1, 0..100; autoware: 1..99 with 50 unknown")


class PipelineConfig(_Strict):
    """Mode machine and output timing."""

    tick_ms: float = Field(180.0, ge=20, le=2000, description="without a frame for this long outputs age by ticks [ms]")
    stale_after_s: float = Field(0.5, ge=0.05, le=10, description="mode STALE when data is older [s]")
    stopped_after_s: float = Field(3.0, ge=0.1, le=60, description="mode STOPPED when data is older [s]")
    max_jump_m: float = Field(
        5.0, ge=0.1, le=100, description="odometry step beyond prediction that resets the maps [m]"
    )
    seed: int = Field(0, ge=0, description="seed of track UUIDs")


class CalibrationConfig(_Strict):
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


class PerceptionConfig(_Strict):
    """All stages."""

    sensors: SensorsConfig = SensorsConfig()
    ground: GroundConfig = GroundConfig()
    terrain: TerrainConfig = TerrainConfig()
    detection: DetectionConfig = DetectionConfig()
    tracking: TrackingConfig = TrackingConfig()
    occupancy: OccupancyConfig = OccupancyConfig()
    pipeline: PipelineConfig = PipelineConfig()
    calibration: CalibrationConfig = CalibrationConfig()


Vec3 = Annotated[list[float], Field(min_length=3, max_length=3)]


class Extrinsics(_Strict):
    """Pose of a sensor in base_link; only used when ``source: file`` (otherwise TF is asked)."""

    xyz: Vec3 = Field(description="position in base_link [m]")
    rpy: Vec3 = Field(description="fixed-axis roll, pitch, yaw [rad]")


class LidarConfig(_Strict):
    """One lidar."""

    topic: str = Field(description="PointCloud2 topic")
    frame: str = Field(description="frame_id expected in its messages")
    stamp_at: Literal["start", "mid", "end"] = Field(
        "end", description="which moment of the sweep the header stamp means"
    )
    period_ms: float = Field(100.0, ge=5, le=1000, description="duration of one sweep [ms]")
    offset_ms: float = Field(
        0.0, ge=-1000, le=1000, description="added to its stamps to bring them to vehicle time [ms]"
    )
    phase_ms: float = Field(
        0.0, ge=-500, le=500, description="end of its sweeps after the end of the reference lidar's [ms]"
    )
    time_unit: Literal["auto", "s", "ms", "us", "ns"] = Field(
        "auto", description="unit of the points' times; auto: the one in which they lie within the sweep"
    )
    intensity_max: float = Field(
        0.0, ge=0, description="raw intensity that means 1.0; 0: 255 for bytes, otherwise learned from the first sweep"
    )
    beam_elevations_deg: list[float] = Field([], description="elevation of each beam [deg]; empty: estimated")
    extrinsics: Extrinsics | None = None


class CameraConfig(_Strict):
    """One camera."""

    topic: str = Field(description="Image or CompressedImage topic")
    info_topic: str = Field(description="CameraInfo topic")
    frame: str = Field(description="optical frame_id expected in its messages")
    compressed: bool = Field(True, description="True for CompressedImage")
    rectified: bool = Field(
        False, description="its images are rectified already: CameraInfo's P holds, without distortion"
    )
    offset_ms: float = Field(
        0.0, ge=-1000, le=1000, description="added to its stamps to bring them to vehicle time [ms]"
    )
    extrinsics: Extrinsics | None = None


class OdometryConfig(_Strict):
    """Where ego motion comes from: odometry, else an IMU and a speed, else nothing."""

    topic: str = Field("/odometry", description="nav_msgs/Odometry topic; empty: none")
    max_age_ms: float = Field(200.0, ge=1, le=5000, description="longest extrapolation of odometry [ms]")
    hold_ms: float = Field(
        1000.0, ge=0, le=5000, description="so long the last twist is held when nothing comes; then the maps end [ms]"
    )
    imu_topic: str = Field("", description="sensor_msgs/Imu topic; empty: none")
    imu_frame: str = Field("", description="frame of the IMU where its messages name none; empty: base_frame")
    speed_topic: str = Field("", description="topic of the forward speed over ground; empty: none")
    speed_type: Literal["geometry_msgs/msg/TwistStamped", "geometry_msgs/msg/TwistWithCovarianceStamped"] = Field(
        "geometry_msgs/msg/TwistStamped", description="its type; linear.x is read"
    )
    speed_scale: float = Field(1.0, gt=0, le=2, description="true speed by stated speed (worn tyres, km/h as 0.27778)")
    use_gravity: bool = Field(
        True, description="IMU and speed: roll and pitch follow the accelerometers; otherwise the plane of the start"
    )

    @model_validator(mode="after")
    def _both(self) -> OdometryConfig:
        if bool(self.imu_topic) != bool(self.speed_topic):
            raise ValueError("imu_topic and speed_topic belong together: give both or none")
        return self


class Dimensions(_Strict):
    """Body of the vehicle around base_link (rear axle centre on the ground)."""

    front: float = Field(description="base_link to front bumper [m]", gt=0)
    rear: float = Field(description="base_link to rear end of the tractor [m]", gt=0)
    width: float = Field(gt=0, description="[m]")
    height: float = Field(gt=0, description="[m]")
    wheelbase: float = Field(gt=0, description="[m]")
    ground_clearance: float = Field(0.25, gt=0, description="[m]")
    overhead_margin: float = Field(0.3, ge=0, description="free height kept above the vehicle [m]")
    max_slope: float = Field(0.35, gt=0, description="steepest slope it may drive [rad]")
    max_step: float = Field(0.25, gt=0, description="highest step it may drive over [m]")


class Hitch(_Strict):
    """Articulated trailer: its shape, and where its angle comes from: a topic, else TF, else the points themselves."""

    x: float = Field(description="hitch position in base_link [m], usually near 0")
    trailer_front: float = Field(
        0.0,
        ge=-10,
        le=5,
        description="hitch to the trailer's front face, positive ahead of the hitch (semi-trailer) [m]",
    )
    trailer_length: float = Field(gt=0, description="hitch to the trailer's rear [m]")
    trailer_width: float = Field(gt=0, description="[m]")
    trailer_height: float = Field(4.5, gt=0, le=6, description="top of the trailer above ground [m]")
    max_angle_deg: float = Field(95.0, gt=0, le=120, description="largest angle it can bend to on either side [deg]")
    topic: str = Field("", description="topic that tells the angle; empty: none")
    topic_type: Literal["sensor_msgs/msg/JointState", "std_msgs/msg/Float64"] = Field(
        "sensor_msgs/msg/JointState", description="its type; Float64 holds radians"
    )
    joint: str = Field("", description="name of the joint in a JointState; empty: the first")
    sign: Literal[-1, 1] = Field(
        1, description="1: positive when the trailer is turned counter-clockwise; -1: clockwise"
    )
    offset_deg: float = Field(
        0.0, ge=-180, le=180, description="what the topic says when the trailer is straight [deg]"
    )
    frame: str = Field("", description="TF frame of the trailer (x forward along it); empty: none")
    estimate: bool = Field(
        True, description="find trailer and angle in the points when neither topic nor TF tells; else taken as straight"
    )


class BodyPart(_Strict):
    """A part of the vehicle that its own lidars see: a convex outline between two heights."""

    outline: list[Annotated[list[float], Field(min_length=2, max_length=2)]] = Field(
        min_length=3, description="corners x, y in base_link, in order [m]"
    )
    z_min: float = Field(-1.0, description="bottom in base_link [m]")
    z_max: float = Field(description="top in base_link [m]")

    @model_validator(mode="after")
    def _sound(self) -> BodyPart:
        if not self.z_max > self.z_min:
            raise ValueError(f"z_max {self.z_max} must lie above z_min {self.z_min}")
        if not is_convex(self.outline):
            raise ValueError("outline must be convex and have an area (give a bent one as several parts)")
        return self


class VehicleConfig(_Strict):
    """One vehicle: sensors, frames and body. One YAML file each under config/."""

    name: str
    base_frame: str = "base_link"
    odom_frame: str = "odom"
    extrinsics_from: Literal["tf", "file"] = "tf"
    lidars: dict[str, LidarConfig] = Field(min_length=1, description="by name; the first is the reference")
    cameras: dict[str, CameraConfig] = {}
    odometry: OdometryConfig = OdometryConfig()
    dimensions: Dimensions
    body: list[BodyPart] = Field([], description="parts of the tractor to mask; empty: the box of its dimensions")
    hitch: Hitch | None = None


def _load(path: Path, model: type[BaseModel]) -> BaseModel:
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as e:
        raise ConfigError(f"{path}: cannot be read: {e.strerror}") from e
    except UnicodeDecodeError as e:
        raise ConfigError(f"{path}: not UTF-8 text: {e}") from e
    except Exception as e:  # the parser raises whatever an impossible date or endless nesting leads to
        raise ConfigError(f"{path}: not valid YAML: {e}") from e
    try:
        return model.model_validate(data if data is not None else {})
    except ValidationError as e:
        lines = [f"  {text}" for text in sentences(e, model, MAX_ERRORS)]
        raise ConfigError(f"{path}: {e.error_count()} wrong field(s)\n" + "\n".join(lines)) from e


def load_perception(path: Path) -> PerceptionConfig:
    """Read a stage-parameter YAML. Raises ConfigError naming file and field."""
    config = _load(path, PerceptionConfig)
    assert isinstance(config, PerceptionConfig)
    return config


def load_vehicle(path: Path) -> VehicleConfig:
    """Read a vehicle YAML. Raises ConfigError naming file and field."""
    config = _load(path, VehicleConfig)
    assert isinstance(config, VehicleConfig)
    return config
