"""A network judged on samples kept aside, beside a trivial predictor and beside bare geometry on the same samples.

- *trivial*: the mean drivable share and the commonest terrain of every cell over the training samples (it knows where roads
  usually lie, and nothing of the sample), a level plane, no objects.
- *geometry*: the canvas alone: a cell is drivable where its returns are ground and nothing stands in it, its elevation is the
  mean height of them, a cell without returns is as the nearest one with. It names no class and no object.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from autonomy_perception.metrics.bev import BoxTally, CalibrationTally, ClassTally, HeightTally
from autonomy_perception.networks.bev_net import BevNet
from autonomy_perception.networks.layout import DETECTED, TERRAIN
from autonomy_perception.ops.canvas import CANVAS
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.road_users import ObjectClass
from autonomy_perception.training.batches import prepared, unchanged
from autonomy_perception.training.canvas import CanvasMaker
from autonomy_perception.training.decode import Boxes, decoded
from autonomy_perception.training.samples import SampleStore
from autonomy_perception.training.scene import IGNORED, Objects
from autonomy_perception.training.targets import Arrays

RANGE, ELEVATION_RANGE, LEAST_POINTS = 40.0, 30.0, 5
"""Cells and objects farther away [m] are not judged; objects with fewer returns count neither way."""
AP_OF = {
    "vehicle": ((ObjectClass.CAR, ObjectClass.TRUCK, ObjectClass.BUS, ObjectClass.TRAILER), 2.0),
    "pedestrian": ((ObjectClass.PEDESTRIAN,), 1.0),
}
"""Classes that are one for AP, and how far off a centre may be [m]."""

Z_SCALE = 4.0
"""Metres that heights in the canvas are divided by (``ops.canvas``)."""

Said = dict[str, NDArray[Any]]
Progress = Callable[[int, int], None]


@dataclass
class Figures:
    """Tallies of one predictor."""

    drivable: ClassTally = field(default_factory=lambda: ClassTally(2))
    terrain: ClassTally = field(default_factory=lambda: ClassTally(len(TERRAIN)))
    elevation: HeightTally = field(default_factory=HeightTally)
    calibration: CalibrationTally = field(default_factory=CalibrationTally)
    boxes: dict[str, BoxTally] = field(default_factory=lambda: {n: BoxTally(reach) for n, (_, reach) in AP_OF.items()})

    def told(self) -> dict[str, float]:
        """Figures by name; NaN where there was nothing to measure."""
        out = {
            "drivable IoU": float(self.drivable.iou[1]), "terrain mIoU": self.terrain.mean_iou,
            f"elevation RMSE within {ELEVATION_RANGE:g} m [m]": self.elevation.rmse, "drivable ECE": self.calibration.error,
        }  # fmt: skip
        return out | {f"{name} AP at {tally.reach:g} m": tally.average_precision for name, tally in self.boxes.items()}


def judge(
    net: BevNet,
    held: Sequence[Path],
    train: Sequence[Path],
    progress: Progress = lambda done, of: None,
    prior: int = 200,
) -> dict[str, dict[str, float]]:
    """Figures of ``network``, ``trivial`` and ``geometry`` by name.

    Args:
        net: in evaluation mode, on the CPU.
        held: folders of samples to judge by; train: folders that the trivial predictor learns from.
        progress: told samples done and in all.
        prior: samples the trivial predictor looks at.

    Raises:
        ConfigError: samples cannot be read.
    """
    held_store, train_store = SampleStore(held), SampleStore(train)
    maker = CanvasMaker(net.config.grid.bev, CpuLibrary())
    chosen = np.unique(np.linspace(0, len(train_store) - 1, min(prior, len(train_store))).astype(int))
    total, done = len(chosen) + len(held_store), 0
    habit = Habit(net.config.grid.bev.shape)
    for index in chosen.tolist():
        layers = unchanged(train_store[index], net.layout).layers
        habit.add(layers.terrain, layers.drivable, layers.observed)
        progress(done := done + 1, total)
    figures = {name: Figures() for name in ("network", "trivial", "geometry")}
    for index in range(len(held_store)):
        scene = unchanged(held_store[index], net.layout)
        truth = prepared(scene, net.layout, maker)
        outputs, boxes = predicted(net, truth)
        said = {"network": outputs, "trivial": habit.said(), "geometry": geometry_of(truth["canvas"])}
        for name, tallies in figures.items():
            _add(tallies, said[name], truth, net)
            _add_boxes(tallies, boxes if name == "network" else None, scene.objects)
        progress(done := done + 1, total)
    return {name: tallies.told() for name, tallies in figures.items()}


@torch.no_grad()
def predicted(net: BevNet, truth: Arrays) -> tuple[Said, Boxes]:
    """What the network says of a prepared sample: layers by name, and boxes."""
    out = {name: value[0].numpy() for name, value in net.named(torch.from_numpy(truth["canvas"][None])).items()}
    layers = {
        "terrain": out["terrain"].argmax(0), "drivable": 1.0 / (1.0 + np.exp(-out["drivable"][0])), "elevation": out["elevation"][0],
    }  # fmt: skip
    return layers, decoded(out["heatmap"], out["box"], net.layout)


class Habit:
    """The trivial predictor."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self._terrain = np.zeros((len(TERRAIN), *shape))
        self._drivable, self._known = np.zeros(shape), np.zeros(shape)

    def add(self, terrain: NDArray[np.uint8], drivable: NDArray[np.uint8], observed: NDArray[np.bool_]) -> None:
        """Layers (ny,nx) of one training sample."""
        known = observed & (drivable != IGNORED)
        self._known += known
        self._drivable += known & (drivable == 1)
        for row in range(len(TERRAIN)):
            self._terrain[row] += observed & (terrain == row)

    def said(self) -> Said:
        """Its layers; a cell that was never observed is as the whole."""
        share = self._drivable.sum() / max(1.0, self._known.sum())
        drivable = np.where(self._known > 0, self._drivable / np.maximum(self._known, 1), share)
        common = int(self._terrain.sum((1, 2)).argmax())
        terrain = np.where(self._terrain.sum(0) > 0, self._terrain.argmax(0), common)
        return {"terrain": terrain, "drivable": drivable, "elevation": np.zeros(drivable.shape)}


def geometry_of(canvas: NDArray[Any]) -> Said:
    """What the canvas (C,ny,nx) says by itself."""
    channel = {name: canvas[k] for k, name in enumerate(CANVAS)}
    met, ground = channel["density"] > 0, channel["ground_share"] > 0
    if not ground.any():
        nothing = np.zeros(met.shape)
        return {"drivable": nothing, "elevation": nothing}
    at_ground = tuple(ndimage.distance_transform_edt(~ground, return_distances=False, return_indices=True))
    at_return = tuple(ndimage.distance_transform_edt(~met, return_distances=False, return_indices=True))
    free = (channel["ground_share"] > 0.5) & (channel["height_max"] == 0)
    return {"drivable": free[at_return].astype(np.float64), "elevation": (channel["ground_z"] * Z_SCALE)[at_ground]}


def _add(tallies: Figures, said: Said, truth: Arrays, net: BevNet) -> None:
    x, y = np.meshgrid(*net.config.grid.bev.centers())
    distance = np.hypot(x, y)
    near = distance <= RANGE
    known = near & truth["drivable_known"].astype(np.bool_)
    drivable = truth["drivable"] == 1
    tallies.drivable.add((said["drivable"] >= 0.5).astype(np.int64), drivable.astype(np.int64), known)
    tallies.calibration.add(said["drivable"], drivable, known)
    if "terrain" in said:
        terrain = np.asarray(truth["terrain"], np.int64)
        tallies.terrain.add(said["terrain"], terrain, near & (terrain != IGNORED))
    judged = (distance <= ELEVATION_RANGE) & truth["elevation_known"].astype(np.bool_)
    tallies.elevation.add(said["elevation"], np.asarray(truth["elevation"], np.float64), judged)


def _add_boxes(tallies: Figures, boxes: Boxes | None, objects: Objects) -> None:
    near = np.hypot(objects.center[:, 0], objects.center[:, 1]) <= RANGE
    for name, (classes, _) in AP_OF.items():
        rows = [k for k, c in enumerate(DETECTED) if c in classes]
        true = np.isin(objects.kind, rows)
        judged = true & near & (objects.points >= LEAST_POINTS)
        place = objects.center[:, :2].astype(np.float64)
        if boxes is None:
            score, xy = np.zeros(0), np.zeros((0, 2))
        else:
            mine = np.isin(boxes.kind, rows) & (np.hypot(boxes.center[:, 0], boxes.center[:, 1]) <= RANGE)
            score, xy = boxes.score[mine].astype(np.float64), boxes.center[mine, :2].astype(np.float64)
        tallies.boxes[name].add(score, xy, place[judged], place[true & ~judged])
