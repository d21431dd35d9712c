"""The core of a node that runs one stage: sensor frames and other nodes' results meet by stamp (no rclpy here)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np

from autonomy_perception import topics
from autonomy_perception.config import PerceptionConfig, VehicleConfig
from autonomy_perception.messages.events import Event
from autonomy_perception.messages.objects_in import ObjectsMsg
from autonomy_perception.ops.library import Library
from autonomy_perception.pipeline.stages import Given, StagePipeline
from autonomy_perception.runtime.core import Core, Output
from autonomy_perception.runtime.roles import Role
from autonomy_perception.runtime.synchroniser import AHEAD_NS, Join
from autonomy_perception.sensors.tf import TfError
from autonomy_perception.types import Detections, SensorFrame, Tracks

FRAME = "frame"
WAIT_NS = 80_000_000
"""Longest wait for the results of the other nodes; at 10 Hz the next sweep is on its way then."""


@dataclass(frozen=True)
class _Seen:
    frame: SensorFrame
    sensors_ms: float


class StageCore(Core):
    """As :class:`Core`, for a role with inputs from other nodes.

    Args:
        role: what this process does; the other arguments are those of Core.
    """

    def __init__(self, role: Role, config: PerceptionConfig, vehicle: VehicleConfig, lib: Library,
                 emit: Callable[[Output], None]) -> None:  # fmt: skip
        super().__init__(config, vehicle, lib, emit, pipeline_class=role.pipeline)
        self._role = role
        names = [t.name for t in role.objects]
        self._driver = names[0] if role.driven_by_objects else FRAME
        partners = [kind for kind in (FRAME, *names) if kind != self._driver]
        self._join = Join[_Seen | ObjectsMsg](
            self._driver, partners, WAIT_NS, int(config.sensors.no_data_after_ms * 1e6)
        )

    def on_event(self, event: Event, *, replayed: bool) -> None:
        """Take in a message of a sensor or of another node."""
        if isinstance(event, ObjectsMsg):
            for bad in event.refused:
                self.front.note(event.topic, bad.field, bad.expected, bad.found, event.receive_ns)
            ahead = self._join.put(event.topic, event.stamp_ns, event, event.receive_ns)
            if ahead:
                expected = f"at most {AHEAD_NS * 1e-9:.0f} s ahead of {self._named(self._driver)}"
                self.front.note(event.topic, "header.stamp", expected, f"{ahead * 1e-9:.1f} s ahead", event.receive_ns)
            self._meet(event.receive_ns)
        else:
            super().on_event(event, replayed=replayed)

    def on_time(self, now_ns: int) -> None:
        """Waits that are over, and ticks."""
        super().on_time(now_ns)
        self._meet(now_ns)

    def _run(self, frames: list[SensorFrame], sensors_ms: float, now_ns: int) -> None:
        for frame in frames:
            if behind := self._join.put(FRAME, frame.stamp_ns, _Seen(frame, sensors_ms), now_ns):
                expected = f"at most {AHEAD_NS * 1e-9:.0f} s behind {self._named(FRAME)}"
                self.front.note(self._driver, "header.stamp", expected, f"{behind * 1e-9:.1f} s behind", now_ns)
            sensors_ms = 0.0
        self._meet(now_ns)

    @staticmethod
    def _named(kind: str) -> str:
        return "the sensors' frames" if kind == FRAME else kind

    def _meet(self, now_ns: int) -> None:
        for stamp, items in self._join.ready(now_ns):
            seen = items.get(FRAME)
            frame = seen.frame if isinstance(seen, _Seen) else self.front.motion_frame(stamp, now_ns)
            given = {kind: item for kind, item in items.items() if isinstance(item, ObjectsMsg)}
            if self._role.driven_by_objects and not isinstance(seen, _Seen):
                frame = replace(frame, arrival_ns=next(iter(given.values())).arrival_ns)
            assert isinstance(self.pipeline, StagePipeline)
            self.pipeline.given = self._given(given)
            super()._run([frame], seen.sensors_ms if isinstance(seen, _Seen) else 0.0, now_ns)

    def _given(self, items: dict[str, ObjectsMsg]) -> Given:
        out = Given(Detections.empty(self.vehicle.base_frame), Tracks.empty(self.vehicle.odom_frame))
        for topic, event in items.items():
            if topic == topics.DETECTED_OBJECTS.name and isinstance(event.objects, Detections):
                out.detections = self._in_base(event, event.objects)
            elif isinstance(event.objects, Tracks) and self._in_odom(event):
                confirmed = np.full(len(event.objects), topic == topics.TRACKED_OBJECTS.name)
                out.tracks = joined(out.tracks, replace(event.objects, confirmed=confirmed))
        return out

    def _in_odom(self, event: ObjectsMsg) -> bool:
        """Whether tracks are in the frame of the grid: those of another frame would cover the wrong cells."""
        odom, base = self.vehicle.odom_frame, self.vehicle.base_frame
        known = event.frame_id.lstrip("/") in (odom, base)
        if not known:
            expected = f"{odom!r}, or {base!r} without ego motion"
            self.front.note(event.topic, "header.frame_id", expected, repr(event.frame_id), event.receive_ns)
        return known

    def _in_base(self, event: ObjectsMsg, found: Detections) -> Detections:
        """Detections of a foreign frame (that of a sensor, say) in base_link; none if TF does not know it."""
        base = self.vehicle.base_frame
        if event.frame_id.lstrip("/") == base:
            return found
        try:
            return found.moved(self.front.tf.lookup(base, event.frame_id.lstrip("/"), event.stamp_ns), base)
        except TfError as e:
            self.front.note(
                event.topic, "header.frame_id", f"{base}, or a frame that TF knows", str(e), event.receive_ns
            )
            return Detections.empty(base)


def joined(a: Tracks, b: Tracks) -> Tracks:
    """All tracks of both, in the frame of ``b``."""
    columns = {
        f.name: np.concatenate([getattr(a, f.name), getattr(b, f.name)]) for f in fields(Tracks) if f.name != "frame_id"
    }
    return Tracks(**columns, frame_id=b.frame_id)


def make_core(role: Role, config: PerceptionConfig, vehicle: VehicleConfig, lib: Library) -> Core:
    """The core of a role; the worker sets where its outputs go."""

    def nowhere(output: Output) -> None:
        pass

    if issubclass(role.pipeline, StagePipeline):
        return StageCore(role, config, vehicle, lib, nowhere)
    return Core(config, vehicle, lib, nowhere)
