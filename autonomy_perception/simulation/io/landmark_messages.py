"""What stands in a world as markers: everything with its kind, and what a map of it would hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.bags import messages as m
from autonomy_perception.bags.importers.base import Record
from autonomy_perception.simulation.world.structures import Landmark, LaneMarking
from autonomy_perception.simulation.world.world import FIRST_STRUCTURE, World

LANDMARKS, STRUCTURE_KINDS = "/ground_truth/landmarks", "/ground_truth/structure_kinds"
MAP_FRAME = "map"
MARKERS = "visualization_msgs/msg/MarkerArray"
_CUBE, _LINE_STRIP = 1, 4
_THICK = 0.05  # plates as boxes [m]


def landmark_record(world: World, at: int) -> Record:
    """visualization_msgs/MarkerArray in ``map``: ``ns`` is the kind, ``id`` the instance number, ``text`` what it says.

    Boxes face along their x axis; lines run along their middle, ``scale.x`` is their width and ``text`` the length of
    their paint and of their gaps [m].
    """
    marks = [_plate(mark, at) for mark in world.landmarks]
    marks += [_line(line, k, at) for k, line in enumerate(world.markings)]
    return Record(LANDMARKS, MARKERS, at, m.make(MARKERS, markers=marks))


def structure_record(world: World, at: int) -> Record:
    """visualization_msgs/MarkerArray in ``map``: a box along its axes around every structure; ``ns`` is the kind, ``id``
    the instance number."""
    low, high = world.bounds
    marks = []
    for k, (structure, middle, size) in enumerate(zip(world.structures, 0.5 * (low + high), high - low, strict=True)):
        pose, scale = geometry.make_transform(np.eye(3), middle), (float(size[0]), float(size[1]), float(size[2]))
        name = structure.kind.name.lower()
        marks.append(_marker(at, name, FIRST_STRUCTURE + k, _CUBE, pose, scale, (0.6, 0.6, 0.6), (), ""))
    return Record(STRUCTURE_KINDS, MARKERS, at, m.make(MARKERS, markers=marks))


def _plate(mark: Landmark, at: int) -> Any:
    pose = geometry.make_transform(geometry.rotation_z(mark.heading), np.array(mark.position))
    scale = (_THICK, float(mark.size[0]), float(mark.size[1]))
    return _marker(at, mark.kind.name.lower(), mark.number, _CUBE, pose, scale, (0.1, 0.5, 0.9), (), mark.text)


def _line(line: LaneMarking, number: int, at: int) -> Any:
    points = [m.vector(p, "Point") for p in line.line]
    text = " ".join(f"{length:g}" for length in line.dashes) if line.dashes else ""
    scale = (float(line.width), 0.0, 0.0)
    return _marker(at, f"{line.kind}_line", number, _LINE_STRIP, np.eye(4), scale, (1.0, 1.0, 1.0), points, text)


def _marker(
    at: int,
    kind: str,
    number: int,
    shape: int,
    pose: NDArray[np.float64],
    scale: tuple[float, float, float],
    color: tuple[float, float, float],
    points: Sequence[Any],
    text: str,
) -> Any:
    r, g, b = color
    return m.make(
        "visualization_msgs/msg/Marker", header=m.header(MAP_FRAME, at), ns=kind, id=number, type=shape, pose=m.pose(pose), scale=m.vector(scale),
        color=m.make("std_msgs/msg/ColorRGBA", r=r, g=g, b=b, a=1.0), points=list(points), text=text,
        texture=m.compressed_image(MAP_FRAME, at, b"", ""),
    )  # fmt: skip
