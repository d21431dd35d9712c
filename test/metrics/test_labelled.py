"""Labelled recordings: returns in boxes, free cells, tracked shares, on hand-made frames."""

import numpy as np
import pytest

from autonomy_perception import geometry
from autonomy_perception.grid import WorldGrid
from autonomy_perception.metrics.labelled import Labels, evaluate_labelled
from autonomy_perception.types import (
    Detections,
    LidarScan,
    Mode,
    Occupancy,
    Perception,
    PointCloud,
    SensorFrame,
    TerrainGrid,
    Tracks,
    Trajectory,
)

GRID = WorldGrid(-100, -100, 200, 200, 0.5)
SECOND = 1_000_000_000


def labels(stamp, x, frame_id="base_link"):
    one = np.ones(1)
    return Labels(
        stamp,
        frame_id,
        np.full((1, 16), 3, np.uint8),
        one.astype(np.uint8),
        np.array([[x, 0.0, 1.0]]),
        np.array([[4.0, 2.0, 2.0]]),
        0 * one,
    )


def step(stamp, wire, points, trajectory=None, tracks=None):
    cloud = PointCloud(
        np.asarray(points, np.float32),
        np.zeros(len(points), np.float32),
        np.zeros(len(points), np.float32),
        np.zeros(len(points), np.uint16),
        "base_link",
        stamp,
    )
    frame = SensorFrame(stamp, (LidarScan("top", cloud, np.zeros(3, np.float32)),), trajectory=trajectory)
    pose = trajectory.pose(stamp) if trajectory else np.eye(4)
    result = Perception(
        stamp,
        stamp,
        Mode.GEOMETRIC,
        (),
        pose,
        Detections.empty(),
        tracks or Tracks.empty(),
        TerrainGrid(GRID, {}),
        Occupancy(GRID, wire.astype(np.float32), wire),
    )
    return frame, result


def inside(n):
    return np.column_stack([np.linspace(9, 11, n), np.zeros(n), np.ones(n)])


def test_free_cells_in_a_label_are_counted_only_where_it_was_seen():
    wire = np.full(GRID.shape, -1, np.int8)
    wire[100, 116:124] = 0  # y 0..0.5, x 8..12: wholly in the box
    wire[100, 130] = 0  # beside it
    a = evaluate_labelled([step(SECOND, wire, inside(3))], [labels(SECOND, 10.0)])
    assert (a.free_cells, a.cells) == (8, 32)
    a = evaluate_labelled([step(SECOND, wire, inside(2))], [labels(SECOND, 10.0)])
    assert (a.free_cells, a.cells) == (0, 0)


def test_labels_are_carried_to_the_output_at_their_own_speed():
    wire = np.full(GRID.shape, -1, np.int8)
    wire[100, 126] = 0  # x 13..13.5: reached only because the label moves at 10 m/s
    steps = [step(SECOND, wire, inside(9)), step(SECOND + 150_000_000, wire, inside(9) + np.array([1.0, 0, 0]))]
    a = evaluate_labelled(steps, [labels(SECOND, 10.0), labels(SECOND + 100_000_000, 11.0)])
    assert a.frames == 2
    assert a.free_cells == 1  # 11 m + 0.5 m: from 9.5 to 13.5 m
    assert a.objects[bytes([3] * 16)].frames == 2


def test_labels_too_old_are_left_out():
    wire = np.full(GRID.shape, -1, np.int8)
    a = evaluate_labelled([step(2 * SECOND, wire, inside(9))], [labels(SECOND, 10.0)])
    assert a.frames == 0


def test_labels_in_base_link_follow_the_vehicle():
    stamps = np.array([SECOND, SECOND + 50_000_000], np.int64)
    poses = np.array([geometry.make_transform(None, [5.0, 0, 0]), geometry.make_transform(None, [5.5, 0, 0])])
    way = Trajectory(stamps, poses, np.zeros((2, 6)))
    wire = np.full(GRID.shape, -1, np.int8)
    wire[100, 126:134] = 0  # odom x 13..17: label at 10 m ahead of x = 5
    a = evaluate_labelled(
        [step(SECOND + 50_000_000, wire, inside(9) - np.array([0.5, 0, 0]), way)], [labels(SECOND, 10.0)]
    )
    assert a.free_cells == 8


def test_a_label_in_another_frame_is_refused():
    wire = np.full(GRID.shape, -1, np.int8)
    with pytest.raises(ValueError, match="velodyne"):
        evaluate_labelled([step(SECOND, wire, inside(9))], [labels(SECOND, 10.0, "velodyne")])


def test_returns_are_counted_in_turned_boxes():
    """Against a count over all points: six boxes of any yaw, some in one another."""
    rng = np.random.default_rng(4)
    n = 6
    boxes = Labels(
        SECOND, "base_link", np.arange(16 * n, dtype=np.uint8).reshape(n, 16), np.ones(n, np.uint8),
        np.column_stack([rng.uniform(-8, 8, (n, 2)), np.ones(n)]), rng.uniform(1.0, 6.0, (n, 3)), rng.uniform(-3, 3, n),
    )  # fmt: skip
    points = rng.uniform(-10, 10, (4000, 3)) * np.array([1, 1, 0.2])
    frame, _ = step(SECOND, np.full(GRID.shape, -1, np.int8), points)
    expected = []
    for center, size, yaw in zip(boxes.center, boxes.size, boxes.yaw, strict=True):
        d, (c, s) = frame.scans[0].cloud.xyz - center, (np.cos(yaw), np.sin(yaw))
        local = np.abs(np.column_stack([c * d[:, 0] + s * d[:, 1], c * d[:, 1] - s * d[:, 0], d[:, 2]]))
        expected.append((local <= size / 2 + 0.05).all(1).sum())
    assert min(expected) > 0
    assert boxes.returns(frame, np.eye(4), np.eye(4)).tolist() == expected
