"""One vehicle: sensors, frames and body."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from autonomy_perception.config.base import Strict
from autonomy_perception.geometry import is_convex

Vec3 = Annotated[list[float], Field(min_length=3, max_length=3)]


class Extrinsics(Strict):
    """Pose of a sensor in base_link; only used when ``source: file`` (otherwise TF is asked)."""

    xyz: Vec3 = Field(description="position in base_link [m]")
    rpy: Vec3 = Field(description="fixed-axis roll, pitch, yaw [rad]")


class LidarConfig(Strict):
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


class CameraConfig(Strict):
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


class OdometryConfig(Strict):
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


class Dimensions(Strict):
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


class Hitch(Strict):
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


class BodyPart(Strict):
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


class VehicleConfig(Strict):
    """One vehicle: sensors, frames and body. One YAML file each under config/."""

    name: str
    base_frame: str = "base_link"
    odom_frame: str = "odom"
    extrinsics_from: Literal["tf", "file"] = "tf"
    lidars: dict[str, LidarConfig] = Field(min_length=1, description="by name; the first is the reference")
    cameras: dict[str, CameraConfig] = Field({}, description="by name")
    odometry: OdometryConfig = OdometryConfig()
    dimensions: Dimensions
    body: list[BodyPart] = Field([], description="parts of the tractor to mask; empty: the box of its dimensions")
    hitch: Hitch | None = None
