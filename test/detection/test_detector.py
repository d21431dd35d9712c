"""The detector on scenes ray-cast in closed form, and on labelled recordings."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.config import CompletionConfig, DetectionConfig, Dimensions, GroundConfig
from autonomy_perception.detection.clusters import ClusterDetector, _stands
from autonomy_perception.ops.cluster import N_FEATURES, Feature
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.terrain.ground import GroundSegmenter
from autonomy_perception.types import Detections, GroundLabels, ObjectClass, PointLabel

from .shapes import LIDAR_HEIGHT, scan

LIB = CpuLibrary()
ORIGIN = np.zeros(3, np.float32)
CAR, TRUCK = (4.4, 1.8, 1.5), (15.5, 2.55, 3.8)
Box = tuple[float, ...]


def detect(boxes: list[Box], **options: float) -> Detections:
    """Detections of a scan of boxes, labelled without error."""
    points, who = scan(boxes)
    height = (points[:, 2] + LIDAR_HEIGHT).astype(np.float32)
    above = np.where(height > 2.0, PointLabel.OVERHANG, np.where(height > 0.25, PointLabel.OBSTACLE, PointLabel.LOW))
    label = np.where(who < 0, PointLabel.GROUND, above).astype(np.uint8)
    detector = ClusterDetector(DetectionConfig.model_validate(options), LIB)
    return detector.detect(points.astype(np.float32), GroundLabels(label, height), ORIGIN)


def nearest(found: Detections, box: Box) -> int:
    return int(np.argmin(np.hypot(found.center[:, 0] - box[0], found.center[:, 1] - box[1])))


def top_class(found: Detections, i: int) -> ObjectClass:
    return ObjectClass(int(found.class_probs[i].argmax()))


@pytest.mark.parametrize(
    "box, kind",
    [
        ((12.0, 5.0, 0.4, *CAR), ObjectClass.CAR),
        ((-18.0, 7.0, 1.2, *CAR), ObjectClass.CAR),
        ((9.0, -4.0, 0.7, 0.6, 0.5, 1.75), ObjectClass.PEDESTRIAN),
        ((20.0, 12.0, 0.1, 7.5, 2.5, 3.2), ObjectClass.TRUCK),
    ],
)
def test_class_place_and_size(box: Box, kind: ObjectClass) -> None:
    found = detect([box])
    assert len(found) == 1
    assert top_class(found, 0) == kind and found.existence[0] > 0.5
    assert np.hypot(*(found.center[0, :2] - box[:2])) < 0.35
    assert found.center[0, 2] == pytest.approx(box[5] / 2 - LIDAR_HEIGHT, abs=0.12)
    np.testing.assert_allclose(found.size[0], box[3:6], atol=0.4)


def test_rider_is_no_rear_of_a_car() -> None:
    bicycle, rider = (14.0, 6.0, 2.0, 1.75, 0.5, 1.0), (14.0, 6.0, 2.0, 0.5, 0.5, 0.7, 1.0)
    found = detect([bicycle, rider])
    assert len(found) == 1 and top_class(found, 0) == ObjectClass.BICYCLE
    assert np.hypot(*(found.center[0, :2] - bicycle[:2])) < 0.3


def test_tractor_with_trailer_is_one_long_vehicle() -> None:
    found = detect([(18.0, 9.0, 0.2, *TRUCK)])
    assert len(found) == 1 and found.existence[0] > 0.5
    long_ones = found.class_probs[0, [ObjectClass.TRUCK, ObjectClass.BUS, ObjectClass.TRAILER]].sum()
    assert long_ones > 0.6 and found.size[0, 0] == pytest.approx(15.5, abs=0.5)


def test_rear_view_is_completed_away_from_the_lidar_and_says_what_it_does_not_know() -> None:
    found = detect([(15.0, 0.0, 0.0, *CAR)])
    assert len(found) == 1 and top_class(found, 0) == ObjectClass.CAR
    assert found.center[0, 0] == pytest.approx(15.0, abs=0.5) and abs(found.center[0, 1]) < 0.15
    assert abs(np.sin(found.yaw[0])) < 0.06
    along, across = found.covariance[0, 0, 0], found.covariance[0, 1, 1]
    assert along > 4 * across


def test_truck_from_behind_is_not_presumed_to_be_a_bus() -> None:
    found = detect([(20.0, 0.0, 0.0, 8.0, 2.5, 3.2)])  # its rear is at 16 m
    assert len(found) == 1 and 4.0 < found.size[0, 0] <= 6.0
    assert found.center[0, 0] - 0.5 * found.size[0, 0] == pytest.approx(16.0, abs=0.15)
    assert found.covariance[0, 0, 0] > 1.0**2  # how far it reaches is left open


def test_side_of_a_trailer_is_found_but_no_wall_of_the_same_shape_that_is_longer_or_lower() -> None:
    def existence(length: float, height: float) -> float:
        found = detect([(12.0, 6.0, 0.0, length, 0.1, height)])
        return float(found.existence.max()) if len(found) else 0.0

    assert existence(8.0, 3.4) > 0.25
    assert existence(17.0, 3.4) < 0.15 and existence(8.0, 1.9) < 0.15


def test_lower_half_may_be_hidden_near_the_lidar_only() -> None:
    table = np.zeros((3, N_FEATURES))
    table[:, Feature.HEIGHT_MAX] = 3.0
    table[:, Feature.HEIGHT_MIN] = 1.6, 1.6, 2.4
    table[:, Feature.RANGE] = 2.5, 12.0, 2.5
    assert _stands(table, CompletionConfig()).tolist() == [
        True,
        False,
        False,
    ]  # beside the vehicle; a sign; a branch over the vehicle


def test_neighbours_stay_apart() -> None:
    cars = [(12.0, y, 0.0, *CAR) for y in (-2.6, 0.0, 2.6)]
    person = (8.6, 1.9, 0.0, 0.5, 0.5, 1.75)
    found = detect([*cars, person])
    for box, kind in [(c, ObjectClass.CAR) for c in cars] + [(person, ObjectClass.PEDESTRIAN)]:
        i = nearest(found, box)
        assert np.hypot(*(found.center[i, :2] - box[:2])) < 0.6 and top_class(found, i) == kind


def test_car_under_a_crown_and_beside_a_long_wall() -> None:
    crown = (12.0, 5.0, 0.0, 5.0, 5.0, 3.0, 2.6)
    wall = (12.0, 8.0, 0.0, 40.0, 0.4, 3.0)
    car = (12.0, 5.0, 0.0, *CAR)
    found = detect([car, crown, wall])
    i = nearest(found, car)
    assert top_class(found, i) == ObjectClass.CAR and found.size[i, 2] == pytest.approx(1.5, abs=0.15)
    assert np.hypot(*(found.center[i, :2] - car[:2])) < 0.4
    others = np.delete(np.arange(len(found)), i)
    assert (found.existence[others] < 0.5).all()


def test_wall_pole_and_house_are_no_certain_objects() -> None:
    found = detect(
        [(15.0, 10.0, 0.0, 14.0, 0.2, 1.8), (8.0, -6.0, 0.0, 0.2, 0.2, 6.0), (-20.0, 0.0, 0.3, 12.0, 9.0, 7.0)]
    )
    assert (found.existence < 0.5).all()


def test_fields_are_consistent_and_ordered() -> None:
    rng = np.random.default_rng(1)
    boxes = [(20 * np.cos(a), 20 * np.sin(a), rng.uniform(0, 3), *CAR) for a in np.arange(0, 6.2, 0.5)]
    found = detect(boxes)
    n = len(found)
    assert n == len(boxes)
    np.testing.assert_allclose(found.class_probs.sum(1), 1.0, atol=1e-5)
    np.testing.assert_array_equal(found.covariance, np.swapaxes(found.covariance, 1, 2))
    assert (np.linalg.eigvalsh(found.covariance.astype(np.float64)) > 0).all()
    assert np.isnan(found.velocity).all() and not found.yaw_known.any() and not found.source.any()
    assert (np.diff(found.existence) <= 0).all() and found.frame_id == "anchor"
    assert (np.abs(found.yaw) <= np.pi + 1e-6).all() and (found.size > 0).all() and (found.points >= 5).all()


def test_limits_of_the_configuration_hold() -> None:
    boxes = [(20 * np.cos(a), 20 * np.sin(a), a, *CAR) for a in np.arange(0, 6.2, 0.5)]
    assert len(detect(boxes, max_detections=4)) == 4
    assert len(detect(boxes, max_range=15.0)) == 0
    assert len(detect(boxes, min_existence=1.0)) == 0


def test_moved_lidar_gives_moved_objects() -> None:
    """Shifting cloud and lidar by whole cells shifts the boxes, whatever the place in the anchor frame."""
    points, who = scan([(12.0, 5.0, 0.4, *CAR), (9.0, -4.0, 0.7, 0.6, 0.5, 1.75)])
    height = (points[:, 2] + LIDAR_HEIGHT).astype(np.float32)
    labels = GroundLabels(np.where(who < 0, PointLabel.GROUND, PointLabel.OBSTACLE).astype(np.uint8), height)
    detector, shift = ClusterDetector(DetectionConfig(), LIB), np.array([6.4, -3.2, 1.5], np.float32)
    a = detector.detect(points.astype(np.float32), labels, ORIGIN)
    b = detector.detect(points.astype(np.float32) + shift, labels, shift)
    np.testing.assert_allclose(b.center, a.center + shift, atol=0.02)
    np.testing.assert_allclose(b.yaw, a.yaw, atol=0.03)


@pytest.mark.parametrize("case", ["empty", "one", "nan", "ignored", "unknown height"])
def test_poor_input(case: str) -> None:
    n = {"empty": 0, "one": 1}.get(case, 200)
    xyz = np.random.default_rng(0).normal([10, 0, -0.8], [0.12, 0.12, 0.3], (n, 3)).astype(np.float32)
    label, height = np.full(n, PointLabel.OBSTACLE, np.uint8), (xyz[:, 2] + 1.7).astype(np.float32)
    if case == "nan":
        xyz[:] = np.nan
    elif case == "ignored":
        label[:] = PointLabel.IGNORED
    elif case == "unknown height":
        height[:] = np.nan
    found = ClusterDetector(DetectionConfig(), LIB).detect(xyz, GroundLabels(label, height), ORIGIN)
    assert len(found) == (1 if case == "unknown height" else 0)
    assert found.class_probs.shape == (len(found), len(ObjectClass)) and np.isfinite(found.center).all()


def test_same_input_same_output_also_after_another_scan() -> None:
    points, who = scan([(12.0, 5.0, 0.4, *CAR)])
    labels = GroundLabels(np.where(who < 0, 1, 2).astype(np.uint8), (points[:, 2] + LIDAR_HEIGHT).astype(np.float32))
    detector, xyz = ClusterDetector(DetectionConfig(), LIB), points.astype(np.float32)
    first = detector.detect(xyz, labels, ORIGIN)
    detector.detect(xyz[::3] + 1.0, GroundLabels(labels.label[::3], labels.height[::3]), ORIGIN)
    again = detector.detect(xyz, labels, ORIGIN)
    for name in ("center", "size", "yaw", "covariance", "class_probs", "existence", "points"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))


# --- recordings -----------------------------------------------------------------------------------------------------


def velo_from_camera(calib: Path) -> NDArray[np.float64]:
    rows = {
        r.replace(":", " ").split()[0]: r.replace(":", " ").split()[1:] for r in calib.read_text().splitlines() if r
    }
    rect, lidar = np.eye(4), np.eye(4)
    rect[:3, :3] = np.array(rows.get("R_rect", rows.get("R0_rect")), float).reshape(3, 3)
    lidar[:3] = np.array(rows.get("Tr_velo_cam", rows.get("Tr_velo_to_cam")), float).reshape(3, 4)
    return geometry.invert(lidar) @ np.linalg.inv(rect)


def truth(fields: list[str], to_velo: NDArray[np.float64]) -> Box:
    """x, y, yaw, l, w, h, z of a KITTI label: fields h w l x y z rotation_y."""
    h, w, length, x, y, z, ry = map(float, fields)
    center = to_velo @ np.array([x, y - h / 2, z, 1.0])
    heading = to_velo[:3, :3] @ np.array([np.cos(ry), 0.0, -np.sin(ry)])
    return float(center[0]), float(center[1]), float(np.arctan2(heading[1], heading[0])), length, w, h, float(center[2])


def returns_inside(xyz: NDArray[np.float32], label: NDArray[np.uint8], box: Box) -> int:
    x, y, yaw, length, width, height, z = box
    d = xyz - np.array([x, y, z], np.float32)
    u, v = np.cos(yaw) * d[:, 0] + np.sin(yaw) * d[:, 1], np.cos(yaw) * d[:, 1] - np.sin(yaw) * d[:, 0]
    inside = (abs(u) < length / 2 + 0.1) & (abs(v) < width / 2 + 0.1) & (abs(d[:, 2]) < height / 2 + 0.1)
    return int((inside & np.isin(label, (PointLabel.OBSTACLE, PointLabel.OVERHANG))).sum())


@pytest.mark.real_data
def test_labelled_objects_of_a_recorded_drive_are_found(real_data: Path) -> None:
    """KITTI tracking 0000, every fourth scan: two vans, a cyclist, a pedestrian."""
    root = real_data / "kitti_tracking" / "training"
    to_velo = velo_from_camera(root / "calib" / "0000.txt")
    labels: dict[int, list[list[str]]] = {}
    for line in (root / "label_02" / "0000.txt").read_text().splitlines():
        fields = line.split()
        labels.setdefault(int(fields[0]), []).append(fields)
    body = Dimensions(front=3.7, rear=1.0, width=1.8, height=1.6, wheelbase=2.7)
    segmenter, detector = GroundSegmenter(GroundConfig(), body, LIB), ClusterDetector(DetectionConfig(), LIB)
    seen, found_sure, yaw_errors = [], 0, []
    for path in sorted((root / "velodyne" / "0000").glob("*.bin"))[::4]:
        xyz = np.ascontiguousarray(np.fromfile(path, np.float32).reshape(-1, 4)[:, :3])
        ground = segmenter.segment(xyz, ORIGIN, -LIDAR_HEIGHT)
        found = detector.detect(xyz, ground, ORIGIN)
        assert len(found) <= 150
        for fields in labels[int(path.stem)]:
            if fields[2] == "DontCare":
                continue
            box = truth(fields[10:17], to_velo)
            if returns_inside(xyz, ground.label, box) < 10:
                continue
            i = nearest(found, box)
            close = np.hypot(*(found.center[i, :2] - box[:2])) < 1.2
            seen.append(close)
            found_sure += int(close and found.existence[i] > 0.5)
            if close and fields[2] == "Van":
                yaw_errors.append(abs((found.yaw[i] - box[2] + np.pi / 2) % np.pi - np.pi / 2))
    assert len(seen) >= 30
    assert np.mean(seen) >= 0.95 and found_sure >= 0.9 * len(seen)
    assert np.degrees(np.median(yaw_errors)) < 3.0
