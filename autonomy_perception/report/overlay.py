"""Drawing on camera pictures: boxes of tracks in perspective, captions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.types import CameraFrame, Perception

U8 = NDArray[np.uint8]
F64 = NDArray[np.float64]
NEAR_M = 0.5
_UNIT = 0.5 * np.array([[x, y, z] for z in (-1, 1) for x, y in ((1, 1), (-1, 1), (-1, -1), (1, -1))], np.float64)
_EDGES = ((0, 1), (1, 2), (2, 3), (3, 0), (4, 5), (5, 6), (6, 7), (7, 4), (0, 4), (1, 5), (2, 6), (3, 7))


def caption(image: U8, text: str, at: tuple[int, int], color: Sequence[int], scale: float = 0.45) -> None:
    """Text with a dark rim, readable on any ground."""
    for dx, dy in ((-1, 0), (1, 0), (0, -1), (0, 1)):  # a thicker stroke would run wider in OpenCV 5
        cv2.putText(
            image, text, (at[0] + dx, at[1] + dy), cv2.FONT_HERSHEY_SIMPLEX, scale, (12, 12, 14), 1, cv2.LINE_AA
        )
    cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, tuple(color), 1, cv2.LINE_AA)


def box_edges(center: F64, size: F64, yaw: float) -> F64:
    """The 12 edges (12,2,3) [m] of an upright box."""
    corners = (_UNIT * size) @ geometry.rotation_z(yaw).T + center
    return np.asarray(corners[np.array(_EDGES)])


def clip_near(edges: F64) -> F64:
    """Edges (E,2,3) in the optical frame, cut at the near plane; those wholly behind it are left out."""
    edges = edges[(edges[..., 2] > NEAR_M).any(1)].copy()
    for a, b in ((0, 1), (1, 0)):
        behind = edges[:, a, 2] <= NEAR_M
        p, q = edges[behind, a], edges[behind, b]
        edges[behind, a] = p + (q - p) * ((NEAR_M - p[:, 2]) / (q[:, 2] - p[:, 2]))[:, None]
    return edges


@dataclass(frozen=True)
class Boxes:
    """Boxes to draw, in odom: centre (N,3), size l w h (N,3), yaw (N,), velocity over ground (N,2), a colour for each."""

    center: F64
    size: F64
    yaw: F64
    velocity: F64
    colors: Sequence[Sequence[int]]


def straightened(image: U8, camera: CameraFrame) -> U8:
    """The image (H,W,3) without the lens's distortion, so that K alone projects onto it."""
    K, D = camera.model.K, np.asarray(camera.model.D, np.float64)
    if not D.any():
        return image
    if camera.model.distortion_model == "equidistant":
        return np.asarray(cv2.fisheye.undistortImage(image, K, D[:4], Knew=K), np.uint8)
    return np.asarray(cv2.undistort(image, K, D), np.uint8)


def boxes_on_camera(image: U8, camera: CameraFrame, result: Perception, boxes: Boxes) -> None:
    """Draw boxes, moved to the image's time, into a camera's straightened image."""
    T_camera_odom = geometry.invert(result.T_odom_base @ camera.T_base_camera)
    dt = (camera.stamp_ns - result.stamp_ns) * 1e-9
    for k, color in enumerate(boxes.colors):
        center = boxes.center[k] + np.append(np.nan_to_num(boxes.velocity[k]) * dt, 0.0)
        edges = box_edges(center, boxes.size[k], float(boxes.yaw[k]))
        local = clip_near(geometry.transform_points(T_camera_odom, edges.reshape(-1, 3)).reshape(-1, 2, 3))
        uv = local @ camera.model.K.T
        uv = uv[..., :2] / uv[..., 2:]
        for a, b in np.round(np.clip(uv, -4000, 4000)).astype(int):
            cv2.line(image, (int(a[0]), int(a[1])), (int(b[0]), int(b[1])), tuple(color), 2, cv2.LINE_AA)
