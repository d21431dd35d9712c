"""What arrived on each topic, and how it compares with what the vehicle file says: frames, rates, times, sizes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.config import LidarConfig, VehicleConfig
from autonomy_perception.messages.events import CameraInfoMsg, CloudMsg, Event, ImageMsg, OdomMsg
from autonomy_perception.vehicle_check.findings import Finding, error, warning

I64 = NDArray[np.int64]

RATE_TOLERANCE = 0.1
"""A period may differ from the stated one by this share."""
MAX_DELAY_S, MAX_AHEAD_S = 0.5, 0.02
"""A stamp lies at most so long before its reception, and hardly after it [s]."""
DELAYS_APART_S = 0.3
MIN_ODOMETRY_HZ = 5.0


@dataclass
class Stream:
    """Times [ns], frames and image sizes of one topic."""

    received: list[int] = field(default_factory=list)
    stamps: list[int] = field(default_factory=list)
    frames: set[str] = field(default_factory=set)
    child_frames: set[str] = field(default_factory=set)
    sizes: set[tuple[int, int]] = field(default_factory=set)

    def add(self, event: Event) -> None:
        """Take in a message."""
        self.received.append(event.receive_ns)
        if isinstance(event, CloudMsg | ImageMsg | CameraInfoMsg | OdomMsg):
            self.stamps.append(event.stamp_ns)
            self.frames.add(event.frame_id.lstrip("/"))
        if isinstance(event, CameraInfoMsg):
            self.sizes.add((event.width, event.height))
        if isinstance(event, OdomMsg):
            self.child_frames.add(event.child_frame_id.lstrip("/"))

    @property
    def period_s(self) -> float:
        """Median time between stamps [s]; 0 with fewer than three."""
        return float(np.median(np.diff(np.sort(np.array(self.stamps))))) * 1e-9 if len(self.stamps) > 2 else 0.0

    @property
    def delay_s(self) -> float:
        """Median of reception minus stamp [s]."""
        return float(np.median(np.array(self.received) - np.array(self.stamps))) * 1e-9


def check_streams(vehicle: VehicleConfig, streams: dict[str, Stream]) -> list[Finding]:
    """Frames, rates and times of all sensors that sent anything; ``streams`` by topic."""
    out: list[Finding] = []
    for name, lidar in vehicle.lidars.items():
        if lidar.topic in streams:
            out += _frame(f"lidars.{name}.frame", lidar.frame, streams[lidar.topic])
            out += _times(f"lidars.{name}.offset_ms", streams[lidar.topic], lidar.offset_ms)
            out += _lidar_rate(name, lidar, streams[lidar.topic])
    for name, camera in vehicle.cameras.items():
        if camera.topic in streams:
            out += _frame(f"cameras.{name}.frame", camera.frame, streams[camera.topic])
            out += _times(f"cameras.{name}.offset_ms", streams[camera.topic], camera.offset_ms)
        if camera.info_topic in streams:
            out += _frame(
                f"cameras.{name}.frame ({camera.info_topic})", camera.frame, streams[camera.info_topic], warn=True
            )
    odometry = vehicle.odometry
    if odometry.topic in streams:
        stream = streams[odometry.topic]
        out += _frame("odom_frame", vehicle.odom_frame, stream)
        out += _times("odometry.topic", stream, 0.0)
        if stream.period_s > 1.0 / MIN_ODOMETRY_HZ:
            out.append(warning("odometry.topic", f"at least {MIN_ODOMETRY_HZ:.0f} Hz", f"{1.0 / stream.period_s:.1f} Hz",
                               "sweeps are straightened with it: record it at its full rate"))  # fmt: skip
    return out + _clocks(vehicle, streams)


def _frame(where: str, expected: str, stream: Stream, *, warn: bool = False) -> list[Finding]:
    wrong = sorted(stream.frames - {expected})
    if not wrong:
        return []
    make = warning if warn else error
    return [
        make(
            where,
            repr(expected),
            ", ".join(map(repr, wrong)),
            "write the frame_id of the messages into the vehicle file",
        )
    ]


def _lidar_rate(name: str, lidar: LidarConfig, stream: Stream) -> list[Finding]:
    found = stream.period_s * 1e3
    if not found or abs(found - lidar.period_ms) <= RATE_TOLERANCE * lidar.period_ms:
        return []
    return [error(f"lidars.{name}.period_ms", f"{lidar.period_ms:.1f} ms between sweeps", f"{found:.1f} ms ({1e3 / found:.2f} Hz)",
                  f"set it to {found:.1f}, or set the lidar to {1e3 / lidar.period_ms:.0f} Hz")]  # fmt: skip


def _times(where: str, stream: Stream, offset_ms: float) -> list[Finding]:
    """Stamps against reception; ``offset_ms`` is what the vehicle file adds to them."""
    out = []
    if stream.stamps and (back := int(np.sum(np.diff(np.array(stream.stamps)) < 0))):
        out.append(
            warning(
                where, "stamps that grow", f"{back} go back", "two publishers on one topic, or a driver that reorders"
            )
        )
    if not stream.stamps:
        return out
    delay = stream.delay_s - offset_ms * 1e-3
    if delay > MAX_DELAY_S or delay < -MAX_AHEAD_S:
        said = f"{delay:.3f} s before it" if delay > 0 else f"{-delay:.3f} s after it"
        out.append(error(where, f"stamps at most {MAX_DELAY_S} s before their reception and not after it", said,
                         "synchronise the clocks (PTP), or correct offset_ms"))  # fmt: skip
    return out


def _clocks(vehicle: VehicleConfig, streams: dict[str, Stream]) -> list[Finding]:
    """Sensors whose stamps lag far more or less than those of the others: clocks that disagree."""
    offsets = {f"lidars.{n}": (c.topic, c.offset_ms) for n, c in vehicle.lidars.items()}
    offsets |= {f"cameras.{n}": (c.topic, c.offset_ms) for n, c in vehicle.cameras.items()}
    delays = {k: streams[t].delay_s - o * 1e-3 for k, (t, o) in offsets.items() if t in streams and streams[t].stamps}
    if len(delays) < 2:
        return []
    usual = float(np.median(list(delays.values())))
    return [
        warning(f"{name}.offset_ms", f"a delay like that of the other sensors ({usual * 1e3:.0f} ms)", f"{delay * 1e3:.0f} ms",
                "is this sensor's clock synchronised?")
        for name, delay in delays.items() if abs(delay - usual) > DELAYS_APART_S
    ]  # fmt: skip
