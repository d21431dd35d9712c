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
from autonomy_perception.pipeline.pipeline import Pipeline
from autonomy_perception.runtime.runner import Output, Runner, sensing
from autonomy_perception.sensors.cloud import CloudError, CloudReader
from autonomy_perception.types import SensorFrame

LEAD_IN_S = 2.0
"""Bag time before the start of a range that the front end hears."""


def replay_offline(
    bag: Path,
    vehicle: VehicleConfig,
    config: PerceptionConfig,
    lib: Library,
    max_frames: int | None = None,
    *,
    start_s: float | None = None,
    duration_s: float | None = None,
    pipeline: Pipeline | None = None,
) -> Iterator[Output]:
    """Run a bag through the pipeline in recorded order; ticks come at the recorded time, as they do live.

    Args:
        bag: rosbag2 folder or .mcap file.
        vehicle: its sensors, frames and body.
        config: stage parameters.
        lib: kernels of the device to run on.
        max_frames: stop after this many frames.
        start_s: begin this many seconds after the bag's first message. The front end hears the ``LEAD_IN_S`` before, so
            that the first frame has its ego motion and its cameras; frames that are ready before ``start_s`` are dropped.
        duration_s: stop this many seconds after the start.
        pipeline: to go on with; a new one with all stages otherwise. If its state was loaded and ``start_s`` is not given,
            the replay begins behind the last frame of that state, and ``duration_s`` counts from there.

    Raises:
        BagError: the bag cannot be read, or does not reach to the start.
    """
    runner, frames = Runner(config, vehicle, lib, pipeline, strict=True), 0
    with BagReader(bag) as reader:
        seen_ns = runner.pipeline.seen_ns
        if start_s is None and seen_ns is not None:
            start_s = max((seen_ns - reader.span_ns[0]) * 1e-9, 0.0)
        start_ns, stop_ns = reader.window_ns(start_s, duration_s)
        heard_ns = None if start_ns is None else start_ns - round(LEAD_IN_S * 1e9)
        for event in events(reader, vehicle, heard_ns, stop_ns):
            if seen_ns is None and start_ns is not None and event.receive_ns < start_ns:
                runner.front.feed(event)
                continue
            for output in runner.on_event(event, replayed=True):
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
