"""``bench messages``: reading and filling messages our way, beside the steps of sensor_msgs_py and cv_bridge and plain
assignment."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection
from typing import Any

import numpy as np
from nav_msgs.msg import OccupancyGrid
from numpy.lib.recfunctions import structured_to_unstructured
from numpy.typing import NDArray
from sensor_msgs.msg import Image, PointField

from autonomy_perception import geometry
from autonomy_perception.bench.result import BenchResult, Timing, time_pair
from autonomy_perception.config import LidarConfig
from autonomy_perception.live import bench_images
from autonomy_perception.messages import sensors_in as convert
from autonomy_perception.nodes.messages import ROS, cloud
from autonomy_perception.ops.library import CpuLibrary, Library
from autonomy_perception.ops.unpack import unpack
from autonomy_perception.sensors.cloud import CloudReader

POINTS, CELLS, HEIGHT, WIDTH = 120_000, 1000, 1080, 1920
POSE = geometry.make_transform(geometry.rotation_rpy(0.01, -0.02, 0.3), (0.8, 0.0, 1.7))
"""Pose of the lidar in base_link."""

Points = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], NDArray[np.uint16]]
"""xyz (N,3) [m], intensity (N,), time (N,) [s], ring (N,)."""


def run() -> BenchResult:
    """Time each operation in turn with its peer, on one thread and without the middleware."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # as in the nodes; read when the kernels are loaded
    rng = np.random.default_rng(0)
    scan, lib = _cloud(rng), CpuLibrary()
    reader = CloudReader(LidarConfig(topic="/points", frame="lidar"))
    image, grid = rng.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8), rng.integers(-1, 101, (CELLS, CELLS), np.int8)
    a, b = Image(), OccupancyGrid()

    def fill_image() -> None:
        a.data = ROS.sequence(image)

    def fill_image_plainly() -> None:
        a.data = image.ravel().tolist()

    def fill_grid() -> None:
        b.data = ROS.sequence(grid)

    def fill_grid_plainly() -> None:
        b.data = grid.ravel().tolist()

    pairs: dict[str, bench_images.Pair] = {
        "read_cloud": (lambda: read_ours(scan, reader, lib), lambda: read_plainly(scan), 25),
        "fill_image": (fill_image, fill_image_plainly, 5),
        "fill_grid": (fill_grid, fill_grid_plainly, 9),
    }
    images = bench_images.pairs(rng, lib, WIDTH, HEIGHT, 7)
    times = {name: time_pair(ours, peer, runs) for name, (ours, peer, runs) in (pairs | images).items()}
    ours, peer = (_figures({name: pair[k] for name, pair in times.items()}, list(pairs)) for k in (0, 1))
    return BenchResult("messages", ours, peer, ours["ms"] / peer["ms"])


def _figures(times: dict[str, Timing], summed: Collection[str]) -> dict[str, float]:
    """All medians by name; ``ms`` and ``p99_ms`` are those of what one frame needs, reading images apart."""
    out = {"ms": sum(times[n].ms for n in summed), "p99_ms": sum(times[n].p99_ms for n in summed)}
    return out | {f"{name}_ms": t.ms for name, t in times.items()}


def read_ours(message: Any, reader: CloudReader, lib: Library) -> Points:
    """Points of a PointCloud2 in the vehicle's frame: an event, then one pass over its bytes."""
    event = convert.cloud("/points", message, 0)
    sweep = reader.read(event, POINTS)
    out = unpack(lib, sweep.data, sweep.layout, POSE[None, :3].astype(np.float32), (0.0, 0.0), POSE)
    return out.xyz, out.intensity, out.time, out.ring


def read_plainly(message: Any) -> Points:
    """The same by ``sensor_msgs_py.point_cloud2.read_points(cloud, skip_nans=True)`` and NumPy.

    Written after ros2/common_interfaces, sensor_msgs_py/point_cloud2.py: a structured view of the bytes, and a copy of
    the points without NaN.
    """
    kinds = {PointField.FLOAT32: np.float32, PointField.UINT16: np.uint16, PointField.FLOAT64: np.float64}
    dtype = np.dtype({
        "names": [f.name for f in message.fields], "formats": [kinds[f.datatype] for f in message.fields],
        "offsets": [f.offset for f in message.fields], "itemsize": message.point_step,
    })  # fmt: skip
    points = np.ndarray((message.width * message.height,), dtype, message.data)
    if (sys.byteorder != "little") != bool(message.is_bigendian):
        points = points.byteswap()
    keep = np.ones(len(points), bool)
    for name in dtype.names or ():
        keep = np.logical_and(keep, ~np.isnan(points[name]))
    points = points[keep]
    xyz = structured_to_unstructured(points[["x", "y", "z"]])
    # einsum and not @: the threads of BLAS go on spinning and would slow down whatever is timed next
    moved = np.einsum("ij,nj->ni", POSE[:3, :3].astype(np.float32), xyz) + POSE[:3, 3].astype(np.float32)
    return moved, np.clip(points["intensity"], 0, 1), points["time"].copy(), points["ring"].copy()


def _cloud(rng: np.random.Generator) -> Any:
    """A cloud with the layout of common lidar drivers (22 bytes a point), a few points without return."""
    kind = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("intensity", "<f4"), ("ring", "<u2"), ("time", "<f4")])
    points = np.zeros(POINTS, kind)
    for name in "xyz":
        points[name] = rng.normal(0, 20, POINTS)
    points["intensity"], points["ring"] = rng.random(POINTS), rng.integers(0, 64, POINTS)
    points["x"][::97] = np.nan
    return cloud("lidar", 0, points)
