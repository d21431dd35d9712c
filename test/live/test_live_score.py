"""A drive with truth is scored the same whether it is replayed offline or through the live nodes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

pytest.importorskip("rclpy", reason="ROS is not installed: make setup")

from autonomy_perception.config import PerceptionConfig
from autonomy_perception.live.replay_live import run_live_replay
from autonomy_perception.report.offline import run_offline
from autonomy_perception.simulation.drive import SyntheticDrive
from autonomy_perception.simulation.io.write_bag import write_bag

pytestmark = pytest.mark.live


def test_the_figures_of_lockstep_are_those_of_offline_replay(tmp_path: Path, live_env: dict[str, str]) -> None:
    drive = SyntheticDrive(seed=1, duration_s=0.8, start_s=12.0, cameras=False)
    bag, vehicle = tmp_path / "bag", tmp_path / "vehicle.yaml"
    write_bag(drive, bag, workers=1)
    vehicle.write_text(yaml.safe_dump(json.loads(drive.vehicle.model_dump_json())))
    offline, digest = run_offline(bag, drive.vehicle, PerceptionConfig())
    live, live_digest = run_live_replay(bag, vehicle, None, tmp_path / "out", 1.0, lockstep=True)
    assert live_digest == digest
    assert offline["accuracy"]["scans"] == 8 and offline["accuracy"]["track recall"] > 0
    assert live["accuracy"] == pytest.approx(offline["accuracy"], rel=1e-5)
    page = (tmp_path / "out" / "report.html").read_text()
    assert "track recall" in page and "ditch cells published free" in page
