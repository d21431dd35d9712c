"""The comparison of drives: nothing between equal ones, and every difference where it was put."""

import io

import numpy as np
import pytest
from rich.console import Console

from autonomy_perception.config import PerceptionConfig
from autonomy_perception.metrics.realism import Measured, Realism, features, measure, roughness
from autonomy_perception.metrics.simulated import simulated_steps
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.report.realism_sheet import table, write_sheet
from autonomy_perception.simulation.drive import SyntheticDrive

BEAMS = np.linspace(-20.0, 2.0, 16)


def drawn(seed, *, far=1.0, bright=1.0, light=0.0, beams=BEAMS, points=200.0):
    """Features of ten frames from known distributions."""
    rng, out = np.random.default_rng(seed), Measured()
    for _ in range(10):
        out.range.append(rng.gamma(2.0, 8.0 * far, 3000))
        out.intensity.append(np.clip(rng.normal(0.3 * bright, 0.08, 3000), 0, 1))
        out.beam.append(rng.choice(beams, 3000))
        out.count.append(3000.0)
        out.rough.append(rng.gamma(2.0, 0.01, 200))
        away = rng.uniform(5.0, 50.0, 30)
        out.objects.append(np.column_stack([away, points * (20.0 / away) ** 2]))
        out.brightness.append(rng.normal(100.0 + light, 20.0, 500))
        out.contrast.append(rng.gamma(2.0, 10.0, 200))
        out.saturation.append(rng.uniform(0.0, 0.5, 500))
        out.clouds.append(rng.uniform(-20.0, 20.0, (100, 4)))
        out.pictures.append(np.zeros((40, 64, 3), np.uint8))
    return out


def by_name(real, simulated):
    return {f.name: f for f in features(real, simulated, BEAMS.tolist())}


def test_equal_drives_are_no_farther_apart_than_their_halves():
    found = by_name(drawn(1), drawn(2))
    assert len(found) == 9
    for f in found.values():
        assert f.size < 0.09
        assert f.floor is None or f.floor < 0.05 * max(f.real, 1.0)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"far": 1.6}, "range"),
        ({"bright": 1.5}, "intensity"),
        ({"light": 40.0}, "brightness"),
        ({"beams": BEAMS[4:]}, "returns per beam"),
        ({"points": 800.0}, "returns per object"),
    ],
)
def test_a_difference_is_found_where_it_is_and_ranks_first(change, name):
    found = features(drawn(1), drawn(2, **change), BEAMS.tolist())
    assert found[0].name == name
    assert found[0].size > 0.25
    assert all(f.size < 0.09 for f in found[1:])


def test_distances_are_those_of_the_distributions():
    found = by_name(drawn(1), drawn(2, light=40.0, points=800.0))
    assert found["brightness"].distance == pytest.approx(40.0, rel=0.03)
    assert found["returns per object"].distance == pytest.approx(np.log10(4.0), rel=0.05)


def test_roughness_of_a_rough_slope_leaves_the_slope_out():
    rng = np.random.default_rng(0)
    xy = rng.uniform(-5.0, 5.0, (8000, 2))
    z = 0.15 * xy[:, 0] + rng.normal(0.0, 0.02, len(xy))
    found = roughness(np.column_stack([xy, z]))
    assert len(found) == 100
    assert np.median(found) == pytest.approx(0.02, rel=0.05)
    assert len(roughness(np.column_stack([xy, 10.0 * z]))) < 100  # walls are not ground


def test_a_drive_is_measured_and_drawn(tmp_path):
    drive = SyntheticDrive(1, 0.3, start_s=5.0, pixel_labels=False)
    steps = simulated_steps(drive, drive.samples(1), PerceptionConfig(), CpuLibrary())
    found = measure((s.frame, s.result) for s in steps)
    assert len(found.count) == 3
    assert found.count[0] == len(found.range[0]) > 20_000
    assert 0.0 < np.median(found.intensity[0]) < 1.0
    assert len(found.pictures) >= 2
    beams = next(iter(drive.vehicle.lidars.values())).beam_elevations_deg
    realism = Realism(features(found, found, beams), found, found, beams)
    assert all(f.distance == 0.0 for f in realism.features)
    assert write_sheet(realism, tmp_path / "sheet.png", "itself").stat().st_size > 20_000
    console = Console(width=140, record=True, file=io.StringIO())
    console.print(table(realism, "itself"))
    assert "returns per beam" in console.export_text()
