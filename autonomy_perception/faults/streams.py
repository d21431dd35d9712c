"""Faulty streams: the messages are sound, when and how often they come is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from autonomy_perception.faults.sample import CLOCK, Mutator, Rig, Sample, moved, stamp_of, with_stamp

S = 1_000_000_000
LATE_NS, FLOOD, FLOOD_STEP_NS = 400_000_000, 10, 10_000_000

Aim = Callable[[Rig], str]


def lidar(rig: Rig) -> str:
    """Aim at the reference lidar."""
    return rig.lidar


def camera(rig: Rig) -> str:
    """Aim at the camera."""
    return rig.camera


def clock(rig: Rig) -> str:
    """Aim at ROS time itself."""
    return CLOCK


def odometry(rig: Rig) -> str:
    """Aim at the odometry."""
    return rig.odometry


def objects(rig: Rig) -> str:
    """Aim at the detections of another node."""
    return rig.objects


def _only(aim: Aim, change: Callable[[Sample], list[Sample]]) -> Callable[[Rig], Mutator]:
    return lambda rig: lambda sample: change(sample) if sample.topic == aim(rig) else [sample]


def stops(aim: Aim) -> Callable[[Rig], Mutator]:
    """Nothing comes any more."""
    return _only(aim, lambda sample: [])


def late(aim: Aim) -> Callable[[Rig], Mutator]:
    """Every message comes 400 ms after its time."""
    return _only(aim, lambda sample: [replace(sample, at_ns=sample.at_ns + LATE_NS)])


def stamped(aim: Aim, off_ns: int) -> Callable[[Rig], Mutator]:
    """Stamps are off by ``off_ns``."""
    return _only(aim, lambda sample: [with_stamp(sample, stamp_of(sample) + off_ns)])


def unstamped(aim: Aim) -> Callable[[Rig], Mutator]:
    """Stamps are zero."""
    return _only(aim, lambda sample: [with_stamp(sample, 0)])


def swapped(aim: Aim) -> Callable[[Rig], Mutator]:
    """Two messages that follow each other exchange their stamps."""

    def make(rig: Rig) -> Mutator:
        held: list[Sample] = []

        def swap(sample: Sample) -> list[Sample]:
            if sample.topic != aim(rig):
                return [sample]
            if not held:
                held.append(sample)
                return []
            first = held.pop()
            pair = with_stamp(first, stamp_of(sample)), with_stamp(sample, stamp_of(first))
            return [replace(pair[0], at_ns=sample.at_ns), pair[1]]

        return swap

    return make


def floods(aim: Aim) -> Callable[[Rig], Mutator]:
    """Ten times as many messages."""
    return _only(aim, lambda sample: [moved(sample, k * FLOOD_STEP_NS) for k in range(FLOOD)])


def doubled(aim: Aim) -> Callable[[Rig], Mutator]:
    """A second publisher sends the same again, 30 ms later."""
    return _only(aim, lambda sample: [sample, replace(moved(sample, 30_000_000), outlet="second")])
