"""Accuracy on recordings that carry labelled boxes only (say, KITTI tracking): no free cell, tracks that hold on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.bags.errors import BagError
from autonomy_perception.bags.outputs import read_tracks
from autonomy_perception.bags.reader import BagReader
from autonomy_perception.metrics.matching import Boxes, assign, distances
from autonomy_perception.types import Perception, SensorFrame, Tracks

F64 = NDArray[np.float64]
MIN_RETURNS = 3
MAX_AGE_NS = 80_000_000
TRUTH_TOPIC = "/ground_truth/objects"


@dataclass(frozen=True)
class Labels:
    """Labelled boxes of one frame in ``frame_id``: identity (N,16), class, centre (N,3), size l w h (N,3) [m], yaw (N,) [rad]."""

    stamp_ns: int
    frame_id: str
    identity: NDArray[np.uint8]
    label: NDArray[np.uint8]
    center: F64
    size: F64
    yaw: F64

    @classmethod
    def of(cls, stamp_ns: int, boxes: Tracks) -> Labels:
        """From the objects of a truth message."""
        kinds = boxes.class_probs.argmax(1).astype(np.uint8) if len(boxes) else np.zeros(0, np.uint8)
        return cls(
            stamp_ns,
            boxes.frame_id,
            boxes.uuid,
            kinds,
            boxes.center.astype(np.float64),
            boxes.size.astype(np.float64),
            boxes.yaw.astype(np.float64),
        )

    def pose(self, frame: SensorFrame, result: Perception) -> F64:
        """``frame_id`` at the labels' stamp to odom (4,4). Raises ValueError for a frame other than odom or base_link."""
        if self.frame_id not in ("odom", "base_link"):
            raise ValueError(f"labels must be in odom or base_link, found {self.frame_id}")
        if self.frame_id == "odom":
            return np.eye(4)
        return result.T_odom_base if frame.trajectory is None else frame.trajectory.pose(self.stamp_ns)

    def returns(self, frame: SensorFrame, T_odom_label: F64, T_odom_base: F64) -> NDArray[np.int64]:
        """Lidar returns (N,) inside each box (widened by 5 cm: labels are drawn by hand)."""
        xyz = np.concatenate([s.cloud.xyz for s in frame.scans]) if frame.scans else np.zeros((0, 3), np.float32)
        points = geometry.transform_points(geometry.invert(T_odom_label) @ T_odom_base, xyz)
        out = np.zeros(len(self.center), np.int64)
        for k in range(len(out)):
            local = np.abs((points - self.center[k]) @ geometry.rotation_z(float(self.yaw[k])))
            out[k] = np.count_nonzero((local <= 0.5 * self.size[k] + 0.05).all(1))
        return out


@dataclass
class LabelledObject:
    """One labelled object over the drive: frames it was labelled in, frames it had a track, class."""

    label: int
    frames: int = 0
    tracked: int = 0

    @property
    def share(self) -> float:
        """Share of its frames in which it was tracked."""
        return self.tracked / self.frames if self.frames else float("nan")


@dataclass
class LabelledAccuracy:
    """Gathers frame by frame. ``free_cells``: cells with their middle in a label of >= 3 returns that went out as free."""

    frames: int = 0
    cells: int = 0
    free_cells: int = 0
    objects: dict[bytes, LabelledObject] = field(default_factory=dict)

    _before: dict[bytes, tuple[int, F64]] = field(default_factory=dict)

    def add(self, frame: SensorFrame, result: Perception, labels: Labels) -> None:
        """Take in one frame and its labels; boxes are carried to the result's stamp at the speed of the labels."""
        self.frames += 1
        T_odom_label = labels.pose(frame, result)
        boxes = self._boxes(labels, T_odom_label, (result.stamp_ns - labels.stamp_ns) * 1e-9)
        self._cells(result, boxes, labels.returns(frame, T_odom_label, result.T_odom_base) >= MIN_RETURNS)
        tracks = Boxes.of_tracks(result.tracks)
        found = {n for _, n in assign(distances(tracks, boxes, result.T_odom_base[:2, 3]))}
        for k in range(len(boxes)):
            one = self.objects.setdefault(bytes(labels.identity[k]), LabelledObject(int(labels.label[k])))
            one.frames += 1
            one.tracked += int(k in found)

    def _boxes(self, labels: Labels, T_odom_label: F64, dt: float) -> Boxes:
        center = geometry.transform_points(T_odom_label, labels.center)[:, :2]
        velocity = np.zeros_like(center)
        for k, identity in enumerate(map(bytes, labels.identity)):
            if identity in self._before and self._before[identity][0] < labels.stamp_ns:
                stamp, at = self._before[identity]
                velocity[k] = (center[k] - at) / ((labels.stamp_ns - stamp) * 1e-9)
            self._before[identity] = (labels.stamp_ns, center[k].copy())
        return Boxes(center + velocity * dt, labels.size[:, :2], labels.yaw + geometry.yaw_of(T_odom_label), velocity)

    def _cells(self, result: Perception, boxes: Boxes, seen: NDArray[np.bool_]) -> None:
        x, y = np.meshgrid(*result.occupancy.grid.bev.centers())
        xy, wire = np.column_stack([x.ravel(), y.ravel()]), result.occupancy.wire.ravel()
        for k in np.flatnonzero(seen):
            near = np.flatnonzero(np.linalg.norm(xy - boxes.center[k], axis=1) < np.linalg.norm(boxes.size[k]))
            value = wire[near[boxes.inside(xy[near], 0.0)[:, k]]]
            self.cells += len(value)
            self.free_cells += int(np.count_nonzero((value >= 0) & (value < 50)))


def evaluate_labelled(steps: Iterable[tuple[SensorFrame, Perception]], labels: Iterable[Labels]) -> LabelledAccuracy:
    """Figures of a recording; every frame is judged by the newest labels that lie at most ``MAX_AGE_NS`` before it."""
    out, waiting = LabelledAccuracy(), sorted(labels, key=lambda one: one.stamp_ns)
    stamps = np.array([one.stamp_ns for one in waiting], np.int64)
    for frame, result in steps:
        k = int(np.searchsorted(stamps, result.stamp_ns, side="right")) - 1
        if k >= 0 and result.stamp_ns - stamps[k] <= MAX_AGE_NS:
            out.add(frame, result, waiting[k])
    return out


def read_labels(bag: Path) -> Iterator[Labels]:
    """Labelled boxes of an imported recording, frame by frame.

    Raises:
        BagError: the bag cannot be read, or holds no labels.
    """
    with BagReader(bag) as reader:
        if TRUTH_TOPIC not in reader.topics:
            raise BagError(f"{bag}: expected labels on {TRUTH_TOPIC}, found no such topic")
        for _, message in reader.messages((TRUTH_TOPIC,)):
            stamp = int(message.header.stamp.sec) * 1_000_000_000 + int(message.header.stamp.nanosec)
            yield Labels.of(stamp, read_tracks(message))
