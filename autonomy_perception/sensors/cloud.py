"""PointCloud2 layouts: which bytes are x, y, z, intensity, time and ring, found by the names drivers use."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.config import LidarConfig
from autonomy_perception.ops.unpack import FIELD_SIZE, CloudLayout, FieldAt
from autonomy_perception.sensors.events import CloudMsg, PointField

INTENSITY_NAMES = ("intensity", "reflectivity", "i")
TIME_NAMES = ("time", "t", "timestamp", "time_stamp", "offset_time", "point_time_offset", "ts")
RING_NAMES = ("ring", "channel", "line", "laser_id")
_SIGN = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 8: "f8", 9: "i8", 10: "u8"}
_INTEGERS = (1, 2, 3, 4, 5, 6, 9, 10)


class CloudError(ValueError):
    """A cloud cannot be used: the field, what was expected, what was found."""

    def __init__(self, field: str, expected: str, found: str) -> None:
        super().__init__(f"{field}: expected {expected}, found {found}")
        self.field, self.expected, self.found = field, expected, found


@dataclass(frozen=True)
class Sweep:
    """A cloud that can be unpacked.

    Attributes:
        layout: for the kernel; data: uint8 (B,) view of the message's bytes.
        has_time, has_ring: whether points say when and by which beam they were measured.
        points: number of points in the message; cut: how many beyond ``max_points`` are left out.
    """

    layout: CloudLayout
    data: NDArray[np.uint8]
    has_time: bool
    has_ring: bool
    points: int
    cut: int


def read_layout(message: CloudMsg, lidar: LidarConfig, max_points: int) -> Sweep:
    """Find the layout of a message and check it against its bytes; no point is touched.

    Times: float32/float64 seconds or uint32 nanoseconds relative to the header stamp; float64 seconds, uint64 or
    float64 nanoseconds or microseconds since 1970 are known by the size of the first value.

    Raises:
        CloudError: a field is missing or lies outside the point, the data is shorter than it claims, no point.
    """
    by_name = {f.name: f for f in message.fields}
    x, y, z = (_required(by_name, name) for name in "xyz")
    data = np.frombuffer(message.data, np.uint8)
    points = message.width * message.height
    if points <= 0:
        raise CloudError("width x height", "points", f"{message.width} x {message.height}: the cloud is empty")
    width, height = _cut(message, max_points)
    ring = _optional(by_name, RING_NAMES, _INTEGERS)
    time = _optional(by_name, TIME_NAMES, tuple(_SIGN))
    intensity = _optional(by_name, INTENSITY_NAMES, tuple(_SIGN))
    layout = CloudLayout(
        width, height, message.point_step, message.row_step, x, y, z, intensity, time, ring, message.is_bigendian,
        intensity_scale=1.0 / lidar.intensity_max,
    )  # fmt: skip
    _check(layout, data.size, message)
    if time.datatype:
        zero, scale = _time_scale(data, time, message)
        layout = replace(layout, time_zero=zero, time_scale=scale)
    return Sweep(layout, data, bool(time.datatype), bool(ring.datatype), points, points - width * height)


def _required(fields: dict[str, PointField], name: str) -> FieldAt:
    if name not in fields:
        raise CloudError(f"fields.{name}", "a field of that name", ", ".join(fields) or "no fields")
    field = fields[name]
    if field.datatype not in (7, 8):
        raise CloudError(f"fields.{name}", "datatype FLOAT32 or FLOAT64", f"datatype {field.datatype}")
    return FieldAt(field.offset, field.datatype)


def _optional(fields: dict[str, PointField], names: tuple[str, ...], datatypes: tuple[int, ...]) -> FieldAt:
    for name in names:
        if name in fields and fields[name].datatype in datatypes:
            return FieldAt(fields[name].offset, fields[name].datatype)
    return FieldAt()


def _cut(message: CloudMsg, max_points: int) -> tuple[int, int]:
    """Width and height of at most ``max_points``: whole rows of an organised cloud, else the first points."""
    if message.width * message.height <= max_points:
        return message.width, message.height
    if message.height > 1 and message.width <= max_points:
        return message.width, max_points // message.width
    return min(message.width, max_points), 1


def _check(layout: CloudLayout, n_bytes: int, message: CloudMsg) -> None:
    least = max(
        f.offset + FIELD_SIZE.get(f.datatype, 0)
        for f in (layout.x, layout.y, layout.z, layout.intensity, layout.time, layout.ring)
    )
    if message.point_step < least:
        raise CloudError("point_step", f">= {least} bytes (its fields end there)", str(message.point_step))
    row = layout.width * layout.point_step
    if layout.height > 1 and layout.row_step < row:
        raise CloudError("row_step", f">= {row} bytes", str(layout.row_step))
    need = (layout.height - 1) * layout.row_step + row
    if n_bytes < need:
        raise CloudError(
            "data", f"{need} bytes for {message.width} x {message.height} points", f"{n_bytes} (truncated)"
        )
    try:
        layout.check(n_bytes)
    except ValueError as e:
        raise CloudError("fields", "a usable layout", str(e)) from e


def _time_scale(data: NDArray[np.uint8], time: FieldAt, message: CloudMsg) -> tuple[float, float]:
    """(zero, seconds per unit) of a time field, by its datatype and the size of its first value."""
    order = ">" if message.is_bigendian else "<"
    size = FIELD_SIZE[time.datatype]
    first = float(data[time.offset : time.offset + size].view(order + _SIGN[time.datatype])[0])
    if time.datatype == 7:
        return 0.0, 1.0
    stamp_s = message.stamp_ns * 1e-9
    for unit in (1e-9, 1e-6, 1.0):  # absolute: within an hour of the header stamp in one of these units
        if abs(first) > 1e7 and abs(first * unit - stamp_s) < 3600.0 and stamp_s > 1e5:
            return stamp_s / unit if unit != 1e-9 else float(message.stamp_ns), unit
    return 0.0, 1.0 if time.datatype == 8 else 1e-9
