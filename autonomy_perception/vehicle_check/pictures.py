"""What an eye checks faster than a rule: lidar over each image, all lidars over each other from above and from the side."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from autonomy_perception.calibration.watches import camera_from_base
from autonomy_perception.config import Dimensions, VehicleConfig
from autonomy_perception.ops.library import Library
from autonomy_perception.ops.project import project
from autonomy_perception.sensors.image import pixels
from autonomy_perception.sensors.image_header import ImageError
from autonomy_perception.types import CameraFrame, SensorFrame

U8 = NDArray[np.uint8]
F64 = NDArray[np.float64]
Picture = tuple[str, U8]

LIDAR_RGB = ((40, 120, 220), (225, 95, 30), (30, 150, 80), (170, 60, 190), (190, 150, 20), (90, 90, 100))
PAPER, INK, FAINT = (250, 250, 248), (40, 44, 52), (214, 216, 220)
NEAR_M, FAR_M = 3.0, 50.0
AHEAD_M, BEHIND_M, BESIDE_M = 45.0, 20.0, 25.0
SCALE = 15.0
"""Pixels per metre of the views of the points."""
STRIP_M, LOW_M, TOP_M = 1.5, -1.5, 6.0
"""The side view shows returns this far from the middle of the vehicle, and heights between these [m]."""
BIG_WIDTH = 1242


def pictures(frame: SensorFrame, vehicle: VehicleConfig, lib: Library) -> list[Picture]:
    """Captions and pictures of one frame."""
    out = [over_image(frame, camera, lib) for camera in frame.cameras]
    out.append(("all lidars from above, with the vehicle's outline and its sensors", from_above(frame, vehicle)))
    out.append(
        (
            f"from the left: returns within {STRIP_M} m of the middle of the vehicle; the line is z = 0",
            from_side(frame, vehicle),
        )
    )
    out.append(("from behind: returns between 6 and 14 m ahead; the line is z = 0", from_behind(frame, vehicle)))
    return out


def over_image(frame: SensorFrame, camera: CameraFrame, lib: Library) -> Picture:
    """Returns of all lidars in one image, near ones red, far ones blue."""
    try:
        image = np.ascontiguousarray(pixels(camera)).copy()
    except ImageError as e:
        return f"{camera.sensor}: {e}", np.full((120, 400, 3), 60, np.uint8)
    xyz = np.concatenate([s.cloud.xyz for s in frame.scans]) if frame.scans else np.empty((0, 3), np.float32)
    seen = project(lib, np.ascontiguousarray(xyz), camera.model, camera_from_base(frame, camera), 0.5)
    shown = np.flatnonzero(seen.valid)
    shown = shown[np.argsort(-seen.depth[shown], kind="stable")]
    share = np.clip(np.log(seen.depth[shown] / NEAR_M) / np.log(FAR_M / NEAR_M), 0.0, 1.0)
    table = cv2.applyColorMap(np.arange(256, dtype=np.uint8)[:, None], cv2.COLORMAP_TURBO)[:, 0, ::-1]
    colors = table[(255 * (1.0 - share)).astype(np.int64)]
    radius = camera.model.width // 900  # 0: a single pixel
    for (u, v), color in zip(np.rint(seen.uv[shown]).astype(int), colors.tolist(), strict=True):
        cv2.circle(image, (int(u), int(v)), radius, color, -1)
    if image.shape[1] > BIG_WIDTH:
        image = cv2.resize(
            image, (BIG_WIDTH, round(image.shape[0] * BIG_WIDTH / image.shape[1])), interpolation=cv2.INTER_AREA
        )
    apart = (camera.stamp_ns - frame.stamp_ns) * 1e-6
    text = f"{camera.sensor}: {len(shown)} lidar returns, red {NEAR_M:.0f} m to blue {FAR_M:.0f} m; image {apart:+.0f} ms from the sweep's stamp"
    return text, image


def _paper(height: int, width: int) -> U8:
    return np.full((height, width, 3), PAPER, np.uint8)


def _dots(image: U8, uv: F64, color: Sequence[int]) -> None:
    at = np.rint(uv).astype(int)
    inside = (at[:, 0] >= 0) & (at[:, 1] >= 0) & (at[:, 0] < image.shape[1]) & (at[:, 1] < image.shape[0])
    image[at[inside, 1], at[inside, 0]] = color


def _legend(image: U8, frame: SensorFrame) -> None:
    for k, scan in enumerate(frame.scans):
        cv2.rectangle(image, (12, 12 + 22 * k), (24, 24 + 22 * k), LIDAR_RGB[k % len(LIDAR_RGB)], -1)
        cv2.putText(image, scan.sensor, (32, 23 + 22 * k), cv2.FONT_HERSHEY_SIMPLEX, 0.45, INK, 1, cv2.LINE_AA)


def from_above(frame: SensorFrame, vehicle: VehicleConfig) -> U8:
    """x up, y to the left; rings of 10 m."""
    image = _paper(round((AHEAD_M + BEHIND_M) * SCALE), round(2 * BESIDE_M * SCALE))

    def px(xy: F64) -> F64:
        return np.column_stack([(BESIDE_M - xy[:, 1]) * SCALE, (AHEAD_M - xy[:, 0]) * SCALE])

    center = tuple(np.rint(px(np.zeros((1, 2)))[0]).astype(int).tolist())
    for ring in range(10, 50, 10):
        cv2.circle(image, center, round(ring * SCALE), FAINT, 1, cv2.LINE_AA)
        cv2.putText(
            image,
            f"{ring} m",
            (center[0] + 4, round(center[1] - ring * SCALE) - 3),
            cv2.FONT_HERSHEY_SIMPLEX,
            0.38,
            (150, 152, 158),
            1,
            cv2.LINE_AA,
        )
    for k, scan in enumerate(frame.scans):
        high = scan.cloud.xyz[:, 2] > 0.3
        ground = np.array(LIDAR_RGB[k % len(LIDAR_RGB)]) * 0.35 + np.array(PAPER) * 0.65
        _dots(image, px(scan.cloud.xyz[~high].astype(np.float64)), ground.astype(int).tolist())
        _dots(image, px(scan.cloud.xyz[high].astype(np.float64)), LIDAR_RGB[k % len(LIDAR_RGB)])
    _outline(image, px, vehicle.dimensions)
    for k, scan in enumerate(frame.scans):
        _mark(image, px(scan.origin[None, :2].astype(np.float64))[0], scan.sensor, k)
    for camera in frame.cameras:
        T = camera.T_base_camera
        _arrow(image, px(T[None, :2, 3])[0], px((T[:2, 3] + 4.0 * T[:2, 2])[None])[0])
    _legend(image, frame)
    return image


def _outline(image: U8, px: Callable[[F64], F64], body: Dimensions) -> None:
    half = 0.5 * body.width
    corners = np.array([[body.front, half], [body.front, -half], [-body.rear, -half], [-body.rear, half]])
    cv2.polylines(image, [np.rint(px(corners)).astype(np.int32)], True, INK, 1, cv2.LINE_AA)


def _mark(image: U8, at: F64, name: str, number: int) -> None:
    u, v = (round(float(x)) for x in at)
    cv2.drawMarker(image, (u, v), INK, cv2.MARKER_CROSS, 9, 1, cv2.LINE_AA)
    cv2.putText(image, name, (u + 8, v - 6 - 13 * number), cv2.FONT_HERSHEY_SIMPLEX, 0.4, INK, 1, cv2.LINE_AA)


def _arrow(image: U8, start: F64, end: F64) -> None:
    cv2.arrowedLine(
        image,
        tuple(np.rint(start).astype(int).tolist()),
        tuple(np.rint(end).astype(int).tolist()),
        INK,
        1,
        cv2.LINE_AA,
        tipLength=0.15,
    )


def from_side(frame: SensorFrame, vehicle: VehicleConfig) -> U8:
    """x to the right, z up, the middle of the lane."""
    image = _paper(round((TOP_M - LOW_M) * SCALE * 1.6), round((AHEAD_M + BEHIND_M) * SCALE))
    up = SCALE * 1.6

    def px(xz: F64) -> F64:
        return np.column_stack([(BEHIND_M + xz[:, 0]) * SCALE, (TOP_M - xz[:, 1]) * up])

    _section(image, frame, px, lambda p: np.abs(p[:, 1]) < STRIP_M, 0)
    d = vehicle.dimensions
    box = px(np.array([[-d.rear, d.ground_clearance], [d.front, d.height]]))
    cv2.rectangle(
        image,
        tuple(np.rint(box[0]).astype(int).tolist()),
        tuple(np.rint(box[1]).astype(int).tolist()),
        INK,
        1,
        cv2.LINE_AA,
    )
    for k, scan in enumerate(frame.scans):
        _mark(image, px(scan.origin[None, [0, 2]].astype(np.float64))[0], scan.sensor, k)
    for camera in frame.cameras:
        T = camera.T_base_camera
        _arrow(image, px(T[None, [0, 2], 3])[0], px((T[[0, 2], 3] + 3.0 * T[[0, 2], 2])[None])[0])
    _legend(image, frame)
    return image


def from_behind(frame: SensorFrame, vehicle: VehicleConfig) -> U8:
    """y to the left, z up: the ground ahead must be level and all lidars must agree on it."""
    up = SCALE * 2.0
    image = _paper(round((TOP_M - LOW_M) * up), round(2 * 16.0 * up))

    def px(yz: F64) -> F64:
        return np.column_stack([(16.0 - yz[:, 0]) * up, (TOP_M - yz[:, 1]) * up])

    _section(image, frame, px, lambda p: (p[:, 0] > 6.0) & (p[:, 0] < 14.0), 1)
    d = vehicle.dimensions
    box = np.rint(px(np.array([[0.5 * d.width, d.ground_clearance], [-0.5 * d.width, d.height]]))).astype(int).tolist()
    cv2.rectangle(image, tuple(box[0]), tuple(box[1]), INK, 1, cv2.LINE_AA)
    _legend(image, frame)
    return image


def _section(
    image: U8,
    frame: SensorFrame,
    px: Callable[[F64], F64],
    chosen: Callable[[NDArray[np.float32]], NDArray[np.bool_]],
    axis: int,
) -> None:
    zero = round(float(px(np.zeros((1, 2)))[0, 1]))
    for k, scan in enumerate(frame.scans):
        p = scan.cloud.xyz[chosen(scan.cloud.xyz)]
        _dots(image, px(p[:, [axis, 2]].astype(np.float64)), LIDAR_RGB[k % len(LIDAR_RGB)])
    cv2.line(image, (0, zero), (image.shape[1], zero), (120, 124, 132), 1)
