"""A recorded drive as events for the front end, in recorded order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

from autonomy_perception.bags.errors import BagError
from autonomy_perception.bags.reader import BagReader, RawMessage
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


def events(
    bag: BagReader | Path, vehicle: VehicleConfig, start_ns: int | None = None, stop_ns: int | None = None
) -> Iterator[Event]:
    """Inputs of ``vehicle`` from a bag, decoded, each with its time of reception (``receive_ns``).

    Args:
        bag: an open reader, or a path to open and close here.
        start_ns: begin at this time of reception [ns]. What a subscriber that joins then would be told comes first, as
            received at ``start_ns``: all that was latched before (/tf_static), and the last CameraInfo of each camera.
        stop_ns: end before this time of reception [ns].

    Raises:
        BagError: the bag cannot be read, or a topic carries a type that no sensor sends.
    """
    if isinstance(bag, BagReader):
        yield from _events(bag, vehicle, start_ns, stop_ns)
        return
    with BagReader(bag) as reader:
        yield from _events(reader, vehicle, start_ns, stop_ns)


def _events(bag: BagReader, vehicle: VehicleConfig, start_ns: int | None, stop_ns: int | None) -> Iterator[Event]:
    wanted = [t for t in input_topics(vehicle) if t in bag.topics]
    for topic in wanted:
        if bag.topics[topic] not in CONVERTERS:
            raise BagError(f"{bag.path}: {topic}: expected one of {', '.join(CONVERTERS)}, found {bag.topics[topic]}")
    known = [] if start_ns is None else _known_at(bag, vehicle, wanted, start_ns)
    for message in chain(known, bag.raw(wanted, start_ns, stop_ns)):
        yield CONVERTERS[message.msgtype](message.topic, bag.decode(message), message.receive_ns, 0)


def _known_at(bag: BagReader, vehicle: VehicleConfig, topics: list[str], start_ns: int) -> list[RawMessage]:
    """What was said once and holds on: told again at ``start_ns``."""
    latched = bag.latched_topics.intersection(topics)
    infos = {c.info_topic for c in vehicle.cameras.values()} - latched
    before = [*bag.raw(latched, stop_ns=start_ns), *bag.newest_before(infos, start_ns)]
    return [replace(message, receive_ns=start_ns) for message in before]
