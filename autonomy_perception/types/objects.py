"""Objects: detections of one frame, tracks over time, and how both change frame."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.road_users import N_CLASSES
from autonomy_perception.types.arrays import F32, F64, U8


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
