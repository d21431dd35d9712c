"""Every shared recording from its folder to its report: ground is free, what stands is not, and the picture shows both."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from bags.test_import_sets import ALL, RECORDED, frames_of, points_of

from autonomy_perception import geometry
from autonomy_perception.bags.importers.base import write_drive
from autonomy_perception.bags.importers.sources import SOURCES
from autonomy_perception.bags.outputs import read_outputs
from autonomy_perception.config import PerceptionConfig, load_vehicle
from autonomy_perception.paths import vehicle_file
from autonomy_perception.report.offline import run_offline
from autonomy_perception.report.render import UNKNOWN_RGB, Canvas
from autonomy_perception.types import Occupancy, SensorFrame

HEIGHT = 720
"""Of the pictures [px]; the square on the right shows 100 m of the grid."""


def pictures_of(report: Path) -> list[np.ndarray]:
    """The report's pictures (H,W,3) RGB."""
    found = re.findall(r'"data:image/jpeg;base64,([^"]+)"', report.read_text())
    return [cv2.imdecode(np.frombuffer(base64.b64decode(d), np.uint8), cv2.IMREAD_COLOR)[..., ::-1] for d in found]


def ground_and_tall(frame: SensorFrame, reach: float, low: float) -> tuple[np.ndarray, np.ndarray]:
    """Points (N,3) in base_link of 0.5 m cells in which nothing is higher than ``low`` [m], and points of what stands."""
    xyz = points_of(frame)
    xyz = xyz[np.hypot(xyz[:, 0], xyz[:, 1]) < reach]
    _, cell = np.unique(np.floor(xyz[:, :2] / 0.5), axis=0, return_inverse=True)
    highest = np.full(cell.max() + 1, -np.inf)
    np.maximum.at(highest, cell, xyz[:, 2])
    return xyz[highest[cell] < low], xyz[(xyz[:, 2] > 0.5) & (xyz[:, 2] < 1.5)]


def wire_at(occupancy: Occupancy, xyz: np.ndarray, T: np.ndarray) -> np.ndarray:
    """Wire values of the cells that hold points, each once."""
    cells = np.unique(occupancy.grid.bev.cells(geometry.transform_points(T, xyz)), axis=0)
    return occupancy.wire[cells[:, 1], cells[:, 0]]


@pytest.mark.real_data
@pytest.mark.parametrize("kind", [pytest.param(k, marks=pytest.mark.long) if n > 1 else k for k, (_, _, n) in RECORDED.items()])  # fmt: skip
def test_a_recording_replays_to_a_report_whose_picture_is_right(kind: str, real_data: Path, tmp_path: Path) -> None:
    if kind == "argoverse2":
        pytest.importorskip("nanoarrow")
    folder, vehicle, count = RECORDED[kind]
    write_drive(SOURCES[kind](real_data / folder, ALL), tmp_path / "bag")
    figures, _ = run_offline(
        tmp_path / "bag", load_vehicle(vehicle_file(vehicle)), PerceptionConfig(), tmp_path / "out"
    )
    pictures = pictures_of(tmp_path / "out" / "report.html")
    assert figures["frames"] == count == len(pictures)
    outputs = {o.stamp_ns: o for o in read_outputs(tmp_path / "out" / "outputs")}
    frame = frames_of(tmp_path / "bag", vehicle, one_calibration=kind != "kitti-object")[-1]
    occupancy, T = outputs[frame.stamp_ns].occupancy, np.eye(4)
    if frame.trajectory is not None:
        T = frame.trajectory.pose(frame.stamp_ns)

    ground, tall = ground_and_tall(frame, *((3.0, 0.35) if kind == "monoforce" else (12.0, 0.15)))  # a forest floor
    low, high = wire_at(occupancy, ground, T), wire_at(occupancy, tall, T)
    assert ((low >= 0) & (low < 50)).mean() > (0.5 if kind == "monoforce" else 0.75), "ground is free"
    assert kind == "orfd" or (high > 50).mean() > 0.85, "what stands is occupied"  # orfd: an empty track
    assert 0.005 < (occupancy.wire >= 0).mean() < 0.5, "what was seen is known, and nothing else"

    picture = pictures[-1]
    assert picture.shape[0] == HEIGHT and picture.std() > 20
    above = picture[:, -HEIGHT:]
    uv = Canvas(np.eye(4), HEIGHT, 100.0).pixels(ground).astype(int)
    shown = np.abs(above[uv[:, 1], uv[:, 0]].astype(int) - UNKNOWN_RGB).max(axis=1) > 30
    assert shown.mean() > 0.95, "the ground is where the picture says that it is"
    corners = np.concatenate([above[-60:, :60], above[-60:, -60:]]).astype(int)
    assert np.median(np.abs(corners - UNKNOWN_RGB).max(axis=-1)) < 10, "70 m away nothing is known"
