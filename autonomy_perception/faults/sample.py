"""A message on its way to a topic, and the tools with which faults change it: bytes in, bytes out, no ROS."""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from autonomy_perception.bags.messages import TF
from autonomy_perception.bags.typestore import decode_cdr, typestore
from autonomy_perception.config import VehicleConfig

Outlet = Literal["main", "second", "best effort", "apart"]
"""By which publisher a message leaves: the one of the topic, a second one beside it, one of wrong quality of service, or
one with transport buffers of its own (for what would not fit beside the other messages)."""


@dataclass(frozen=True)
class Sample:
    """One message: topic, type, when it leaves [ns, ROS time], its CDR bytes, and by which publisher."""

    topic: str
    msgtype: str
    at_ns: int
    data: bytes
    outlet: Outlet = "main"


Mutator = Callable[[Sample], list[Sample]]
"""What becomes of a message: nothing, itself, or several. Called in order; may keep state."""


@dataclass(frozen=True)
class Rig:
    """Names that faults aim at: topics and frames of the reference lidar, two cameras and the odometry; a seeded generator.

    ``jpeg`` is a camera with compressed images, ``raw`` one with raw images; ``camera`` is one of the two, with its
    ``info``. ``objects`` are detections of another node. Empty: there are none.
    """

    lidar: str
    lidar_frame: str
    camera: str
    jpeg: str
    raw: str
    info: str
    odometry: str
    base_frame: str
    rng: np.random.Generator
    objects: str = ""

    @classmethod
    def of(cls, vehicle: VehicleConfig, seed: int) -> Rig:
        """The first lidar and the first camera of either kind."""
        lidar, camera = next(iter(vehicle.lidars.values())), next(iter(vehicle.cameras.values()), None)
        jpeg, raw = (
            next((c.topic for c in vehicle.cameras.values() if c.compressed == kind), "") for kind in (True, False)
        )
        return cls(
            lidar.topic, lidar.frame, camera.topic if camera else "", jpeg, raw, camera.info_topic if camera else "",
            vehicle.odometry.topic, vehicle.base_frame, np.random.default_rng(seed),
        )  # fmt: skip


CLOCK = "/clock"


def clock(now_ns: int) -> Sample:
    """A rosgraph_msgs/Clock: like a header it begins with its time."""
    return with_stamp(Sample(CLOCK, "rosgraph_msgs/msg/Clock", now_ns, b"\0\1\0\0" + bytes(8)), now_ns)


def decode(sample: Sample) -> Any:
    """The message object of a sample."""
    return decode_cdr(typestore(), sample.data, sample.msgtype)


def encode(sample: Sample, message: Any) -> Sample:
    """The sample with another message object of the same type."""
    return dataclasses.replace(sample, data=bytes(typestore().serialize_cdr(message, sample.msgtype)))


def edited(topic: str, edit: Callable[[Any], Any]) -> Mutator:
    """Every message of a topic through ``edit`` (message object in, message object out)."""
    return lambda sample: [encode(sample, edit(decode(sample)))] if sample.topic == topic else [sample]


def _order(data: bytes) -> str:
    return "<" if data[1] & 1 else ">"


def stamp_of(sample: Sample) -> int:
    """Header stamp [ns] of a message that begins with a std_msgs/Header."""
    sec, nanosec = struct.unpack_from(f"{_order(sample.data)}iI", sample.data, 4)
    return int(sec * 1_000_000_000 + nanosec)


def with_stamp(sample: Sample, stamp_ns: int) -> Sample:
    """The same with another header stamp [ns]; nothing else is touched or decoded."""
    sec, nanosec = divmod(stamp_ns, 1_000_000_000)
    words = struct.pack(f"{_order(sample.data)}iI", sec, nanosec)
    return dataclasses.replace(sample, data=sample.data[:4] + words + sample.data[12:])


def moved(sample: Sample, by_ns: int) -> Sample:
    """The same, sent and stamped later by ``by_ns``."""
    if sample.msgtype != TF:
        return dataclasses.replace(with_stamp(sample, stamp_of(sample) + by_ns), at_ns=sample.at_ns + by_ns)
    message = decode(sample)
    for t in message.transforms:
        sec, nanosec = divmod(t.header.stamp.sec * 1_000_000_000 + t.header.stamp.nanosec + by_ns, 1_000_000_000)
        object.__setattr__(t.header, "stamp", type(t.header.stamp)(int(sec), int(nanosec)))
    return dataclasses.replace(encode(sample, message), at_ns=sample.at_ns + by_ns)
