"""The table of sources that ``autonomy-perception import`` offers."""

from __future__ import annotations

from collections.abc import Mapping

from autonomy_perception.bags.importers import (
    argoverse2,
    kitti_object,
    kitti_raw,
    kitti_tracking,
    monoforce,
    nuscenes,
    orfd,
    pjlab,
    rellis3d,
    semantic_kitti,
)
from autonomy_perception.bags.importers.base import Source

SOURCES: Mapping[str, Source] = {
    "kitti-raw": kitti_raw.open_drive,
    "kitti-tracking": kitti_tracking.open_drive,
    "kitti-object": kitti_object.open_drive,
    "nuscenes-keyframe": nuscenes.open_drive,
    "argoverse2": argoverse2.open_drive,
    "pjlab": pjlab.open_drive,
    "rellis3d": rellis3d.open_drive,
    "monoforce": monoforce.open_drive,
    "orfd": orfd.open_drive,
    "semantic-kitti": semantic_kitti.open_drive,
}
