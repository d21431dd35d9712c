"""Schema of rig files: what a simulation must know of sensors besides the vehicle file."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from autonomy_perception import geometry
from autonomy_perception.config import Extrinsics
from autonomy_perception.simulation.sensors.beams import LIDARS, lidar_model
from autonomy_perception.simulation.sensors.clock import Clock

F64 = NDArray[np.float64]
Vec3 = Annotated[list[float], Field(min_length=3, max_length=3)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MountError(_Strict):
    """How far a sensor really sits from where the vehicle file says, in its own frame."""

    xyz: Vec3 = Field([0.0, 0.0, 0.0], description="[m]")
    rpy_deg: Vec3 = Field([0.0, 0.0, 0.0], description="fixed-axis roll, pitch, yaw [deg]")

    def matrix(self) -> F64:
        """T_stated_true (4,4)."""
        return geometry.make_transform(geometry.rotation_rpy(*np.radians(self.rpy_deg)), self.xyz)


class LidarSetup(_Strict):
    """One lidar of the rig; named as in the vehicle file."""

    model: str = Field(description="class of sensor: " + ", ".join(LIDARS))
    mount: Extrinsics | None = Field(None, description="pose in base_link if the vehicle file has none")
    clock: Clock = Clock()
    miscalibration: MountError = MountError()

    @field_validator("model")
    @classmethod
    def _known(cls, name: str) -> str:
        lidar_model(name)
        return name


class CameraSetup(_Strict):
    """One camera of the rig; named as in the vehicle file."""

    width: int = Field(704, ge=16, le=8192, description="[px]")
    height: int = Field(352, ge=16, le=8192, description="[px]")
    fov_deg: float = Field(71.4, gt=5, lt=220, description="horizontal field of view without distortion [deg]")
    K: Annotated[list[float], Field(min_length=4, max_length=4)] | None = Field(
        None, description="fx, fy, cx, cy [px]; replaces fov_deg"
    )
    distortion_model: Literal["plumb_bob", "rational_polynomial", "equidistant"] = "plumb_bob"
    D: list[float] = Field([], description="5, 8 or 4 coefficients as in CameraInfo; empty: none")
    period_ms: float = Field(100.0, ge=5, le=1000, description="time between two images [ms]")
    readout_ms: float = Field(0.0, ge=0, le=100, description="first to last row (rolling shutter); 0: global [ms]")
    max_exposure_ms: float = Field(10.0, gt=0, le=100, description="longest exposure; light is gained beyond it [ms]")
    noise: float = Field(1.0, ge=0, le=10, description="sensor noise, 1: a usual automotive camera")
    white_balance: Vec3 = Field([1.0, 1.0, 1.0], description="gains of red, green, blue that remain uncorrected")
    jpeg_quality: int = Field(88, ge=1, le=100)
    mount: Extrinsics | None = Field(None, description="pose of the optical frame if the vehicle file has none")
    clock: Clock = Clock()
    miscalibration: MountError = MountError()

    @model_validator(mode="after")
    def _lens(self) -> CameraSetup:
        allowed = {"plumb_bob": (0, 4, 5), "rational_polynomial": (0, 8), "equidistant": (0, 4)}[self.distortion_model]
        if len(self.D) not in allowed:
            raise ValueError(f"D of {self.distortion_model}: expected {allowed[1:]} coefficients, got {len(self.D)}")
        if self.distortion_model != "equidistant" and self.K is None and self.fov_deg > 150:
            raise ValueError(f"fov_deg of {self.distortion_model}: expected at most 150, got {self.fov_deg:g}")
        return self


class ImuSetup(_Strict):
    """An inertial measurement unit."""

    topic: str = "/imu"
    frame: str = "imu"
    period_ms: float = Field(10.0, ge=1, le=100, description="[ms]")
    xyz: Vec3 = Field([0.0, 0.0, 1.0], description="position in base_link [m]")
    rpy: Vec3 = Field([0.0, 0.0, 0.0], description="fixed-axis roll, pitch, yaw [rad]")
    gyro_noise: float = Field(0.0015, ge=0, description="standard deviation of a sample [rad/s]")
    gyro_bias: float = Field(0.0005, ge=0, description="standard deviation of the constant bias [rad/s]")
    accel_noise: float = Field(0.04, ge=0, description="standard deviation of a sample [m/s2]")
    accel_bias: float = Field(0.03, ge=0, description="standard deviation of the constant bias [m/s2]")
    clock: Clock = Clock()


class OdometrySetup(_Strict):
    """Wheel speed and gyroscope, and how they err."""

    rate_hz: float = Field(50.0, ge=5, le=400, description="[Hz]")
    speed_scale: float = Field(0.002, ge=0, le=0.2, description="standard deviation of the constant error of speed [1]")
    yaw_bias_deg_s: float = Field(0.01, ge=0, le=5, description="standard deviation of the constant gyro error [deg/s]")
    clock: Clock = Clock(latency_ms=1.0)


class RigFile(_Strict):
    """Schema of a rig file."""

    vehicle: str = Field(description="vehicle YAML, relative to the rig file")
    lidars: dict[str, LidarSetup] = Field(min_length=1)
    cameras: dict[str, CameraSetup] = {}
    imu: ImuSetup | None = None
    odometry: OdometrySetup = OdometrySetup()
