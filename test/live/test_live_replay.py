"""The graph as processes over DDS: same outputs as offline, everything recorded, faults named and survived."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS is not installed: make setup")

from autonomy_perception import topics
from autonomy_perception.bags.reader import BagReader
from autonomy_perception.bags.replay import replay_offline
from autonomy_perception.config import PerceptionConfig, load_vehicle
from autonomy_perception.live.live_run import LiveOptions, run_live
from autonomy_perception.messages.parts import stamp_ns
from autonomy_perception.nodes.graph import Value
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.pipeline.digest import Digest
from autonomy_perception.types import Mode

pytestmark = pytest.mark.live


def load(name: str) -> ModuleType:
    """A module beside this file (the tests are no package)."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parents[1] / "nodes" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


drive = load("drive")


@pytest.fixture(scope="module")
def vehicle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return drive.write_vehicle(tmp_path_factory.mktemp("vehicle") / "test.yaml")


def messages(bag: Path, topic: str) -> list:
    with BagReader(bag) as reader:
        return [message for _, message in reader.messages((topic,))]


def test_lockstep_gives_the_outputs_of_offline_replay(tmp_path: Path, vehicle: Path, live_env: dict[str, str]) -> None:
    bag = drive.write_drive(tmp_path / "drive", 15)
    offline = Digest()
    for step in replay_offline(bag, load_vehicle(vehicle), PerceptionConfig(), CpuLibrary()):
        offline.update(step.result)
    live = run_live(LiveOptions(bag, vehicle, lockstep=True, hash=True, env=live_env))
    assert live.code == 0, "\n".join(live.log)
    assert (live.frames, live.steps, live.errors, live.replaced) == (15, offline.steps, 0, 0)
    assert live.digest == offline.hexdigest()


def test_free_running_graph_is_recorded_whole(tmp_path: Path, vehicle: Path, live_env: dict[str, str]) -> None:
    bag, record = drive.write_drive(tmp_path / "drive", 20), tmp_path / "outputs"
    options = LiveOptions(bag, vehicle, rate=1.0, record=record, nodes=("health_monitor", "markers"), env=live_env)
    live = run_live(options)
    assert live.code == 0, "\n".join(live.log)
    assert live.errors == 0 and live.frames + live.replaced == 20
    assert live.frames >= 15, "a machine under load may replace a few frames, never many"
    assert len(live.latency_ms) == live.frames and 0 < np.median(live.latency_ms) < 300
    grids, tracks, status = (
        messages(record, t.name) for t in (topics.OCCUPANCY_GRID, topics.TRACKED_OBJECTS, topics.STATUS)
    )
    stamps = {stamp_ns(g.header.stamp) for g in grids}
    assert len(stamps & {drive.START_NS + k * 100_000_000 for k in range(20)}) == live.frames
    assert len(grids) == len(tracks) >= live.frames and {g.header.frame_id for g in grids} == {"odom"}
    end = max(s for s in stamps if s % 100_000_000 == 0 and s < drive.START_NS + 2_000_000_000)
    last = next(np.asarray(g.data) for g in grids if stamp_ns(g.header.stamp) == end)
    assert (last == -1).any() and (last > 60).any() and ((last >= 0) & (last < 40)).any()
    car = next(t.objects for t in tracks if stamp_ns(t.header.stamp) == end)
    assert [abs(o.kinematics.twist_with_covariance.twist.linear.x - drive.SPEED) < 1.0 for o in car] == [True]
    at_end = next(s for s in status if stamp_ns(s.header.stamp) == end)
    assert Mode(at_end.mode) == Mode.GEOMETRIC and at_end.latency_p50 > 0
    assert {s.name for s in at_end.stages} >= {
        "sensors",
        "terrain",
        "detection",
        "tracking",
        "occupancy",
        "publish",
    }
    assert messages(record, topics.DETECTED_OBJECTS.name) and messages(record, topics.TERRAIN_MAP.name)
    names = {s.name for d in messages(record, topics.DIAGNOSTIC_ARRAY.name) for s in d.status}
    assert {"perception: pipeline", "perception: sensor top", "perception: sensor front", "health: latency"} <= names


def test_faults_are_named_survived_and_outputs_age(tmp_path: Path, vehicle: Path, live_env: dict[str, str]) -> None:
    faults = {4: "empty", 6: "nan", 8: "truncated", 9: "corrupt", 10: "corrupt"}
    bag = drive.write_drive(tmp_path / "drive", 14, transforms=("lidar",), faults=faults, motion_after=185)
    record = tmp_path / "outputs"
    fading: dict[str, Value] = {"occupancy.half_life_s": 0.3}
    live = run_live(LiveOptions(bag, vehicle, record=record, parameters={"perception": fading}, env=live_env))
    assert live.code == 0, "\n".join(live.log)
    assert live.errors == 0 and 8 <= live.frames <= 14
    said = "\n".join(
        f"{s.message} {[v.value for v in s.values]}" for d in messages(record, "/diagnostics") for s in d.status
    )
    for named in ("/lidar/points", "/camera/image/compressed", "camera"):
        assert named in said
    status = messages(record, topics.STATUS.name)
    modes = [Mode(s.mode) for s in status]
    fresh = modes.index(Mode.GEOMETRIC)
    assert fresh < modes.index(Mode.STALE, fresh) < modes.index(Mode.STOPPED, fresh)
    silent = [s for s in status if Mode(s.mode) == Mode.STOPPED and "NO_DATA" in s.reasons][-1]
    top = next(s for s in silent.sensors if s.name == "top")
    assert top.state == 2 and "/lidar/points" in top.message and top.age > 2.0
    assert any(s.name == "front" and s.state == 3 for m in status for s in m.sensors), "camera without TF is INVALID"
    known = [int((np.asarray(g.data) >= 0).sum()) for g in messages(record, topics.OCCUPANCY_GRID.name)]
    assert known[-1] < 0.1 * max(known), "cells fade to unknown while no data comes"
