"""Offline replay: a bag through the sensor front end and the pipeline, without ROS (floor 3)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from autonomy_perception.bags.events import events
from autonomy_perception.bags.messages import CLOUD
from autonomy_perception.bags.reader import BagReader
from autonomy_perception.config import PerceptionConfig, VehicleConfig
from autonomy_perception.messages.sensors_in import cloud
from autonomy_perception.ops.library import Library
from autonomy_perception.runtime.runner import Output, Runner, sensing
from autonomy_perception.sensors.cloud import CloudError, CloudReader
from autonomy_perception.types import SensorFrame


def replay_offline(
    bag: Path, vehicle: VehicleConfig, config: PerceptionConfig, lib: Library, max_frames: int | None = None
) -> Iterator[Output]:
    """Run a bag through the pipeline in recorded order; ticks come at the recorded time, as they do live.

    Raises:
        BagError: the bag cannot be read.
    """
    frames = 0
    for output in Runner(config, vehicle, lib, strict=True).run(events(bag, vehicle)):
        yield output
        frames += output.frame is not None
        if max_frames is not None and frames >= max_frames:
            return


def frames_of(bag: Path, vehicle: VehicleConfig, config: PerceptionConfig, lib: Library) -> Iterator[SensorFrame]:
    """The frames that the pipeline gets from a bag, without running it.

    Raises:
        BagError: the bag cannot be read.
    """
    return sensing(config, vehicle, lib).frames(events(bag, vehicle))


def cloud_layouts(bag: Path, vehicle: VehicleConfig) -> dict[str, str]:
    """How the first cloud of each lidar is read, by topic, in words; lidars without a readable cloud are left out.

    Raises:
        BagError: the bag cannot be read.
    """
    out = {}
    with BagReader(bag) as reader:
        for lidar in vehicle.lidars.values():
            raw = next(reader.raw([lidar.topic]), None)
            if raw is None or raw.msgtype != CLOUD:
                continue
            layout = CloudReader(lidar)
            with suppress(CloudError):
                layout.read(cloud(lidar.topic, reader.decode(raw), raw.receive_ns), 10**7)
                out[lidar.topic] = layout.about
    return out
