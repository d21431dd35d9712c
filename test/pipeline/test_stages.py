"""Composition: stages in the order of their needs, others beside them, and errors that name who needs what."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pipeline.test_pipeline import VEHICLE, cast, frame, wire_at

from autonomy_perception.config import PerceptionConfig, PipelineConfig
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.pipeline.build import STAGES, WHOLE, make_pipeline
from autonomy_perception.pipeline.errors import PipelineError
from autonomy_perception.pipeline.order import in_order
from autonomy_perception.pipeline.pipeline import Pipeline
from autonomy_perception.pipeline.stage import DETECTIONS, TRACKS, Context, Key, Stage
from autonomy_perception.platform import Platform
from autonomy_perception.types import Detections, Mode, Tracks

BOX = (12.0, 4.0, 4.5, 1.9, 1.6)


SEEN = Key[int]("seen", published=True)


class Network(Stage):
    """Stands for a network: says what it saw, and that it stands for LIDAR_ONLY."""

    name, gives = "network", (DETECTIONS,)

    def run(self, context: Context) -> None:
        assert context.frame is not None
        context.stands_for(Mode.LIDAR_ONLY)
        context[DETECTIONS] = Detections.empty(context.ego.frame)


class Follower(Stage):
    """Stands for what comes after the tracker and tells planning something of its own."""

    name, needs, gives = "follower", (TRACKS,), (SEEN,)

    def run(self, context: Context) -> None:
        context[SEEN] = len(context[TRACKS])

    age = run


def whole(platform: Platform | None = None) -> Pipeline:
    return make_pipeline(PerceptionConfig(), platform or VEHICLE, CpuLibrary())


@given(st.permutations(WHOLE))
def test_stages_run_after_what_they_need_however_they_are_listed(names: list[str]) -> None:
    lib, config, platform = CpuLibrary(), PerceptionConfig(), Platform.of(VEHICLE)
    order = in_order([STAGES[name](config, platform, lib) for name in names])
    given_so_far: set[Key[object]] = set()
    for stage in order:
        assert set(stage.needs) <= given_so_far, stage.name
        given_so_far |= set(stage.gives)
    assert {stage.name for stage in order} == set(WHOLE)


def test_a_network_and_a_follower_are_two_more_stages() -> None:
    lib, config, platform = CpuLibrary(), PerceptionConfig(), Platform.of(VEHICLE)
    others = [STAGES[name](config, platform, lib) for name in WHOLE if name != "detection"]
    pipeline = Pipeline([Follower(), *others, Network()], platform, PipelineConfig())
    result = pipeline.step(frame(0, cast([BOX])))
    assert result.mode == Mode.LIDAR_ONLY and "NO_NETWORK" not in result.reasons and result.more == {"seen": 0}
    assert {"network", "follower"} <= result.stage_ms.keys()
    aged = pipeline.tick(result.stamp_ns + 700_000_000)
    assert aged is not None and aged.mode == Mode.STALE and aged.more == {"seen": 0}


def test_what_does_not_fit_is_named() -> None:
    with pytest.raises(
        PipelineError, match=r"stage 'terrain' needs 'scans', which no stage gives \(given: lethal, terrain\)"
    ):
        make_pipeline(PerceptionConfig(), VEHICLE, CpuLibrary(), ("terrain",))
    with pytest.raises(PipelineError, match="stage 'radar' is unknown, expected some of ground, terrain"):
        make_pipeline(PerceptionConfig(), VEHICLE, CpuLibrary(), ("radar",))
    with pytest.raises(PipelineError, match="'detections' is given by 'given' and 'detection'"):
        make_pipeline(PerceptionConfig(), VEHICLE, CpuLibrary(), ("ground", "detection"), (DETECTIONS,))
    with pytest.raises(PipelineError, match="two stages are called 'network'"):
        in_order([Network(), Network()])
    a, b, x, y = Stage(), Stage(), Key[int]("x"), Key[int]("y")
    a.name, a.needs, a.gives, b.name, b.needs, b.gives = "a", (x,), (y,), "b", (y,), (x,)
    with pytest.raises(PipelineError, match=r"in a circle: (a -> b -> a|b -> a -> b)"):
        in_order([a, b])
    with pytest.raises(KeyError, match="no stage has given 'tracks' yet"):
        Context(0, whole().step(frame(0, cast([]))) and None)[TRACKS]  # type: ignore[arg-type]


def test_a_station_by_the_road_needs_no_odometry_and_no_body() -> None:
    """Its pose is known for ever: maps remember, tracks are in its fixed frame, nothing is said to be missing."""
    T = np.eye(4)
    T[:2, 3] = 100.0, 50.0
    pipeline = whole(Platform("mast", "site", frozenset({"top"}), T_fixed_base=T))
    for k in range(12):
        result = pipeline.step(replace(frame(k, cast([BOX]), motion=False)))
    assert result.has_ego_motion and result.reasons == ("NO_NETWORK",)
    assert result.frame_id == result.tracks.frame_id == "site" and result.detections.frame_id == "mast"
    assert wire_at(result, 109.8, 54.2) >= 90 and 0 <= wire_at(result, 107.2, 50.2) < 40
    known = np.hypot(*(result.tracks.center[:, :2] - (112.0, 54.0)).T)
    assert known.min() < 0.5 and np.hypot(*(result.detections.center[:, :2] - (12.0, 4.0)).T).min() < 0.5


def test_given_tracks_move_on_at_their_speed_while_nothing_comes() -> None:
    pipeline = make_pipeline(
        PerceptionConfig(), VEHICLE, CpuLibrary(), ("ground", "terrain", "occupancy"), (DETECTIONS, TRACKS)
    )
    none = Tracks.empty()
    one = replace(none, **{name: np.zeros((1, *getattr(none, name).shape[1:]), getattr(none, name).dtype)
                           for name in ("uuid", "center", "size", "yaw", "acceleration", "yaw_rate", "covariance", "class_probs", "existence",
                                        "orientation", "is_stationary", "age_s", "since_update_s", "confirmed")},
                  velocity=np.array([[10.0, 0.0]], np.float32))  # fmt: skip
    result = pipeline.step(frame(0, cast([])), {TRACKS: one})
    aged = pipeline.tick(result.stamp_ns + 200_000_000)
    assert aged is not None and np.allclose(aged.tracks.center, [[2.0, 0.0, 0.0]])


def test_what_comes_behind_the_tracker_hears_that_all_is_stopped() -> None:
    platform = Platform.of(VEHICLE)
    stages = [STAGES[name](PerceptionConfig(), platform, CpuLibrary()) for name in WHOLE]
    pipeline = Pipeline([*stages, Follower()], platform, PipelineConfig())
    for k in range(6):
        result = pipeline.step(frame(k, cast([BOX])))
    assert result.more["seen"] == len(result.tracks) > 0
    aged = pipeline.tick(result.stamp_ns + 10_000_000_000)
    assert aged is not None and aged.mode == Mode.STOPPED and len(aged.tracks) == 0 == aged.more["seen"]
