"""What is known of every sensor: when it last spoke, what was wrong with it, and how that reads as health."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autonomy_perception.sensors.faults import Fault, FaultLog
from autonomy_perception.types import SensorHealth, SensorState

CLOCK_TOLERANCE_S = 1.0
"""Header stamps farther than this from ROS time are named in the diagnostics [s]."""
LATE_S = 0.3
"""So are messages that arrive later than this after their stamp [s]."""


def clock_offset_ns(stamp_ns: int, receive_ns: int) -> int:
    """ROS time less the clock of the sensor [ns]; 0 where they agree within the tolerance."""
    offset = receive_ns - stamp_ns
    return offset if abs(offset) > CLOCK_TOLERANCE_S * 1e9 else 0


@dataclass
class _Seen:
    """Newest message of a sensor: its stamp, its reception (None: none yet), what was wrong with it."""

    stamp_ns: int = 0
    receive_ns: int | None = None
    fault: Fault | None = None


class HealthBook:
    """Health of all sensors.

    Args:
        topics: topic by sensor name, in the order of the report.
        no_data_after_ms: a sensor silent for longer is MISSING.
    """

    def __init__(self, topics: Mapping[str, str], no_data_after_ms: float) -> None:
        self._topics, self._silence_ns = dict(topics), round(no_data_after_ms * 1e6)
        self._seen = {name: _Seen() for name in topics}
        self.received = dict.fromkeys(topics, 0)
        self.log = FaultLog()

    def arrived(self, sensor: str, stamp_ns: int, receive_ns: int) -> None:
        """Note a message by its stamp in vehicle time; what was wrong with the one before is over."""
        self.received[sensor] += 1
        self._seen[sensor] = _Seen(stamp_ns, receive_ns)
        ahead = (stamp_ns - receive_ns) * 1e-9
        if abs(ahead) > CLOCK_TOLERANCE_S:  # it is used all the same: sensors may agree among themselves
            found = (
                f"{abs(ahead):.1f} s {'ahead' if ahead > 0 else 'behind'} (clocks not synchronised, or use_sim_time?)"
            )
            self.note(sensor, "header.stamp", f"within {CLOCK_TOLERANCE_S:.0f} s of ROS time", found, receive_ns)
        elif ahead < -LATE_S:
            expected = f"at most {LATE_S * 1e3:.0f} ms old on arrival"
            self.note(sensor, "header.stamp", expected, f"{-ahead * 1e3:.0f} ms", receive_ns)

    def note(self, sensor: str, field: str, expected: str, found: str, now_ns: int, topic: str | None = None) -> Fault:
        """Count a fault that leaves the sensor usable."""
        fault = Fault(sensor, topic or self._topics.get(sensor, ""), field, expected, found)
        self.log.add(fault, now_ns)
        return fault

    def invalid(
        self, sensor: str, field: str, expected: str, found: str, now_ns: int, topic: str | None = None
    ) -> None:
        """Count a fault that made the sensor's newest message useless."""
        fault = self.note(sensor, field, expected, found, now_ns, topic)
        if sensor in self._seen:
            self._seen[sensor].fault = fault

    def forget(self) -> None:
        """Time jumped: nothing that was heard before counts."""
        self._seen = {name: _Seen() for name in self._seen}

    def report(self, now_ns: int, used: Sequence[str] | None = None) -> tuple[SensorHealth, ...]:
        """State of every sensor at ``now_ns``.

        Args:
            used: sensors that made it into a frame; live ones that did not are LATE. None: no frame is meant.
        """
        return tuple(self._one(name, seen, now_ns, used) for name, seen in self._seen.items())

    def _one(self, name: str, seen: _Seen, now_ns: int, used: Sequence[str] | None) -> SensorHealth:
        if seen.receive_ns is None:
            return SensorHealth(name, SensorState.MISSING, 0, f"no message on {self._topics[name]} yet")
        age, silent = max(0, now_ns - seen.stamp_ns), now_ns - seen.receive_ns
        if silent > self._silence_ns:
            text = f"no message on {self._topics[name]} for {silent * 1e-9:.1f} s"
            return SensorHealth(name, SensorState.MISSING, age, text)
        if seen.fault is not None:
            return SensorHealth(name, SensorState.INVALID, age, str(seen.fault))
        if used is not None and name not in used:
            return SensorHealth(name, SensorState.LATE, age, f"{age * 1e-6:.0f} ms old: not part of this frame")
        return SensorHealth(name, SensorState.OK, age)
