"""Inputs of realistic size for timing and comparing kernels: one lidar sweep, one camera image, boxes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.ops.ground import ground, work_size
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.ops.unpack import CloudLayout, Crop, FieldAt, Masks, box_prism
from autonomy_perception.types import CameraModel

F32 = NDArray[np.float32]

POINT = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("intensity", "<f4"), ("ring", "<u2"), ("time", "<f4")])
SENSOR_HEIGHT = 1.73
CAMERA = CameraModel(
    1242,
    375,
    np.array([[721.5, 0.0, 609.6], [0.0, 721.5, 172.9], [0.0, 0.0, 1.0]]),
    np.array([-0.26, 0.06, 0.0008, -0.0005, -0.004]),
)
T_CAMERA_LIDAR = np.array([[0.0, -1.0, 0.0, 0.0], [0.0, 0.0, -1.0, -0.08], [1.0, 0.0, 0.0, -0.27]])


@dataclass(frozen=True)
class KernelScene:
    """Host arrays.

    Attributes:
        message: POINT (N,) as a driver sends it, sensor frame; ``layout``, ``poses`` (11,3,4), ``span``, ``crop`` and
            ``masks`` as for ``unpack``.
        xyz: float32 (M,3) [m], z = 0 on the ground under the vehicle; intensity float32 (M,).
        label: uint8 (M,), height float32 (M,) of the ground segmentation.
        image: uint8 (375,1242,3).
        boxes: float32 (B,7) x y z l w h yaw, many of them overlapping.
    """

    message: NDArray[np.void]
    layout: CloudLayout
    poses: F32
    span: tuple[float, float]
    crop: Crop
    masks: Masks
    xyz: F32
    intensity: F32
    label: NDArray[np.uint8]
    height: F32
    image: NDArray[np.uint8]
    boxes: F32


def sweep(columns: int, rng: np.random.Generator) -> NDArray[np.void]:
    """One turn of a 64-beam lidar, 1.73 m above uneven ground, among upright boxes and between two walls."""
    elevation = np.radians(np.linspace(2.0, -24.8, 64))[None, :]
    azimuth = np.linspace(np.pi, -np.pi, columns, endpoint=False)[:, None]
    c, s = np.cos(azimuth), np.sin(azimuth)
    with np.errstate(divide="ignore"):
        reach = np.where(elevation < 0, SENSOR_HEIGHT / -np.tan(elevation), np.inf)
        reach = np.minimum(reach, np.abs(18.0 / s))  # walls along the road
    for x, y, half, top in rng.uniform((-50, -15, 0.4, 0.3), (50, 15, 2.0, 2.2), (40, 4)):
        along, aside = c * x + s * y, np.abs(-s * x + c * y)
        hit = (along > 2.0) & (aside < half) & (along < reach) & (along * np.tan(elevation) < top - SENSOR_HEIGHT)
        reach = np.where(hit, along, reach)
    far = np.where(reach < 120.0, reach, 0.0) + rng.normal(0, 0.01, reach.shape)
    points = np.zeros(reach.size, POINT)
    z = np.broadcast_to(np.tan(elevation), far.shape) * far
    points["x"], points["y"], points["z"] = (far * c).ravel(), (far * s).ravel(), z.ravel()
    points["intensity"] = rng.random(reach.size)
    points["ring"] = np.tile(np.arange(64), columns)
    points["time"] = np.repeat(np.linspace(-0.1, 0.0, columns), 64)
    for name in "xyz":
        points[name][(reach >= 120.0).ravel()] = 0.0  # no return
    return points


def kernel_scene(columns: int = 1875, seed: int = 0) -> KernelScene:
    """The scene with ``64 * columns`` points (120,000 by default)."""
    rng = np.random.default_rng(seed)
    message = sweep(columns, rng)
    x, y, z, intensity, ring, time = (
        FieldAt(offset, kind) for offset, kind in ((0, 7), (4, 7), (8, 7), (12, 7), (16, 4), (18, 7))
    )
    layout = CloudLayout(len(message), 1, POINT.itemsize, message.nbytes, x, y, z, intensity, time, ring)
    poses = np.tile(np.eye(4, dtype=np.float32)[:3], (11, 1, 1))
    poses[:, 0, 3], poses[:, 2, 3] = np.linspace(-1.0, 0.0, 11), SENSOR_HEIGHT
    seen = np.abs(message["x"]) + np.abs(message["y"]) > 1.0
    xyz = np.stack([message[n][seen] for n in "xyz"], 1) + np.array([0, 0, SENSOR_HEIGHT], np.float32)
    lib, n = CpuLibrary(), len(xyz)
    label, height = np.empty(n, np.uint8), np.empty(n, np.float32)
    work = np.empty(work_size(lib, n), np.int32)
    ground(lib, xyz, work, label, height, np.array([0.0, 0.0, SENSOR_HEIGHT]), 0.0, 0.25, 4.0, 0.08, 0.002)
    low, high = (-40, -40, 0, 0.5, 0.5, 1, -3), (40, 40, 2, 12, 3, 4, 3)
    return KernelScene(
        message, layout, poses, (-0.1, 0.0), Crop(1.0, 100.0, (-80, 80, -80, 80, -3, 6)),
        Masks.of([box_prism((1.0, 0.0), 6.0, 2.5, 0.0), box_prism((-7.0, 0.0), 9.0, 2.5, 0.1)]),
        xyz, message["intensity"][seen].copy(), label, height,
        rng.integers(0, 256, (375, 1242, 3), np.uint8), rng.uniform(low, high, (400, 7)).astype(np.float32),
    )  # fmt: skip
