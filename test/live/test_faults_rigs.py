"""Faults of other rigs in the running graph: a second lidar, and the detections of another node in the split graph."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="ROS is not installed: make setup")

from live import fault_drive
from live.faults_common import SLACK, complaints

from autonomy_perception.config import load_vehicle
from autonomy_perception.faults.sample import Rig
from autonomy_perception.faults.table import FAULTS, OBJECTS, Outputs
from autonomy_perception.live.faults.session import Session
from autonomy_perception.live.faults.trial import LEAST_S, Trial

OF_A_LIDAR = ("cloud cut off", "cloud of NaN", "cloud empty", "lidar stops", "lidar late", "lidar stamps ahead", "two publishers")  # fmt: skip


def test_faults_of_objects_fit_the_split_graph_only(tmp_path: Path) -> None:
    whole = Rig.of(load_vehicle(fault_drive.write_vehicle(tmp_path / "test.yaml")), 0)
    split = replace(whole, objects="/detections")
    for fault in OBJECTS:
        assert fault.fits(split) and not fault.fits(whole) and callable(fault.mutator(split))
        assert all(words and "{" not in words for words in fault.words(split))
    assert not {f.name for f in OBJECTS} & {f.name for f in FAULTS}


@pytest.mark.live
@pytest.mark.long
@pytest.mark.timeout(180)
def test_faults_of_a_second_lidar_leave_the_first_ones_outputs(tmp_path: Path, live_env: dict[str, str]) -> None:
    """What ages the outputs when the reference lidar has it is only said when a second one has it."""
    bag, vehicle = fault_drive.write_second_lidar(tmp_path)
    lines: list[str] = []
    with Session(bag, vehicle, env=live_env, say=lines.append) as session:
        rig = replace(session.rig, lidar=fault_drive.SECOND, lidar_frame="side")
        trial = Trial(session.player, session.witness, session.spin, rig)
        rows = [replace(f, outputs=Outputs.GO_ON) for f in FAULTS if f.name in OF_A_LIDAR]
        verdicts = [trial.run([fault], LEAST_S[fault.outputs], SLACK) for fault in rows]
        assert session.supervisor.alive() == ["perception"], "\n".join(lines[-30:])
    assert len(verdicts) == len(OF_A_LIDAR) and not complaints(verdicts), complaints(verdicts)
    assert not any("Traceback" in line for line in lines), "\n".join(lines[-60:])


@pytest.mark.live
@pytest.mark.long
@pytest.mark.timeout(180)
def test_faults_of_objects_in_the_split_graph(tmp_path: Path, live_env: dict[str, str]) -> None:
    bag, vehicle = fault_drive.write_objects(tmp_path)
    lines: list[str] = []
    with Session(bag, vehicle, env=live_env, say=lines.append, stages="split") as session:
        nodes = session.supervisor.alive()
        verdicts = [session.trial.run([fault], LEAST_S[fault.outputs], SLACK) for fault in OBJECTS]
        assert session.supervisor.alive() == nodes == ["tracker", "occupancy_grid", "terrain"], "\n".join(lines[-30:])
    assert not complaints(verdicts), complaints(verdicts)
    assert not any("Traceback" in line for line in lines), "\n".join(lines[-60:])
