"""A bag with truth is scored, and the same whether outputs are judged as they come or read back from their recording."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from autonomy_perception.bags.errors import BagError
from autonomy_perception.bags.outputs import read_outputs
from autonomy_perception.bags.reader import BagReader
from autonomy_perception.bags.writer import BagWriter
from autonomy_perception.cli.main import app
from autonomy_perception.config import PerceptionConfig
from autonomy_perception.metrics.score import Score, Scorer, score_bag
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.report.offline import Part, run_offline
from autonomy_perception.simulation.drive import SyntheticDrive
from autonomy_perception.simulation.io.truth_messages import OBJECTS
from autonomy_perception.simulation.io.write_bag import write_bag

SCANS = 8
PLANNED = (
    "track recall",
    "false tracks per scan",
    "position RMSE",
    "occupied cells published free",
    "ditch cells published free",
)


@pytest.fixture(scope="module")
def drive() -> SyntheticDrive:
    return SyntheticDrive(seed=1, duration_s=0.1 * SCANS, start_s=12.0, cameras=False)


@pytest.fixture(scope="module")
def bag(drive: SyntheticDrive, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("drive") / "bag"
    write_bag(drive, path, workers=1)
    return path


def without(bag: Path, copy: Path, kept: tuple[str, ...], frame_id: str = "") -> Path:
    """The bag with no truth but ``kept``."""
    with BagReader(bag) as reader, BagWriter(copy) as writer:
        for raw, message in reader.messages():
            if not raw.topic.startswith("/ground_truth/") or raw.topic in kept:
                if frame_id and raw.topic in kept:
                    message.header.frame_id = frame_id
                writer.write(raw.topic, raw.msgtype, raw.receive_ns, message)
    return copy


def again(bag: Path, recording: Path, drive: SyntheticDrive) -> Score:
    score = score_bag(bag, read_outputs(recording), drive.vehicle, PerceptionConfig(), CpuLibrary())
    assert score is not None
    return score


def test_a_synthetic_drive_is_scored_in_replay_and_from_its_recording(
    bag: Path, drive: SyntheticDrive, tmp_path: Path
) -> None:
    figures, _ = run_offline(bag, drive.vehicle, PerceptionConfig(), tmp_path / "out")
    accuracy = figures["accuracy"]
    assert accuracy["scans"] == SCANS and accuracy["objects"] > 0 and 0 < accuracy["track recall"] <= 1
    assert accuracy["occupied cells published free"] < 1.0
    score = again(bag, tmp_path / "out" / "outputs", drive)
    assert score.truth == "synthetic"
    assert score.as_dict() == pytest.approx(accuracy, rel=1e-5)
    page = (tmp_path / "out" / "report.html").read_text()
    assert all(name in page for name in (*PLANNED, "IDF1", "HOTA"))


def test_only_what_was_replayed_is_judged(bag: Path, drive: SyntheticDrive) -> None:
    figures, _ = run_offline(bag, drive.vehicle, PerceptionConfig(), part=Part(max_frames=3))
    assert figures["accuracy"]["scans"] == 3


def test_labelled_boxes_are_scored_too(bag: Path, drive: SyntheticDrive, tmp_path: Path) -> None:
    labelled = without(bag, tmp_path / "labelled", (OBJECTS,))
    figures, _ = run_offline(labelled, drive.vehicle, PerceptionConfig(), tmp_path / "out")
    accuracy = figures["accuracy"]
    assert accuracy["frames"] == SCANS and 0 < accuracy["tracked share of labels"] <= 1
    score = again(labelled, tmp_path / "out" / "outputs", drive)
    assert score.truth == "labelled" and score.as_dict() == pytest.approx(accuracy, rel=1e-5, nan_ok=True)


def test_labels_in_a_foreign_frame_are_named(bag: Path, tmp_path: Path) -> None:
    foreign = without(bag, tmp_path / "foreign", (OBJECTS,), frame_id="velodyne")
    with pytest.raises(BagError, match=r"/ground_truth/objects: frame_id odom or base_link expected, found 'velodyne'"):
        Scorer.of(foreign)


def test_a_bag_without_truth_has_no_score(bag: Path, drive: SyntheticDrive, tmp_path: Path) -> None:
    bare = without(bag, tmp_path / "bare", ())
    figures, _ = run_offline(bare, drive.vehicle, PerceptionConfig(), part=Part(max_frames=2))
    assert figures["frames"] == 2 and "accuracy" not in figures
    assert score_bag(bare, (), drive.vehicle, PerceptionConfig(), CpuLibrary()) is None


def test_the_command_tells_the_figures(bag: Path, drive: SyntheticDrive, tmp_path: Path) -> None:
    vehicle = tmp_path / "vehicle.yaml"
    vehicle.write_text(yaml.safe_dump(json.loads(drive.vehicle.model_dump_json())))
    arguments = ["replay", str(bag), "--offline", "--vehicle", str(vehicle), "--max-frames", "4", "--json"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "against synthetic truth" in result.stdout and "visible free cells published occupied" in result.stdout
    told = json.loads(result.stdout.splitlines()[-1])
    assert told["accuracy"]["scans"] == 4 and np.isfinite(told["accuracy"]["position RMSE"])
