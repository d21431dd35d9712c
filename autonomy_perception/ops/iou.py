"""Intersection over union of rotated boxes, every one against every other."""

from __future__ import annotations

from typing import Any

import numpy as np

from autonomy_perception.ops.library import Library


def iou_bev(lib: Library, a: Any, b: Any) -> Any:
    """IoU float32 (N,M) seen from above of boxes float32 (N,5), (M,5): x, y, length, width [m], yaw [rad].

    A box with a size that is not above 0, or with a value that is not finite, overlaps nothing.
    """
    return _table(lib, "ap_iou_bev", a, b, 5)


def iou_3d(lib: Library, a: Any, b: Any) -> Any:
    """IoU float32 (N,M) of upright boxes float32 (N,7), (M,7): x, y, z (centre), length, width, height [m], yaw [rad]."""
    return _table(lib, "ap_iou_3d", a, b, 7)


def _table(lib: Library, name: str, a: Any, b: Any, width: int) -> Any:
    if a.shape[1:] != (width,) or b.shape[1:] != (width,):
        raise ValueError(
            f"boxes have shapes {tuple(a.shape)} and {tuple(b.shape)}, expected (N,{width}) and (M,{width})"
        )
    out = lib.empty((len(a), len(b)), np.float32)
    lib.call(name, a, b, out, len(a), len(b))
    return out
