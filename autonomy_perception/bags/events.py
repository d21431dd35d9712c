"""A recorded drive as events for the front end, in recorded order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from autonomy_perception.bags.errors import BagError
from autonomy_perception.bags.reader import BagReader
from autonomy_perception.config import VehicleConfig
from autonomy_perception.messages.events import Event
from autonomy_perception.messages.sensors_in import CONVERTERS
from autonomy_perception.sensors.ego import ego_topics

TF_TOPICS = ("/tf", "/tf_static")


def input_topics(vehicle: VehicleConfig) -> list[str]:
    """Topics that the vehicle's front end listens to."""
    topics = [*TF_TOPICS, *(c.topic for c in vehicle.lidars.values())]
    for camera in vehicle.cameras.values():
        topics += [camera.topic, camera.info_topic]
    topics += ego_topics(vehicle).values()
    return topics + ([vehicle.hitch.topic] if vehicle.hitch is not None and vehicle.hitch.topic else [])


def events(bag: BagReader | Path, vehicle: VehicleConfig) -> Iterator[Event]:
    """Inputs of ``vehicle`` from a bag, decoded, each with its time of reception (``receive_ns``).

    Args:
        bag: an open reader, or a path to open and close here.

    Raises:
        BagError: the bag cannot be read, or a topic carries a type that no sensor sends.
    """
    if isinstance(bag, BagReader):
        yield from _events(bag, vehicle)
        return
    with BagReader(bag) as reader:
        yield from _events(reader, vehicle)


def _events(bag: BagReader, vehicle: VehicleConfig) -> Iterator[Event]:
    wanted = [t for t in input_topics(vehicle) if t in bag.topics]
    for topic in wanted:
        if bag.topics[topic] not in CONVERTERS:
            raise BagError(f"{bag.path}: {topic}: expected one of {', '.join(CONVERTERS)}, found {bag.topics[topic]}")
    for message in bag.raw(wanted):
        yield CONVERTERS[message.msgtype](message.topic, bag.decode(message), message.receive_ns, 0)
