"""PointCloud2 bytes to points in one pass: decode, crop, self-mask, deskew, compact (order kept)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autonomy_perception.ops.library import Library

F32 = NDArray[np.float32]

# Bytes per value by sensor_msgs/PointField datatype (9, 10: INT64, UINT64 of newer releases).
FIELD_SIZE = {1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 4, 8: 8, 9: 8, 10: 8}
DROP_REASONS = ("not_finite", "range", "crop", "mask")


class FieldAt(NamedTuple):
    """Byte offset of a field in a point and its sensor_msgs/PointField datatype number (0: field absent)."""

    offset: int = 0
    datatype: int = 0


ABSENT = FieldAt()


@dataclass(frozen=True)
class CloudLayout:
    """Where the values lie in a PointCloud2 buffer.

    Attributes:
        width, height, point_step, row_step, big_endian: as in sensor_msgs/PointCloud2 [points, bytes].
        time_zero, time_scale: time [s] = (raw - time_zero) * time_scale; an absolute ``uint64`` [ns] field has
            the header stamp as ``time_zero`` and a scale of 1e-9.
        intensity_scale: intensity 0..1 = clip(raw * intensity_scale); NaN becomes 0.
    """

    width: int
    height: int
    point_step: int
    row_step: int
    x: FieldAt
    y: FieldAt
    z: FieldAt
    intensity: FieldAt = ABSENT
    time: FieldAt = ABSENT
    ring: FieldAt = ABSENT
    big_endian: bool = False
    time_zero: float = 0.0
    time_scale: float = 1.0
    intensity_scale: float = 1.0

    def check(self, n_bytes: int) -> None:
        """Raise ValueError, naming the field, unless every value lies inside a buffer of ``n_bytes``."""
        for name in ("x", "y", "z", "intensity", "time", "ring"):
            at: FieldAt = getattr(self, name)
            if at.datatype == 0 and name not in "xyz":
                continue
            if at.datatype not in FIELD_SIZE:
                raise ValueError(f"field {name}: unknown datatype {at.datatype}, expected one of {sorted(FIELD_SIZE)}")
            if at.offset < 0 or at.offset + FIELD_SIZE[at.datatype] > self.point_step:
                raise ValueError(f"field {name}: offset {at.offset} lies outside point_step {self.point_step}")
        if self.width * self.height == 0:
            return
        if self.width < 0 or self.height < 0 or (self.height > 1 and self.row_step < self.width * self.point_step):
            raise ValueError(f"cloud {self.width}x{self.height}: row_step {self.row_step} is too small for its points")
        need = (self.height - 1) * self.row_step + self.width * self.point_step
        if need > n_bytes or need > 2**31 - 1:
            raise ValueError(f"cloud {self.width}x{self.height}: data holds {n_bytes} bytes, its layout needs {need}")


@dataclass(frozen=True)
class Crop:
    """What is kept: range from the sensor [m] and a box in the output frame [m] (borders included)."""

    min_range: float = 0.0
    max_range: float = float("inf")
    box: tuple[float, float, float, float, float, float] = (-np.inf, np.inf, -np.inf, np.inf, -np.inf, np.inf)


def prism(
    polygon: ArrayLike, z_min: float = -np.inf, z_max: float = np.inf
) -> tuple[NDArray[np.float64], float, float]:
    """A mask volume: convex polygon (V,2) [m] in base_link, either winding, between two heights [m]."""
    vertices = np.asarray(polygon, np.float64)
    if vertices.ndim != 2 or vertices.shape[1] != 2 or len(vertices) < 3:
        raise ValueError(f"a mask polygon needs at least 3 vertices (V,2), got shape {vertices.shape}")
    edge = np.roll(vertices, -1, axis=0) - vertices
    turn = edge[:, 0] * np.roll(edge, -1, axis=0)[:, 1] - edge[:, 1] * np.roll(edge, -1, axis=0)[:, 0]
    if (np.any(turn > 0) and np.any(turn < 0)) or not np.any(turn):
        raise ValueError("a mask polygon must be convex and have an area")
    return (vertices if turn.sum() > 0 else vertices[::-1]), z_min, z_max


def box_prism(
    center: ArrayLike, length: float, width: float, yaw: float, z_min: float = -np.inf, z_max: float = np.inf
) -> tuple[NDArray[np.float64], float, float]:
    """A mask volume: oriented rectangle around ``center`` (x, y) [m], ``yaw`` [rad], e.g. an articulated trailer."""
    half = 0.5 * np.array([[length, width], [-length, width], [-length, -width], [length, -width]])
    c, s = np.cos(yaw), np.sin(yaw)
    return prism(half @ np.array([[c, s], [-s, c]]) + np.asarray(center, np.float64)[:2], z_min, z_max)


@dataclass(frozen=True)
class Masks:
    """Volumes in base_link whose points are dropped, as the kernel reads them: table float32 (M, 6 + 3 E)."""

    table: F32 = field(default_factory=lambda: np.empty((0, 6), np.float32))

    @classmethod
    def of(cls, prisms: list[tuple[NDArray[np.float64], float, float]]) -> Masks:
        """Masks from :func:`prism` and :func:`box_prism` volumes."""
        edges = max((len(v) for v, _, _ in prisms), default=0)
        table = np.zeros((len(prisms), 6 + 3 * edges), np.float32)
        for row, (v, z_min, z_max) in zip(table, prisms, strict=True):
            row[:6] = v[:, 0].min(), v[:, 0].max(), v[:, 1].min(), v[:, 1].max(), z_min, z_max
            d = np.roll(v, -1, axis=0) - v
            normal = np.stack([d[:, 1], -d[:, 0]], 1)
            planes = np.concatenate([normal, (normal * v).sum(1)[:, None]], 1)  # outward: inside is n.p <= n.v
            row[6 : 6 + planes.size] = planes.ravel()
        return cls(table)

    @property
    def around(self) -> tuple[float, float, float, float]:
        """x_min, x_max, y_min, y_max [m] around all masks."""
        if len(self.table) == 0:
            return 0.0, 0.0, 0.0, 0.0
        low, high = self.table.min(axis=0), self.table.max(axis=0)
        return float(low[0]), float(high[1]), float(low[2]), float(high[3])


@dataclass(frozen=True)
class Unpacked:
    """Points that were kept, in the order of the message, and how many were dropped for which reason.

    Attributes:
        xyz: float32 (N,3) [m] in the output frame; intensity: float32 (N,) 0..1; time: float32 (N,) [s];
            ring: uint16 (N,), zero where absent.
        dropped: counts by ``DROP_REASONS``; the first reason in the order not_finite, range, mask, crop counts.
    """

    xyz: Any
    intensity: Any
    time: Any
    ring: Any
    dropped: dict[str, int]


def unpack(lib: Library, data: Any, layout: CloudLayout, poses: F32, span: tuple[float, float] = (0.0, 0.0),
           T_base_sensor: ArrayLike | None = None, crop: Crop = Crop(), masks: Masks = Masks()) -> Unpacked:  # fmt: skip
    """Decode a point cloud and bring it to the output frame at one time.

    Args:
        data: uint8 (B,) the message's bytes (host or device array).
        poses: float32 (K,3,4) ``T_out_sensor`` at K uniform times over ``span``; a point's pose is the linear
            blend of its neighbours (clamped to the span), which shortens a lever by at most angle^2 / 8 between
            two poses (1e-5 at 0.5 degrees); K = 1 is one rigid transform.
        span: times [s] of the first and the last pose, in the scale of the time field.
        T_base_sensor: (3,4) or (4,4), sensor to base_link, used for ``masks`` at the point's own time (the body
            moves with the sensor, so it must not be deskewed); ``poses[-1]`` by default.

    Raises:
        ValueError: the layout does not fit the buffer, or the pose table or the span is not usable.
    """
    poses = np.ascontiguousarray(poses, np.float32).reshape(-1, 3, 4)
    n_bytes = int(np.prod(data.shape))
    layout.check(n_bytes)
    if len(poses) == 0 or (len(poses) > 1 and not span[1] > span[0]):
        raise ValueError(f"{len(poses)} poses over {span}: needs one pose, or several over a span above 0 s")
    n = layout.width * layout.height
    body = poses[-1] if T_base_sensor is None else np.asarray(T_base_sensor, np.float32)[:3, :4]
    inv_dt = (len(poses) - 1) / (span[1] - span[0]) if len(poses) > 1 else 0.0
    columns = np.zeros((len(poses), 4, 4), np.float32)  # one column of a pose is one vector register
    columns[:, :, :3] = poses.transpose(0, 2, 1)
    xyz, ring = lib.empty((n, 3), np.float32), lib.empty(n, np.uint16)
    intensity, time, counts = lib.empty(n, np.float32), lib.empty(n, np.float32), lib.empty(5, np.int32)
    lib.call(
        "ap_unpack", data=data.reshape(-1), poses=lib.to_device(columns), masks=lib.to_device(masks.table), xyz=xyz,
        intensity=intensity, time=time, ring=ring, counts=counts, n_edges=(masks.table.shape[1] - 6) // 3,
        width=max(layout.width, 1), point_step=layout.point_step, row_step=layout.row_step, swap=layout.big_endian,
        x=layout.x, y=layout.y, z=layout.z, intensity_at=layout.intensity, time_at=layout.time, ring_at=layout.ring,
        time_zero=layout.time_zero, time_scale=layout.time_scale, intensity_scale=layout.intensity_scale,
        base=body.ravel().tolist(), min_sq=crop.min_range**2, max_sq=min(crop.max_range**2, 3e38), box=crop.box, t0=span[0],
        inv_dt=inv_dt, around=masks.around,
    )  # fmt: skip
    kept, *dropped = (int(v) for v in lib.to_host(counts))
    return Unpacked(
        xyz[:kept], intensity[:kept], time[:kept], ring[:kept], dict(zip(DROP_REASONS, dropped, strict=True))
    )
