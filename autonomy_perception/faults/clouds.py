"""Faulty clouds: sensor_msgs/PointCloud2 objects in, the same with one thing wrong out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from autonomy_perception.bags import messages as m
from autonomy_perception.faults.sample import Mutator, Outlet, Rig, Sample, decode, edited, encode

GIANT_POINTS = 5_000_000
DUPLICATES = 1_000_000
GIANT_EVERY = 12
"""One giant cloud in so many: at full rate the transport itself would be the bottleneck."""


def truncated(rig: Rig) -> Mutator:
    """Two thirds of the bytes are missing."""
    return edited(rig.lidar, lambda c: replace(c, data=c.data[: len(c.data) // 3]))


def padded(rig: Rig) -> Mutator:
    """Eight bytes behind every point, a hundred behind every row, all of them garbage."""

    def pad(c: Any) -> Any:
        points = _points_held(c)
        data = rig.rng.integers(0, 256, (points, c.point_step + 8), np.uint8)
        data[:, : c.point_step] = np.asarray(c.data)[: points * c.point_step].reshape(points, c.point_step)
        tail = rig.rng.integers(0, 256, 100, np.uint8)
        row = data.size + tail.size
        return replace(
            c, height=1, width=points, point_step=c.point_step + 8, row_step=row, data=np.append(data.ravel(), tail)
        )

    return edited(rig.lidar, pad)


def without_z(rig: Rig) -> Mutator:
    """The field z is missing."""
    return edited(rig.lidar, lambda c: replace(c, fields=[f for f in c.fields if f.name != "z"]))


def wrong_type(rig: Rig) -> Mutator:
    """x is declared as INT8."""
    return edited(rig.lidar, lambda c: replace(c, fields=[_other(f, "x", datatype=1) for f in c.fields]))


def field_outside(rig: Rig) -> Mutator:
    """z lies beyond the end of its point."""
    return edited(rig.lidar, lambda c: replace(c, fields=[_other(f, "z", offset=60_000) for f in c.fields]))


def _other(field: Any, name: str, **changes: Any) -> Any:
    return replace(field, **changes) if field.name == name else field


def absurd_size(rig: Rig) -> Mutator:
    """Width, height and steps of 2^32 - 1: products overflow 64 bits where they are not minded."""
    most = 2**32 - 1
    return edited(rig.lidar, lambda c: replace(c, width=most, height=most, row_step=most))


def all_nan(rig: Rig) -> Mutator:
    """Every coordinate is NaN."""

    def fill(c: Any) -> Any:
        points = _structured(c)
        for name in points.dtype.names or ():
            points[name] = np.nan
        return replace(c, data=points.view(np.uint8).ravel())

    return edited(rig.lidar, fill)


def empty(rig: Rig) -> Mutator:
    """No points at all."""
    return edited(rig.lidar, lambda c: replace(c, width=0, height=1, row_step=0, data=c.data[:0]))


def duplicates(rig: Rig) -> Mutator:
    """A million times the same point."""
    return _replaced(rig, DUPLICATES, 1, "main", lambda n: np.full((n, 3), (12.0, 3.0, -1.0)))


def giant(rig: Rig) -> Mutator:
    """Now and then five million points all over the place."""
    low, high = (-40.0, -40.0, -2.0), (40.0, 40.0, 0.0)
    return _replaced(rig, GIANT_POINTS, GIANT_EVERY, "apart", lambda n: rig.rng.uniform(low, high, (n, 3)))


def _replaced(rig: Rig, points: int, every: int, outlet: Outlet, draw: Any) -> Mutator:
    """Every ``every``-th cloud is ``points`` bare coordinates from ``draw``; they are drawn once."""
    kind = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4")])
    made: list[Any] = []
    seen = 0

    def swap(sample: Sample) -> list[Sample]:
        nonlocal seen
        if sample.topic != rig.lidar:
            return [sample]
        seen += 1
        if (seen - 1) % every:
            return [sample]
        old = decode(sample)
        if not made:
            xyz = np.ascontiguousarray(draw(points), np.float32)
            made.append(m.cloud(old.header.frame_id, 0, xyz.view(kind).ravel()))
        return [replace(encode(sample, replace(made[0], header=old.header)), outlet=outlet)]

    return swap


def other_frame(rig: Rig) -> Mutator:
    """A frame id that is not the one of the vehicle file."""
    return edited(rig.lidar, lambda c: replace(c, header=replace(c.header, frame_id="elsewhere")))


def _structured(c: Any) -> Any:
    """Writable copy of a cloud's points as a structured array with those of x, y, z that are floats within the point."""
    kinds, order = {7: "f4", 8: "f8"}, ">" if c.is_bigendian else "<"
    fields = [f for f in c.fields if f.name in ("x", "y", "z") and f.datatype in kinds]
    fields = [f for f in fields if f.offset + int(kinds[f.datatype][1]) <= c.point_step]
    kind = np.dtype({
        "names": [f.name for f in fields], "formats": [order + kinds[f.datatype] for f in fields],
        "offsets": [f.offset for f in fields], "itemsize": c.point_step,
    })  # fmt: skip
    return np.array(c.data, np.uint8)[: _points_held(c) * c.point_step].view(kind)


def _points_held(c: Any) -> int:
    """Points that the bytes hold, which another fault may have made fewer than the cloud claims."""
    return int(min(c.width * c.height, len(c.data) // c.point_step))
