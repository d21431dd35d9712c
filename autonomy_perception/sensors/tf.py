"""A small TF buffer: static edges, interpolated moving edges; what is missing or loops is named."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.messages.events import TfMsg, TransformSample

F64 = NDArray[np.float64]
KEEP_NS = 10_000_000_000
"""Moving edges are remembered this long."""
HOLD_NS = 1_000_000_000
"""A moving edge is held, not extrapolated, for this long beyond its samples."""
MAX_SAMPLES = 4_000
"""Of a moving edge so many samples at most are remembered."""
MAX_FRAMES = 1_000
"""More frames are not remembered: those that move and were not heard of for longest make room."""
EVICTED = MAX_FRAMES // 8
"""So many at a time."""
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
        old = max(bisect_left(self.stamps, self.stamps[-1] - KEEP_NS), len(self.stamps) - MAX_SAMPLES)
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
    """Transforms by name. ``version`` grows whenever a static edge comes, changes or begins to move.

    Args:
        forgets: a moving edge that was not heard of for ``KEEP_NS`` goes, unless a static tree hangs from it, and the
            number of frames is bounded. False: a whole recording is looked at.
    """

    def __init__(self, forgets: bool = True) -> None:
        self._edges: dict[str, _Edge] = {}
        self._heard: dict[str, int] = {}  # by child, of moving edges: time of reception, longest ago first
        self._forgets, self._looked_ns = forgets, 0
        self.version = 0

    def add(self, message: TfMsg) -> list[str]:
        """Take in a message; returns one sentence per transform that was refused, and one if frames had to go."""
        faults, evicted = [], list[str]()
        for sample in message.transforms:
            try:
                evicted += self._add(sample, message.static, message.receive_ns)
            except ValueError as e:
                faults.append(str(e))
        if evicted:
            faults.append(f"expected at most {MAX_FRAMES} frames, found more: {len(evicted)} are forgotten, "
                          f"{evicted[-1]!r} the last")  # fmt: skip
        if self._forgets and not 0 <= message.receive_ns - self._looked_ns < HOLD_NS:
            self._looked_ns = message.receive_ns
            self._forget(child for child, at in self._heard.items() if message.receive_ns - at > KEEP_NS)
        return faults

    def _forget(self, children: Iterable[str], most: int = MAX_FRAMES) -> list[str]:
        """Drop moving edges, in this order, from which no static tree hangs; returns their children."""
        holding = {edge.parent for edge in self._edges.values() if edge.static}
        gone = list(islice((child for child in children if child not in holding), most))
        for child in gone:
            del self._edges[child], self._heard[child]
        return gone

    def _add(self, sample: TransformSample, static: bool, now_ns: int) -> list[str]:
        """Take in a transform; returns the children of the edges that had to make room."""
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
        edge, gone = self._edges.get(child), list[str]()
        touches_static = static or (edge is not None and edge.static)
        grown = edge is None or edge.parent != parent or edge.static != static
        if edge is None or grown:
            if parent in self._edges and child in self._chain(parent):
                raise ValueError(
                    f"transform {parent} <- {child} would close a loop: {' <- '.join(self._chain(parent))}"
                )
            if edge is None and self._forgets and len(self._edges) >= MAX_FRAMES:
                gone = self._forget(self._heard, EVICTED)
                if not gone:
                    raise ValueError(
                        f"transform {parent} <- {child}: expected at most {MAX_FRAMES} frames, found one more"
                    )
            edge = self._edges[child] = _Edge(parent, static)
        changed = grown or (static and not (edge.transforms and np.array_equal(edge.transforms[0], T)))
        edge.add(sample.stamp_ns, T)
        self._heard.pop(child, None)
        if not static:
            self._heard[child] = now_ns
        self.version += int(changed and touches_static)
        return gone

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
        self._heard = {}
