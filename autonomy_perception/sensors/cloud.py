"""PointCloud2 layouts: which bytes are x, y, z, intensity, time and ring, found by the names drivers use."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.config import LidarConfig
from autonomy_perception.messages.events import CloudMsg, PointField
from autonomy_perception.ops.unpack import FIELD_SIZE, CloudLayout, FieldAt
from autonomy_perception.sensors.cloud_units import (
    FEW,
    UNITS,
    TimeUnit,
    at_shares,
    intensity_limit,
    samples,
    span_of,
    time_unit,
    type_name,
)  # fmt: skip

INTENSITY_NAMES = ("intensity", "reflectivity", "i")
TIME_NAMES = ("time", "t", "timestamp", "time_stamp", "offset_time", "point_time_offset", "ts")
RING_NAMES = ("ring", "channel", "line", "laser_id")

MISPLACED = 0.25
"""Times farther outside the sweep than this share of its duration are named."""


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
        odd: what is wrong with its times, if anything: they are left aside, or do not fit the vehicle file.
    """

    layout: CloudLayout
    data: NDArray[np.uint8]
    has_time: bool
    has_ring: bool
    points: int
    cut: int
    odd: CloudError | None = None


class CloudReader:
    """Reads the clouds of one lidar; remembers the unit of its times and the scale of its intensities.

    Attributes:
        about: the layout in one line, as a person would want to check it; empty before the first cloud.
    """

    def __init__(self, lidar: LidarConfig) -> None:
        self._lidar = lidar
        self._unit: TimeUnit | None = None
        self._full = lidar.intensity_max
        self._seen: tuple[object, ...] = ()
        self.about = ""

    def read(self, message: CloudMsg, max_points: int) -> Sweep:
        """Find the layout of a message and check it against its bytes; no more than a few hundred points are looked at.

        Raises:
            CloudError: a field is missing or lies outside the point, the data is shorter than it claims, no point.
        """
        layout, data = read_fields(message, max_points)
        seen = (tuple(message.fields), layout.intensity, layout.time)
        if seen != self._seen:  # the driver was set up anew: what was learned of the fields before may not hold
            self._seen, self._unit, self._full, self.about = seen, None, self._lidar.intensity_max, ""
        odd: CloudError | None = None
        if layout.time.datatype:
            try:
                layout, odd = self._with_times(layout, data, message)
            except CloudError as e:
                layout, odd = replace(layout, time=FieldAt()), e
        if layout.intensity.datatype:
            layout = replace(layout, intensity_scale=1.0 / self._intensity_max(layout, data))
        self.about = self.about or self._describe(layout)
        points, kept = message.width * message.height, layout.width * layout.height
        return Sweep(layout, data, bool(layout.time.datatype), bool(layout.ring.datatype), points, points - kept, odd)

    def _with_times(
        self, layout: CloudLayout, data: NDArray[np.uint8], message: CloudMsg
    ) -> tuple[CloudLayout, CloudError | None]:
        """The layout with zero and scale of its times, and what is wrong with when they say the sweep was."""
        values = samples(data, layout, layout.time)
        if not np.any(values):
            return replace(layout, time_scale=0.0), None  # all measured at the stamp, as a flash lidar does
        unit = self._unit_of(values, layout, message)
        zero = unit.zero(values[values != 0.0], message.stamp_ns, self._lidar.stamp_at)
        odd = self._misplaced((values - zero) * unit.scale) if layout.width * layout.height >= FEW else None
        return replace(layout, time_zero=zero, time_scale=unit.scale), odd

    def _misplaced(self, times: NDArray[np.float64]) -> CloudError | None:
        """Named if the times [s] do not lie where ``stamp_at`` and ``period_ms`` put the sweep."""
        period_ms, stamp_at = self._lidar.period_ms, self._lidar.stamp_at
        begin = {"start": 0.0, "mid": -0.5, "end": -1.0}[stamp_at] * period_ms
        low, high = (1e3 * v for v in at_shares(times, 0.05, 0.95))
        if low >= begin - MISPLACED * period_ms and high <= begin + (1.0 + MISPLACED) * period_ms:
            return None
        expected = f"{begin:.0f} to {begin + period_ms:.0f} ms from the header stamp (stamp_at: {stamp_at}, period_ms)"
        return CloudError("time of points", expected, f"{low:.0f} to {high:.0f} ms")

    def _unit_of(self, values: NDArray[np.float64], layout: CloudLayout, message: CloudMsg) -> TimeUnit:
        period_s, points = self._lidar.period_ms * 1e-3, layout.width * layout.height
        if self._unit is not None and self._unit.fits(values, message.stamp_ns, *span_of(period_s, points)):
            return self._unit
        units = {n: scale for n, scale in UNITS.items() if self._lidar.time_unit in ("auto", n)}
        found = time_unit(values, layout.time.datatype, message.stamp_ns, period_s, points, units)
        if found is None:
            name = next(f.name for f in message.fields if f.offset == layout.time.offset and f.name in TIME_NAMES)
            expected = f"times within {period_s * 2e3:.0f} ms of the header stamp, in {' or '.join(units)}"
            raise CloudError(f"fields.{name}", expected, f"{values.min():.9g} to {values.max():.9g}: not deskewed")
        if points >= FEW:
            self._unit, self.about = found, ""
        return found

    def _intensity_max(self, layout: CloudLayout, data: NDArray[np.uint8]) -> float:
        if self._lidar.intensity_max:
            return self._lidar.intensity_max
        if self._full and layout.intensity.datatype == 2:
            return self._full
        values = samples(data, layout, layout.intensity)
        if not self._full or np.count_nonzero(values > self._full) > 0.02 * len(values):
            self._full, self.about = max(self._full, intensity_limit(values, layout.intensity.datatype)), ""
        return self._full

    def _describe(self, layout: CloudLayout) -> str:
        parts = [f"x y z {type_name(layout.x.datatype)}"]
        if layout.intensity.datatype:
            source = "by the vehicle file" if self._lidar.intensity_max else "learned"
            source = "by its type" if not self._lidar.intensity_max and layout.intensity.datatype == 2 else source
            parts.append(f"intensity {type_name(layout.intensity.datatype)} up to {self._full:g} ({source})")
        else:
            parts.append("no intensity")
        if layout.time.datatype:
            parts.append(f"time {type_name(layout.time.datatype)} {self._unit or '(unit not sure yet)'}")
        else:
            parts.append("no time: points are not deskewed")
        parts.append(f"ring {type_name(layout.ring.datatype)}" if layout.ring.datatype else "no ring")
        order = ", big endian" if layout.big_endian else ""
        return ", ".join(parts) + f"; {layout.point_step} bytes a point{order}"


def read_layout(message: CloudMsg, lidar: LidarConfig, max_points: int) -> Sweep:
    """Read one cloud on its own; see :class:`CloudReader`."""
    return CloudReader(lidar).read(message, max_points)


def read_fields(message: CloudMsg, max_points: int) -> tuple[CloudLayout, NDArray[np.uint8]]:
    """Where the fields lie, checked against the message's bytes, and these as uint8 (B,); times and intensities raw.

    Raises:
        CloudError: as :meth:`CloudReader.read`.
    """
    by_name = {f.name: f for f in message.fields}
    x, y, z = (_required(by_name, name) for name in "xyz")
    data = np.frombuffer(message.data, np.uint8)
    if message.width * message.height <= 0:
        raise CloudError("width x height", "points", f"{message.width} x {message.height}: the cloud is empty")
    width, height = _cut(message, max_points)
    intensity, time, ring = (_optional(by_name, names) for names in (INTENSITY_NAMES, TIME_NAMES, RING_NAMES))
    row_step = message.row_step if height > 1 else width * message.point_step  # drivers leave it 0, or anything
    layout = CloudLayout(
        width, height, message.point_step, row_step, x, y, z, intensity, time, ring, message.is_bigendian
    )
    _check(layout, data.size, message)
    return layout, data


def _required(fields: dict[str, PointField], name: str) -> FieldAt:
    if name not in fields:
        raise CloudError(f"fields.{name}", "a field of that name", ", ".join(fields) or "no fields")
    field = fields[name]
    if field.datatype not in (7, 8):
        raise CloudError(f"fields.{name}", "datatype FLOAT32 or FLOAT64", f"datatype {field.datatype}")
    return FieldAt(field.offset, field.datatype)


def _optional(fields: dict[str, PointField], names: tuple[str, ...]) -> FieldAt:
    for name in names:
        if name in fields and fields[name].datatype in FIELD_SIZE:
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
