"""Accuracy on recordings that carry labelled boxes only (say, KITTI tracking): no free cell, tracks that hold on."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.bags.errors import BagError
from autonomy_perception.bags.reader import BagReader
from autonomy_perception.messages.objects import recorded_tracks
from autonomy_perception.messages.parts import stamp_ns
from autonomy_perception.metrics.figure import Figure
from autonomy_perception.metrics.matching import GATE_M, Boxes, assign, distances
from autonomy_perception.metrics.mot import MotSequence
from autonomy_perception.metrics.output import Output
from autonomy_perception.simulation.io.truth_messages import OBJECTS
from autonomy_perception.types import SensorFrame, Tracks

F64 = NDArray[np.float64]
MIN_RETURNS = 3
MAX_AGE_NS = 80_000_000
MARGIN_M = 0.05  # labels are drawn by hand [m]
LABEL_FRAMES = ("odom", "base_link")


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

    def pose(self, frame: SensorFrame) -> F64:
        """``frame_id`` at the labels' stamp to odom (4,4). Raises ValueError for a frame other than odom or base_link."""
        if self.frame_id not in LABEL_FRAMES:
            raise ValueError(f"labels must be in {' or '.join(LABEL_FRAMES)}, found {self.frame_id}")
        return np.eye(4) if self.frame_id == "odom" else ego_pose(frame, self.stamp_ns)

    def returns(self, frame: SensorFrame, T_odom_label: F64, T_odom_base: F64) -> NDArray[np.int64]:
        """Lidar returns (N,) inside each box, widened by ``MARGIN_M`` on all sides."""
        xyz = np.concatenate([s.cloud.xyz for s in frame.scans]) if frame.scans else np.zeros((0, 3), np.float32)
        points = geometry.transform_points(geometry.invert(T_odom_label) @ T_odom_base, xyz)
        points = points[np.argsort(points[:, 0])]  # of each box only a slice is looked at
        reach = 0.5 * np.linalg.norm(self.size, axis=1) + MARGIN_M
        first, last = (np.searchsorted(points[:, 0], self.center[:, 0] + way * reach) for way in (-1.0, 1.0))
        out = np.zeros(len(self.center), np.int64)
        for k in range(len(out)):
            local = (points[first[k] : last[k]] - self.center[k]) @ geometry.rotation_z(float(self.yaw[k]))
            out[k] = np.count_nonzero((np.abs(local) <= 0.5 * self.size[k] + MARGIN_M).all(1))
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
    mot: MotSequence = field(default_factory=MotSequence)

    _before: dict[bytes, tuple[int, F64]] = field(default_factory=dict)

    def add(self, frame: SensorFrame, output: Output, labels: Labels) -> None:
        """Take in one frame and its labels; boxes are carried to the output's stamp at the speed of the labels."""
        self.frames += 1
        T_odom_label, T_odom_base = labels.pose(frame), ego_pose(frame, frame.stamp_ns)
        boxes = self._boxes(labels, T_odom_label, (output.stamp_ns - labels.stamp_ns) * 1e-9)
        self._cells(output, boxes, labels.returns(frame, T_odom_label, T_odom_base) >= MIN_RETURNS)
        tracks, ids = Boxes.of_tracks(output.tracks), output.tracks.uuid[output.tracks.confirmed]
        distance = distances(tracks, boxes, T_odom_base[:2, 3])
        found = {n for _, n in assign(distance)}
        names = [bytes(one) for one in labels.identity]
        for k, name in enumerate(names):
            one = self.objects.setdefault(name, LabelledObject(int(labels.label[k])))
            one.frames += 1
            one.tracked += int(k in found)
        near = np.flatnonzero((distance <= GATE_M).any(1))  # of what stands elsewhere the labels may just not know
        self.mot.add(names, [bytes(one) for one in ids[near]], distance[near].T)

    def figures(self) -> tuple[Figure, ...]:
        """All figures, those with a limit first. Nothing is said of false tracks: not everything is labelled."""
        labelled = sum(o.frames for o in self.objects.values())
        tracked = sum(o.tracked for o in self.objects.values())
        mot = self.mot.figures()
        return (
            Figure(
                "label cells published free", 100 * self.free_cells / self.cells if self.cells else np.nan, "%", 0.0
            ),
            Figure("tracked share of labels", tracked / labelled if labelled else np.nan, at_least=True),
            Figure("identity recall (IDR)", mot["idr"], at_least=True),
            Figure("association (HOTA AssA)", mot["assa"], at_least=True),
            Figure("id switches", mot["id_switches"]),
            Figure("objects", len(self.objects), counted=True),
            Figure("frames", self.frames, counted=True),
        )

    def _boxes(self, labels: Labels, T_odom_label: F64, dt: float) -> Boxes:
        center = geometry.transform_points(T_odom_label, labels.center)[:, :2]
        velocity = np.zeros_like(center)
        for k, identity in enumerate(map(bytes, labels.identity)):
            if identity in self._before and self._before[identity][0] < labels.stamp_ns:
                stamp, at = self._before[identity]
                velocity[k] = (center[k] - at) / ((labels.stamp_ns - stamp) * 1e-9)
            self._before[identity] = (labels.stamp_ns, center[k].copy())
        return Boxes(center + velocity * dt, labels.size[:, :2], labels.yaw + geometry.yaw_of(T_odom_label), velocity)

    def _cells(self, output: Output, boxes: Boxes, seen: NDArray[np.bool_]) -> None:
        x, y = np.meshgrid(*output.occupancy.grid.bev.centers())
        xy, wire = np.column_stack([x.ravel(), y.ravel()]), output.occupancy.wire.ravel()
        for k in np.flatnonzero(seen):
            near = np.flatnonzero(np.linalg.norm(xy - boxes.center[k], axis=1) < np.linalg.norm(boxes.size[k]))
            value = wire[near[boxes.inside(xy[near], 0.0)[:, k]]]
            self.cells += len(value)
            self.free_cells += int(np.count_nonzero((value >= 0) & (value < 50)))


def ego_pose(frame: SensorFrame, stamp_ns: int) -> F64:
    """T_odom_base (4,4) at a stamp; without ego motion the two frames are one."""
    return np.eye(4) if frame.trajectory is None else frame.trajectory.pose(stamp_ns)


def evaluate_labelled(steps: Iterable[tuple[SensorFrame, Output]], labels: Iterable[Labels]) -> LabelledAccuracy:
    """Figures of a recording; every frame is judged by the newest labels that lie at most ``MAX_AGE_NS`` before it."""
    out, by_stamp = LabelledAccuracy(), LabelsByStamp(labels)
    for frame, output in steps:
        if (found := by_stamp.at(output.stamp_ns)) is not None:
            out.add(frame, output, found)
    return out


class LabelsByStamp:
    """Labels of a drive, found by time."""

    def __init__(self, labels: Iterable[Labels]) -> None:
        self._labels = sorted(labels, key=lambda one: one.stamp_ns)
        self._stamps = [one.stamp_ns for one in self._labels]

    def at(self, stamp_ns: int) -> Labels | None:
        """The newest labels that lie at most ``MAX_AGE_NS`` before a stamp."""
        k = bisect.bisect_right(self._stamps, stamp_ns) - 1
        return self._labels[k] if k >= 0 and stamp_ns - self._stamps[k] <= MAX_AGE_NS else None


def read_labels(bag: Path) -> Iterator[Labels]:
    """Labelled boxes of an imported recording, frame by frame.

    Raises:
        BagError: the bag cannot be read, holds no labels, or they are in a frame other than odom or base_link.
    """
    with BagReader(bag) as reader:
        if OBJECTS not in reader.topics:
            raise BagError(f"{bag}: expected labels on {OBJECTS}, found no such topic")
        for _, message in reader.messages((OBJECTS,)):
            if message.header.frame_id not in LABEL_FRAMES:
                found = message.header.frame_id
                raise BagError(f"{bag}: {OBJECTS}: frame_id {' or '.join(LABEL_FRAMES)} expected, found {found!r}")
            yield Labels.of(stamp_ns(message.header.stamp), recorded_tracks(message))
