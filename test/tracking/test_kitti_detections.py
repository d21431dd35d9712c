"""Published PointRCNN detections of KITTI tracking sequences, tracked in the sensor's frame, against the labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tracking.partial_views import PERIOD_NS, START_NS

from autonomy_perception.config import TrackingConfig
from autonomy_perception.geometry import invert, transform_points
from autonomy_perception.metrics.mot import MotTally
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.tracking.tracker import Tracker
from autonomy_perception.types import N_CLASSES, Detections, ObjectClass

pytestmark = pytest.mark.real_data

MIN_SCORE = 2.0
VIEW = 0.68  # [rad] half of the camera's field of view: labels and detections end there
FAR = 70.0


def _lidar_from_camera(calib: Path) -> np.ndarray:
    rows = {p[0].rstrip(":"): np.array(p[1:], float) for p in map(str.split, calib.read_text().splitlines()) if p}
    rectify, velo = np.eye(4), np.eye(4)
    rectify[:3, :3] = next(v for k, v in rows.items() if k.startswith("R") and v.size == 9).reshape(3, 3)
    velo[:3] = next(v for k, v in rows.items() if k.startswith("Tr_vel")).reshape(3, 4)
    return invert(rectify @ velo)


def _place(T: np.ndarray, h: float, x: float, y: float, z: float) -> np.ndarray:
    return transform_points(T, np.array([[x, y - 0.5 * h, z]]))[0]


def _detections(file: Path, T: np.ndarray) -> dict[int, list[tuple[np.ndarray, list[float], float, float]]]:
    out: dict[int, list[tuple[np.ndarray, list[float], float, float]]] = {}
    for line in file.read_text().splitlines():
        v = [float(p) for p in line.split(",")]
        h, w, length, x, y, z, rotation = v[7:14]
        if v[6] >= MIN_SCORE:
            out.setdefault(int(v[0]), []).append((_place(T, h, x, y, z), [length, w, h], -rotation - 0.5 * np.pi, v[6]))
    return out


def _scan(rows: list[tuple[np.ndarray, list[float], float, float]]) -> Detections:
    if not rows:
        return Detections.empty("base_link")
    n, f32 = len(rows), np.float32
    probs = np.full((n, N_CLASSES), 0.01, f32)
    probs[:, ObjectClass.CAR] = 1.0 - 0.01 * (N_CLASSES - 1)
    cov = np.tile(np.diag([0.1, 0.1, 0.05, 0.02]).astype(f32), (n, 1, 1))
    existence = 1.0 / (1.0 + np.exp(1.0 - np.array([r[3] for r in rows])))
    return Detections(
        np.array([r[0] for r in rows], f32), np.array([r[1] for r in rows], f32), np.array([r[2] for r in rows], f32),
        np.full((n, 2), np.nan, f32), cov, probs, existence.astype(f32), np.full(n, 50, np.int32), np.ones(n, np.bool_),
        np.ones(n, np.uint8), "base_link",
    )  # fmt: skip


def _labels(file: Path, T: np.ndarray) -> dict[int, list[tuple[int, np.ndarray, bool]]]:
    """Per frame: identity, place, and whether a miss counts (cars, not mostly hidden or cut off)."""
    out: dict[int, list[tuple[int, np.ndarray, bool]]] = {}
    for p in map(str.split, file.read_text().splitlines()):
        if p[2] in ("Car", "Van"):
            h, _, _, x, y, z, _ = map(float, p[10:17])
            place = _place(T, h, x, y, z)
            counts = p[2] == "Car" and float(p[3]) < 2 and int(p[4]) <= 2 and np.hypot(*place[:2]) < FAR
            out.setdefault(int(p[0]), []).append((int(p[1]), place, bool(counts)))
    return out


@pytest.mark.parametrize(("sequence", "mota", "idf1", "switches"), [("0003", 0.6, 0.75, 3), ("0005", 0.68, 0.8, 4)])
def test_cars_of_a_sequence(real_data: Path, sequence: str, mota: float, idf1: float, switches: int) -> None:
    base = real_data / "kitti_tracking" / "training"
    T = _lidar_from_camera(base / "calib" / f"{sequence}.txt")
    found = _detections(base / "detections_pointrcnn" / "Car" / f"{sequence}.txt", T)
    labels = _labels(base / "label_02" / f"{sequence}.txt", T)
    tracker, tally = Tracker(TrackingConfig(), CpuLibrary(), 0), MotTally()
    for k in range(max(labels) + 1):
        tracks = tracker.step(_scan(found.get(k, [])), START_NS + k * PERIOD_NS, np.eye(4))
        x, y = tracks.center[:, 0], tracks.center[:, 1]
        i = np.flatnonzero(tracks.confirmed & (np.abs(np.arctan2(y, x)) < VIEW) & (np.hypot(x, y) < FAR))
        truth = labels.get(k, [])
        unknown_speed = [np.nan, np.nan]
        tally.add(
            [t[0] for t in truth], np.array([[*t[1][:2], *unknown_speed] for t in truth]).reshape(-1, 4),
            [u.tobytes() for u in tracks.uuid[i]], np.column_stack([tracks.center[i, :2], tracks.velocity[i]]).astype(float),
            np.array([t[2] for t in truth], bool),
        )  # fmt: skip
    figures = tally.figures()
    assert figures["mota"] >= mota and figures["idf1"] >= idf1, figures
    assert figures["id_switches"] <= switches and figures["pos_rmse"] <= 0.4, figures
