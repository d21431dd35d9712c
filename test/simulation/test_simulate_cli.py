"""``simulate`` on the command line: what it makes, and how it answers wrong arguments."""

from dataclasses import replace

import cv2
import pytest
from typer.testing import CliRunner

from autonomy_perception.bags.reader import BagReader
from autonomy_perception.cli.main import app
from autonomy_perception.config import load_vehicle
from autonomy_perception.ops.errors import KernelError
from autonomy_perception.simulation.io import dataset
from autonomy_perception.simulation.scenarios import SCENARIOS
from autonomy_perception.simulation.sensors.rig import default_rig
from autonomy_perception.simulation.world.motion import NoRoom


def run(*arguments):
    return CliRunner().invoke(app, ["simulate", *map(str, arguments)])


def test_a_bag_with_preview(tmp_path):
    bag = tmp_path / "drive"
    done = run("--scenario", "yard", "--duration", 0.2, "-o", bag, "--preview", "--workers", 1, "--seed", 5)
    assert done.exit_code == 0, done.output
    with BagReader(bag) as reader:
        assert {
            "/ground_truth/objects",
            "/ground_truth/terrain",
            "/ground_truth/points",
            "/ground_truth/front/depth",
        } <= set(reader.topics)
    picture = cv2.imread(str(tmp_path / "drive.png"))
    assert picture.std() > 20
    assert load_vehicle(tmp_path / "drive.vehicle.yaml") == default_rig().vehicle
    again = run("--scenario", "yard", "--duration", 0.2, "-o", bag)
    assert again.exit_code == 1
    assert "exists already" in again.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--scenario", "moon"), ("scenario 'moon'", "expected one of", "demo", "mix")),
        (("--weather", "hail"), ("weather 'hail'", "fog")),
        (("--time-of-day", "teatime"), ("time of day 'teatime'", "dusk")),
        (("--rig", "hovercraft"), ("rig 'hovercraft'", "demo_truck")),
        (("--scenario", "demo", "--duration", 90), ("scenario demo", "34")),
    ],
)
def test_wrong_names_are_answered_with_the_allowed_ones(tmp_path, arguments, words):
    for target in (("-o", tmp_path / "x"), ("--dataset", tmp_path / "x")):
        if "--duration" in arguments and target[0] == "--dataset":
            continue
        done = run(*arguments, *target)
        assert done.exit_code == 2
        for word in words:
            assert word in done.output
        assert "Traceback" not in done.output
        assert not (tmp_path / "x").exists()


def test_the_options_of_a_dataset_are_heard(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(dataset, "write_dataset", lambda setup, *_: asked.append(setup) or 0)
    assert run("--dataset", tmp_path / "x", "--duration", 5, "--no-pixel-labels").exit_code == 0
    assert run("--dataset", tmp_path / "x", "--no-cameras").exit_code == 0
    words = "--moments 8 --past 3 --past-every 2 --grid-side 80 --grid-resolution 0.4 --grid-ahead 20 --vary --rig kitti,nuscenes"
    assert run("--dataset", tmp_path / "x", *words.split()).exit_code == 0
    last = asked.pop()
    assert (last.moments, last.past, last.past_every) == (8, 3, 2)
    assert (last.grid_side, last.grid_resolution, last.grid_ahead) == (80.0, 0.4, 20.0)
    assert ([r.name for r in last.rigs], last.vary) == (["kitti", "nuscenes"], True)
    assert [(s.moments, s.vary, [r.name for r in s.rigs]) for s in asked] == [(4, False, ["demo_truck"])] * 2
    assert [(s.drive_s, s.pixel_labels, s.cameras) for s in asked] == [(5.0, False, True), (34.0, True, False)]


def test_kernels_that_are_not_built_are_told_before_anything_is_made(tmp_path, monkeypatch):
    def missing():
        raise KernelError("libap_cpu.so: not built, run `make kernels`")

    monkeypatch.setattr(dataset, "CpuLibrary", missing)
    done = run("--dataset", tmp_path / "x", "--samples", 4)
    assert done.exit_code == 2
    assert "make kernels" in done.output
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("duration", [0.2, 60])
def test_a_dataset_of_drives_that_cannot_be_so_long_is_refused(tmp_path, duration):
    done = run("--dataset", tmp_path / "x", "--duration", duration)
    assert done.exit_code == 2
    assert f"expected 0.5 .. 34 s, found {duration}" in done.output
    assert not (tmp_path / "x").exists()


def test_a_scenario_without_room_for_the_vehicle_is_said(tmp_path, monkeypatch):
    def crowded(rng, vehicle, t):
        raise NoRoom("a / b")

    monkeypatch.setitem(SCENARIOS, "yard", replace(SCENARIOS["yard"], build=crowded))
    done = run("--scenario", "yard", "--seed", 4, "--rig", "semi_truck", "-o", tmp_path / "x")
    assert done.exit_code == 2
    for word in ("scenario yard", "seed 4", "semi_truck", "no room", "a / b"):
        assert word in done.output


def test_a_wrong_rig_file_is_answered_with_file_and_field(tmp_path):
    path = tmp_path / "rig.yaml"
    path.write_text("vehicle: nowhere.yaml\nlidars:\n  top: {model: laser9000}\n")
    done = run("--rig", path, "-o", tmp_path / "x")
    assert done.exit_code == 2
    assert "rig.yaml" in done.output
    assert "lidars.top.model" in done.output


def test_a_recording_that_is_not_there_is_named(tmp_path):
    done = run("--scenario", "rural", "--rig", "kitti", "--compare", tmp_path / "nothing")
    assert done.exit_code == 1
    assert str(tmp_path / "nothing") in done.output


def test_something_must_be_asked_for():
    done = run("--scenario", "demo")
    assert done.exit_code == 2
    assert "--dataset" in done.output
