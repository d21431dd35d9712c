"""Pictures of one step: what the cameras saw beside what the suite made of it (RGB arrays, drawn with OpenCV)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.grid import WorldGrid
from autonomy_perception.report.overlay import Boxes, boxes_on_camera, caption, straightened
from autonomy_perception.sensors.image import pixels
from autonomy_perception.sensors.image_header import ImageError
from autonomy_perception.types import CameraFrame, ObjectClass, Occupancy, Perception, SensorFrame, TerrainGrid, Tracks

U8 = NDArray[np.uint8]
F64 = NDArray[np.float64]
UNKNOWN_RGB, FREE_RGB, OCCUPIED_RGB = (58, 60, 68), (214, 222, 212), (196, 44, 38)
GROUND_RGB, OBSTACLE_RGB, OVERHANG_RGB = (112, 140, 98), (238, 118, 30), (70, 128, 214)
CLASS_RGB = {
    ObjectClass.UNKNOWN: (140, 140, 150), ObjectClass.CAR: (30, 110, 220), ObjectClass.TRUCK: (150, 70, 200),
    ObjectClass.BUS: (150, 70, 200), ObjectClass.TRAILER: (190, 110, 220), ObjectClass.MOTORCYCLE: (0, 150, 140),
    ObjectClass.BICYCLE: (0, 150, 140), ObjectClass.PEDESTRIAN: (220, 40, 130), ObjectClass.ANIMAL: (220, 40, 130),
}  # fmt: skip
OBSTACLE_HEIGHT_M = 0.25


@dataclass(frozen=True)
class Canvas:
    """A square picture around the vehicle, its x axis up: ``side`` metres on ``size`` pixels.

    ``T_odom_base`` is the vehicle's pose in the frame of grid and tracks; only x, y and yaw are used. ``ahead`` [m]
    moves the vehicle below the middle.
    """

    T_odom_base: F64
    size: int = 720
    side: float = 100.0
    ahead: float = 10.0

    def pixels(self, xy: NDArray[np.floating]) -> F64:
        """Pixel coordinates (N,2) u right, v down of points (N,2) in odom [m]."""
        c, s = self._heading
        d = np.asarray(xy, np.float64)[:, :2] - self.T_odom_base[:2, 3]
        x, y = c * d[:, 0] + s * d[:, 1], -s * d[:, 0] + c * d[:, 1]
        k = self.size / self.side
        return np.column_stack([0.5 * self.size - y * k, 0.5 * self.size - (x - self.ahead) * k])

    def layer(self, values: NDArray[np.generic], grid: WorldGrid, fill: float) -> NDArray[np.generic]:
        """Layer (ny,nx) of a world grid as seen by the picture (size,size), nearest cell, ``fill`` outside."""
        ix, iy = self._cells(grid)
        inside = (ix >= 0) & (ix < grid.nx) & (iy >= 0) & (iy < grid.ny)
        out = np.full((self.size, self.size), fill, values.dtype)
        out[inside] = values[iy[inside], ix[inside]]
        return out

    def _cells(self, grid: WorldGrid) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        c, s = self._heading
        v, u = np.mgrid[0 : self.size, 0 : self.size] + 0.5
        k = self.side / self.size
        x, y = self.ahead + (0.5 * self.size - v) * k, (0.5 * self.size - u) * k
        wx, wy = self.T_odom_base[0, 3] + c * x - s * y, self.T_odom_base[1, 3] + s * x + c * y
        low = grid.origin
        return (np.floor((wx - low[0]) / grid.resolution).astype(np.int64),
                np.floor((wy - low[1]) / grid.resolution).astype(np.int64))  # fmt: skip

    @property
    def _heading(self) -> tuple[float, float]:
        yaw = geometry.yaw_of(self.T_odom_base)
        return float(np.cos(yaw)), float(np.sin(yaw))


def paint_occupancy(canvas: Canvas, occupancy: Occupancy) -> U8:
    """Grid as a picture (size,size,3): unknown dark, free light, occupied red."""
    wire = np.asarray(canvas.layer(occupancy.wire, occupancy.grid, -1), np.int8)
    p = np.clip(wire.astype(np.float32), 0, 100)[..., None] / 100.0
    out = (1 - p) * np.array(FREE_RGB, np.float32) + p * np.array(OCCUPIED_RGB, np.float32)
    out[wire < 0] = UNKNOWN_RGB
    return np.asarray(out, np.uint8)


def paint_terrain(canvas: Canvas, terrain: TerrainGrid) -> U8:
    """Elevation in colour with hill shading, impassable ground red, unknown dark (size,size,3)."""
    z = np.asarray(canvas.layer(terrain.layers["elevation"], terrain.grid, np.nan), np.float32)
    known: NDArray[np.bool_] = np.isfinite(z)
    out = np.full((*z.shape, 3), UNKNOWN_RGB, np.float32)
    if not known.any():
        return out.astype(np.uint8)
    low, high = np.percentile(z[known], [2, 98])
    level = np.clip((np.nan_to_num(z, nan=low) - low) / max(high - low, 0.5) * 255, 0, 255).astype(np.uint8)
    color = cv2.applyColorMap(level, cv2.COLORMAP_VIRIDIS)[..., ::-1].astype(np.float32)
    smooth = cv2.GaussianBlur(np.nan_to_num(z, nan=float(np.median(z[known]))), (0, 0), 1.5)
    shade = np.clip(1.0 + 2.2 * (cv2.Sobel(smooth, cv2.CV_32F, 1, 0) - cv2.Sobel(smooth, cv2.CV_32F, 0, 1)), 0.5, 1.5)
    out[known] = np.clip(color * shade[..., None], 0, 255)[known]
    if "traversability" in terrain.layers:
        bad = np.asarray(canvas.layer(terrain.layers["traversability"], terrain.grid, np.nan), np.float32) < 0.2
        out[bad & known] = 0.35 * out[bad & known] + 0.65 * np.array([214, 60, 50], np.float32)
    if "negative" in terrain.layers:
        drop = np.asarray(canvas.layer(terrain.layers["negative"], terrain.grid, 0), np.uint8) > 0
        out[drop] = 0.3 * out[drop] + 0.7 * np.array([236, 60, 200], np.float32)
    return out.astype(np.uint8)


def draw_points(
    image: U8, canvas: Canvas, xyz: NDArray[np.floating], terrain: TerrainGrid | None, top: float = 4.0
) -> None:
    """Points (N,3) in odom, coloured by their height over the terrain: ground, obstacle, overhang."""
    uv = np.floor(canvas.pixels(xyz)).astype(np.int64)
    inside = ((uv >= 0) & (uv < canvas.size)).all(1)
    uv, xyz = uv[inside], xyz[inside]
    height = np.zeros(len(xyz))
    if terrain is not None:
        cells = terrain.grid.bev.cells(xyz)
        known = terrain.grid.bev.inside(cells)
        elevation = np.asarray(terrain.layers["elevation"], np.float64)
        height[known] = xyz[known, 2] - elevation[cells[known, 1], cells[known, 0]]
    kind = np.where(np.nan_to_num(height) > OBSTACLE_HEIGHT_M, 1, 0) + np.where(np.nan_to_num(height) > top, 1, 0)
    color = np.array([GROUND_RGB, OBSTACLE_RGB, OVERHANG_RGB], np.uint8)[kind]
    for k in (0, 1, 2):  # obstacles over ground
        image[uv[kind == k, 1], uv[kind == k, 0]] = color[kind == k]


def draw_tracks(image: U8, canvas: Canvas, tracks: Tracks, *, only_confirmed: bool = True) -> None:
    """Boxes with identity, and where each object will be in one second."""
    for k in range(len(tracks)):
        if only_confirmed and not tracks.confirmed[k]:
            continue
        kind = ObjectClass(int(np.argmax(tracks.class_probs[k])))
        color = CLASS_RGB[kind]
        draw_box(image, canvas, tracks.center[k], tracks.size[k], float(tracks.yaw[k]), color)
        ends = canvas.pixels(np.stack([tracks.center[k, :2], tracks.center[k, :2] + tracks.velocity[k]]))
        a, b = (tuple(int(v) for v in np.round(p)) for p in ends)
        if not tracks.is_stationary[k] and np.hypot(*(ends[1] - ends[0])) > 6.0:
            cv2.arrowedLine(image, a, b, color, 2, cv2.LINE_AA, tipLength=0.18)
        caption(image, f"{kind.name[:3]} {bytes(tracks.uuid[k][:2]).hex()}", (a[0] + 7, a[1] - 7), color, 0.36)


def draw_box(
    image: U8,
    canvas: Canvas,
    center: NDArray[np.floating],
    size: NDArray[np.floating],
    yaw: float,
    color: Sequence[int],
    width: int = 2,
) -> None:
    """Outline of one box in odom, a line from its middle to its front."""
    corners = geometry.box_corners(
        np.asarray(center, np.float64)[None, :2], np.asarray(size, np.float64)[None, :2], np.array([yaw])
    )[0]
    uv = np.round(canvas.pixels(corners)).astype(np.int32)
    cv2.polylines(image, [uv], True, tuple(color), width, cv2.LINE_AA)
    front = np.round(canvas.pixels(np.stack([np.asarray(center)[:2], 0.5 * (corners[0] + corners[3])]))).astype(
        np.int32
    )
    cv2.line(image, tuple(map(int, front[0])), tuple(map(int, front[1])), tuple(color), width, cv2.LINE_AA)


def birds_eye(
    result: Perception, xyz_base: NDArray[np.floating] | None = None, size: int = 720, side: float = 100.0
) -> U8:
    """Grid, points (N,3) in base_link, own vehicle and tracks of one step as a picture (size,size,3) RGB."""
    canvas = Canvas(result.T_odom_base, size, side)
    image = paint_occupancy(canvas, result.occupancy)
    if xyz_base is not None and len(xyz_base):
        draw_points(image, canvas, geometry.transform_points(result.T_odom_base, xyz_base), result.terrain)
    _own(image, canvas)
    draw_tracks(image, canvas, result.tracks)
    if not result.tracks.confirmed.any():
        boxes = shown_boxes(result)
        for k, color in enumerate(boxes.colors):
            draw_box(image, canvas, boxes.center[k], boxes.size[k], float(boxes.yaw[k]), color, 1)
    caption(image, f"grid {side:.0f} m   {result.mode.name}", (10, 20), (255, 255, 255))
    return image


def terrain_view(result: Perception, size: int = 400, side: float = 70.0) -> U8:
    """Elevation and passability of one step as a picture (size,size,3) RGB."""
    canvas = Canvas(result.T_odom_base, size, side, ahead=5.0)
    image = paint_terrain(canvas, result.terrain)
    _own(image, canvas)
    caption(image, f"terrain {side:.0f} m   red: not passable   pink: ditch", (10, 20), (255, 255, 255))
    return image


def render_step(frame: SensorFrame | None, result: Perception, height: int = 720) -> U8:
    """One picture (height, width, 3) RGB: camera images with boxes and terrain on the left, grid and tracks on the right."""
    xyz = np.concatenate([s.cloud.xyz for s in frame.scans]) if frame and frame.scans else None
    right = birds_eye(result, xyz, height)
    width = round(0.9 * height)
    cameras = _cameras(frame.cameras if frame else (), result, width)[:height]
    below = height - len(cameras)
    terrain = terrain_view(result, max(width, below))
    offset = (len(terrain) - below) // 2
    left = np.concatenate([cameras, terrain[offset : offset + below, :width]])
    return np.concatenate([left, np.full((height, 4, 3), 255, np.uint8), right], axis=1)


def shown_boxes(result: Perception) -> Boxes:
    """Confirmed tracks; before there are any, the detections that have a class."""
    tracks, found = result.tracks, result.detections
    if tracks.confirmed.any() or not len(found):
        rows = np.flatnonzero(tracks.confirmed)
        colors = [CLASS_RGB[ObjectClass(int(np.argmax(p)))] for p in tracks.class_probs[rows]]
        center, size, yaw, velocity = (
            np.asarray(v[rows], np.float64) for v in (tracks.center, tracks.size, tracks.yaw, tracks.velocity)
        )
        return Boxes(center, size, yaw, velocity, colors)
    kinds = np.argmax(found.class_probs, axis=1)
    rows = np.flatnonzero(kinds != ObjectClass.UNKNOWN)
    center = geometry.transform_points(result.T_odom_base, found.center[rows])
    yaw = found.yaw[rows].astype(np.float64) + geometry.yaw_of(result.T_odom_base)
    at_rest = np.zeros((len(rows), 2))
    return Boxes(
        center, found.size[rows].astype(np.float64), yaw, at_rest, [CLASS_RGB[ObjectClass(k)] for k in kinds[rows]]
    )


def _cameras(cameras: Sequence[CameraFrame], result: Perception, width: int) -> U8:
    """All pictures beside and below each other: one, two or three in a row of the given width."""
    columns = 1 if len(cameras) == 1 else 2 if len(cameras) <= 4 else 3
    views = [view for c in cameras if (view := _camera(c, result, width // columns)) is not None]
    rows = []
    for k in range(0, len(views), columns):
        row = views[k : k + columns]
        tall = max(len(view) for view in row)
        out = np.full((tall, width, 3), UNKNOWN_RGB, np.uint8)
        for column, view in enumerate(row):
            out[: len(view), column * (width // columns) :][:, : view.shape[1]] = view
        rows.append(out)
    return np.concatenate(rows) if rows else np.empty((0, width, 3), np.uint8)


def _camera(camera: CameraFrame, result: Perception, width: int) -> U8 | None:
    """Camera picture of the given width with the boxes drawn; None if it cannot be decoded."""
    try:
        image = np.ascontiguousarray(straightened(pixels(camera), camera).copy())
    except ImageError:
        return None
    boxes_on_camera(image, camera, result, shown_boxes(result))
    scale = width / image.shape[1]
    image = np.asarray(
        cv2.resize(image, (width, round(image.shape[0] * scale)), interpolation=cv2.INTER_AREA), np.uint8
    )
    caption(image, camera.sensor, (10, 18), (255, 255, 255))
    return image


def _own(image: U8, canvas: Canvas) -> None:
    """The vehicle itself as an arrow head at base_link."""
    ahead = canvas.T_odom_base[:2, :2] @ np.array([[3.0, -1.5, -0.7, -1.5], [0.0, 1.3, 0.0, -1.3]])
    uv = np.round(canvas.pixels(canvas.T_odom_base[:2, 3] + ahead.T)).astype(np.int32)
    cv2.fillPoly(image, [uv], (20, 20, 24), cv2.LINE_AA)
    cv2.polylines(image, [uv], True, (255, 255, 255), 1, cv2.LINE_AA)
