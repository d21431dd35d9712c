"""``gate --ros``: the live nodes in lockstep are held to the baseline of an offline replay."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

pytest.importorskip("rclpy", reason="ROS is not installed: make setup")

from autonomy_perception.cli.main import app
from autonomy_perception.simulation.drive import SyntheticDrive
from autonomy_perception.simulation.io.write_bag import write_bag

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]


def test_live_nodes_are_good_where_offline_is_and_bad_with_another_parameter(
    tmp_path: Path, live_env: dict[str, str]
) -> None:
    drive = SyntheticDrive(seed=1, duration_s=1.2, start_s=12.0, cameras=False)
    bag, vehicle, baseline = tmp_path / "bag", tmp_path / "vehicle.yaml", tmp_path / "b.json"
    write_bag(drive, bag, workers=1)
    vehicle.write_text(yaml.safe_dump(json.loads(drive.vehicle.model_dump_json())))
    (tmp_path / "params.yaml").write_text("occupancy: {hit: 0.2}\n")

    def gate(*more: object) -> tuple[int, str]:
        arguments = ["gate", bag, "--vehicle", vehicle, "--baseline", baseline, "-o", tmp_path, *more]
        result = CliRunner(env={"COLUMNS": "200"}).invoke(app, [str(a) for a in arguments])
        return result.exit_code, result.output

    assert gate("--update")[0] == 0
    assert gate("--ros", "--update")[0] == 0
    data = json.loads(baseline.read_text())
    assert data["ways"].keys() == {"offline", "ros"}
    data["limits"] = {"latency_p50_ratio": 10.0, "latency_p95_ratio": 20.0}
    baseline.write_text(json.dumps(data))
    code, said = gate("--ros")
    assert code == 0 and "live nodes and offline replay give the same digest" in said, said
    code, said = gate("--ros", "--params", tmp_path / "params.yaml")
    assert code == 1 and "occupancy.states of cell ix" in said and (tmp_path / "bag.png").exists(), said
