"""The whole product on a small analytic scene: level ground, a parked box, a moving box."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from autonomy_perception.config import Dimensions, LidarConfig, PerceptionConfig, VehicleConfig
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.pipeline.build import make_pipeline
from autonomy_perception.pipeline.digest import Digest
from autonomy_perception.pipeline.pipeline import Pipeline
from autonomy_perception.types import (
    LidarScan,
    Mode,
    Perception,
    PointCloud,
    SensorFrame,
    SensorHealth,
    SensorState,
    Trajectory,
)

ORIGIN = np.array([0.0, 0.0, 2.0])
ELEVATIONS = np.radians(np.arange(-28.0, 2.0, 0.5))
AZIMUTHS = np.radians(np.arange(0.0, 360.0, 0.25))
VEHICLE = VehicleConfig(
    name="test",
    lidars={"top": LidarConfig(topic="/lidar", frame="lidar")},
    dimensions=Dimensions(front=3.0, rear=1.0, width=2.0, height=2.5, wheelbase=3.0),
)


def cast(boxes: list[tuple[float, float, float, float, float]]) -> NDArray[np.float32]:
    """Returns of a lidar at (0,0,2) over level ground with axis-aligned boxes (x, y, length, width, height)."""
    e, a = np.meshgrid(ELEVATIONS, AZIMUTHS, indexing="ij")
    d = np.stack([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)], -1).reshape(-1, 3)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(d[:, 2] < -1e-3, -ORIGIN[2] / d[:, 2], np.inf)
        for x, y, length, width, height in boxes:
            low, high = (
                np.array([x - length / 2, y - width / 2, 0.0]),
                np.array([x + length / 2, y + width / 2, height]),
            )
            t1, t2 = (low - ORIGIN) / d, (high - ORIGIN) / d
            enter, leave = np.minimum(t1, t2).max(1), np.maximum(t1, t2).min(1)
            t = np.where((enter < leave) & (enter > 0), np.minimum(t, enter), t)
    hit = np.isfinite(t) & (t < 90)
    return np.asarray(ORIGIN + d[hit] * t[hit, None], np.float32)


def frame(k: int, xyz: NDArray[np.float32], motion: bool = True, x: float = 0.0) -> SensorFrame:
    stamp = 1_000_000_000 + k * 100_000_000
    n = len(xyz)
    cloud = PointCloud(
        xyz, np.zeros(n, np.float32), np.zeros(n, np.float32), np.zeros(n, np.uint16), "base_link", stamp
    )
    T = np.eye(4)
    T[0, 3] = x
    path = Trajectory(np.array([stamp]), T[None], np.zeros((1, 6))) if motion else None
    health = (SensorHealth("top", SensorState.OK, 0),)
    return SensorFrame(stamp, (LidarScan("top", cloud, ORIGIN.astype(np.float32)),), (), path, health)


def wire_at(result: Perception, x: float, y: float) -> int:
    grid = result.occupancy.grid
    ix, iy = grid.bev.cells(np.array([[x, y]]))[0]
    return int(result.occupancy.wire[iy, ix])


@pytest.fixture
def pipeline() -> Pipeline:
    return make_pipeline(PerceptionConfig(), VEHICLE, CpuLibrary())


def run_scene(pipeline: Pipeline, steps: int = 20) -> Perception:
    for k in range(steps):
        result = pipeline.step(frame(k, cast([(12, 4, 4.5, 1.9, 1.6), (10 + 0.8 * k, -4, 4.5, 1.9, 1.6)])))
    return result


def test_boxes_are_tracked_and_the_ground_is_free(pipeline: Pipeline) -> None:
    result = run_scene(pipeline)
    assert result.mode == Mode.GEOMETRIC and result.reasons == ("NO_NETWORK",)
    tracks = result.tracks
    near = {
        name: np.hypot(*(tracks.center[:, :2] - at).T) for name, at in (("parked", (12, 4)), ("moving", (25.2, -4)))
    }
    for name, distance in near.items():
        assert distance.min() < 0.5 and tracks.confirmed[distance.argmin()], name
    assert np.hypot(*tracks.velocity[near["parked"].argmin()]) < 0.3
    assert abs(tracks.velocity[near["moving"].argmin(), 0] - 8.0) < 1.0
    assert tracks.is_stationary[near["parked"].argmin()] and not tracks.is_stationary[near["moving"].argmin()]
    assert wire_at(result, 9.8, 4.2) >= 65 and 0 <= wire_at(result, 7.2, 0.2) < 40
    assert wire_at(result, 12.2, 4.2) == -1 or wire_at(result, 12.2, 4.2) >= 50  # inside the parked box
    assert not wire_at(result, 12.2, -4.2) >= 50  # where the moving box was
    assert {"ground", "terrain", "detection", "tracking", "occupancy"} <= result.stage_ms.keys()


def test_elevation_of_level_ground_is_zero(pipeline: Pipeline) -> None:
    elevation = run_scene(pipeline, 5).terrain.layers["elevation"]
    known = np.isfinite(elevation)
    error = np.abs(elevation[known])  # returns low on the boxes lift the cells at their feet a little
    assert known.sum() > 1000 and error.max() < 0.1 and np.percentile(error, 95) < 0.01


def test_outputs_age_when_the_lidar_stops(pipeline: Pipeline) -> None:
    last = run_scene(pipeline)
    assert pipeline.tick(last.stamp_ns + 100_000_000) is None
    silent = (SensorHealth("top", SensorState.MISSING, 300_000_000, "silent"),)
    told = pipeline.tick(last.stamp_ns + 200_000_000, silent)
    assert told is not None and told.health == silent and "LIDAR_MISSING" in told.reasons
    modes = []
    for k in range(2, 101):
        result = pipeline.tick(last.stamp_ns + k * 200_000_000)
        assert result is not None and result.data_stamp_ns == last.data_stamp_ns
        assert "NO_DATA" in result.reasons
        modes.append(result.mode)
    assert modes[0] == Mode.GEOMETRIC and Mode.STALE in modes and modes[-1] == Mode.STOPPED
    assert (result.occupancy.wire == -1).all() and len(result.tracks) == 0


def test_a_frame_without_points_ages_too(pipeline: Pipeline) -> None:
    first = pipeline.step(frame(0, np.zeros((0, 3), np.float32)))
    assert first.mode == Mode.STOPPED and "NO_DATA" in first.reasons and (first.occupancy.wire == -1).all()
    last = run_scene(pipeline, 5)
    aged = pipeline.step(frame(12, np.zeros((0, 3), np.float32)))
    assert aged.data_stamp_ns == last.data_stamp_ns and aged.mode == Mode.STALE


def test_without_ego_motion_it_says_so_and_remembers_nothing(pipeline: Pipeline) -> None:
    pipeline.step(frame(0, cast([(12, 4, 4.5, 1.9, 1.6)]), motion=False))
    result = pipeline.step(frame(1, cast([]), motion=False))
    assert "NO_EGO_MOTION" in result.reasons and result.tracks.frame_id == "base_link"
    assert not result.has_ego_motion and wire_at(result, 9.8, 4.2) < 50


def test_reset_drops_maps_and_tracks(pipeline: Pipeline) -> None:
    run_scene(pipeline)
    result = pipeline.step(replace(frame(30, cast([])), reset_reason="TIME_JUMPED_BACK"))
    assert not result.tracks.confirmed.any() and wire_at(result, 9.8, 4.2) < 50
    assert any(t.reason == "TIME_JUMPED_BACK" for t in pipeline.modes.transitions)


def test_a_missing_sensor_is_a_reason(pipeline: Pipeline) -> None:
    bad = replace(frame(0, cast([])), health=(SensorHealth("top", SensorState.LATE, 0, "late"),))
    assert "LIDAR_MISSING" in pipeline.step(bad).reasons


def test_the_same_frames_give_the_same_hash_far_from_the_origin_of_odom() -> None:
    hashes = []
    for _ in range(2):
        pipeline, digest = make_pipeline(PerceptionConfig(), VEHICLE, CpuLibrary()), Digest()
        for k in range(5):
            digest.update(pipeline.step(frame(k, cast([(12, 4, 4.5, 1.9, 1.6)]), x=54_321.0)))
        hashes.append(digest.hexdigest())
    assert hashes[0] == hashes[1]
    result = pipeline.step(frame(5, cast([(12, 4, 4.5, 1.9, 1.6)]), x=54_321.0))
    assert wire_at(result, 54_330.8, 4.2) >= 65


def test_outputs_age_in_the_clock_of_the_sensors(pipeline: Pipeline) -> None:
    ahead = 37_000_000_000  # TAI stamps beside a UTC clock
    for k in range(5):
        last = pipeline.step(replace(frame(k, cast([])), clock_offset_ns=-ahead))
    now = last.stamp_ns - ahead
    assert pipeline.tick(now + 100_000_000) is None
    aged = pipeline.tick(now + 4_000_000_000)
    assert aged is not None and aged.stamp_ns == last.stamp_ns + 4_000_000_000 and aged.mode == Mode.STOPPED


@pytest.mark.parametrize(("reason", "word"), [("ODOMETRY_JUMP 60.0 m", "EGO_JUMP"), ("TIME_JUMPED_BACK", "TIME_JUMP"),
                                              ("ODOMETRY_GAP 60.0 s", "TIME_JUMP")])  # fmt: skip
def test_a_jump_is_said_for_a_second(pipeline: Pipeline, reason: str, word: str) -> None:
    run_scene(pipeline, 3)
    jumped = pipeline.step(replace(frame(3, cast([])), reset_reason=reason))
    assert word in jumped.reasons and pipeline.modes.last_reset == reason and pipeline.modes.resets == 1
    assert word in pipeline.step(frame(12, cast([]))).reasons
    assert word not in pipeline.step(frame(14, cast([]))).reasons
