"""The vocabulary of the suite (floor 0): what travels between sensors, stages and nodes.

Units are metres, radians, seconds; times are int64 nanoseconds of sensor (ROS) time; axes follow
REP-103. ``anchor`` is the working frame of one step: axes of ``odom``, origin at a multiple of 10 m near
the vehicle (float64 (3,) in odom), so float32 keeps millimetres however far the vehicle has driven.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.grid import WorldGrid
from autonomy_perception.road_users import N_CLASSES as N_CLASSES
from autonomy_perception.road_users import ObjectClass as ObjectClass

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]
U16 = NDArray[np.uint16]


class Mode(IntEnum):
    """How much of the suite stands behind an output; values as in PerceptionStatus.msg."""

    FUSED = 0
    LIDAR_ONLY = 1
    CAMERA_ONLY = 2
    GEOMETRIC = 3
    STALE = 4
    STOPPED = 5


class PointLabel(IntEnum):
    """What the ground segmentation says of a point."""

    IGNORED = 0  # outside the map, own vehicle, not finite, noise below ground
    GROUND = 1
    OBSTACLE = 2  # above ground, below vehicle height + margin
    OVERHANG = 3  # above vehicle height + margin: passable
    LOW = 4  # above ground by less than the obstacle height: neither ground nor obstacle


class SensorState(IntEnum):
    """State of one sensor in a frame; values as in SensorStatus.msg."""

    OK = 0
    LATE = 1
    MISSING = 2
    INVALID = 3


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
class Trajectory:
    """Ego poses and twists over a span of time, sorted by stamp.

    Attributes:
        stamps_ns: int64 (N,).
        T_odom_base: float64 (N,4,4).
        twist: float64 (N,6) vx vy vz wx wy wz in base_link [m/s, rad/s].
        dead_reckoned: from an IMU and a speed, without odometry.
        held: the last twist stands for messages that did not come.
    """

    stamps_ns: I64
    T_odom_base: F64
    twist: F64
    dead_reckoned: bool = False
    held: bool = False

    def poses(self, stamps_ns: I64) -> F64:
        """Poses (M,4,4) at stamps (M,): interpolated inside the span, constant twist beyond it.

        Raises:
            ValueError: the trajectory is empty.
        """
        if len(self.stamps_ns) == 0:
            raise ValueError("trajectory holds no pose")
        stamps = np.asarray(stamps_ns, np.int64)
        if len(self.stamps_ns) == 1:
            return self._extrapolate(np.zeros(len(stamps), np.int64), stamps)
        hi = np.clip(np.searchsorted(self.stamps_ns, stamps), 1, len(self.stamps_ns) - 1)
        lo = hi - 1
        span = np.maximum(self.stamps_ns[hi] - self.stamps_ns[lo], 1)
        ratio = (stamps - self.stamps_ns[lo]) / span
        r = np.clip(ratio, 0.0, 1.0)
        out = np.zeros((len(stamps), 4, 4))
        q = geometry.quaternions_of(self.T_odom_base)
        out[:, :3, :3] = geometry.rotation_of(geometry.slerp(q[lo], q[hi], r))
        out[:, :3, 3] = (1 - r)[:, None] * self.T_odom_base[lo, :3, 3] + r[:, None] * self.T_odom_base[hi, :3, 3]
        out[:, 3, 3] = 1.0
        for edge, outside in ((0, stamps < self.stamps_ns[0]), (-1, stamps > self.stamps_ns[-1])):
            if np.any(outside):
                index = np.full(int(outside.sum()), edge % len(self.stamps_ns), np.int64)
                out[outside] = self._extrapolate(index, stamps[outside])
        return out

    def pose(self, stamp_ns: int) -> F64:
        """Pose (4,4) at one stamp; see :meth:`poses`."""
        return np.asarray(self.poses(np.array([stamp_ns], np.int64))[0])

    def twist_at(self, stamp_ns: int) -> F64:
        """Twist (6,) in base_link of the sample nearest to the stamp."""
        return np.asarray(self.twist[int(np.argmin(np.abs(self.stamps_ns - stamp_ns)))])

    def _extrapolate(self, index: I64, stamps: I64) -> F64:
        dt = ((stamps - self.stamps_ns[index]) * 1e-9)[:, None]
        step = np.zeros((len(stamps), 4, 4))
        half = geometry.rotations_rpy(
            0.5 * dt * self.twist[index, 3:]
        )  # midpoint: half the turn, the way, the other half
        step[:, :3, :3], step[:, 3, 3] = half @ half, 1.0
        step[:, :3, 3] = (half @ (self.twist[index, :3] * dt)[:, :, None])[:, :, 0]
        return np.asarray(self.T_odom_base[index] @ step)


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


@dataclass(frozen=True)
class _Turn:
    """A change of frame of upright boxes: the one place where columns of objects are turned."""

    T: F64
    yaw: float
    level: F64
    """(2,2) rotation by the heading."""

    @classmethod
    def of(cls, T_target_source: F64) -> _Turn:
        yaw = geometry.yaw_of(T_target_source)
        return cls(T_target_source, yaw, geometry.rotation_z(yaw)[:2, :2])

    @property
    def pose(self) -> F64:
        """Jacobian (4,4) of x y z yaw."""
        out = np.eye(4)
        out[:3, :3] = self.T[:3, :3]
        return out

    @property
    def motion(self) -> F64:
        """Jacobian (6,6) of x y z yaw vx vy."""
        out = np.eye(6)
        out[:4, :4], out[4:, 4:] = self.pose, self.level
        return out

    def points(self, center: F32) -> F32:
        return geometry.transform_points(self.T, center).astype(np.float32)

    def angles(self, yaw: F32) -> F32:
        return geometry.wrap_angle(yaw + self.yaw).astype(np.float32)

    def vectors(self, xy: F32) -> F32:
        return np.asarray(xy @ self.level.T, np.float32)

    @staticmethod
    def covariances(covariance: F32, jacobian: F64) -> F32:
        return np.asarray(jacobian @ covariance @ jacobian.T, np.float32)


@dataclass(frozen=True)
class Detections:
    """Objects of one frame as a struct of arrays (N rows) in ``frame_id``.

    Attributes:
        center: float32 (N,3) [m], box centre (not bottom).
        size: float32 (N,3) l, w, h [m].
        yaw: float32 (N,) [rad] of the length axis; sign unknown unless ``yaw_known``.
        velocity: float32 (N,2) over ground in frame axes [m/s], NaN where not measured.
        covariance: float32 (N,4,4) of x, y, z, yaw [m, rad].
        class_probs: float32 (N, N_CLASSES), rows sum to 1.
        existence: float32 (N,) probability 0..1.
        points: int32 (N,) returns on the object.
        yaw_known: bool (N,) True where front and back are told apart.
        source: uint8 (N,) 0 cluster, 1 network, 2 fused.
    """

    center: F32
    size: F32
    yaw: F32
    velocity: F32
    covariance: F32
    class_probs: F32
    existence: F32
    points: NDArray[np.int32]
    yaw_known: NDArray[np.bool_]
    source: U8
    frame_id: str = "base_link"

    def __len__(self) -> int:
        return len(self.center)

    @classmethod
    def empty(cls, frame_id: str = "base_link") -> Detections:
        """No object."""
        z = np.zeros
        return cls(z((0, 3), np.float32), z((0, 3), np.float32), z(0, np.float32), z((0, 2), np.float32), z((0, 4, 4), np.float32),
                   z((0, N_CLASSES), np.float32), z(0, np.float32), z(0, np.int32), z(0, np.bool_), z(0, np.uint8), frame_id)  # fmt: skip

    def moved(self, T_target_source: F64, frame_id: str) -> Detections:
        """The same objects in the frame ``frame_id``: centres and covariance (T C T^T) by the whole transform (4,4),
        yaw and velocity by its heading."""
        turn = _Turn.of(T_target_source)
        return replace(
            self, center=turn.points(self.center), yaw=turn.angles(self.yaw), velocity=turn.vectors(self.velocity),
            covariance=turn.covariances(self.covariance, turn.pose), frame_id=frame_id,
        )  # fmt: skip


@dataclass(frozen=True)
class Tracks:
    """Tracked objects as a struct of arrays (N rows) in ``frame_id`` (odom, or base_link without ego motion).

    Attributes:
        uuid: uint8 (N,16).
        center, size, yaw: as in Detections, estimated.
        velocity: float32 (N,2) over ground in frame axes [m/s].
        acceleration: float32 (N,2) over ground in frame axes [m/s^2].
        yaw_rate: float32 (N,) [rad/s].
        covariance: float32 (N,6,6) of x, y, z, yaw, vx, vy (frame axes).
        class_probs, existence: as in Detections, fused over time.
        orientation: uint8 (N,) 0 unavailable, 1 sign unknown, 2 available (Autoware's values).
        is_stationary: bool (N,).
        age_s: float32 (N,) since birth; since_update_s: float32 (N,) since the last measurement.
        confirmed: bool (N,); only confirmed tracks are published to planning.
    """

    uuid: U8
    center: F32
    size: F32
    yaw: F32
    velocity: F32
    acceleration: F32
    yaw_rate: F32
    covariance: F32
    class_probs: F32
    existence: F32
    orientation: U8
    is_stationary: NDArray[np.bool_]
    age_s: F32
    since_update_s: F32
    confirmed: NDArray[np.bool_]
    frame_id: str = "odom"

    def __len__(self) -> int:
        return len(self.center)

    @classmethod
    def empty(cls, frame_id: str = "odom") -> Tracks:
        """No track."""
        z = np.zeros
        return cls(z((0, 16), np.uint8), z((0, 3), np.float32), z((0, 3), np.float32), z(0, np.float32), z((0, 2), np.float32),
                   z((0, 2), np.float32), z(0, np.float32), z((0, 6, 6), np.float32), z((0, N_CLASSES), np.float32), z(0, np.float32),
                   z(0, np.uint8), z(0, np.bool_), z(0, np.float32), z(0, np.float32), z(0, np.bool_), frame_id)  # fmt: skip

    def moved(self, T_target_source: F64, frame_id: str) -> Tracks:
        """The same tracks in the frame ``frame_id``, as :meth:`Detections.moved`; accelerations turn as velocities do."""
        turn = _Turn.of(T_target_source)
        return replace(
            self, center=turn.points(self.center), yaw=turn.angles(self.yaw), velocity=turn.vectors(self.velocity),
            acceleration=turn.vectors(self.acceleration), covariance=turn.covariances(self.covariance, turn.motion),
            frame_id=frame_id,
        )  # fmt: skip


@dataclass(frozen=True)
class GroundLabels:
    """Ground segmentation of N points: label uint8 (N,) of PointLabel, height float32 (N,) [m] above local ground (NaN unknown)."""

    label: U8
    height: F32


@dataclass(frozen=True)
class TerrainGrid:
    """Layers (ny,nx) on a world grid; NaN = unknown in float layers.

    Layers: elevation [m, odom z], variance [m^2], slope [rad], step [m], roughness [m],
    traversability 0..1, drivable 0..1 (NaN until a network says), terrain_class uint8 (0 unknown),
    negative uint8 (1 = drop or ditch), age float32 [s] since last seen.
    """

    grid: WorldGrid
    layers: Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True)
class Occupancy:
    """Occupancy on a world grid: log_odds float32 (ny,nx); wire int8 (ny,nx): -1 unknown, 0..100."""

    grid: WorldGrid
    log_odds: F32
    wire: NDArray[np.int8]

    @classmethod
    def unknown(cls, grid: WorldGrid) -> Occupancy:
        """Nothing is known of any cell."""
        return cls(grid, np.zeros(grid.shape, np.float32), np.full(grid.shape, -1, np.int8))


@dataclass(frozen=True)
class Perception:
    """Result of one step or tick.

    Attributes:
        stamp_ns: time of the output; data_stamp_ns: time of the newest data behind it.
        T_odom_base: float64 (4,4) at ``stamp_ns``; identity without ego motion.
        stage_ms: milliseconds per stage, in order.
        reasons: short upper-case words, e.g. NO_EGO_MOTION.
        frame_id: frame of occupancy, terrain and tracks (odom, or base_link without ego motion).
    """

    stamp_ns: int
    data_stamp_ns: int
    mode: Mode
    reasons: tuple[str, ...]
    T_odom_base: F64
    detections: Detections
    tracks: Tracks
    terrain: TerrainGrid
    occupancy: Occupancy
    health: tuple[SensorHealth, ...] = ()
    stage_ms: Mapping[str, float] = field(default_factory=dict)
    calibration_hash: str = ""
    has_ego_motion: bool = True
    frame_id: str = "odom"
