"""Every row of the fault table in the running graph: it is said, the outputs do what they should, everything recovers."""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="ROS is not installed: make setup")

from live import fault_drive
from live.faults_common import SLACK, complaints, open_session

from autonomy_perception.config import load_vehicle
from autonomy_perception.faults.sample import Rig
from autonomy_perception.faults.table import FAULTS, Fault, Outputs
from autonomy_perception.live.faults.trial import LEAST_S, strongest, wrong_outputs
from autonomy_perception.live.faults.witness import Seen
from autonomy_perception.types import Mode


def together(faults: tuple[Fault, ...]) -> list[tuple[Fault, ...]]:
    """Each fault of a lidar beside one of every other kind, those of odometry and all that are legal only where clouds go
    on: all in half the time that they would take alone."""
    lidar = sorted((f for f in faults if f.aims_at == "lidar"), key=lambda f: f.outputs is not Outputs.GO_ON)
    others = [[f for f in faults if f.aims_at in kind] for kind in (("odometry",), ("camera", "jpeg", "tf"), ("raw",))]
    others = [sorted(kind, key=lambda f: bool(f.says)) for kind in others]
    rows = [tuple(f for f in row if f) for row in zip_longest(lidar, *others)]
    return rows + [(f,) for f in faults if f.aims_at == "clock"]


@pytest.mark.live
@pytest.mark.timeout(240)
def test_every_fault_of_a_sensor_is_said_and_survived(tmp_path: Path, live_env: dict[str, str]) -> None:
    session, lines = open_session(tmp_path, live_env)
    trials = together(FAULTS)
    assert sorted(f.name for t in trials for f in t) == sorted(f.name for f in FAULTS)
    with session:
        verdicts = [session.trial.run(faults, LEAST_S[strongest(faults)], SLACK) for faults in trials]
        assert session.supervisor.alive() == ["perception"], "\n".join(lines[-30:])
    assert not complaints(verdicts), complaints(verdicts)
    assert not any("Traceback" in line for line in lines), "\n".join(lines[-60:])


@pytest.mark.live
@pytest.mark.long
@pytest.mark.timeout(600)
def test_every_fault_alone(tmp_path: Path, live_env: dict[str, str]) -> None:
    session, lines = open_session(tmp_path, live_env)
    with session:
        verdicts = [session.trial.run([fault], LEAST_S[fault.outputs], SLACK) for fault in FAULTS]
    assert not complaints(verdicts), complaints(verdicts)
    assert not any("Traceback" in line for line in lines), "\n".join(lines[-60:])


def test_rows_are_told_apart_and_fit_the_rig(tmp_path: Path) -> None:
    rig = Rig.of(load_vehicle(fault_drive.write_vehicle(tmp_path / "test.yaml")), 0)
    assert len({f.name for f in FAULTS}) == len(FAULTS)
    for fault in FAULTS:
        assert fault.fits(rig) and all(words and "{" not in words for words in fault.words(rig))
        assert callable(fault.mutator(rig))


def test_outputs_that_do_not_do_as_they_should_are_found() -> None:
    def seen(at: float, data: int, mode: Mode, *reasons: str) -> Seen:
        return Seen(at, data, mode, reasons, ())

    fresh = [seen(k * 0.1, k, Mode.GEOMETRIC) for k in range(10)]
    held = [seen(k * 0.2, 5, Mode.STALE) for k in range(5)]
    assert not wrong_outputs(Outputs.GO_ON, fresh, 1.0) and wrong_outputs(Outputs.GO_ON, held, 1.0)
    assert not wrong_outputs(Outputs.AGE, held, 1.0) and wrong_outputs(Outputs.AGE, fresh, 1.0)
    assert wrong_outputs(Outputs.GO_ON, held, 0.4, 1.5), "data that stands still is not fresh, however short the time"
    assert wrong_outputs(Outputs.LOSE_MOTION, fresh, 1.0) and not wrong_outputs(Outputs.LOSE_MOTION, fresh, 0.5)
    lost = [seen(k * 0.1, k, Mode.GEOMETRIC, "NO_EGO_MOTION") for k in range(10)]
    assert not wrong_outputs(Outputs.LOSE_MOTION, lost, 1.0) and not lost[0].sound and fresh[0].sound
