"""What a tick publishes: the pose, the frames and the grid of its own moment, not those of the last frame."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pipeline.test_pipeline import VEHICLE, cast, frame, run_scene, wire_at

from autonomy_perception import geometry
from autonomy_perception.config import PerceptionConfig
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.pipeline.build import make_pipeline
from autonomy_perception.pipeline.pipeline import Pipeline
from autonomy_perception.types import Perception, Trajectory

MS = 1_000_000


@pytest.fixture
def pipeline() -> Pipeline:
    return make_pipeline(PerceptionConfig(), VEHICLE, CpuLibrary())


def driving(x: float, stamp_ns: int, speed: float = 20.0) -> Trajectory:
    return Trajectory(
        np.array([stamp_ns]),
        geometry.make_transform(None, (x, 0.0, 0.0))[None],
        np.array([[speed, 0, 0, 0, 0, 0]], float),
    )


def test_without_ego_motion_a_tick_tells_tracks_in_base_link(pipeline: Pipeline) -> None:
    for k in range(6):
        last = pipeline.step(frame(k, cast([(12, 4, 4.5, 1.9, 1.6)]), motion=False))
    told = pipeline.tick(last.stamp_ns + 200 * MS)
    assert last.tracks.frame_id == last.frame_id == "base_link" and len(last.tracks)
    assert told is not None and told.tracks.frame_id == told.frame_id == "base_link" and len(told.tracks)
    assert not told.has_ego_motion and "NO_EGO_MOTION" in told.reasons


def test_a_tick_tells_the_pose_of_its_own_moment_and_the_grid_goes_with_it(pipeline: Pipeline) -> None:
    last = run_scene(pipeline, 5)
    moved = pipeline.tick(last.stamp_ns + 200 * MS, motion=lambda ns: driving(0.0, last.stamp_ns))
    assert moved is not None and moved.T_odom_base[0, 3] == pytest.approx(4.0)
    assert moved.occupancy.grid.cell_x - last.occupancy.grid.cell_x == 8  # 4 m in cells of 0.5 m
    assert moved.terrain.grid.cell_x - last.terrain.grid.cell_x == 10  # in cells of 0.4 m
    assert wire_at(moved, 9.8, 4.2) >= 65, "what stands stays where it is in odom"
    assert "EGO_MOTION_HELD" not in moved.reasons


def test_where_nobody_tells_the_motion_the_last_pose_is_held_and_that_is_said(pipeline: Pipeline) -> None:
    last = pipeline.step(replace(frame(0, cast([])), trajectory=driving(7.0, frame(0, cast([])).stamp_ns)))
    held = pipeline.tick(last.stamp_ns + 200 * MS, motion=lambda ns: None)
    assert held is not None and held.T_odom_base[0, 3] == last.T_odom_base[0, 3] == 7.0
    assert "EGO_MOTION_HELD" in held.reasons and held.has_ego_motion and held.frame_id == "odom"


@settings(max_examples=8)
@given(known=st.lists(st.booleans(), min_size=1, max_size=6), told=st.data())
def test_frames_agree_in_every_output_whatever_becomes_of_the_ego_motion(
    known: list[bool], told: st.DataObject
) -> None:
    """Grid, terrain and tracks in the frame that the output names; detections in base_link; poses only where known."""
    pipeline, now = make_pipeline(PerceptionConfig(), VEHICLE, CpuLibrary()), 0
    box = cast([(12, 4, 4.5, 1.9, 1.6)])
    for k, motion in enumerate(known):
        outputs: list[Perception | None] = [pipeline.step(frame(4 * k, box, motion, x=0.5 * k))]
        now = frame(4 * k, box).stamp_ns
        if told.draw(st.booleans()):
            path = driving(0.5, now) if told.draw(st.booleans()) else None
            outputs.append(pipeline.tick(now + 200 * MS, motion=lambda ns, path=path: path))
        for out in outputs:
            assert out is not None
            assert out.frame_id == out.tracks.frame_id == ("odom" if out.has_ego_motion else "base_link")
            assert out.detections.frame_id == "base_link" and out.has_ego_motion == motion
            assert motion or np.array_equal(out.T_odom_base, np.eye(4))
