"""Golden outputs compared field by field: what differs is named as frame, field, object or cell, old, new."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from autonomy_perception.grid import WorldGrid, scroll
from autonomy_perception.metrics.golden import BLOCK, CellState, Golden, GoldenFrame, Layer, Map, Objects
from autonomy_perception.metrics.golden_tolerance import (
    OTHER_INPUTS_CELLS,
    OTHER_INPUTS_FACTOR,
    TOLERANCES,
    Tolerance,
    tolerance,
)
from autonomy_perception.types import ObjectClass

Place = tuple[float, float] | None
"""Where something differs, in the frame of the map or of the objects [m]."""
SAME_OBJECT_M = 2.0
"""An object without a uuid, or under another one, is the same within this distance of its centre [m]."""


@dataclass(frozen=True)
class Difference:
    """One value outside its tolerance.

    Attributes:
        frame: index in the golden file (of a frame that is not in it: in the new outputs). seconds: since the first.
        field: e.g. ``tracks.velocity``. where: the object, cell or block; empty for a field of the whole frame.
        xy: where that is [m], in the frame of the map or of the objects.
    """

    frame: int
    stamp_ns: int
    seconds: float
    field: str
    where: str
    old: str
    new: str
    xy: Place = None

    def __str__(self) -> str:
        where = f" of {self.where}" if self.where else ""
        return f"frame {self.frame} ({self.seconds:.2f} s): {self.field}{where}: was {self.old}, is {self.new}"


@dataclass(frozen=True)
class Comparison:
    """All differences in order, and how many frames have other inputs than the golden file says (None of them is a fault:
    the data were simulated on another kind of machine, or the sensors' stage changed)."""

    differences: tuple[Difference, ...]
    other_inputs: int


def compare(old: Golden, new: Golden, tolerances: Mapping[str, Tolerance] = TOLERANCES) -> Comparison:
    """Differences of ``new`` from ``old``. ``tolerances`` as TOLERANCES; what it does not name is taken from there."""
    judge = _Judge({**TOLERANCES, **tolerances})
    every = old.frames or new.frames
    start = every[0].stamp_ns if every else 0
    out: list[Difference] = []

    def note(k: int, stamp_ns: int, field: str, where: str, was: str, now: str, xy: Place = None) -> None:
        out.append(Difference(k, stamp_ns, (stamp_ns - start) * 1e-9, field, where, was, now, xy))

    after = {f.stamp_ns: f for f in new.frames}
    for k, frame in enumerate(old.frames):
        other = after.pop(frame.stamp_ns, None)
        if other is None:
            note(k, frame.stamp_ns, "frame", "", "there", "missing")
        else:
            for what in judge.frame(frame, other):
                note(k, frame.stamp_ns, *what)
    for k, frame in enumerate(new.frames):
        if frame.stamp_ns in after:
            note(k, frame.stamp_ns, "frame", "", "not there", "there")
    return Comparison(tuple(sorted(out, key=lambda d: d.stamp_ns)), judge.other_inputs)


_What = tuple[str, str, str, str, Place]
"""field, where, old, new, xy."""


class _Judge:
    """Compares frame after frame; once inputs differed, what the pipeline remembers may differ a little too."""

    def __init__(self, tolerances: Mapping[str, Tolerance]) -> None:
        self._tolerances = tolerances
        self.other_inputs = 0

    def frame(self, old: GoldenFrame, new: GoldenFrame) -> Iterator[_What]:
        self.other_inputs += old.inputs != new.inputs
        for name in ("data_stamp_ns", "mode", "reasons", "has_ego_motion"):
            a, b = getattr(old, name), getattr(new, name)
            if a != b:
                yield name, "", _text(a), _text(b), None
        if self._exceeds("T_odom_base", old.T_odom_base, new.T_odom_base).any():
            yield "T_odom_base", "", _text(old.T_odom_base[:3]), _text(new.T_odom_base[:3]), None
        for name in sorted(old.parts.keys() | new.parts.keys()):
            if (name in old.parts) != (name in new.parts):
                yield _presence(name, name in old.parts)
            else:
                yield from self._objects(name, old.parts[name], new.parts[name])
        for name in sorted(old.maps.keys() | new.maps.keys()):
            if (name in old.maps) != (name in new.maps):
                yield _presence(name, name in old.maps)
            else:
                yield from self._map(name, old.maps[name], new.maps[name])

    def _exceeds(self, field: str, old: NDArray[Any], new: NDArray[Any]) -> NDArray[np.bool_]:
        table = self._tolerances
        allowed = table.get(field, table.get(field.rpartition(".")[2], tolerance(field)))
        return allowed.exceeded(old, new, OTHER_INPUTS_FACTOR if self.other_inputs else 1.0)

    def _flips(self, part: str) -> float:
        """Share of the cells of a map that may be in another state, or known instead of unknown."""
        share = self._tolerances.get(f"{part}.states", tolerance(f"{part}.states")).absolute
        return max(share, OTHER_INPUTS_CELLS) if self.other_inputs else share

    def _objects(self, part: str, old: Objects, new: Objects) -> Iterator[_What]:
        if old.frame_id != new.frame_id:
            yield f"{part}.frame_id", "", old.frame_id, new.frame_id, None
        for name in sorted(old.fields.keys() ^ new.fields.keys()):
            yield _presence(f"{part}.{name}", name in old.fields)
        pairs = matched(old, new)
        for i in np.setdiff1d(np.arange(len(old)), pairs[:, 0]):
            yield f"{part}", object_name(old, i), "there", "missing", _xy(old, i)
        for j in np.setdiff1d(np.arange(len(new)), pairs[:, 1]):
            yield f"{part}", object_name(new, j), "not there", "there", _xy(new, j)
        for name in (n for n in old.fields if n in new.fields):
            a, b = old.fields[name][pairs[:, 0]], new.fields[name][pairs[:, 1]]
            if a.shape != b.shape:
                yield f"{part}.{name}", "", f"shape {a.shape[1:]}", f"shape {b.shape[1:]}", None
                continue
            exceeds = self._exceeds(f"{part}.{name}", a, b)
            bad = exceeds.any(axis=tuple(range(1, exceeds.ndim)))
            for row in np.flatnonzero(bad):
                i = int(pairs[row, 0])
                yield f"{part}.{name}", object_name(old, i), _text(a[row]), _text(b[row]), _xy(old, i)

    def _map(self, part: str, old: Map, new: Map) -> Iterator[_What]:
        a, b = old.grid, new.grid
        if a != b:
            yield f"{part}.grid", "", str(a), str(b), None
        if (a.shape, a.resolution) != (b.shape, b.resolution):
            return
        if old.states is not None and new.states is not None:
            yield from self._cells(part, old, new)
        for name in sorted(old.layers.keys() | new.layers.keys()):
            if (name in old.layers) != (name in new.layers):
                yield _presence(f"{part}.{name}", name in old.layers)
            elif a == b:
                yield from self._layer(f"{part}.{name}", a, old.layers[name], new.layers[name])

    def _cells(self, part: str, old: Map, new: Map) -> Iterator[_What]:
        bad = differing_cells(old, new)
        iy, ix = np.nonzero(bad)
        if len(iy) <= self._flips(part) * bad.size:
            return
        y, x = int(iy[0]), int(ix[0])
        xy = old.grid.bev.centers()[0][x], old.grid.bev.centers()[1][y]
        before, after = (CellState(int(v)).name.lower() for v in (states_on(old, old)[y, x], states_on(new, old)[y, x]))
        more = f" and {len(iy) - 1} more" if len(iy) > 1 else ""
        where = f"cell ix {x} iy {y} at ({xy[0]:.2f}, {xy[1]:.2f}) m{more}"
        yield f"{part}.states", where, before, after, (float(xy[0]), float(xy[1]))

    def _layer(self, field: str, grid: WorldGrid, old: Layer, new: Layer) -> Iterator[_What]:
        for what, a, b in ((".known", old.known, new.known), ("", old.mean, new.mean)):
            if what:
                allowed = self._flips(field.partition(".")[0]) * grid.nx * grid.ny
                bad = np.abs(a.astype(np.int64) - b.astype(np.int64)) > allowed
            else:
                bad = self._exceeds(field, a, b)
            blocks = np.argwhere(bad)
            if len(blocks):
                by, bx = (int(v) for v in blocks[0])
                x, y = (BLOCK * k * grid.resolution + o for k, o in zip((bx, by), grid.origin, strict=True))
                more = f" and {len(blocks) - 1} more" if len(blocks) > 1 else ""
                where = f"block bx {bx} by {by} of {BLOCK} cells from ({x:.1f}, {y:.1f}) m{more}"
                yield f"{field}{what or '.mean'}", where, _text(a[by, bx]), _text(b[by, bx]), (x, y)


def differing_cells(old: Map, new: Map) -> NDArray[np.bool_]:
    """Mask (ny,nx) on the old grid of cells whose state differs; both have states, and grids of one size."""
    return np.asarray(states_on(old, old) != states_on(new, old))


def states_on(of: Map, place: Map) -> NDArray[np.uint8]:
    """States (ny,nx) of a map on the cells of another; unknown where it does not reach."""
    return np.asarray(scroll(np.asarray(of.states), of.grid, place.grid, CellState.UNKNOWN), np.uint8)


def matched(old: Objects, new: Objects) -> NDArray[np.int64]:
    """Rows (M,2) of the same object: by uuid if there are, the rest by the distance of their centres."""
    pairs: list[tuple[int, int]] = []
    if "uuid" in old.fields and "uuid" in new.fields:
        rows = {u.tobytes(): j for j, u in enumerate(new.fields["uuid"])}
        pairs = [(i, rows[u.tobytes()]) for i, u in enumerate(old.fields["uuid"]) if u.tobytes() in rows]
    left = [i for i in range(len(old)) if i not in {p[0] for p in pairs}]
    right = [j for j in range(len(new)) if j not in {p[1] for p in pairs}]
    if left and right:
        apart = cdist(np.asarray(old.fields["center"][left], float), np.asarray(new.fields["center"][right], float))
        rows_, columns = linear_sum_assignment(np.minimum(apart, SAME_OBJECT_M))
        pairs += [(left[i], right[j]) for i, j in zip(rows_, columns, strict=True) if apart[i, j] < SAME_OBJECT_M]
    return np.array(sorted(pairs), np.int64).reshape(-1, 2)


def object_name(objects: Objects, row: int) -> str:
    """An object in words: class, short uuid or number, place."""
    kind = ObjectClass(int(np.argmax(objects.fields["class_probs"][row]))).name.lower()
    uuid = objects.fields.get("uuid")
    name = f"number {row}" if uuid is None else bytes(np.asarray(uuid[row], np.uint8)[:4]).hex()
    x, y = _xy(objects, row)
    return f"{kind} {name} at ({x:.2f}, {y:.2f}) m in {objects.frame_id}"


def _xy(objects: Objects, row: int) -> tuple[float, float]:
    x, y = (float(v) for v in np.asarray(objects.fields["center"][row], np.float64)[:2])
    return x, y


def _presence(field: str, before: bool) -> _What:
    return (field, "", "there", "missing", None) if before else (field, "", "not there", "there", None)


def _text(value: Any) -> str:
    if isinstance(value, np.ndarray | np.generic):
        if value.dtype == np.uint8 and value.size == 16:
            return bytes(np.asarray(value, np.uint8)).hex()
        return np.array2string(np.asarray(value), precision=4, suppress_small=True, max_line_width=10_000).replace(
            "\n", ""
        )
    return ", ".join(map(str, value)) or "none" if isinstance(value, tuple) else str(value)
