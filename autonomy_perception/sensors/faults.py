"""Faults of the inputs: named (topic, field, expected, found), counted, bounded; never raised to the caller."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

CAPACITY = 64


@dataclass(frozen=True)
class Fault:
    """What is wrong with an input: the sensor, its topic, the field, what was expected and what was found."""

    sensor: str
    topic: str
    field: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.topic}: {self.field}: expected {self.expected}, found {self.found}"


@dataclass
class Counted:
    """A kind of fault: how often, its newest instance and when that was [ns, ROS time]."""

    count: int
    newest: Fault
    at_ns: int


class FaultLog:
    """Counts faults by (sensor, field); the least recent kind is forgotten beyond ``CAPACITY`` kinds."""

    def __init__(self) -> None:
        self._kinds: OrderedDict[tuple[str, str], Counted] = OrderedDict()

    def add(self, fault: Fault, now_ns: int) -> None:
        """Count one fault."""
        key = (fault.sensor, fault.field)
        old = self._kinds.pop(key, None)
        self._kinds[key] = Counted(1 if old is None else old.count + 1, fault, now_ns)
        if len(self._kinds) > CAPACITY:
            self._kinds.popitem(last=False)

    def counted(self) -> list[Counted]:
        """All kinds, the most recent last."""
        return list(self._kinds.values())

    def count(self, sensor: str, field: str) -> int:
        """How often a kind occurred."""
        kind = self._kinds.get((sensor, field))
        return kind.count if kind else 0

    def total(self) -> int:
        """All faults that are still remembered."""
        return sum(k.count for k in self._kinds.values())
