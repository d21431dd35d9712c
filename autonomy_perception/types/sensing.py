"""What sensors saw: clouds, scans, images, and the frame of one step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from autonomy_perception.types.arrays import F32, F64, U8, U16
from autonomy_perception.types.enums import SensorState
from autonomy_perception.types.trajectory import Trajectory


@dataclass(frozen=True)
class PointCloud:
    """Points of one sweep as a struct of arrays.

    Attributes:
        xyz: float32 (N,3) [m] in ``frame_id``.
        intensity: float32 (N,) in 0..1.
        time: float32 (N,) [s] relative to ``stamp_ns``; may be negative.
        ring: uint16 (N,), or all zero where the sensor does not say (``has_ring``).
    """

    xyz: F32
    intensity: F32
    time: F32
    ring: U16
    frame_id: str
    stamp_ns: int
    has_ring: bool = False

    def __len__(self) -> int:
        return len(self.xyz)


@dataclass(frozen=True)
class LidarScan:
    """One lidar's part of a frame: deskewed, masked, in base_link at the frame's reference stamp.

    Attributes:
        sensor: name of the lidar in the vehicle file.
        cloud: points in ``base_link``.
        origin: float32 (3,) [m] of the sensor in base_link.
        beam_elevations: float32 (K,) [rad] sorted elevation angles of the beams, empty if unknown.
    """

    sensor: str
    cloud: PointCloud
    origin: F32
    beam_elevations: F32 = field(default_factory=lambda: np.empty(0, np.float32))


@dataclass(frozen=True)
class CameraModel:
    """Intrinsics: K float64 (3,3) [px], distortion coefficients (D,), model name as in CameraInfo, size [px]."""

    width: int
    height: int
    K: F64
    D: F64
    distortion_model: str = "plumb_bob"


@dataclass
class CameraFrame:
    """One image of a frame; pixels are decoded only when :meth:`pixels` is called.

    Attributes:
        T_base_camera: float64 (4,4), optical frame (z forward, x right, y down; REP-103) to base_link.
        encoded: JPEG/PNG bytes, or None for a raw image.
        image: uint8 (H,W,3) RGB, or None until decoded.
        decoder: gives the pixels; without it they are those of ``encoded``.
    """

    sensor: str
    stamp_ns: int
    model: CameraModel
    T_base_camera: F64
    encoded: bytes | memoryview | None = None
    image: U8 | None = None
    decoder: Callable[[], U8] | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class SensorHealth:
    """What a frame says of one sensor: state, age of its newest data [ns] and a sentence if it is not OK."""

    sensor: str
    state: SensorState
    age_ns: int
    message: str = ""


@dataclass(frozen=True)
class SensorFrame:
    """Everything that one step of the pipeline sees.

    Attributes:
        stamp_ns: reference stamp = end of the reference lidar's sweep.
        scans: lidars that made it into the frame (may be empty: camera only).
        cameras: newest image per camera that passed the symmetric age test.
        trajectory: ego motion, or None (then NO_EGO_MOTION: single-scan grid, tracks in base_link).
        health: one entry per configured sensor.
        reset_reason: set when time or odometry jumped: the pipeline drops its maps and tracks first.
        calibration_hash: version of all extrinsics and intrinsics in use.
        arrival_ns: monotonic ns at which the frame's last message arrived at the process (latency start).
        clock_offset_ns: ROS time less the sensors' clock, 0 if they agree within a second.
    """

    stamp_ns: int
    scans: tuple[LidarScan, ...] = ()
    cameras: tuple[CameraFrame, ...] = ()
    trajectory: Trajectory | None = None
    health: tuple[SensorHealth, ...] = ()
    reset_reason: str | None = None
    calibration_hash: str = ""
    arrival_ns: int = 0
    clock_offset_ns: int = 0
