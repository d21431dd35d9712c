"""Plays an endless drive through mutators: what a bag player does, with faults switched on and off (rclpy only here)."""

from __future__ import annotations

import heapq
import itertools
import time
from collections import deque
from typing import Any

import rclpy

from autonomy_perception import topics as table
from autonomy_perception.faults.loop import EndlessDrive
from autonomy_perception.faults.sample import Mutator, Outlet, Sample, clock, moved
from autonomy_perception.nodes.qos import message_class, profile
from autonomy_perception.nodes.qos_events import quiet_publisher, with_events
from autonomy_perception.topics import LATCHED, QosSpec

CLOCK_PERIOD_S, STALL_S = 0.02, 0.2
_TOPIC_QOS = {"/tf_static": LATCHED, table.CLOCK_TOPIC.name: table.CLOCK_TOPIC.qos}
_QOS: dict[Outlet, QosSpec] = {
    "main": QosSpec("reliable", 4),
    "second": QosSpec("reliable", 4),
    "best effort": QosSpec("best effort", 4),
    "apart": QosSpec("best effort", 1),
}
LINGERS_S = 1.0
"""A publisher of huge clouds goes this long after its last one: readers keep what they have of a message whose publisher leaves
in the middle of it, and Fast DDS never gives that memory back."""


class FaultyPlayer:
    """Publishes the samples of a drive at their time, and ``/clock`` with them.

    Args:
        node: owns the publishers.
        drive: what is played.
    """

    def __init__(self, node: Any, drive: EndlessDrive) -> None:
        self._node, self._drive = node, drive
        self._source = drive.samples()
        self._next = next(self._source)
        self._waiting: list[tuple[int, int, Sample]] = []
        self._count = itertools.count()
        self._mutators: dict[str, Mutator] = {}
        self._began, self._shift = time.monotonic_ns(), 0
        self._clock_due = 0.0
        self.stalls: deque[tuple[float, float]] = deque(maxlen=1000)
        """When this process itself, and with it ROS time, stood still: end (monotonic), length [s]."""
        self._played = time.monotonic()
        self._outlets: dict[tuple[str, Outlet], Any] = {}
        self._leaving: list[tuple[float, Outlet, Any]] = []
        self._latched: list[Any] = []
        self._apart: Any = None
        for topic, msgtype in drive.topics.items():
            self._outlet(Sample(topic, msgtype, 0, b""))
        self.latch()

    def now_ns(self) -> int:
        """ROS time of this moment, as the player's clock has it."""
        return self._drive.start_ns + (time.monotonic_ns() - self._began) + self._shift

    def inject(self, name: str, mutator: Mutator, clock_ns: int = 0) -> None:
        """Let a mutator act from now on; ROS time first jumps by ``clock_ns``."""
        self._mutators[name] = mutator
        if clock_ns:
            self._shift += clock_ns
            self._waiting.clear()
            self._send_clock()

    def heal(self, name: str) -> None:
        """Take a mutator away, and the publishers that it needed."""
        self._mutators.pop(name)
        if not self._mutators:
            for key in [key for key in self._outlets if key[1] != "main"]:
                stays_s = LINGERS_S if key[1] == "apart" else 0.0
                self._leaving.append((time.monotonic() + stays_s, key[1], self._outlets.pop(key)))
            self._dismiss()

    def _dismiss(self) -> None:
        """Destroy the publishers whose time is over."""
        now = time.monotonic()
        for _, outlet, publisher in [one for one in self._leaving if one[0] <= now]:
            self._owner(outlet).destroy_publisher(publisher)
        self._leaving = [one for one in self._leaving if one[0] > now]

    def latch(self) -> None:
        """Publish the latched topics of the bag (the rig) for everybody who comes."""
        for sample in self._drive.latched:
            publisher = self._node.create_publisher(message_class(sample.msgtype), sample.topic, profile(LATCHED))
            publisher.publish(sample.data)
            self._latched.append(publisher)

    def withdraw_latched(self) -> None:
        """Whoever comes later does not hear of the rig."""
        while self._latched:
            self._node.destroy_publisher(self._latched.pop())

    def play(self) -> float:
        """Send what is due; returns the seconds until something is again."""
        now = time.monotonic()
        if now - self._played > STALL_S:
            self.stalls.append((now, now - self._played))
        self._played = now
        if now >= self._clock_due:
            self._send_clock()
        self._dismiss()
        self._pull()
        while self._waiting and self._waiting[0][0] <= self.now_ns():
            self._send(heapq.heappop(self._waiting)[2])
        due = min(self._next.at_ns + self._shift, *(w[0] for w in self._waiting[:1]), 1 << 62)
        return max(0.0, min((due - self.now_ns()) * 1e-9, self._clock_due - time.monotonic()))

    def _pull(self) -> None:
        """Take what is due from the drive and let the mutators act on it."""
        while self._next.at_ns + self._shift <= self.now_ns():
            sample, self._next = self._next, next(self._source)
            for one in self._spoiled(moved(sample, self._shift) if self._shift else sample):
                heapq.heappush(self._waiting, (one.at_ns, next(self._count), one))

    def _spoiled(self, sample: Sample) -> list[Sample]:
        """What the mutators make of a sample."""
        made = [sample]
        for mutator in self._mutators.values():
            made = [out for one in made for out in mutator(one)]
        return made

    def _owner(self, outlet: Outlet) -> Any:
        """The node that has the publishers of an outlet."""
        if outlet != "apart":
            return self._node
        if self._apart is None:
            context = rclpy.Context()
            rclpy.init(context=context)
            self._apart = rclpy.create_node("fault_player_apart", context=context)
        return self._apart

    def close(self) -> None:
        """Give up what is not the node's."""
        if self._apart is not None:
            self._apart.destroy_node()
            rclpy.shutdown(context=self._apart.context)

    def _outlet(self, sample: Sample) -> Any:
        key = sample.topic, sample.outlet
        if key not in self._outlets:
            spec = _TOPIC_QOS.get(sample.topic, _QOS[sample.outlet])
            kind, events = message_class(sample.msgtype), quiet_publisher()
            self._outlets[key] = with_events(
                self._owner(sample.outlet).create_publisher, kind, sample.topic, profile(spec), events=events
            )
        return self._outlets[key]

    def _send(self, sample: Sample) -> None:
        self._send_clock()
        self._outlet(sample).publish(sample.data)

    def _send_clock(self) -> None:
        for one in self._spoiled(clock(self.now_ns())):
            self._outlet(one).publish(one.data)
        self._clock_due = time.monotonic() + CLOCK_PERIOD_S
