"""The table of sources that ``autonomy-perception import`` offers."""

from __future__ import annotations

from collections.abc import Mapping

from autonomy_perception.bags.importers import kitti_raw, kitti_tracking
from autonomy_perception.bags.importers.base import Source

SOURCES: Mapping[str, Source] = {"kitti-raw": kitti_raw.open_drive, "kitti-tracking": kitti_tracking.open_drive}
