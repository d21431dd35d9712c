"""The torture campaign as a user starts it."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

pytest.importorskip("rclpy", reason="ROS is not installed: make setup")

from live import fault_drive
from live.faults_common import SLACK
from nodes import drive

from autonomy_perception.bags.events import events
from autonomy_perception.bags.importers.base import Drive, Record
from autonomy_perception.bags.reader import BagReader
from autonomy_perception.cli.main import app
from autonomy_perception.config import PerceptionConfig, load_vehicle
from autonomy_perception.faults.raw_camera import raw_vehicle
from autonomy_perception.faults.sample import Rig
from autonomy_perception.faults.table import FAULTS, Fault
from autonomy_perception.live import bench_live
from autonomy_perception.live.faults.campaign import RESTARTS, Campaign, Tally
from autonomy_perception.live.faults.trial import LEAST_S, Verdict
from autonomy_perception.live.faults.vitals import LEAST_GROWTH_MIN
from autonomy_perception.live.torture import known_drive, show
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.paths import vehicle_file
from autonomy_perception.sensors.frontend import SensorFrontEnd
from autonomy_perception.sensors.image import pixels

MINUTES = 30.0
"""Processes are watched over the last two thirds of it: long enough to tell growth."""


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "autonomy_perception.cli.main", "torture", *words]


def test_wrong_arguments_end_with_one_line(tmp_path: Path) -> None:
    assert CliRunner().invoke(app, ["torture", "--bag", str(tmp_path)]).exit_code == 2
    vehicle = fault_drive.write_vehicle(tmp_path / "test.yaml")
    missing = command("--bag", str(tmp_path / "nowhere"), "--vehicle", str(vehicle))
    done = subprocess.run(missing, capture_output=True, text=True, timeout=60, check=False, env=dict(os.environ))
    assert done.returncode == 2 and "nowhere: no such file or folder" in done.stderr and "Traceback" not in done.stderr


def test_the_known_drive_has_what_every_fault_aims_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = drive.write_drive(tmp_path / "plain", 4)
    with BagReader(plain) as reader:
        records = [Record(r.topic, r.msgtype, r.receive_ns, message) for r, message in reader.messages()]
    source = Drive(4, {}, lambda: iter([records]))
    monkeypatch.setattr(bench_live, "_kitti", lambda: (source, drive.write_vehicle(tmp_path / "test.yaml")))
    bag, file = known_drive(tmp_path / "known", Console(stderr=True))
    vehicle = load_vehicle(file)
    assert all(fault.fits(Rig.of(vehicle, 0)) for fault in FAULTS)
    front = SensorFrontEnd(PerceptionConfig(), vehicle, CpuLibrary())
    frames = [frame for event in events(bag, vehicle) for frame in front.feed(event)]
    assert len(frames) >= 3 and not front.diagnostics().faults
    for frame in frames:
        whole, small = (next(c for c in frame.cameras if c.sensor == name) for name in ("front", "front_raw"))
        assert pixels(whole).shape == (120, 160, 3) and pixels(small).shape == (60, 80, 3)
        assert abs(pixels(whole).mean() - pixels(small).mean()) < 1.0
        ahead = np.array([0.1, -0.2, 1.0])
        u, v = (whole.model.K @ ahead)[:2]  # the same ray, between the same pixels
        np.testing.assert_allclose((small.model.K @ ahead)[:2], ((u + 0.5) / 2 - 0.5, (v + 0.5) / 2 - 0.5))


@pytest.mark.parametrize("name", ["kitti", "demo_truck"])
def test_vehicles_of_the_known_drives_get_a_raw_camera_once(name: str) -> None:
    plain = load_vehicle(vehicle_file(name))
    raw = raw_vehicle(plain)
    assert not all(f.fits(Rig.of(plain, 0)) for f in FAULTS) and all(f.fits(Rig.of(raw, 0)) for f in FAULTS)
    assert raw_vehicle(raw) == raw and list(raw.cameras)[:1] == list(plain.cameras)


class FakeSession:
    """Stands for a graph in which every fault is noticed but one."""

    def __init__(self, rig: Rig, unnoticed: str) -> None:
        self.rig, self.unnoticed, self.steps, self.lengths, self.trial = rig, unnoticed, [], [], self
        self.supervisor = SimpleNamespace(alive=lambda: ["perception", "health_monitor"], pids=lambda: {"perception": os.getpid(), "health_monitor": os.getpid()})  # fmt: skip
        self.on_spin: Callable[[], None] = lambda: None

    def run(self, faults: list[Fault], least_s: float, slack: float) -> Verdict:
        self.steps.append(tuple(f.name for f in faults))
        self.lengths.append((least_s, faults))
        wrong = ["nothing said"] if self.unnoticed in self.steps[-1] else []
        return Verdict(self.steps[-1], {f.name: None if wrong else 0.1 for f in faults}, 0.1, wrong)

    def await_sound(self, timeout_s: float) -> float:
        return 0.0


def fake_campaign(tmp_path: Path, vehicle: Path, unnoticed: str, seed: int) -> tuple[FakeSession, Campaign, list[str]]:
    rig = Rig.of(load_vehicle(vehicle), seed)
    session, said, acts = FakeSession(rig, unnoticed), [], []
    folder = tmp_path / "recordings"
    folder.mkdir(exist_ok=True)
    campaign = Campaign(session, [], folder, 0.02, seed, 1.0, said.append)  # type: ignore[arg-type]
    campaign._acts = SimpleNamespace(by_name=campaign._acts.by_name, run=acts.append)  # type: ignore[assignment]
    return session, campaign, acts


def run(tmp_path: Path, unnoticed: str, seed: int) -> tuple[FakeSession, Any, list[str]]:
    vehicle = fault_drive.write_vehicle(tmp_path / "test.yaml")
    session, campaign, acts = fake_campaign(tmp_path, vehicle, unnoticed, seed)
    return session, campaign.run(), acts


def test_faults_of_what_a_vehicle_lacks_are_named(tmp_path: Path) -> None:
    _, campaign, _ = fake_campaign(tmp_path, drive.write_vehicle(tmp_path / "plain.yaml"), "", 1)
    assert campaign.left_out == [f.name for f in FAULTS if f.aims_at == "raw"] != []
    text = io.StringIO()
    show(Tally(), campaign, Console(file=text))
    assert "not injected" in text.getvalue() and "raw image of wrong size" in text.getvalue()


def test_every_fault_comes_once_then_at_random_the_same_for_a_seed(tmp_path: Path) -> None:
    session, tally, acts = run(tmp_path, "", 5)
    assert tuple(acts[:2]) == RESTARTS[::-1] and not tally.wrong
    first = [names[0] for names in session.steps[: len(FAULTS)]]
    assert sorted(first) == sorted(f.name for f in FAULTS) and tally.injected == tally.noticed
    assert all(seconds >= LEAST_S[fault.outputs] for seconds, (fault,) in session.lengths[: len(FAULTS)])
    later = session.steps[len(FAULTS) :]
    assert max(map(len, later)) == 3 and all(len(set(names)) == len(names) for names in later)
    again, _, _ = run(tmp_path, "", 5)
    assert again.steps[:200] == session.steps[:200]


def test_what_hides_another_does_not_come_with_it(tmp_path: Path) -> None:
    """Lidar and odometry late by the same time fit each other: nothing would be said of lost ego motion."""
    session, _, _ = run(tmp_path, "", 5)
    drawn = [set(names) for names in session.steps]
    late = {"lidar stamps back", "odometry stamps back"}
    assert all(any(name in names and len(names) > 1 for names in drawn) for name in late) and not any(
        late <= names for names in drawn
    )


def test_what_was_not_noticed_is_told(tmp_path: Path) -> None:
    _, tally, _ = run(tmp_path, "TF loop", 1)
    assert tally.wrong and all("TF loop" in text for text in tally.wrong)
    assert tally.noticed["TF loop"] == 0 < tally.injected["TF loop"] and tally.noticed["cloud empty"] > 0


@pytest.mark.live
@pytest.mark.long
@pytest.mark.timeout(MINUTES * 60 + 240)
def test_a_campaign_passes(tmp_path: Path, live_env: dict[str, str]) -> None:
    bag, vehicle = fault_drive.write_drive(tmp_path), fault_drive.write_vehicle(tmp_path / "test.yaml")
    words = command("--minutes", str(MINUTES), "--bag", str(bag), "--vehicle", str(vehicle), "--slack", str(SLACK))
    done = subprocess.run(words, env=live_env, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "nothing was wrong" in done.stdout, done.stdout[-3000:] + done.stderr[-3000:]
    watched = re.findall(r"^(\w+): .* after ([\d.]+) min; [+-][\d.]+ MB/min, ", done.stdout, re.MULTILINE)
    assert {name: float(minutes) >= LEAST_GROWTH_MIN for name, minutes in watched} == {"perception": True, "health_monitor": True}, done.stdout[-1000:]  # fmt: skip
