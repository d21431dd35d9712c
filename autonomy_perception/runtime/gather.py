"""What a step of the pipeline is made of: a sensor frame alone, or with the results of other nodes of the same stamp."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Protocol

import numpy as np

from autonomy_perception import topics
from autonomy_perception.messages.events import Event
from autonomy_perception.messages.objects import ObjectsMsg
from autonomy_perception.pipeline.stage import DETECTIONS, TRACKS, Key
from autonomy_perception.platform import Platform
from autonomy_perception.runtime.synchroniser import AHEAD_NS, TimeSynchroniser
from autonomy_perception.sensors.frontend import SensorFrontEnd
from autonomy_perception.sensors.tf import TfError
from autonomy_perception.types import Detections, SensorFrame, Tracks

FRAME = "frame"
WAIT_NS = 80_000_000
"""Longest wait for the results of the other nodes; at 10 Hz the next sweep is on its way then."""


@dataclass(frozen=True)
class Step:
    """What one step takes in: frame, milliseconds of the front end, results of others by key."""

    frame: SensorFrame
    sensors_ms: float = 0.0
    given: Mapping[Key[Any], Any] = field(default_factory=dict)


class Gather(Protocol):
    """Turns frames, and events that are not the front end's, into steps."""

    def takes(self, event: Event) -> bool:
        """Take in an event that is not for the front end; False for those that are."""
        ...

    def steps(self, frames: Sequence[SensorFrame], sensors_ms: float, now_ns: int) -> Iterator[Step]:
        """Steps that are ready at ``now_ns`` (ROS time), with these new frames."""
        ...


class FramesAlone:
    """Every frame is a step."""

    def __init__(self, front: SensorFrontEnd) -> None:
        pass

    def takes(self, event: Event) -> bool:
        return False

    def steps(self, frames: Sequence[SensorFrame], sensors_ms: float, now_ns: int) -> Iterator[Step]:
        for frame in frames:
            yield Step(frame, sensors_ms)
            sensors_ms = 0.0


class WithObjects:
    """Frames meet the objects of other nodes by stamp.

    Args:
        front: hears of faults, knows TF and the ego motion.
        platform: frames of the vehicle.
        names: topics of objects.
        driven_by_objects: every message of the first of them makes a step, not every frame.
        silence_ns: a partner silent for longer is not waited for.
    """

    def __init__(self, front: SensorFrontEnd, platform: Platform, names: Sequence[str], driven_by_objects: bool,
                 silence_ns: int) -> None:  # fmt: skip
        self._front, self._platform, self._driven_by_objects = front, platform, driven_by_objects
        self._driver = names[0] if driven_by_objects else FRAME
        partners = [kind for kind in (FRAME, *names) if kind != self._driver]
        self._met = TimeSynchroniser[Step | ObjectsMsg](self._driver, partners, WAIT_NS, silence_ns)

    def takes(self, event: Event) -> bool:
        if not isinstance(event, ObjectsMsg):
            return False
        for bad in event.refused:
            self._front.note(event.topic, bad.field, bad.expected, bad.found, event.receive_ns)
        if ahead := self._met.put(event.topic, event.stamp_ns, event, event.receive_ns):
            expected = f"at most {AHEAD_NS * 1e-9:.0f} s ahead of {_named(self._driver)}"
            self._front.note(event.topic, "header.stamp", expected, f"{ahead * 1e-9:.1f} s ahead", event.receive_ns)
        return True

    def steps(self, frames: Sequence[SensorFrame], sensors_ms: float, now_ns: int) -> Iterator[Step]:
        for frame in frames:
            if behind := self._met.put(FRAME, frame.stamp_ns, Step(frame, sensors_ms), now_ns):
                expected = f"at most {AHEAD_NS * 1e-9:.0f} s behind {_named(FRAME)}"
                self._front.note(self._driver, "header.stamp", expected, f"{behind * 1e-9:.1f} s behind", now_ns)
            sensors_ms = 0.0
        for stamp, items in self._met.ready(now_ns):
            objects = {kind: item for kind, item in items.items() if isinstance(item, ObjectsMsg)}
            seen = items.get(FRAME)
            step = seen if isinstance(seen, Step) else Step(self._front.motion_frame(stamp, now_ns))
            if self._driven_by_objects and not isinstance(seen, Step):
                step = replace(step, frame=replace(step.frame, arrival_ns=next(iter(objects.values())).arrival_ns))
            yield replace(step, given=self._given(objects))

    def _given(self, items: Mapping[str, ObjectsMsg]) -> dict[Key[Any], Any]:
        detections, tracks = Detections.empty(self._platform.base_frame), Tracks.empty(self._platform.fixed_frame)
        for topic, event in items.items():
            if topic == topics.DETECTED_OBJECTS.name and isinstance(event.objects, Detections):
                detections = self._in_base(event, event.objects)
            elif isinstance(event.objects, Tracks) and self._placed(event):
                confirmed = np.full(len(event.objects), topic == topics.TRACKED_OBJECTS.name)
                tracks = joined(tracks, replace(event.objects, confirmed=confirmed))
        return {DETECTIONS: detections, TRACKS: tracks}

    def _placed(self, event: ObjectsMsg) -> bool:
        """Whether tracks are in the frame of the grid: those of another frame would cover the wrong cells."""
        fixed, base = self._platform.fixed_frame, self._platform.base_frame
        known = event.frame_id.lstrip("/") in (fixed, base)
        if not known:
            expected = f"{fixed!r}, or {base!r} without ego motion"
            self._front.note(event.topic, "header.frame_id", expected, repr(event.frame_id), event.receive_ns)
        return known

    def _in_base(self, event: ObjectsMsg, found: Detections) -> Detections:
        """Detections of a foreign frame (that of a sensor, say) in base_link; none if TF does not know it."""
        base = self._platform.base_frame
        if event.frame_id.lstrip("/") == base:
            return found
        try:
            return found.moved(self._front.tf.lookup(base, event.frame_id.lstrip("/"), event.stamp_ns), base)
        except TfError as e:
            expected = f"{base}, or a frame that TF knows"
            self._front.note(event.topic, "header.frame_id", expected, str(e), event.receive_ns)
            return Detections.empty(base)


def joined(a: Tracks, b: Tracks) -> Tracks:
    """All tracks of both, in the frame of ``b``."""
    columns = {
        f.name: np.concatenate([getattr(a, f.name), getattr(b, f.name)]) for f in fields(Tracks) if f.name != "frame_id"
    }
    return Tracks(**columns, frame_id=b.frame_id)


def _named(kind: str) -> str:
    return "the sensors' frames" if kind == FRAME else kind
