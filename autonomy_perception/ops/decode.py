"""Boxes from the heads of a centre-based detector (CenterPoint, Yin et al. 2021, arXiv 2006.11275)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from autonomy_perception.grid import BevGrid
from autonomy_perception.ops.cells import CellGrid
from autonomy_perception.ops.library import Library

BOX = ("dx", "dy", "z", "log_l", "log_w", "log_h", "sin_yaw", "cos_yaw", "vx", "vy")
"""Planes of the box head: offset of the centre from the cell's centre [cells], z of the centre [m], logarithms of the size [m], sine and
cosine of yaw (of any length), velocity over ground in the grid's axes [m/s]."""

BOX_VARIANCE = ("x", "y", "z", "log_l", "log_w", "log_h", "yaw", "vx", "vy")
"""Planes of the log-variance head: natural logarithms of the variances of the same (x, y, z in m^2, yaw in rad^2, velocity in m^2/s^2); cut
to -8..6."""

ROW = ("x", "y", "z", "length", "width", "height", "yaw", "vx", "vy", *(f"var_{name}" for name in BOX_VARIANCE))
"""Columns of the decoded table [m, rad, m/s] and variances."""


@dataclass(frozen=True)
class Boxes:
    """Decoded boxes, the most likely first, in fixed room.

    Attributes:
        rows: float32 (room, 18) as ``ROW`` in the grid's frame; zero beyond the last box.
        scores: float32 (room, classes) probability of each class at the box's cell.
        labels: int32 (room,) class of the box, -1 beyond the last.
        totals: int32 (2,) boxes; local maxima above the threshold, before the cut to ``room`` and suppression.
    """

    rows: Any
    scores: Any
    labels: Any
    totals: Any


def decode_boxes(lib: Library, heat: Any, box: Any, log_variance: Any, grid: BevGrid, sharpness: Any, overlap: Any, group: Any,
                 min_score: float = 0.1, room: int = 256) -> Boxes:  # fmt: skip
    """Local maxima of 3 x 3 cells, the best ``room`` of them, then suppression of overlapping boxes.

    Args:
        heat: float32 (classes, ny, nx) logits. box: float32 (10, ny, nx) as ``BOX``. log_variance: float32 (9, ny, nx) as ``BOX_VARIANCE``.
        sharpness: float32 (classes,) 1 / temperature of the logits.
        overlap: float32 (classes,) rotated IoU from above beyond which a box goes that overlaps a more likely one of its group.
        group: int32 (classes,) which classes suppress each other.
        min_score: smaller probabilities (after temperature) are no object, 0..1 exclusive.

    A cell with a value that is not finite is no box; of equal neighbours the first counts; equal scores go by class, then cell.

    Raises:
        ValueError: ``min_score`` is not between 0 and 1.
    """
    if not 0.0 < min_score < 1.0:
        raise ValueError(f"min_score must be above 0 and below 1, got {min_score}")
    classes = len(sharpness)
    out = Boxes(lib.empty((room, len(ROW)), np.float32), lib.empty((room, classes), np.float32), lib.empty(room, np.int32),
                lib.empty(2, np.int32))  # fmt: skip
    lib.call("ap_decode_boxes", heat=heat, box=box, log_variance=log_variance, sharpness=sharpness, overlap=overlap, group=group,
             rows=out.rows, scores=out.scores, labels=out.labels, totals=out.totals, grid=CellGrid.of(grid), min_logit=float(np.log(min_score / (1.0 - min_score))))  # fmt: skip
    return out
