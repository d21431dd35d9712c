"""``tracklet_labels.xml`` of KITTI raw: boxes in the lidar frame, bottom centre, by frame."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.bags.errors import BagError
from autonomy_perception.bags.messages import TruthObject
from autonomy_perception.types import ObjectClass

CLASSES = {
    "Car": ObjectClass.CAR, "Van": ObjectClass.CAR, "Truck": ObjectClass.TRUCK, "Tram": ObjectClass.UNKNOWN,
    "Pedestrian": ObjectClass.PEDESTRIAN, "Person": ObjectClass.PEDESTRIAN,
    "Person (sitting)": ObjectClass.PEDESTRIAN, "Person_sitting": ObjectClass.PEDESTRIAN,
    "Cyclist": ObjectClass.BICYCLE, "Misc": ObjectClass.UNKNOWN,
}  # fmt: skip
"""KITTI's types in our classes; a van counts as car, a tram has no class of its own."""


@dataclass(frozen=True)
class LidarBox:
    """A label in the lidar frame: identity, class, T_lidar_box (4,4) of the box centre, l w h [m]."""

    identity: str
    kind: ObjectClass
    T_lidar_box: NDArray[np.float64]
    size: tuple[float, float, float]

    def in_frame(self, T_frame_lidar: NDArray[np.float64]) -> TruthObject:
        """The same label in another frame."""
        return TruthObject(self.identity, self.kind, T_frame_lidar @ self.T_lidar_box, self.size)


def read(path: Path) -> dict[int, list[LidarBox]] | None:
    """Boxes by frame number; None if there is no such file. Raises BagError if it is broken."""
    if not path.exists():
        return None
    out: dict[int, list[LidarBox]] = {}
    try:
        for number, item in enumerate(ET.parse(path).getroot().findall("./tracklets/item")):
            _add(out, item, f"kitti-raw/{path.parent.name}/{number}")
    except (ET.ParseError, ValueError, KeyError, TypeError) as e:
        raise BagError(f"{path}: not a KITTI tracklet file: {type(e).__name__}: {e}") from e
    return out


def _number(element: ET.Element, tag: str) -> float:
    text = element.findtext(tag)
    if text is None:
        raise KeyError(f"<{tag}> is missing")
    return float(text)


def _add(out: dict[int, list[LidarBox]], item: ET.Element, identity: str) -> None:
    kind = CLASSES.get(item.findtext("objectType") or "", ObjectClass.UNKNOWN)
    height, width, length = (_number(item, t) for t in ("h", "w", "l"))
    first = int(_number(item, "first_frame"))
    for k, pose in enumerate(item.findall("./poses/item")):
        centre = (_number(pose, "tx"), _number(pose, "ty"), _number(pose, "tz") + height / 2.0)
        T = geometry.make_transform(geometry.rotation_z(_number(pose, "rz")), centre)
        out.setdefault(first + k, []).append(LidarBox(identity, kind, T, (length, width, height)))
