"""Pictures and coloured points as ROS messages."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import Image, PointCloud2, PointField

from autonomy_perception.nodes.conversions import to_array

POINT = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("rgb", "<u4")])


def coloured_cloud(header: Any, xyz: NDArray[np.float32], colours: NDArray[np.uint32]) -> PointCloud2:
    """sensor_msgs/PointCloud2 with x, y, z and rgb (N,) 0xRRGGBB packed as RViz reads it."""
    points = np.empty(len(xyz), POINT)
    points["x"], points["y"], points["z"] = xyz.T
    points["rgb"] = colours
    out = PointCloud2(height=1, width=len(points), point_step=POINT.itemsize, row_step=POINT.itemsize * len(points))
    out.is_dense = True
    out.header = header
    names = POINT.names or ()
    out.fields = [PointField(name=n, offset=4 * i, datatype=PointField.FLOAT32, count=1) for i, n in enumerate(names)]
    out.data = to_array(points, "B")
    return out


def picture(header: Any, rgb: NDArray[np.uint8]) -> Image:
    """sensor_msgs/Image (rgb8) of a picture (H,W,3)."""
    out = Image(height=rgb.shape[0], width=rgb.shape[1], encoding="rgb8", step=rgb.shape[1] * 3)
    out.header = header
    out.data = to_array(rgb, "B")
    return out
