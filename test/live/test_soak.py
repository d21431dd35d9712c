"""Minutes of a looped drive on an otherwise idle machine: nothing grows, nothing is lost (make test-long)."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

pytest.importorskip("rclpy", reason="ROS is not installed: make setup")

from autonomy_perception.config import load_vehicle
from autonomy_perception.live import bench_live
from autonomy_perception.live.live_run import LiveOptions, run_live

MAX_MB_PER_MIN = 1.0
MINUTES = 6.0
HEAVY_S = 60.0
MAX_P99_MS = 95.0


@pytest.mark.live
@pytest.mark.long
@pytest.mark.timeout(MINUTES * 60 + 180)
def test_memory_does_not_grow_and_no_frame_is_lost(tmp_path: Path, live_env: dict[str, str]) -> None:
    bag, vehicle = bench_live.drive(tmp_path / "drive", Console(stderr=True))
    result = run_live(LiveOptions(bag, vehicle, seconds=MINUTES * 60, nodes=bench_live.WATCHERS, env=live_env))
    assert result.code == 0, "\n".join(result.log[-30:])
    topic = next(iter(load_vehicle(vehicle).lidars.values())).topic
    figures = bench_live.figures(result, topic)
    assert figures["frames"] > MINUTES * 60 * 8 and figures["failed"] == 0
    assert figures["lost"] <= 0.005 * figures["frames"] and figures["replaced"] <= 0.005 * figures["frames"]
    growth = {k: v for k, v in bench_live.slopes(result).items() if k.endswith("per_min")}
    assert growth and max(growth.values()) < MAX_MB_PER_MIN, growth


@pytest.mark.live
@pytest.mark.long
@pytest.mark.timeout(HEAVY_S + 240)
def test_two_large_lidars_and_two_cameras_are_worked_off_in_time(tmp_path: Path, live_env: dict[str, str]) -> None:
    bag, vehicle = bench_live.drive(tmp_path / "drive", Console(stderr=True), "heavy")
    result = run_live(LiveOptions(bag, vehicle, seconds=HEAVY_S, nodes=bench_live.WATCHERS, env=live_env))
    assert result.code == 0, "\n".join(result.log[-30:])
    car = load_vehicle(vehicle)
    assert len(car.lidars) == len(car.cameras) == 2
    figures = bench_live.figures(result, next(iter(car.lidars.values())).topic)
    assert figures["frames"] > HEAVY_S * 8 and figures["failed"] == figures["replaced"] == figures["lost"] == 0, figures
    assert figures["p99_ms"] < MAX_P99_MS, figures
