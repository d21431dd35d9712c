"""Rigid transform of points (kernels/transform.cuh)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.ops.library import Library


def transform(lib: Library, xyz: Any, T_target_source: NDArray[np.float64]) -> Any:
    """Points float32 (N,3) [m] of the source frame in the target frame; (4,4) transform, rounded to float32."""
    out = lib.empty((len(xyz), 3), np.float32)
    lib.call("ap_transform", xyz=xyz, out=out, matrix=T_target_source[:3].ravel().tolist())
    return out
