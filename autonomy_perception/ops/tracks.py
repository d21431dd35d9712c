"""What the past of tracks says of their motion and class, in float64."""

from __future__ import annotations

from typing import Any

import numpy as np

from autonomy_perception.ops.library import Library
from autonomy_perception.road_users import N_CLASSES

SHIFT_WIDTH = 8


def class_posterior(
    lib: Library,
    evidence: Any,
    road_user_log_odds: Any,
    seen: Any,
    complete: Any,
    height: Any,
    speed: Any,
    travel: Any,
    classes: Any,
) -> Any:
    """Class probabilities (N,9) from detections, the size seen so far and the motion.

    Args:
        evidence: (N,9) log-evidence; road_user_log_odds: (N,) [nat] mean log-odds of being a road user.
        seen: (N,2) length and width seen [m]; complete: (N,2) 0..1, how surely the whole edge has been seen.
        height: (N,) [m]; speed: (N,) [m/s]; travel: (N,) 0..1, how plainly it moves.
        classes: (9,7) length, width, height, one standard deviation of each [m], top speed [m/s]; row 0 is not used.
    """
    out = lib.empty((len(evidence), N_CLASSES), np.float64)
    lib.call("ap_class_posterior", evidence=evidence, road_user_log_odds=road_user_log_odds, seen=seen, complete=complete, height=height, speed=speed,
             travel=travel, classes=classes, out=out)  # fmt: skip
    return out


def displacement(lib: Library, history: Any, rows: Any, window: float) -> Any:
    """Displacement (M,8) of the tracks ``rows`` int64 (M,) within their newest ``window`` [s]: last third against first.

    Args:
        history: (N,K,5) time [s] and axis-parallel bounds x0 y0 x1 y1 [m], oldest first; NaN where empty.

    Returns:
        common shift of both bounds (2) and shift of the centre (2) [m], time between [s], frames, largest single step
        along the shift as a share of it, way by the middle third over the direct one (>= 1).
    """
    out = lib.empty((len(rows), SHIFT_WIDTH), np.float64)
    lib.call("ap_displacement", history=history, rows=rows, out=out, window=window)
    return out
