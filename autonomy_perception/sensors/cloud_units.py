"""What the numbers of a cloud mean where its fields do not say: the unit of its times, the scale of its intensities.

Drivers agree on names at best. Both are judged by a few hundred points of a sweep, kept for the sensor, and judged
anew only when a later sweep contradicts them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.ops.unpack import FIELD_SIZE, CloudLayout, FieldAt

F64 = NDArray[np.float64]
UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
DTYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 8: "f8", 9: "i8", 10: "u8"}
"""NumPy's kind by datatype of sensor_msgs/PointField."""
INTENSITY_LIMITS = (1.0, 255.0, 4095.0, 65535.0)
"""What full scale may be: fractions, 8, 12 and 16 bits."""
SAME_CLOCK_S = 0.5
"""Times farther from their header stamp are of another clock (TAI and UTC, a stamp made at reception)."""
EPOCH_S = 1e5
"""Later stamps are times since an epoch, not since the start of a simulation."""
FEW = 1000
"""Fewer points than this are no sweep to judge a unit by its span."""


def samples(data: NDArray[np.uint8], layout: CloudLayout, at: FieldAt, most: int = 256) -> F64:
    """Some values (at most about ``most``) of a field, spread over the cloud, the last point's among them; finite."""
    order = ">" if layout.big_endian else "<"
    shape, strides = (layout.height, layout.width), (layout.row_step, layout.point_step)
    all_of_it = np.ndarray(shape, order + DTYPES[at.datatype], data, at.offset, strides)
    rows = max(1, layout.height // 8)
    columns = max(1, layout.width * min(layout.height, 8) // most)
    some = np.concatenate([all_of_it[::rows, ::columns].ravel(), all_of_it[-1, -1:]])
    with np.errstate(invalid="ignore"):  # signalling NaN
        some = some.astype(np.float64)
    return np.asarray(some[np.isfinite(some)])


@dataclass(frozen=True)
class TimeUnit:
    """How to read a time field: seconds per unit, and whether it counts from an epoch or from the header stamp.

    Attributes:
        header_clock: an absolute time is of the clock that stamps the header; otherwise only differences count.
    """

    scale: float
    absolute: bool
    header_clock: bool = True

    def __str__(self) -> str:
        name = next(n for n, scale in UNITS.items() if scale == self.scale)
        clock = "" if self.header_clock else ", not of the header's clock"
        return f"{name} {'since the epoch' if self.absolute else 'from the header stamp'}{clock}"

    def zero(self, values: F64, stamp_ns: int, stamp_at: str) -> float:
        """Raw value that means the header stamp."""
        if not self.absolute:
            return 0.0
        if self.header_clock:
            return float(stamp_ns) if self.scale == 1e-9 else stamp_ns * 1e-9 / self.scale
        first, last = at_shares(values, 0.01, 0.99)
        return {"start": first, "mid": 0.5 * (first + last), "end": last}[stamp_at]

    def fits(self, values: F64, stamp_ns: int, shortest: float, longest: float) -> bool:
        """True if the times of some points, zeros aside, lie where this unit puts them.

        Args:
            shortest, longest: how long a sweep takes, and how far its times lie from the header stamp [s].
        """
        if not self.absolute:
            return shortest <= _spread(values) * self.scale and _most(np.abs(values)) * self.scale <= longest
        stamped = values[values != 0.0] if np.any(values) else values
        if not self.header_clock:
            return shortest <= _spread(stamped) * self.scale <= longest
        off = np.abs(stamped * self.scale - stamp_ns * 1e-9)
        return _most(off) <= (max(longest, SAME_CLOCK_S) if stamp_ns * 1e-9 > EPOCH_S else longest)


def span_of(period_s: float, points: int) -> tuple[float, float]:
    """How long a sweep takes at least, and how far its times lie from its header stamp at most [s]; a few points may be a
    part of one."""
    return period_s / 20.0 if points >= FEW else 0.0, 2.0 * period_s


def time_unit(
    values: F64, datatype: int, stamp_ns: int, period_s: float, points: int, units: Mapping[str, float] = UNITS
) -> TimeUnit | None:
    """Unit of a time field, or None if its values make sense in none.

    Args:
        values: some of its values (:func:`samples`); datatype: of sensor_msgs/PointField.
        period_s: duration of a sweep; points: of this one.
        units: those that come into question.
    """
    preferred = "s" if datatype in (7, 8) else "ns"
    usual = units.get(preferred, next(iter(units.values())))
    shortest, longest = span_of(period_s, points)
    if not np.any(values):
        return TimeUnit(usual, False)
    since_epoch = [TimeUnit(scale, True) for scale in units.values()]
    from_header = [TimeUnit(scale, False) for scale in units.values()]
    likely = [TimeUnit(usual, False), *since_epoch, *from_header]  # since the epoch: of a simulation, here
    if stamp_ns * 1e-9 > EPOCH_S:
        likely = [*since_epoch, TimeUnit(usual, False), *from_header]
    for unit in likely:
        if unit.fits(values, stamp_ns, shortest, longest):
            return unit
    if TimeUnit(usual, False).fits(values, stamp_ns, 0.0, longest):
        return TimeUnit(usual, False)
    own_clock = (TimeUnit(scale, True, header_clock=False) for scale in units.values())
    return next((unit for unit in own_clock if unit.fits(values, stamp_ns, shortest, longest)), None)


def at_shares(values: F64, *shares: float) -> list[float]:
    """Values at shares of the order (np.quantile takes ten times as long, and this is done for every cloud)."""
    ordered = np.sort(values)
    return [float(ordered[round(share * (len(ordered) - 1))]) for share in shares]


def _most(values: F64) -> float:
    """What nearly all values keep to: points without return may carry any time."""
    return at_shares(values, 0.95)[0]


def _spread(values: F64) -> float:
    low, high = at_shares(values, 0.05, 0.95)
    return high - low


def intensity_limit(values: F64, datatype: int) -> float:
    """Raw intensity that means 1: 255 for bytes, otherwise the least usual full scale that 99 of 100 points keep to."""
    if datatype == 2:
        return 255.0
    high = float(np.quantile(values, 0.99)) if len(values) else 0.0
    return next((limit for limit in INTENSITY_LIMITS if high <= limit), high)


def type_name(datatype: int) -> str:
    """``float32`` of a PointField's datatype."""
    return np.dtype(DTYPES[datatype]).name if datatype in FIELD_SIZE else f"datatype {datatype}"
