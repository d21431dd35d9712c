"""An endless drive from a bag: each pass carries on where the one before ended, in time and in odometry."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.bags.errors import BagError
from autonomy_perception.bags.messages import ODOMETRY
from autonomy_perception.bags.reader import BagReader
from autonomy_perception.faults.motion import carried_on
from autonomy_perception.faults.sample import Sample, decode, moved
from autonomy_perception.messages.parts import transform_of

F64 = NDArray[np.float64]


class EndlessDrive:
    """Samples without end.

    Args:
        bag: the drive.
        topics: what is played; latched topics are given by :attr:`latched` instead.
        lidar: its clouds mark where a pass begins and ends.

    Raises:
        BagError: the bag is broken, or has fewer than two clouds on ``lidar``.
    """

    def __init__(self, bag: Path, topics: Collection[str], lidar: str) -> None:
        self._bag, self._lidar = Path(bag), lidar
        with BagReader(self._bag) as reader:
            latched = reader.latched_topics
            kinds = {topic: kind for topic, kind in reader.topics.items() if topic in topics}
            self.topics = {topic: kind for topic, kind in kinds.items() if topic not in latched}
            self.latched = [Sample(r.topic, r.msgtype, r.receive_ns, bytes(r.data)) for r in reader.raw(tuple(set(kinds) & latched))]  # fmt: skip
            times = [r.receive_ns for r in reader.raw((lidar,))]
        if len(times) < 2:
            raise BagError(f"{bag}: {lidar}: expected at least two clouds to play, found {len(times)}")
        period = int(np.median(np.diff(times)))
        self.start_ns, self.end_ns = times[0] - period // 2, times[-1] + (period + 1) // 2

    def samples(self) -> Iterator[Sample]:
        """All messages, pass after pass; ``at_ns`` never goes back."""
        passes, carried = 0, np.eye(4)
        while True:
            first: dict[str, F64] = {}
            last: dict[str, F64] = {}
            for sample in self._pass():
                shifted = moved(sample, passes * (self.end_ns - self.start_ns))
                if sample.msgtype == ODOMETRY:
                    pose = transform_of(decode(sample).pose.pose)
                    first.setdefault(sample.topic, pose)
                    last[sample.topic] = pose
                    shifted = carried_on(shifted, carried) if passes else shifted
                yield shifted
            if first:
                topic = next(iter(first))
                carried = carried @ last[topic] @ geometry.invert(first[topic])
            passes += 1

    def _pass(self) -> Iterator[Sample]:
        with BagReader(self._bag) as reader:
            for raw in reader.raw(tuple(self.topics)):
                if self.start_ns <= raw.receive_ns < self.end_ns:
                    yield Sample(raw.topic, raw.msgtype, raw.receive_ns, bytes(raw.data))
