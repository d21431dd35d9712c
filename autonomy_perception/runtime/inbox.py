"""From the ROS thread to the worker: events in order of arrival, where a newer sweep replaces one still waiting."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from autonomy_perception.messages.events import CloudMsg, Event, ImageMsg

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
        lidars: what brings the stamps of each cloud topic to one clock and one end of the sweep [ns]; the first is the
            reference, whose replaced sweeps are the replaced frames.
        window_ns: sweeps of several lidars within this span belong together.
    """

    def __init__(self, lidars: Mapping[str, int], window_ns: int) -> None:
        self._shift, self._window = dict(lidars), window_ns
        self._reference = next(iter(lidars), "")
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
        clouds = [(j, j.event) for j in self._jobs if isinstance(j.event, CloudMsg) and j.token is None]
        last = {event.topic: (i, self._end(event)) for i, (_, event) in enumerate(clouds)}
        if len(clouds) == len(last):
            return  # one of each: nothing to replace
        limit = min(end for _, end in last.values()) - self._window
        for i, (job, event) in enumerate(clouds):
            at, newest = last[event.topic]  # the last to arrive, so a clock that went back wins
            if i != at and (self._end(event) < limit or self._end(event) > newest):
                self._remove(job)

    def _end(self, event: CloudMsg) -> int:
        return event.stamp_ns + self._shift.get(event.topic, 0)

    def _remove(self, job: Job) -> None:
        self._jobs.remove(job)
        if job.event is not None and job.event.topic == self._reference:
            self.replaced += 1
        else:
            self.dropped += 1
