"""One sensor's part of a frame: the unpack kernel on a sweep, a camera frame from an image."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.config import SensorsConfig
from autonomy_perception.ops.library import Library
from autonomy_perception.ops.unpack import Crop, Masks, unpack
from autonomy_perception.sensors import image
from autonomy_perception.sensors.cloud import Sweep
from autonomy_perception.sensors.deskew import SweepTime, pose_table
from autonomy_perception.sensors.events import CloudMsg, ImageMsg
from autonomy_perception.types import CameraFrame, CameraModel, LidarScan, PointCloud, Trajectory

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
NO_BEAMS = np.empty(0, np.float32)


@dataclass(frozen=True)
class CloudItem:
    """A cloud on its way through the collector: message, layout, times."""

    event: CloudMsg
    sweep: Sweep
    time: SweepTime


def lidar_scan(lib: Library, sensor: str, item: CloudItem, T_base_sensor: F64, trajectory: Trajectory | None,
               frame_ns: int, config: SensorsConfig, masks: Masks, base_frame: str) -> tuple[LidarScan, dict[str, int]]:  # fmt: skip
    """Points of a sweep in base_link at the frame's stamp, cropped and masked, and the counts of dropped points."""
    poses, span = pose_table(item.time, frame_ns, trajectory, T_base_sensor, item.sweep.has_time)
    crop = Crop(config.min_range, config.max_range)
    out = unpack(lib, item.sweep.data, item.sweep.layout, poses, span, T_base_sensor, crop, masks)
    if item.sweep.has_time:
        time = out.time + np.float32((item.time.stamp_ns - frame_ns) * 1e-9)
    else:
        middle = (item.time.start_ns + item.time.end_ns) // 2
        time = np.full(len(out.xyz), (middle - frame_ns) * 1e-9, np.float32)
    points = PointCloud(out.xyz, out.intensity, time, out.ring, base_frame, frame_ns, item.sweep.has_ring)
    return LidarScan(sensor, points, T_base_sensor[:3, 3].astype(np.float32)), out.dropped


def with_beams(scan: LidarScan, beams: F32) -> LidarScan:
    """The same scan with its beam table, float32 (K,) [rad]."""
    return replace(scan, beam_elevations=beams)


def estimate_beams(scan: LidarScan, T_base_sensor: F64) -> F32:
    """Elevation [rad] of each beam: the median over its points, seen from the sensor; sorted.

    Empty where the points do not say their ring.
    """
    if not scan.cloud.has_ring or not len(scan.cloud):
        return NO_BEAMS
    local = (scan.cloud.xyz - T_base_sensor[:3, 3].astype(np.float32)) @ T_base_sensor[:3, :3].astype(np.float32)
    elevation = np.arctan2(local[:, 2], np.hypot(local[:, 0], local[:, 1]))
    rings = [elevation[scan.cloud.ring == r] for r in np.unique(scan.cloud.ring)]
    return np.sort(np.array([np.median(e) for e in rings if len(e) >= 8], np.float32))


def camera_frame(sensor: str, message: ImageMsg, stamp_ns: int, model: CameraModel, T_base_camera: F64) -> CameraFrame:
    """A camera frame; compressed images stay bytes until a consumer asks for pixels.

    Raises:
        ImageError: the image is not of the size that its CameraInfo says.
    """
    width, height = image.check(message)
    if (width, height) != (model.width, model.height):
        raise image.ImageError(f"{width} x {height} px, but CameraInfo says {model.width} x {model.height}")
    if message.compressed:
        return CameraFrame(sensor, stamp_ns, model, T_base_camera, encoded=image.bytes_view(message.data))
    return CameraFrame(sensor, stamp_ns, model, T_base_camera, image=image.raw_pixels(message))
