"""Intersection over union of rotated boxes, every one against every other."""

from __future__ import annotations

from typing import Any

import numpy as np

from autonomy_perception.ops.library import Library


def iou_bev(lib: Library, a: Any, b: Any) -> Any:
    """IoU float32 (N,M) seen from above of boxes float32 (N,5), (M,5): x, y, length, width [m], yaw [rad].

    A box with a size that is not above 0, or with a value that is not finite, overlaps nothing.
    """
    return _table(lib, "ap_iou_bev", a, b)


def iou_3d(lib: Library, a: Any, b: Any) -> Any:
    """IoU float32 (N,M) of upright boxes float32 (N,7), (M,7): x, y, z (centre), length, width, height [m], yaw [rad]."""
    return _table(lib, "ap_iou_3d", a, b)


def _table(lib: Library, name: str, a: Any, b: Any) -> Any:
    out = lib.empty((len(a), len(b)), np.float32)
    lib.call(name, a=a, b=b, out=out)
    return out
