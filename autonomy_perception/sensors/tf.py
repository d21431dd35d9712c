"""A small TF buffer: static edges, interpolated moving edges; what is missing or loops is named."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.sensors.events import TfMsg, TransformSample

F64 = NDArray[np.float64]
KEEP_NS = 10_000_000_000
"""Moving edges are remembered this long."""
HOLD_NS = 1_000_000_000
"""A moving edge is held, not extrapolated, for this long beyond its samples."""
MAX_TRANSLATION = 1e9
"""Beyond this a translation is garbage [m]."""


def is_unit(quaternion: Sequence[float]) -> bool:
    """True if the quaternion's length is 1 within a tenth."""
    return bool(np.all(np.abs(quaternion) < 2.0)) and abs(float(np.linalg.norm(quaternion)) - 1.0) < 0.1


class TfError(LookupError):
    """A transform cannot be given; the message names the frames and what is known."""


class _Edge:
    """T_parent_child: one static sample, or samples sorted by stamp."""

    def __init__(self, parent: str, static: bool) -> None:
        self.parent, self.static = parent, static
        self.stamps: list[int] = []
        self.transforms: list[F64] = []

    def add(self, stamp_ns: int, T: F64) -> None:
        if self.static:
            self.stamps, self.transforms = [stamp_ns], [T]
            return
        if self.stamps and stamp_ns < self.stamps[-1] - HOLD_NS:  # time jumped back: the samples so far are of no use
            self.stamps, self.transforms = [], []
        at = bisect_left(self.stamps, stamp_ns)
        if at < len(self.stamps) and self.stamps[at] == stamp_ns:
            self.transforms[at] = T
        else:
            self.stamps.insert(at, stamp_ns)
            self.transforms.insert(at, T)
        old = bisect_left(self.stamps, self.stamps[-1] - KEEP_NS)
        del self.stamps[:old], self.transforms[:old]

    def at(self, stamp_ns: int, child: str) -> F64:
        if self.static:
            return self.transforms[0]
        hi = bisect_left(self.stamps, stamp_ns)
        if 0 < hi < len(self.stamps):
            return self._between(hi, stamp_ns)
        nearest = 0 if hi == 0 else -1
        if abs(self.stamps[nearest] - stamp_ns) > HOLD_NS:
            raise TfError(f"TF {self.parent} <- {child}: known from {self.stamps[0]} to {self.stamps[-1]} ns, "
                          f"asked for {stamp_ns} ns")  # fmt: skip
        return self.transforms[nearest]

    def _between(self, hi: int, stamp_ns: int) -> F64:
        a, b = self.transforms[hi - 1], self.transforms[hi]
        r = (stamp_ns - self.stamps[hi - 1]) / (self.stamps[hi] - self.stamps[hi - 1])
        q = geometry.slerp(geometry.quaternion_of(a)[None], geometry.quaternion_of(b)[None], np.array([r]))
        return geometry.make_transform(geometry.rotation_of(q)[0], (1.0 - r) * a[:3, 3] + r * b[:3, 3])


class TfBuffer:
    """Transforms by name. ``version`` grows whenever a static edge changes, and whenever the tree does."""

    def __init__(self) -> None:
        self._edges: dict[str, _Edge] = {}
        self.version = 0

    def add(self, message: TfMsg) -> list[str]:
        """Take in a message; returns one sentence per transform that was refused."""
        faults = []
        for sample in message.transforms:
            try:
                self._add(sample, message.static)
            except ValueError as e:
                faults.append(str(e))
        return faults

    def _add(self, sample: TransformSample, static: bool) -> None:
        parent, child = sample.parent.lstrip("/"), sample.child.lstrip("/")
        if not parent or not child or parent == child:
            raise ValueError(f"transform {parent!r} <- {child!r}: expected two different frames")
        for name, good in (
            ("translation", np.all(np.abs(sample.translation) < MAX_TRANSLATION)),  # also false for NaN
            ("quaternion", is_unit(sample.quaternion)),
        ):
            if not good:
                raise ValueError(f"transform {parent} <- {child}: {name} is not usable: {getattr(sample, name)}")
        T = geometry.make_transform(geometry.rotation_of(sample.quaternion), sample.translation)
        edge = self._edges.get(child)
        grown = edge is None or edge.parent != parent or edge.static != static
        if edge is None or grown:
            if parent in self._edges and child in self._chain(parent):
                raise ValueError(
                    f"transform {parent} <- {child} would close a loop: {' <- '.join(self._chain(parent))}"
                )
            edge = self._edges[child] = _Edge(parent, static)
        changed = grown or (static and not (edge.transforms and np.array_equal(edge.transforms[0], T)))
        edge.add(sample.stamp_ns, T)
        self.version += int(changed)

    def _chain(self, frame: str) -> list[str]:
        """The frame and its ancestors, up to the root."""
        chain = [frame]
        while (edge := self._edges.get(chain[-1])) is not None:
            chain.append(edge.parent)
        return chain

    def lookup(self, target: str, source: str, stamp_ns: int) -> F64:
        """``T_target_source`` (4,4) at a stamp.

        Raises:
            TfError: the frames are not connected, or a moving edge is not known at that time.
        """
        up, down = self._chain(source), self._chain(target)
        common = next((f for f in up if f in down), None)
        if common is None:
            raise TfError(f"TF {target} <- {source}: not connected; {self._describe(source, up)}, "
                          f"{self._describe(target, down)}")  # fmt: skip
        return geometry.invert(self._along(down, common, stamp_ns)) @ self._along(up, common, stamp_ns)

    def is_static(self, target: str, source: str) -> bool:
        """True if no edge between the two frames moves."""
        up, down = self._chain(source), self._chain(target)
        common = next((f for f in up if f in down), None)
        path = [f for c in (up, down) for f in c[: c.index(common)]] if common is not None else []
        return common is not None and all(self._edges[f].static for f in path)

    def _along(self, chain: Sequence[str], stop: str, stamp_ns: int) -> F64:
        """T_stop_chain[0]."""
        T = np.eye(4)
        for frame in chain[: chain.index(stop)]:
            T = self._edges[frame].at(stamp_ns, frame) @ T
        return T

    def _describe(self, frame: str, chain: Sequence[str]) -> str:
        if len(chain) > 1:
            return f"{frame!r} ends at {chain[-1]!r}"
        known = frame in {e.parent for e in self._edges.values()}
        return f"{frame!r} is a root" if known else f"{frame!r} is in no transform"

    def tree(self) -> dict[str, tuple[str, bool]]:
        """(parent, static) by child."""
        return {child: (edge.parent, edge.static) for child, edge in sorted(self._edges.items())}

    def drop_moving(self) -> None:
        """Forget all moving edges (time jumped back)."""
        self._edges = {child: edge for child, edge in self._edges.items() if edge.static}
