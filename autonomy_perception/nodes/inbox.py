"""From the ROS thread to the worker: events in order of arrival, where a newer sweep replaces one still waiting."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from autonomy_perception.sensors.events import CloudMsg, Event, ImageMsg

MAX_WAITING = 4
"""Sweeps or images of one topic that may wait; memory stays bounded while the worker is stuck."""
MAX_EVENTS = 4000


@dataclass(frozen=True)
class Job:
    """An event, and whether its token has to be answered (lockstep)."""

    event: Event | None
    token: tuple[str, int] | None = None


class Inbox:
    """Thread-safe queue.

    Args:
        lidar_topics: topics of clouds; the first is the reference, whose replaced sweeps are the replaced frames.
        window_ns: sweeps of several lidars within this span belong together.
    """

    def __init__(self, lidar_topics: Sequence[str], window_ns: int) -> None:
        self._lidars, self._window = list(lidar_topics), window_ns
        self._jobs: deque[Job] = deque()
        self._ready = threading.Condition()
        self.replaced, self.dropped = 0, 0

    def put(self, event: Event | None, token: tuple[str, int] | None = None) -> None:
        """Append an event (None: only wake the worker); what it makes obsolete is taken out and counted."""
        with self._ready:
            self._jobs.append(Job(event, token))
            if token is None and isinstance(event, CloudMsg | ImageMsg):
                self._bound(event.topic)
            if len(self._jobs) > MAX_EVENTS:
                self._jobs.popleft()
                self.dropped += 1
            self._ready.notify()

    def get(self, timeout_s: float) -> Job | None:
        """Next job after thinning, or None after the timeout."""
        with self._ready:
            if not self._jobs:
                self._ready.wait(timeout_s)
            self._thin()
            return self._jobs.popleft() if self._jobs else None

    def clear(self) -> None:
        """Forget what waits."""
        with self._ready:
            self._jobs.clear()

    def _bound(self, topic: str) -> None:
        waiting = [j for j in self._jobs if j.event is not None and j.event.topic == topic]
        if len(waiting) > MAX_WAITING:
            self._remove(waiting[0])

    def _thin(self) -> None:
        """Take out sweeps that are older than what every waiting lidar already has to offer."""
        clouds = [j for j in self._jobs if isinstance(j.event, CloudMsg) and j.token is None]
        if len(clouds) < 2:
            return
        newest: dict[str, int] = {}
        for job in clouds:
            assert isinstance(job.event, CloudMsg)
            newest[job.event.topic] = job.event.stamp_ns  # the last to arrive, so a clock that went back wins
        limit = min(newest.values()) - self._window
        last = {topic: max(i for i, j in enumerate(clouds) if j.event and j.event.topic == topic) for topic in newest}
        for i, job in enumerate(clouds):
            assert isinstance(job.event, CloudMsg)
            stale_clock = job.event.stamp_ns > newest[job.event.topic]
            if i != last[job.event.topic] and (job.event.stamp_ns < limit or stale_clock):
                self._remove(job)

    def _remove(self, job: Job) -> None:
        self._jobs.remove(job)
        if job.event is not None and self._lidars and job.event.topic == self._lidars[0]:
            self.replaced += 1
        else:
            self.dropped += 1
