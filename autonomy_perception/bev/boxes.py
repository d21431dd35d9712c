"""Objects as the heads of a centre-based network have them (CenterPoint, Yin et al. 2021): decode and its inverse."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.grid import BevGrid
from autonomy_perception.ops.decode import BOX, BOX_VARIANCE, Boxes, decode_boxes
from autonomy_perception.ops.library import Library
from autonomy_perception.road_users import N_CLASSES, ObjectClass
from autonomy_perception.types import F32, F64, Detections

DETECTED = (
    ObjectClass.CAR, ObjectClass.TRUCK, ObjectClass.BUS, ObjectClass.TRAILER, ObjectClass.MOTORCYCLE, ObjectClass.BICYCLE,
    ObjectClass.PEDESTRIAN, ObjectClass.ANIMAL, ObjectClass.UNKNOWN,
)  # fmt: skip
"""Channels of the heatmap; the last is barriers and cones, which the suite's vocabulary has as UNKNOWN objects."""

NARROWEST, WIDEST, SHARE = 0.7, 3.0, 0.25
"""Standard deviation of a peak of the heatmap: this share of sqrt(length * width), within these bounds [cells]."""

CERTAIN = 1e-4
"""How far from 0 and 1 probabilities stay as logits."""

NETWORK = 1
"""Value of ``Detections.source``."""


@dataclass(frozen=True)
class BoxSettings:
    """How heads become detections; one number per class of ``classes`` where it says so.

    Attributes:
        classes: channels of the heatmap.
        temperature: per class, the logits are divided by it. variance: per channel of ``BOX_VARIANCE``, factor on the variances.
        group: per class; boxes of one group suppress each other. By default vehicles are one, two-wheelers one, people and animals one.
        overlap: per class; IoU from above beyond which a box goes that overlaps a likelier one of its group.
        min_score: less likely boxes are dropped. room: most boxes.

    Raises:
        ValueError: a number of values that is not the number of classes, or a temperature or factor that is not above 0.
    """

    classes: tuple[ObjectClass, ...] = DETECTED
    temperature: tuple[float, ...] = (1.0,) * len(DETECTED)
    variance: tuple[float, ...] = (1.0,) * len(BOX_VARIANCE)
    group: tuple[int, ...] = (0, 0, 0, 0, 1, 1, 2, 2, 3)
    overlap: tuple[float, ...] = (0.2,) * len(DETECTED)
    min_score: float = 0.1
    room: int = 256

    def __post_init__(self) -> None:
        for name, number in (("temperature", len(self.classes)), ("variance", len(BOX_VARIANCE)), ("group", len(self.classes)),
                             ("overlap", len(self.classes))):  # fmt: skip
            if len(getattr(self, name)) != number:
                raise ValueError(f"{name}: expected {number} values, found {len(getattr(self, name))}")
        for name in ("temperature", "variance"):
            if not all(0.0 < v < math.inf for v in getattr(self, name)):
                raise ValueError(f"{name}: expected numbers above 0, found {getattr(self, name)}")


@dataclass(frozen=True)
class BoxTargets:
    """What the heads should say of a scene.

    Attributes:
        heatmap: float32 (classes, ny, nx) 0..1, 1 in the cell of a centre.
        box: float32 (10, ny, nx) as ``ops.decode.BOX``, 0 in other cells.
        row: int32 (ny, nx) object whose box stands in the cell, -1 none: the first of those with their centre in it.
    """

    heatmap: F32
    box: F32
    row: NDArray[np.int32]


def decode(lib: Library, heads: Mapping[str, Any], grid: BevGrid, settings: BoxSettings, T_base_ego: F64) -> Detections:
    """Detections in base_link, the likeliest first.

    Args:
        heads: ``heatmap`` logits float32 (classes, ny, nx), ``box`` (10, ny, nx), ``box_log_variance`` (9, ny, nx), each with or without
            a batch of one in front.
        grid: cells of the heads in ego.
        T_base_ego: (4,4), see ``frame.ego_of_base``.

    ``existence`` is the calibrated probability of the likeliest class, ``class_probs`` those of all at its cell, scaled to 1;
    ``points`` is 0 (a network does not count returns), front and back are told apart, velocity is over ground in axes of base_link.
    """
    heat, box, spread = (_without_batch(heads[name]) for name in ("heatmap", "box", "box_log_variance"))
    device = {
        "sharpness": 1.0 / np.array(settings.temperature, np.float32), "overlap": np.array(settings.overlap, np.float32),
        "group": np.array(settings.group, np.int32),
    }  # fmt: skip
    found = decode_boxes(lib, heat, box, spread, grid, **{k: lib.to_device(v) for k, v in device.items()},
                         min_score=settings.min_score, room=settings.room)  # fmt: skip
    return detections_of(lib, found, settings).moved(T_base_ego, "base_link")


def detections_of(lib: Library, found: Boxes, settings: BoxSettings) -> Detections:
    """Decoded boxes as detections, in the frame ``ego``."""
    n = int(lib.to_host(found.totals)[0])
    rows, scores, labels = (lib.to_host(a)[:n] for a in (found.rows, found.scores, found.labels))
    probs = np.zeros((n, N_CLASSES), np.float32)
    for k, cls in enumerate(settings.classes):
        probs[:, cls] += scores[:, k]
    variance = rows[:, 9:] * np.array(settings.variance, np.float32)
    covariance = np.zeros((n, 4, 4), np.float32)
    for axis, name in enumerate(("x", "y", "z", "yaw")):
        covariance[:, axis, axis] = variance[:, BOX_VARIANCE.index(name)]
    return Detections(
        rows[:, :3].copy(), rows[:, 3:6].copy(), rows[:, 6].copy(), rows[:, 7:9].copy(), covariance,
        probs / np.maximum(probs.sum(1, keepdims=True), 1e-9), scores[np.arange(n), labels], np.zeros(n, np.int32),
        np.ones(n, np.bool_), np.full(n, NETWORK, np.uint8), "ego",
    )  # fmt: skip


def encode(center: F32, size: F32, yaw: F32, velocity: F32, kind: NDArray[np.integer], grid: BevGrid,
           classes: tuple[ObjectClass, ...] = DETECTED) -> BoxTargets:  # fmt: skip
    """Targets from objects in ego; those whose centre lies outside the grid are left out.

    Args:
        center, size: float32 (N,3) [m]; yaw: float32 (N,) [rad]; velocity: float32 (N,2) [m/s], NaN (unknown) becomes 0.
        kind: (N,) channel of the heatmap, below ``len(classes)``.

    ``decode`` of ``logits_of(heatmap)`` and ``box`` gives the objects back, as long as no two centres share a cell and those of one
    class lie at least two cells apart.
    """
    heatmap = np.zeros((len(classes), *grid.shape), np.float32)
    box, row = np.zeros((len(BOX), *grid.shape), np.float32), np.full(grid.shape, -1, np.int32)
    cells = grid.cells(center)
    inside = grid.inside(cells)
    sigma = np.clip(SHARE * np.sqrt(size[:, 0] * size[:, 1]) / grid.resolution, NARROWEST, WIDEST)
    for i in np.flatnonzero(inside).tolist():
        ix, iy = (int(c) for c in cells[i])
        reach = math.ceil(3.0 * float(sigma[i]))
        ys, xs = (
            slice(max(0, iy - reach), min(grid.ny, iy + reach + 1)),
            slice(max(0, ix - reach), min(grid.nx, ix + reach + 1)),
        )
        y, x = np.ogrid[ys, xs]
        peak = np.exp(-((x - ix) ** 2 + (y - iy) ** 2) / (2.0 * float(sigma[i]) ** 2)).astype(np.float32)
        np.maximum(heatmap[kind[i], ys, xs], peak, out=heatmap[kind[i], ys, xs])
        if row[iy, ix] >= 0:
            continue
        row[iy, ix] = i
        offset = (np.asarray(center[i, :2], np.float64) - [grid.x_min, grid.y_min]) / grid.resolution - cells[i] - 0.5
        direction = np.sin(yaw[i]), np.cos(yaw[i])
        box[:, iy, ix] = [*offset, center[i, 2], *np.log(size[i]), *direction, *np.nan_to_num(velocity[i])]
    return BoxTargets(heatmap, box, row)


def logits_of(probability: F32) -> F32:
    """Logits of probabilities, which stay ``CERTAIN`` away from 0 and 1."""
    p = np.clip(np.asarray(probability, np.float64), CERTAIN, 1.0 - CERTAIN)
    return np.asarray(np.log(p / (1.0 - p)), np.float32)


def _without_batch(head: Any) -> Any:
    """A head without its batch of one. Raises ValueError for a larger batch."""
    if len(head.shape) == 3:
        return head
    if head.shape[0] != 1:
        raise ValueError(f"heads: expected a batch of one, found {tuple(head.shape)}")
    return head.reshape(*head.shape[1:])
