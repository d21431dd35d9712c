"""The same work as the kernels with NumPy, OpenCV and Numba, as an engineer would write it without them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numba
import numpy as np
from numpy.typing import NDArray

from autonomy_perception.bench.kernel_cases import GRID, WORLD
from autonomy_perception.bench.kernel_loops import fill_pillars, iou_table
from autonomy_perception.bench.kernel_peers_bev import BEV_PEERS
from autonomy_perception.bench.kernel_scene import CAMERA, T_CAMERA_LIDAR, KernelScene
from autonomy_perception.ops.image import IMAGENET_MEAN, IMAGENET_STD, scaled_K

Run = Callable[[], dict[str, NDArray[Any]]]


def _unpack(s: KernelScene) -> Run:
    """NumPy: structured view, masks, blend of the pose table by einsum."""
    raw, box = np.frombuffer(s.message.tobytes(), np.uint8), np.array(s.crop.box, np.float32).reshape(3, 2)

    def run() -> dict[str, NDArray[Any]]:
        points = raw.view(s.message.dtype)
        xyz = np.stack([points["x"], points["y"], points["z"]], 1)
        square = (xyz * xyz).sum(1)
        keep = np.isfinite(square) & (square >= s.crop.min_range**2) & (square <= s.crop.max_range**2)
        body = xyz @ s.poses[-1, :, :3].T + s.poses[-1, :, 3]
        for row in s.masks.table:
            planes = row[6:].reshape(-1, 3)
            hit = (body[:, 2] >= row[4]) & (body[:, 2] <= row[5])
            keep &= ~(hit & np.all(body[:, :2] @ planes[:, :2].T <= planes[:, 2], axis=1))
        points, xyz = points[keep], xyz[keep]
        u = np.clip((points["time"] - s.span[0]) / (s.span[1] - s.span[0]), 0, 1) * (len(s.poses) - 1)
        k = np.minimum(u.astype(np.int64), len(s.poses) - 2)
        f = (u - k).astype(np.float32)[:, None, None]
        pose = s.poses[k] * (1 - f) + s.poses[k + 1] * f
        out = np.einsum("nij,nj->ni", pose[:, :, :3], xyz) + pose[:, :, 3]
        boxed = np.all((out >= box[:, 0]) & (out <= box[:, 1]), axis=1)
        points = points[boxed]
        return {
            "xyz": out[boxed],
            "intensity": points["intensity"].copy(),
            "time": points["time"].copy(),
            "ring": points["ring"].copy(),
        }

    return run


def _transform(s: KernelScene) -> Run:
    """NumPy matrix product."""
    rotation, shift = np.eye(3, dtype=np.float32), np.array([1, 2, 3], np.float32)
    return lambda: {"xyz": s.xyz @ rotation.T + shift}


def _ids(s: KernelScene) -> NDArray[np.int32]:
    cells = GRID.cells(s.xyz)
    return np.where(GRID.inside(cells), cells[:, 1] * GRID.nx + cells[:, 0], -1).astype(np.int32)


def _cell_index(s: KernelScene) -> Run:
    """NumPy stable argsort and searchsorted."""

    def run() -> dict[str, NDArray[Any]]:
        ids = _ids(s)
        order = np.argsort(ids, kind="stable")
        order = order[np.searchsorted(ids[order], 0) :]
        return {"ids": ids, "starts": np.searchsorted(ids[order], np.arange(GRID.nx * GRID.ny + 1)).astype(np.int32)}

    return run


def _cell_stats(s: KernelScene) -> Run:
    """NumPy bincount, minimum.at and maximum.at."""
    ids, n = _ids(s), GRID.nx * GRID.ny

    def run() -> dict[str, NDArray[Any]]:
        keep = ids >= 0
        own, z = ids[keep], s.xyz[keep, 2]
        count = np.bincount(own, minlength=n)
        low, high = np.full(n, np.inf, np.float32), np.full(n, -np.inf, np.float32)
        np.minimum.at(low, own, z)
        np.maximum.at(high, own, z)
        with np.errstate(invalid="ignore"):
            mean = np.bincount(own, z, n) / count
            variance = np.bincount(own, (z - mean[own]) ** 2, n) / count
        low[count == 0] = high[count == 0] = np.nan
        return {"count": count, "min": low, "max": high, "mean": mean, "variance": variance}

    return run


def _pillarise(s: KernelScene) -> Run:
    """Numba: one pass over the points and one over the pillars (after second.pytorch's points_to_voxel)."""
    fill = numba.njit(fill_pillars)

    def run() -> dict[str, NDArray[Any]]:
        features, coords, counts = fill(
            s.xyz, s.intensity, GRID.x_min, GRID.y_min, 1 / GRID.resolution, GRID.nx, GRID.ny, 40000, 20
        )
        return {"counts": counts, "features": features, "coords": coords}

    return run


def _log_odds(s: KernelScene) -> Run:
    """NumPy on whole layers."""
    rng = np.random.default_rng(1)
    odds = rng.uniform(-3, 3, WORLD.shape).astype(np.float32)
    hits: NDArray[Any] = rng.integers(0, 3, WORLD.shape).astype(np.int32)
    free: NDArray[Any] = rng.integers(0, 3, WORLD.shape).astype(np.uint8)
    lethal = rng.random(WORLD.shape, np.float32)

    def run() -> dict[str, NDArray[Any]]:
        weight = np.maximum(np.array([0.0, 0.6, 1.0], np.float32)[np.minimum(hits, 2)], lethal)
        miss = np.array([0.0, 0.3, 0.6], np.float32)[free]
        faded = odds * np.where(odds < 0, np.float32(0.9), np.float32(0.97))
        new = faded + np.where((hits > 0) | (lethal > 0), np.float32(0.9) * weight, -miss)
        new = np.clip(new, -2.0, 3.5)
        wire = np.where(np.abs(new) < 0.2, -1, np.rint(100 / (1 + np.exp(-new)))).astype(np.int8)
        return {"log_odds": new, "wire": wire}

    return run


def _preprocess(s: KernelScene) -> Run:
    """OpenCV: remap with a fixed-point map made beforehand, then normalise and transpose."""
    K = scaled_K(CAMERA.K, 704 / CAMERA.width, 256 / CAMERA.height)
    maps = cv2.initUndistortRectifyMap(CAMERA.K, CAMERA.D, np.eye(3), K, (704, 256), cv2.CV_16SC2)
    scale = (1 / (255 * np.array(IMAGENET_STD))).astype(np.float32)
    shift = (-np.array(IMAGENET_MEAN) / IMAGENET_STD).astype(np.float32)

    def run() -> dict[str, NDArray[Any]]:
        flat = cv2.remap(s.image, maps[0], maps[1], cv2.INTER_LINEAR)
        return {"tensor": np.ascontiguousarray((flat * scale + shift).transpose(2, 0, 1))}

    return run


def _project(s: KernelScene) -> Run:
    """OpenCV projectPoints on the points in front, then a mask and a gather of colours."""
    rotation, _ = cv2.Rodrigues(T_CAMERA_LIDAR[:, :3])

    def run() -> dict[str, NDArray[Any]]:
        depth = (s.xyz @ T_CAMERA_LIDAR[2, :3] + T_CAMERA_LIDAR[2, 3]).astype(np.float32)
        front = np.flatnonzero(depth > 0.1)
        uv = np.full((len(s.xyz), 2), np.nan, np.float32)
        points = cv2.projectPoints(s.xyz[front].astype(np.float64), rotation, T_CAMERA_LIDAR[:, 3], CAMERA.K, CAMERA.D)[
            0
        ]
        uv[front] = points.reshape(-1, 2)
        with np.errstate(invalid="ignore"):
            valid = (
                (uv[:, 0] >= -0.5)
                & (uv[:, 1] >= -0.5)
                & (uv[:, 0] < CAMERA.width - 0.5)
                & (uv[:, 1] < CAMERA.height - 0.5)
            )
        pixel = np.floor(uv[valid] + 0.5).astype(np.int64)
        color = np.zeros((len(s.xyz), 3), np.uint8)
        color[valid] = s.image[pixel[:, 1], pixel[:, 0]]
        return {"depth": depth, "valid": valid, "color": color}

    return run


def _iou_bev(s: KernelScene) -> Run:
    """Numba: corners once per box, then Sutherland-Hodgman clipping of every pair whose circles touch."""
    boxes = s.boxes[:, [0, 1, 3, 4, 6]].astype(np.float64)
    table = numba.njit(iou_table)
    unit = 0.5 * np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]])

    def run() -> dict[str, NDArray[Any]]:
        c, sn = np.cos(boxes[:, 4]), np.sin(boxes[:, 4])
        local = unit[None] * boxes[:, None, 2:4]
        corners = (
            np.einsum("nij,nkj->nki", np.stack([np.stack([c, -sn], 1), np.stack([sn, c], 1)], 1), local)
            + boxes[:, None, :2]
        )
        return {"iou": table(boxes, corners)}

    return run


PEERS: dict[str, Callable[[KernelScene], Run]] = {
    "unpack": _unpack,
    "transform": _transform,
    "cell_index": _cell_index,
    "cell_stats": _cell_stats,
    "pillarise": _pillarise,
    "log_odds": _log_odds,
    "preprocess": _preprocess,
    "project": _project,
    "iou_bev": _iou_bev,
    **BEV_PEERS,
}
