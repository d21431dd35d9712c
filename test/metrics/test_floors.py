"""The accuracy floors on whole synthetic drives whose seeds are drawn when the test runs."""

import secrets

import pytest

from autonomy_perception.config import PerceptionConfig
from autonomy_perception.metrics.accuracy import Accuracy
from autonomy_perception.metrics.simulated import simulated_steps
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.simulation.drive import SyntheticDrive


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("turn", range(5))
def test_floors_hold_on_a_drive_nobody_has_seen(turn: int) -> None:
    seed = secrets.randbelow(1_000_000)
    drive, accuracy = SyntheticDrive(seed, 30.0, cameras=False), Accuracy()
    for step in simulated_steps(drive, drive.samples(2), PerceptionConfig(), CpuLibrary()):
        accuracy.add(step.result, step.truth)
    assert accuracy.scans >= 295
    missed = [f"{f.name}: {f.value:.3f}, limit {f.limit}" for f in accuracy.figures() if not f.ok]
    assert not missed, f"seed {seed}: {missed}"
