"""Figures of a drive against its truth: objects and grid. docs/accuracy.md defines every one of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.grid import WorldGrid, scroll
from autonomy_perception.metrics.figure import Figure, rms
from autonomy_perception.metrics.matching import (
    GATE_M,
    MAX_RANGE_M,
    MIN_POINTS,
    Boxes,
    assign,
    distances,
    join_groups,
)
from autonomy_perception.metrics.mot import MotSequence
from autonomy_perception.metrics.output import Output
from autonomy_perception.metrics.truth_frame import TruthFrame
from autonomy_perception.simulation.truth.truth import FREE, OCCUPIED, TruthGrid
from autonomy_perception.types import Occupancy, Tracks

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
STRUCTURE_MARGIN_M = 1.0
STILL_MPS = 1.0
UNKNOWN_RANGE_M = 30.0


@dataclass
class Share:
    """A share of cells: ``bad`` of ``all``."""

    bad: int = 0
    all: int = 0

    def add(self, bad: NDArray[np.bool_], among: NDArray[np.bool_]) -> None:
        """Count the cells of one scan."""
        self.bad += int(np.count_nonzero(bad & among))
        self.all += int(np.count_nonzero(among))

    @property
    def value(self) -> float:
        """bad / all, NaN where there was nothing to count."""
        return self.bad / self.all if self.all else float("nan")


@dataclass
class ObjectScore:
    """Fate of one true object: scans in which it was demanded, and in which it was found."""

    demanded: int = 0
    found: int = 0


@dataclass
class Accuracy:
    """Gathers figures scan by scan; read them at any time."""

    scans: int = 0
    mot: MotSequence = field(default_factory=MotSequence)
    objects: dict[int, ObjectScore] = field(default_factory=dict)
    position_error: list[float] = field(default_factory=list)
    center_error: list[float] = field(default_factory=list)
    speed_error: list[float] = field(default_factory=list)
    velocity_error: list[float] = field(default_factory=list)
    false_tracks: int = 0
    false_on_structure: int = 0
    occupied_as_free: Share = field(default_factory=Share)
    free_as_occupied: Share = field(default_factory=Share)
    ditch_as_free: Share = field(default_factory=Share)
    free_as_unknown: Share = field(default_factory=Share)

    def add(self, output: Output, truth: TruthFrame) -> None:
        """Take in one scan.

        Raises:
            ValueError: output and truth are of different moments, or their grids cannot be laid over each other.
        """
        if output.stamp_ns != truth.stamp_ns:
            raise ValueError(f"output of {output.stamp_ns} ns compared with truth of {truth.stamp_ns} ns")
        self.scans += 1
        self._objects(output.tracks, truth)
        self._grid(output.occupancy, truth)

    def _objects(self, tracks: Tracks, truth: TruthFrame) -> None:
        ego = truth.T_odom_base[:2, 3]
        boxes, ids = Boxes.of_tracks(tracks), tracks.uuid[tracks.confirmed]
        objects = join_groups(truth.objects, boxes, ego)
        true = Boxes.of_truth(objects)
        demanded = (objects.points >= MIN_POINTS) & (np.linalg.norm(true.center - ego, axis=1) <= MAX_RANGE_M)
        distance = distances(boxes, true, ego)
        rows = np.flatnonzero(demanded)
        pairs = [(t, int(rows[n])) for t, n in assign(distance[:, rows])]
        for number in objects.number[rows]:
            self.objects.setdefault(int(number), ObjectScore()).demanded += 1
        for t, n in pairs:
            self.objects[int(objects.number[n])].found += 1
            self.position_error.append(float(distance[t, n]))
            self.center_error.append(float(np.linalg.norm(boxes.center[t] - true.center[n])))
            self.speed_error.append(float(np.linalg.norm(boxes.velocity[t]) - np.linalg.norm(true.velocity[n])))
            self.velocity_error.append(float(np.linalg.norm(boxes.velocity[t] - true.velocity[n])))
        paired = np.array([t for t, _ in pairs], np.int64)
        left = np.setdiff1d(np.arange(len(boxes)), paired)
        judged = np.concatenate([paired, self._false(left, boxes, true, ~demanded, distance, truth, ego)])
        self.mot.add(objects.number[rows].tolist(), [bytes(ids[t]) for t in judged], distance[judged][:, rows].T)

    def _false(
        self,
        left: I64,
        boxes: Boxes,
        true: Boxes,
        spared: NDArray[np.bool_],
        distance: F64,
        truth: TruthFrame,
        ego: F64,
    ) -> I64:
        """Of the tracks ``left`` those that belong to nothing: not to an object that was not demanded, not to a structure."""
        left = left[np.linalg.norm(boxes.center[left] - ego, axis=1) <= MAX_RANGE_M]
        near = (distance[left][:, spared] <= GATE_M).any(1)
        on_object = near | true.inside(boxes.center[left], 0.5)[:, spared].any(1)
        on_structure = Boxes.of_truth(truth.structures).inside(boxes.center[left], STRUCTURE_MARGIN_M).any(1)
        moving = np.linalg.norm(boxes.velocity[left], axis=1) > STILL_MPS
        false = ~on_object & (~on_structure | moving)
        self.false_tracks += int(np.count_nonzero(false))
        self.false_on_structure += int(np.count_nonzero(~on_object & on_structure & moving))
        return np.asarray(left[false], np.int64)

    def _grid(self, occupancy: Occupancy, truth: TruthFrame) -> None:
        t = truth.grid
        wire = lay_over(occupancy, t)
        free, occupied = (wire >= 0) & (wire < 50), wire > 50
        self.occupied_as_free.add(free, t.state == OCCUPIED)
        self.ditch_as_free.add(free, t.ditch)
        seen = (t.state == FREE) & t.visible
        self.free_as_occupied.add(occupied, seen)
        x, y = t.grid.bev.centers()
        far = np.hypot(x[None] - truth.T_odom_base[0, 3], y[:, None] - truth.T_odom_base[1, 3])
        self.free_as_unknown.add(~free & ~occupied, seen & (far <= UNKNOWN_RANGE_M))

    @property
    def recall(self) -> float:
        """Share of demanded objects, over all scans, that had a track."""
        demanded = sum(o.demanded for o in self.objects.values())
        return sum(o.found for o in self.objects.values()) / demanded if demanded else float("nan")

    def figures(self) -> tuple[Figure, ...]:
        """All figures, those with a limit first."""
        per_scan = self.false_tracks / self.scans if self.scans else float("nan")
        mot = self.mot.figures()
        return (
            Figure("track recall", self.recall, "", 0.90, at_least=True),
            Figure("false tracks per scan", per_scan, "", 0.5),
            Figure("position RMSE", rms(self.position_error), "m", 0.4),
            Figure("speed RMSE", rms(self.speed_error), "m/s", 1.0),
            Figure("occupied cells published free", 100 * self.occupied_as_free.value, "%", 0.5),
            Figure("visible free cells published occupied", 100 * self.free_as_occupied.value, "%", 2.0),
            Figure("ditch cells published free", 100 * self.ditch_as_free.value, "%", 1.0),
            Figure("visible free cells published unknown within 30 m", 100 * self.free_as_unknown.value, "%", 30.0),
            Figure("centre RMSE", rms(self.center_error), "m"),
            Figure("velocity RMSE", rms(self.velocity_error), "m/s"),
            Figure("MOTA", mot["mota"], at_least=True),
            Figure("IDF1", mot["idf1"], at_least=True),
            Figure("HOTA", mot["hota"], at_least=True),
            Figure("id switches", mot["id_switches"]),
            Figure("false tracks moving on structures", self.false_on_structure),
            Figure("objects", len(self.objects), counted=True),
            Figure("scans", self.scans, counted=True),
        )


def lay_over(occupancy: Occupancy, truth: TruthGrid) -> NDArray[np.int8]:
    """The published grid (wire values) on the cells of the truth grid; unknown (-1) where it does not reach.

    Raises:
        ValueError: the two grids differ in cell size or shape.
    """
    grid: WorldGrid = occupancy.grid
    return np.asarray(scroll(occupancy.wire, grid, truth.grid, -1), np.int8)
