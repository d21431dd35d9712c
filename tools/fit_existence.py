"""Weights of a cluster's existence by logistic regression, beside those in use: ``python tools/fit_existence.py DATA``.

Clusters of labelled sweeps: KITTI object, KITTI tracking 0000 (only what its camera sees is labelled, the rest is left
out), and simulated drives (``--drives``). A cluster is a road user where its centre lies in a labelled box. Road
users are weighted so that 0.5 means "as likely as not" where a fifth of the clusters are road users. A place counts once;
each place is judged by the weights that the others give.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from autonomy_perception.bags.importers import kitti, kitti_object, kitti_tracking
from autonomy_perception.bags.importers.tracklets import LidarBox
from autonomy_perception.bench.ground import CAR
from autonomy_perception.config import DetectionConfig, EvidenceWeights, GroundConfig, PerceptionConfig
from autonomy_perception.detection.clusters import ClusterDetector
from autonomy_perception.detection.evidence import existence_of
from autonomy_perception.geometry import make_transform, rotation_z
from autonomy_perception.metrics.simulated import simulated_steps
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.road_users import ObjectClass
from autonomy_perception.simulation.drive import SyntheticDrive
from autonomy_perception.terrain.ground import GroundSegmenter

F64 = NDArray[np.float64]
Bools = NDArray[np.bool_]

LIDAR_HEIGHT = 1.73  # of KITTI above the ground [m]
VIEW = np.deg2rad(40.0)  # labelled on either side of straight ahead in KITTI [rad]
SHARE = 0.2  # of road users among clusters at which 0.5 is meant
RIDGE = 1e-3


class Sample(NamedTuple):
    """Clusters of one place: what they are judged by (N,7), and whether each is a road user (N,)."""

    features: F64
    true: Bools


def clusters(xyz: NDArray[np.float32], ground_z: float, boxes: list[LidarBox], origin: F64, view: float) -> Sample:
    """Of one sweep; only clusters within ``view`` [rad] of straight ahead count."""
    lib = CpuLibrary()
    labels = GroundSegmenter(GroundConfig(), CAR, lib).segment(xyz, origin, ground_z)
    detector = ClusterDetector(DetectionConfig(), lib)
    table, level, _ = detector.candidates(xyz, labels, origin.astype(np.float32))
    features, true = detector.judged_by(table, level, origin), np.zeros(len(table), np.bool_)
    for box in boxes:
        local = (
            np.column_stack([table[:, :2], np.zeros(len(table)), np.ones(len(table))])
            @ np.linalg.inv(box.T_lidar_box).T
        )
        true |= (np.abs(local[:, :2]) < 0.5 * np.array(box.size[:2]) + 0.2).all(1)
    seen = np.abs(np.arctan2(table[:, 1], table[:, 0])) < view
    return Sample(features[seen], true[seen])


def joined(samples: Iterator[Sample]) -> Sample:
    """All clusters of a place."""
    features, true = zip(*samples, strict=True)
    return Sample(np.concatenate(features), np.concatenate(true))


def kitti_objects(data: Path) -> Iterator[Sample]:
    """KITTI object frames."""
    for path in sorted((data / "kitti_object/training/label_2").glob("*.txt")):
        calibration = kitti_object.read_calibration(path.parents[1] / "calib" / path.name)
        boxes = kitti_object.read_labels(path, np.linalg.inv(calibration.T_rect_lidar))
        xyz = kitti.read_scan(path.parents[1] / "velodyne" / f"{path.stem}.bin")[:, :3]
        yield clusters(np.ascontiguousarray(xyz), -LIDAR_HEIGHT, boxes, np.zeros(3), VIEW)


def kitti_drive(data: Path) -> Iterator[Sample]:
    """Every fifth sweep of KITTI tracking 0000."""
    folder = data / "kitti_tracking/training"
    calibration = kitti_object.read_calibration(folder / "calib/0000.txt")
    labels = kitti_tracking.read_labels(folder / "label_02/0000.txt", calibration.T_rect_lidar) or {}
    for path in sorted((folder / "velodyne/0000").glob("*.bin"))[::5]:
        xyz = np.ascontiguousarray(kitti.read_scan(path)[:, :3])
        yield clusters(xyz, -LIDAR_HEIGHT, labels.get(int(path.stem), []), np.zeros(3), VIEW)


def simulated(seed: int) -> Iterator[Sample]:
    """Every tenth sweep of a simulated drive of 6 s; the scenario is drawn by the seed."""
    drive = SyntheticDrive(seed, 6.0, scenario="mix", cameras=False)
    for step in list(simulated_steps(drive, drive.samples(1), PerceptionConfig(), CpuLibrary()))[::10]:
        to_base, truth = np.linalg.inv(step.truth.T_odom_base), step.truth.objects
        boxes = [
            LidarBox("", ObjectClass(k), to_base @ make_transform(rotation_z(float(yaw)), center), tuple(size))
            for k, yaw, center, size in zip(truth.label, truth.yaw, truth.center, truth.size, strict=True)
        ]
        scan = step.frame.scans[0]
        yield clusters(scan.cloud.xyz, 0.0, boxes, scan.origin.astype(np.float64), np.pi)


def fit(samples: Mapping[str, Sample]) -> F64:
    """Weights (7,): every place counts alike, and in each road users as if they were ``SHARE`` of the clusters."""
    features = np.concatenate([s.features for s in samples.values()])
    true = np.concatenate([s.true for s in samples.values()])
    weight = np.concatenate(
        [
            np.where(s.true, SHARE / max(s.true.sum(), 1), (1 - SHARE) / max((~s.true).sum(), 1))
            for s in samples.values()
        ]
    )

    def loss(w: F64) -> float:
        margin = np.where(true, 1.0, -1.0) * (features @ w)
        return float((weight * np.logaddexp(0.0, -margin)).sum() + RIDGE * (w**2).sum())

    return np.asarray(minimize(loss, np.zeros(features.shape[1]), method="BFGS").x)


def area(score: F64, true: Bools) -> float:
    """Area under the ROC curve: how often a road user scores above something else."""
    if true.all() or not true.any():
        return float("nan")
    order = np.argsort(np.argsort(score, kind="stable"), kind="stable") + 1.0
    n = true.sum()
    return float((order[true].sum() - n * (n + 1) / 2) / (n * (~true).sum()))


def main() -> None:
    """Print the weights and the areas under the curve on places left out."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="folder of the recordings")
    parser.add_argument("--drives", type=int, default=4, help="simulated drives")
    given = parser.parse_args()
    places = {"KITTI object": joined(kitti_objects(given.data)), "KITTI tracking 0000": joined(kitti_drive(given.data))}
    for seed in range(given.drives):
        places[f"simulated {seed}"] = joined(simulated(seed))
    found, used = fit(places), EvidenceWeights()
    print("| weight | fitted | in use |\n|---|---|---|")
    for (name, value), new in zip(used.model_dump().items(), found, strict=True):
        print(f"| {name} | {new:.2f} | {value:g} |")
    print(
        "\n| place left out | clusters, road users | area: weights of the others | area: weights in use |\n|---|---|---|---|"
    )
    for name, s in places.items():
        left = area(s.features @ fit({k: v for k, v in places.items() if k != name}), s.true)
        now = area(existence_of(s.features, used), s.true)
        print(f"| {name} | {len(s.true)}, {int(s.true.sum())} | {left:.3f} | {now:.3f} |")


if __name__ == "__main__":
    main()
