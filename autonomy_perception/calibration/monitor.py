"""Calibration health while driving: frames in, a report out.

One expensive look (an image, or a comparison from above) is taken per frame, the most overdue first, so the cost per
frame is bounded and what is looked at depends on the frames alone: the same drive gives the same reports.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.calibration.report import CalibrationReport
from autonomy_perception.calibration.watch import MapWatch, Watch
from autonomy_perception.calibration.watches import CameraWatch, GroundWatch, MotionWatch, OverlapWatch
from autonomy_perception.config import CalibrationConfig, VehicleConfig
from autonomy_perception.ops.library import Library
from autonomy_perception.types import SensorFrame

F64 = NDArray[np.float64]
Look = Callable[[], None]

GROUND = "ground under"
"""What a lidar is compared with, before the name of the base frame."""
EAGER_LOOKS = 6
"""Until a check has so many looks behind it, it looks twice as often: the first verdict should not take long."""
MAX_IMAGE_AGE_NS = 120_000_000
IN_VAIN = 5.0
"""A lidar that sees nothing in a camera's view is looked at this many times less often."""


class CalibrationMonitor:
    """Watches one vehicle. Used by one thread.

    Args:
        config: periods and limits.
        vehicle: its sensors and body.
        lib: kernels of the CPU.
        looks: at most so many expensive looks per frame.
    """

    def __init__(self, config: CalibrationConfig, vehicle: VehicleConfig, lib: Library, looks: int = 1) -> None:
        self._most_looks = looks
        self._period_ns = round(config.period_s * 1e9)
        lidars, body = list(vehicle.lidars), vehicle.dimensions
        base = vehicle.base_frame
        self._ground = {name: GroundWatch(name, f"{GROUND} {base}", config, body) for name in lidars}
        self._motion = {name: MotionWatch(name, f"motion of {base}", config, lib) for name in lidars}
        self._overlap = {name: OverlapWatch(name, lidars[0], config, lib) for name in lidars[1:]}
        self._camera = {
            (lidar, camera): CameraWatch(lidar, camera, config, lib) for camera in vehicle.cameras for lidar in lidars
        }
        self._looked: dict[Watch, int] = {}
        self._version: str | None = None
        self.faults = 0

    def observe(self, frame: SensorFrame, *, reset: bool = False) -> CalibrationReport:
        """Take in a frame. Images that cannot be decoded are left out and counted in ``faults``.

        Args:
            reset: time or odometry jumped since the last frame (as ``frame.reset_reason`` says, if it is not set there).
        """
        if frame.calibration_hash != self._version or frame.reset_reason or reset:
            self._version = frame.calibration_hash
            for watch in self._watches():
                watch.clear()
            self._looked.clear()
        ego = self._ego(frame)
        if ego is not None:
            for scan in frame.scans:
                self._ground[scan.sensor].look(frame.stamp_ns, scan, ego)
        for _ in range(self._most_looks):
            look = self._most_overdue(frame, ego)
            if look is None:
                break
            try:
                look()
            except ValueError:
                self.faults += 1
        return CalibrationReport(frame.calibration_hash, tuple(w.result for w in self._watches()))

    def _watches(self) -> list[Watch]:
        return [*self._ground.values(), *self._motion.values(), *self._overlap.values(), *self._camera.values()]

    @staticmethod
    def _ego(frame: SensorFrame) -> F64 | None:
        trajectory = frame.trajectory
        if trajectory is None or not len(trajectory.stamps_ns):
            return None
        return trajectory.pose(frame.stamp_ns)

    def _most_overdue(self, frame: SensorFrame, ego: F64 | None) -> Look | None:
        """The look that has waited longest beyond its period; None: nothing is due."""
        best: tuple[float, Watch, Look] | None = None
        for watch, period_ns, look in self._possible(frame, ego):
            last = self._looked.get(watch)
            overdue = np.inf if last is None else (frame.stamp_ns - last) / period_ns
            if overdue >= 1.0 and (best is None or overdue > best[0]):
                best = overdue, watch, look
        if best is None:
            return None
        self._looked[best[1]] = frame.stamp_ns
        return best[2]

    def _possible(self, frame: SensorFrame, ego: F64 | None) -> Iterator[tuple[Watch, float, Look]]:
        """Checks that this frame holds data for: the check, its period [ns], and the look."""
        scans = {s.sensor: s for s in frame.scans if len(s.cloud)}
        for image in frame.cameras:
            apart = abs(image.stamp_ns - frame.stamp_ns)
            if apart <= (0 if ego is None else MAX_IMAGE_AGE_NS):
                for name, scan in scans.items():
                    watch = self._camera[name, image.sensor]
                    yield watch, self._period(watch), partial(watch.look, frame, scan, image)
        first = scans.get(next(iter(self._ground)))
        for name, overlap in self._overlap.items():
            if first is not None and name in scans:
                yield overlap, self._period(overlap), partial(overlap.look, frame.stamp_ns, scans[name], first)
        for name, motion in self._motion.items():
            if ego is not None and name in scans and motion.due(ego):
                yield motion, self._period(motion), partial(motion.look, frame.stamp_ns, scans[name], ego)

    def _period(self, watch: MapWatch) -> float:
        if watch.pieces < EAGER_LOOKS:
            return 0.5 * self._period_ns
        return self._period_ns * (IN_VAIN if watch.blind else 1.0)
