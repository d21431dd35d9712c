"""``autonomy-perception up`` with real nodes: a bag through the graph into a bag, Ctrl-C, nothing left in /dev/shm."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="ROS is not installed: make setup")

from nodes import drive

from autonomy_perception.bags.summary import summarise
from autonomy_perception.nodes import shared_memory

pytestmark = pytest.mark.live

UP = [sys.executable, "-m", "autonomy_perception.cli.main", "up"]


def ours(domain: str) -> set[str]:
    """Ports of a domain that still lie in shared memory."""
    low = 7400 + 250 * int(domain)
    ports = (p.name for p in shared_memory.SHM.glob("fastdds_port*") if p.name[12:].isdigit())
    return {name for name in ports if low <= int(name[12:]) < low + 250}


def test_bag_goes_through_the_graph_into_a_bag(tmp_path: Path, live_env: dict[str, str]) -> None:
    vehicle, bag = drive.write_vehicle(tmp_path / "v.yaml"), drive.write_drive(tmp_path / "bag", 15)
    words = [f"vehicle:={vehicle}", f"bag:={bag}", f"record:={tmp_path / 'out'}"]
    done = subprocess.run([*UP, *words], env=live_env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "bag_player has ended" in done.stdout and "died" not in done.stdout
    counts = {t.topic: t.count for t in summarise(tmp_path / "out").topics}
    assert counts["/perception/occupancy_grid"] >= 13, done.stdout
    assert counts["/perception/tracked_objects"] >= 13
    assert ours(live_env["ROS_DOMAIN_ID"]) == set()


def test_ctrl_c_ends_a_live_graph_cleanly(tmp_path: Path, live_env: dict[str, str]) -> None:
    vehicle = drive.write_vehicle(tmp_path / "v.yaml")
    process = subprocess.Popen([*UP, "--vehicle", str(vehicle)], env=live_env, stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 20
    while len(ours(live_env["ROS_DOMAIN_ID"])) < 3:
        assert time.monotonic() < deadline and process.poll() is None, "the nodes did not come up"
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=20)[0]
    assert process.returncode == 0 and "died" not in said, said
    assert ours(live_env["ROS_DOMAIN_ID"]) == set()


def test_a_vehicle_that_is_wrong_ends_the_graph_and_says_why(tmp_path: Path, live_env: dict[str, str]) -> None:
    (tmp_path / "v.yaml").write_text(drive.VEHICLE.replace("name: test", "nmae: test"))
    done = subprocess.run(
        [*UP, f"vehicle:={tmp_path / 'v.yaml'}"], env=live_env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode != 0 and "nmae" in done.stdout + done.stderr
