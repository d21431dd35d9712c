"""For every reason of the table one call that a launcher refuses for it."""

from __future__ import annotations

from typing import Any

import numpy as np

from autonomy_perception.ops.cells import CellGrid
from autonomy_perception.ops.unpack import FieldAt

F32 = np.float32
REFUSED: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "EmptyGrid": ("ap_cell_ids", {"grid": CellGrid(0.0, 0.0, 1.0, 0, 2)}, {}),
    "Resolution": ("ap_footprint", {"res": 0.0}, {}),
    "Layout": ("ap_unpack", {"x": FieldAt(-4, 7)}, {}),
    "ShortData": ("ap_unpack", {}, {"data": np.zeros(11, np.uint8)}),
    "NoPose": ("ap_unpack", {}, {"poses": np.zeros((0, 4, 4), F32)}),
    "SmallWork": ("ap_ground", {}, {"work": np.zeros(9, np.int32)}),
    "MinPoints": ("ap_cluster_label", {"min_points": -3}, {"level": np.zeros(0, np.uint8)}),
    "Side": ("ap_cluster_label", {"side": 0}, {}),
    "Smallest": ("ap_cluster_fit", {"smallest": float("nan")}, {}),
    "NoSector": ("ap_freespace", {"n_azimuth": 0}, {}),
    "ImageSize": ("ap_preprocess", {}, {"out": np.zeros((3, 0, 4), F32), "map": None}),
    "ImageRows": ("ap_preprocess", {"step": 5}, {}),
    "SmallMap": ("ap_map_scores", {}, {"map": np.zeros((1, 9), np.uint8)}),
    "MinDepth": ("ap_project", {"min_depth": 0.0}, {}),
    "NoPillars": (
        "ap_pillarise",
        {},
        {"features": np.zeros((0, 2, 9), F32), "coords": np.zeros((0, 2), np.int32), "counts": np.zeros(0, np.int32)},
    ),
    "TimeBackwards": ("ap_imm_predict", {"dt": -0.1}, {}),
    "NoRow": ("ap_imm_update", {}, {"rows": np.array([0, 3])}),
    "NoFeature": ("ap_frustum_pixels", {"bins": 0}, {}),
    "NoTerrain": ("ap_decode_ground", {}, {"terrain": np.zeros((0, 4, 4), F32)}),
    "NoBox": (
        "ap_decode_boxes",
        {},
        {"rows": np.zeros((0, 18), F32), "scores": np.zeros((0, 4), F32), "labels": np.zeros(0, np.int32)},
    ),
    "NoHistory": ("ap_displacement", {}, {"history": np.zeros((3, 1, 5))}),
}
"""Reason -> launcher, parameters that differ from :func:`.valid_calls.parameters`, arrays that do."""
