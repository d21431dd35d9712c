"""Offline replay: a bag through the sensor front end and the pipeline, without ROS (floor 3)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from autonomy_perception.bags.events import events
from autonomy_perception.bags.messages import CLOUD
from autonomy_perception.bags.reader import BagReader
from autonomy_perception.config import PerceptionConfig, VehicleConfig
from autonomy_perception.messages.sensors_in import cloud
from autonomy_perception.ops.library import Library
from autonomy_perception.pipeline.pipeline import Pipeline
from autonomy_perception.sensors.cloud import CloudError, CloudReader
from autonomy_perception.sensors.frontend import SensorFrontEnd
from autonomy_perception.types import Perception, SensorFrame


@dataclass(frozen=True)
class ReplayStep:
    """One output of an offline replay: the frame (None for a tick), the result, and the milliseconds it took."""

    frame: SensorFrame | None
    result: Perception
    sensors_ms: float
    step_ms: float


def replay_offline(
    bag: Path, vehicle: VehicleConfig, config: PerceptionConfig, lib: Library, max_frames: int | None = None
) -> Iterator[ReplayStep]:
    """Run a bag through the pipeline in recorded order; ticks come at the recorded time, as they do live.

    Raises:
        BagError: the bag cannot be read.
    """
    front, pipeline = SensorFrontEnd(config, vehicle, lib), Pipeline(config, vehicle, lib)
    frames_done = 0
    sensors_ms = 0.0
    for event in events(bag, vehicle):
        start = time.perf_counter_ns()
        frames = front.feed(event)
        sensors_ms += (time.perf_counter_ns() - start) * 1e-6
        for frame in frames:
            start = time.perf_counter_ns()
            result = pipeline.step(frame)
            yield ReplayStep(frame, result, sensors_ms, (time.perf_counter_ns() - start) * 1e-6)
            sensors_ms = 0.0
            frames_done += 1
            if max_frames is not None and frames_done >= max_frames:
                return
        if not frames and pipeline.due(event.receive_ns):
            aged = pipeline.tick(event.receive_ns, front.health(event.receive_ns))
            if aged is not None:
                yield ReplayStep(None, aged, 0.0, 0.0)


def frames_of(bag: Path, vehicle: VehicleConfig, config: PerceptionConfig, lib: Library) -> Iterator[SensorFrame]:
    """The frames that the pipeline gets from a bag, without running it.

    Raises:
        BagError: the bag cannot be read.
    """
    front = SensorFrontEnd(config, vehicle, lib)
    for event in events(bag, vehicle):
        yield from front.feed(event)


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
