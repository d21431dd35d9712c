"""Old and new outputs of one frame side by side, what differs marked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.metrics.golden import BLOCK, CellState, Golden, GoldenFrame, Objects
from autonomy_perception.metrics.golden_compare import Difference, differing_cells
from autonomy_perception.report.overlay import caption
from autonomy_perception.report.render import FREE_RGB, OCCUPIED_RGB, UNKNOWN_RGB, Canvas, draw_box

U8 = NDArray[np.uint8]
DIFFERENT_RGB = (255, 0, 255)
_STATE_RGB = {
    CellState.UNKNOWN: UNKNOWN_RGB, CellState.FREE: FREE_RGB, CellState.OCCUPIED: OCCUPIED_RGB,
    CellState.UNDECIDED: (220, 180, 60),
}  # fmt: skip
_TRACK_RGB, _TENTATIVE_RGB, _DETECTION_RGB = (30, 110, 220), (120, 150, 190), (230, 160, 40)
ZOOM_M = 24.0
"""Edge of the second row of views [m]."""
_MARGIN = 26
_LINES = 8


def write_picture(old: Golden, new: Golden, differences: Sequence[Difference], path: Path) -> Path:
    """Draw the frame of the first difference into a PNG; returns its path.

    Raises:
        ValueError: there is no difference.
        OSError: the file cannot be written.
    """
    if not differences:
        raise ValueError("no difference to draw")
    first = differences[0]
    of_frame = [d for d in differences if d.stamp_ns == first.stamp_ns]
    before, after = (next((f for f in g.frames if f.stamp_ns == first.stamp_ns), None) for g in (old, new))
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), picture(before, after, of_frame)[..., ::-1]):
        raise OSError(f"{path}: cannot be written")
    return path


def picture(old: GoldenFrame | None, new: GoldenFrame | None, differences: Sequence[Difference], size: int = 720) -> U8:
    """Picture (H,W,3) RGB: bird's-eye view of the old and the new outputs, below it ZOOM_M around the first difference that
    has a place, x ahead up; what differs is outlined in magenta.

    ``differences`` are those of this frame. A frame that is missing stays dark.
    """
    seen = old or new
    if seen is None:
        raise ValueError("neither an old nor a new frame")
    side, T = 100.0, seen.T_odom_base.copy()
    if (occupancy := seen.maps.get("occupancy")) is not None:
        grid = occupancy.grid
        side = grid.nx * grid.resolution
        T[:2, 3] = np.add(grid.origin, 0.5 * grid.resolution * np.array([grid.nx, grid.ny]))
    rows = [_pair(old, new, differences, Canvas(T, size, side, ahead=0.0))]
    place = next((xy for d in differences if (xy := _place(d, seen)) is not None), None)
    if place is not None:
        T = T.copy()
        T[:2, 3] = place
        rows.append(_pair(old, new, differences, Canvas(T, size, ZOOM_M, ahead=0.0)))
    lines = [str(d) for d in differences[:_LINES]]
    if len(differences) > _LINES:
        lines.append(f"and {len(differences) - _LINES} more differences in this frame")
    words = np.full((_MARGIN * (len(lines) + 1), rows[0].shape[1], 3), 24, np.uint8)
    for k, line in enumerate(lines):
        caption(words, line[:190], (10, _MARGIN * (k + 1)), (255, 255, 255))
    return np.concatenate([*rows, words])


def _pair(old: GoldenFrame | None, new: GoldenFrame | None, differences: Sequence[Difference], canvas: Canvas) -> U8:
    """Both views side by side, with the marks of all differences and a line below."""
    contours, _ = cv2.findContours(_marks(old, new, canvas), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    views = []
    for frame, title in ((old, "old (golden)"), (new, "new")):
        view = _view(frame, canvas)
        cv2.drawContours(view, contours, -1, DIFFERENT_RGB, 1)
        for d in differences:
            _ring(view, canvas, d, old or new)
        caption(view, f"{title}   {canvas.side:.0f} m", (10, 20), (255, 255, 255))
        views.append(view)
    both = np.concatenate([views[0], np.full((canvas.size, 4, 3), 255, np.uint8), views[1]], axis=1)
    return np.concatenate([both, np.full((4, both.shape[1], 3), 255, np.uint8)])


def _view(frame: GoldenFrame | None, canvas: Canvas) -> U8:
    image = np.full((canvas.size, canvas.size, 3), UNKNOWN_RGB, np.uint8)
    if frame is None:
        return image
    occupancy = frame.maps.get("occupancy")
    if occupancy is not None and occupancy.states is not None:
        shown = canvas.layer(occupancy.states, occupancy.grid, CellState.UNKNOWN)
        for state, color in _STATE_RGB.items():
            image[shown == state] = color
    for part, objects in sorted(frame.parts.items()):
        for row in range(len(objects)):
            center, yaw = _placed(frame, objects, row)
            color = _DETECTION_RGB
            if "confirmed" in objects.fields:
                color = _TRACK_RGB if objects.fields["confirmed"][row] else _TENTATIVE_RGB
            size = np.asarray(objects.fields["size"][row], np.float64)
            draw_box(image, canvas, center, size, yaw, color, 2 if part == "tracks" else 1)
    return image


def _placed(frame: GoldenFrame, objects: Objects, row: int) -> tuple[NDArray[np.float64], float]:
    """Centre (3,) and yaw of an object in the frame of the map."""
    center = np.asarray(objects.fields["center"][row], np.float64)
    yaw = float(objects.fields["yaw"][row])
    if objects.frame_id != "base_link" or not frame.has_ego_motion:
        return center, yaw
    turned = geometry.transform_points(frame.T_odom_base, center[None])[0]
    return np.asarray(turned, np.float64), yaw + geometry.yaw_of(frame.T_odom_base)


def _marks(old: GoldenFrame | None, new: GoldenFrame | None, canvas: Canvas) -> U8:
    """Mask (size,size) around the cells whose state differs: the cells themselves stay visible inside its outline."""
    blank = np.zeros((canvas.size, canvas.size), np.uint8)
    if old is None or new is None or "occupancy" not in old.maps or "occupancy" not in new.maps:
        return blank
    a, b = old.maps["occupancy"], new.maps["occupancy"]
    if a.states is None or b.states is None or a.grid.shape != b.grid.shape:
        return blank
    shown = canvas.layer(differing_cells(a, b).astype(np.uint8), a.grid, 0)
    return np.asarray(cv2.dilate(np.asarray(shown, np.uint8), np.ones((7, 7), np.uint8)), np.uint8)


def _place(d: Difference, frame: GoldenFrame) -> NDArray[np.float64] | None:
    """Where a difference is (2,) [m], in the frame of the map: the middle of a block."""
    if d.xy is None:
        return None
    part = d.field.partition(".")[0]
    if part in frame.maps:
        return np.array(d.xy) + (0.0 if d.field.endswith(".states") else 0.5 * BLOCK * frame.maps[part].grid.resolution)
    if part in frame.parts and frame.parts[part].frame_id == "base_link" and frame.has_ego_motion:
        return np.asarray(geometry.transform_points(frame.T_odom_base, np.array([[*d.xy, 0.0]]))[0, :2])
    return np.array(d.xy)


def _ring(view: U8, canvas: Canvas, d: Difference, frame: GoldenFrame | None) -> None:
    """A ring around the object, or a frame around the block, that differs."""
    if frame is None or (place := _place(d, frame)) is None or d.field.endswith(".states"):
        return
    part = d.field.partition(".")[0]
    if part in frame.maps:
        half = 0.5 * BLOCK * frame.maps[part].grid.resolution
        corners = place + half * np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
        cv2.polylines(view, [np.round(canvas.pixels(corners)).astype(np.int32)], True, DIFFERENT_RGB, 1, cv2.LINE_AA)
        return
    u, v = (round(p) for p in canvas.pixels(place[None])[0])
    cv2.circle(view, (u, v), 16, DIFFERENT_RGB, 2, cv2.LINE_AA)
