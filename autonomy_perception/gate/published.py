"""What of an output is published: all that is known of the outputs of live nodes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from autonomy_perception.bags.outputs import RecordedOutput
from autonomy_perception.messages.classification import MIN_PROBABILITY
from autonomy_perception.metrics.golden import Golden, GoldenFrame, Map, Objects, cell_states
from autonomy_perception.metrics.golden_tolerance import Tolerance

_NOT_PUBLISHED = ("covariance", "confirmed")
"""Covariances are turned into the object frame and back, of the velocity not read back; all that is published is confirmed."""
TOLERANCES = {"tracks.class_probs": Tolerance(0.0125)}
"""A class just at the border may be left out on one side alone."""


def published(golden: Golden) -> Golden:
    """Confirmed tracks, the state of every cell, mode and stamps."""
    return replace(golden, frames=tuple(_of_frame(f) for f in golden.frames))


def golden_of(outputs: Iterable[RecordedOutput], wanted: frozenset[int]) -> Golden:
    """The same of recorded outputs, of the stamps ``wanted`` [ns]."""
    frames = []
    for o in outputs:
        if o.stamp_ns in wanted:
            tracks = {"tracks": Objects.of(o.tracks)}
            maps = {"occupancy": Map(o.occupancy.grid, {}, cell_states(o.occupancy.wire))}
            frame = GoldenFrame(o.stamp_ns, o.data_stamp_ns, "", int(o.mode), o.reasons, True, np.eye(4), tracks, maps)
            frames.append(_of_frame(frame))
    return Golden({}, tuple(frames))


def _of_frame(f: GoldenFrame) -> GoldenFrame:
    tracks = f.parts["tracks"]
    rows = np.asarray(tracks.fields["confirmed"], np.bool_)
    fields = {n: v[rows] for n, v in tracks.fields.items() if n not in _NOT_PUBLISHED}
    # messages leave out what is less probable and scale the rest; here both sides are treated so
    p = np.asarray(fields["class_probs"], np.float64)
    p = np.where(p >= MIN_PROBABILITY, p, 0.0)
    fields["class_probs"] = (p / np.maximum(p.sum(axis=1, keepdims=True), MIN_PROBABILITY)).astype(np.float32)
    maps = {n: Map(m.grid, {}, m.states) for n, m in f.maps.items() if n == "occupancy"}
    parts = {"tracks": Objects(tracks.frame_id, fields)}
    return replace(f, inputs="", has_ego_motion=True, T_odom_base=np.eye(4), parts=parts, maps=maps)
