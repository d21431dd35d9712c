"""The parts of a frame: sweeps through the unpack kernel, images with their calibration, the body masked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.config import Hitch, SensorsConfig, VehicleConfig
from autonomy_perception.messages.events import CloudMsg, ImageMsg, JointMsg
from autonomy_perception.ops.library import Library
from autonomy_perception.ops.unpack import Crop, Masks, unpack
from autonomy_perception.sensors import image, trailer
from autonomy_perception.sensors.articulation import Articulation, Span, Views
from autonomy_perception.sensors.calibration import Calibration, CalibrationError
from autonomy_perception.sensors.cloud import Sweep
from autonomy_perception.sensors.collector import Group
from autonomy_perception.sensors.deskew import SweepTime, pose_table
from autonomy_perception.sensors.health import HealthBook
from autonomy_perception.sensors.image_header import ImageError, bytes_view
from autonomy_perception.sensors.mask import masks_of, tractor_masks
from autonomy_perception.sensors.stream import Item
from autonomy_perception.sensors.tf import TfBuffer
from autonomy_perception.types import CameraFrame, CameraModel, LidarScan, PointCloud, Trajectory

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
NO_BEAMS = np.empty(0, np.float32)
ANGLE_DIGITS = 3
"""Hitch angles are rounded to this [rad] for the masks, which are made anew only when they differ."""
MANY_POINTS = 30_000
"""Of larger sweeps every second, third, ... point is enough to find the trailer in."""


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


def same_point(xyz: F32) -> bool:
    """True if points (N,3) are many and all the same, judged by a few dozen of them."""
    few = xyz[:: max(1, len(xyz) // 64)]
    return len(few) >= 64 and not np.ptp(few, axis=0).any()


def points_around_hitch(lib: Library, item: CloudItem, T_base_sensor: F64, hitch: Hitch, masks: Masks) -> F32:
    """What a lidar saw where the trailer may be: float32 (N,3) in base_link, each point at its own time [m]."""
    layout, stride = item.sweep.layout, 1 + item.sweep.points // MANY_POINTS
    layout = replace(layout, width=max(1, layout.width // stride), point_step=layout.point_step * stride)
    reach, (low, high) = trailer.reach(hitch), trailer.band(hitch)
    box = (hitch.x - reach, hitch.x + reach, -reach, reach, low, high)
    pose = T_base_sensor[None, :3].astype(np.float32)
    return np.asarray(unpack(lib, item.sweep.data, layout, pose, crop=Crop(0.0, box=box), masks=masks).xyz)


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
    """A camera frame; its bytes stay as they came until a consumer asks for pixels.

    Raises:
        ImageError: the image is not of the size that its CameraInfo says.
    """
    width, height = image.check(message)
    if (width, height) != (model.width, model.height):
        raise ImageError(f"{width} x {height} px, but CameraInfo says {model.width} x {model.height}")
    encoded = bytes_view(message.data) if message.compressed else None
    return CameraFrame(sensor, stamp_ns, model, T_base_camera, encoded, decoder=image.decoder(message))


class Assembler:
    """Turns the items of a group into scans and camera frames; what cannot be used goes to the health book."""

    def __init__(self, config: SensorsConfig, vehicle: VehicleConfig, calibration: Calibration, tf: TfBuffer,
                 book: HealthBook, lib: Library) -> None:  # fmt: skip
        self._config, self._vehicle, self._lib = config, vehicle, lib
        self._calibration, self._tf, self._book = calibration, tf, book
        self._tractor = tractor_masks(vehicle.dimensions, vehicle.body)
        self._masks: dict[Span | None, Masks] = {}
        self._articulation = Articulation(vehicle, tf, book) if vehicle.hitch is not None else None
        self._beams: dict[str, F32] = {
            name: np.sort(np.deg2rad(np.asarray(c.beam_elevations_deg, np.float32)))
            for name, c in vehicle.lidars.items()
        }

    @property
    def trailer(self) -> str:
        """Angle of the trailer and who told it, in words; empty for a vehicle without a hitch."""
        return self._articulation.about if self._articulation is not None else ""

    def on_joint(self, message: JointMsg) -> None:
        """Take in what the hitch's topic says."""
        if self._articulation is not None:
            self._articulation.on_joint(message)

    def forget(self) -> None:
        """Time jumped back: where the trailer was is of no use."""
        if self._articulation is not None:
            self._articulation.forget()

    def scans(self, group: Group, trajectory: Trajectory | None, now_ns: int) -> tuple[LidarScan, ...]:
        """Scans in base_link at the group's stamp; those without calibration or points are left out."""
        poses = {name: T for name in group.lidars if (T := self._pose(group.lidars[name], now_ns)) is not None}
        if not poses:
            return ()
        masks = self._self_masks([(group.lidars[name].payload, T) for name, T in poses.items()], now_ns)
        found = (
            self._scan(group.lidars[name], T, group.frame_ns, trajectory, masks, now_ns) for name, T in poses.items()
        )
        return tuple(scan for scan in found if scan is not None)

    def cameras(self, group: Group, now_ns: int) -> tuple[CameraFrame, ...]:
        """Images with their calibration; those without are left out."""
        found = (self._camera(item, now_ns) for item in group.cameras.values())
        return tuple(camera for camera in found if camera is not None)

    def _pose(self, item: Item, now_ns: int) -> F64 | None:
        cloud: CloudItem = item.payload
        try:
            return self._calibration.pose(item.sensor, cloud.time.stamp_ns)
        except CalibrationError as e:
            self._book.invalid(item.sensor, e.field, e.expected, e.found, now_ns)
            return None

    def _scan(self, item: Item, T: F64, frame_ns: int, trajectory: Trajectory | None, masks: Masks,
              now_ns: int) -> LidarScan | None:  # fmt: skip
        cloud: CloudItem = item.payload
        scan, dropped = lidar_scan(
            self._lib, item.sensor, cloud, T, trajectory, frame_ns, self._config, masks, self._vehicle.base_frame
        )
        if not len(scan.cloud):
            reasons = ", ".join(f"{n} {why}" for why, n in dropped.items() if n)
            found = f"none of {cloud.sweep.points} ({reasons})"
            self._book.invalid(item.sensor, "points", "usable points", found, now_ns)
            return None
        if same_point(scan.cloud.xyz):
            found = f"{len(scan.cloud)} times the same point"
            self._book.invalid(item.sensor, "points", "a sweep over the surroundings", found, now_ns)
            return None
        if not len(self._beams[item.sensor]) and scan.cloud.has_ring:
            self._beams[item.sensor] = estimate_beams(scan, T)
        return replace(scan, beam_elevations=self._beams[item.sensor])

    def _camera(self, item: Item, now_ns: int) -> CameraFrame | None:
        message: ImageMsg = item.payload
        try:
            model, T = self._calibration.model(item.sensor), self._calibration.pose(item.sensor, item.stamp_ns)
            return camera_frame(item.sensor, message, item.stamp_ns, model, T)
        except CalibrationError as e:
            self._book.invalid(item.sensor, e.field, e.expected, e.found, now_ns)
        except ImageError as e:
            self._book.invalid(item.sensor, "data", "an image of the calibrated size", str(e), now_ns)
        return None

    def _self_masks(self, clouds: Sequence[tuple[CloudItem, F64]], now_ns: int) -> Masks:
        """Masks of the body; the trailer's follow it over the time of all sweeps."""
        hitch, span = self._vehicle.hitch, None
        if hitch is not None and self._articulation is not None:
            tractor = self._masks_for(None)

            def views() -> Views:
                return [(T[:3, 3], points_around_hitch(self._lib, c, T, hitch, tractor)) for c, T in clouds]

            first, last = (min(c.time.start_ns for c, _ in clouds), max(c.time.end_ns for c, _ in clouds))
            span = self._articulation.span(first, last, views, now_ns)
        return self._masks_for(span)

    def _masks_for(self, span: Span | None) -> Masks:
        key = None if span is None else (round(span[0], ANGLE_DIGITS), round(span[1], ANGLE_DIGITS))
        if key not in self._masks:
            self._masks = {k: m for k, m in self._masks.items() if k is None}
            self._masks[key] = masks_of(self._tractor, self._vehicle.hitch, key)
        return self._masks[key]
