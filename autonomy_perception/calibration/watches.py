"""One check each: gathers evidence from frames, and says whether it still agrees with the calibration."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.calibration.depth_edges import find_edges
from autonomy_perception.calibration.driven_ground import DrivenGround
from autonomy_perception.calibration.evidence import CameraEvidence, PlanEvidence, plan_map, structure
from autonomy_perception.calibration.image_edges import EdgeDetector, grey
from autonomy_perception.calibration.watch import CAMERA, IN_PLAN, PLAN, REACH, MapWatch, Watch
from autonomy_perception.config import CalibrationConfig, Dimensions
from autonomy_perception.ops.library import Library
from autonomy_perception.types import CameraFrame, LidarScan, SensorFrame

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]


class CameraWatch(MapWatch):
    """Depth edges of a lidar against the edges of a camera's images."""

    def __init__(self, lidar: str, camera: str, config: CalibrationConfig, lib: Library) -> None:
        super().__init__(lidar, camera, config, lib, CAMERA, REACH)
        self._detector: EdgeDetector | None = None
        self._detector_of: object = None

    def look(self, frame: SensorFrame, scan: LidarScan, camera: CameraFrame) -> None:
        """Take in one image with the sweep of the same frame, and judge.

        Raises:
            ValueError: the image cannot be decoded, or the camera's distortion is unknown.
        """
        if self._detector is None or self._detector_of is not camera.model:
            self._detector, self._detector_of = EdgeDetector(self._lib, camera.model), camera.model
        T = camera_from_base(frame, camera)
        edges = find_edges(scan, T, camera.model)
        maps = self._detector.maps(grey(camera))
        sets = ((edges.upright, maps.upright), (edges.lying, maps.lying))
        self.add(frame.stamp_ns, [CameraEvidence(sets, maps.K, T)])
        self.fit(frame.stamp_ns, scan.origin.astype(np.float64))


def camera_from_base(frame: SensorFrame, camera: CameraFrame) -> F64:
    """base_link at the frame's stamp to the optical frame when the image was taken (4,4)."""
    T = geometry.invert(camera.T_base_camera)
    if frame.trajectory is None or not len(frame.trajectory.stamps_ns):
        return T
    then, now = frame.trajectory.poses(np.array([camera.stamp_ns, frame.stamp_ns]))
    return np.asarray(T @ geometry.invert(then) @ now)


KEY_STEP, KEYS = 1.0, 14
"""A sweep is kept for comparison every so many metres; so many are kept."""
NEAREST_KEY, FARTHEST_KEY = 3.0, 14.0
"""Sweeps are compared that the vehicle took this far apart [m]: nearer they tell nothing, farther they see other things."""


class MotionWatch(MapWatch):
    """What stands still must stay in place while the vehicle moves: the lidar's yaw against the direction of motion.

    The position of the lidar enters the search, because it shows in turns, but is not judged: a turn of ten seconds
    determines it no better than 0.2 m.
    """

    def __init__(self, lidar: str, against: str, config: CalibrationConfig, lib: Library) -> None:
        super().__init__(lidar, against, config, lib, PLAN, REACH * IN_PLAN)
        self._judged = np.array([False, False, True, False, False, False])
        self._keys: deque[tuple[F64, U8]] = deque(maxlen=KEYS)

    def clear(self) -> None:
        super().clear()
        self._keys.clear()

    def due(self, T_odom_base: F64) -> bool:
        """Whether the vehicle has moved on far enough."""
        return not self._keys or float(np.linalg.norm(T_odom_base[:3, 3] - self._keys[-1][0][:3, 3])) >= KEY_STEP

    def look(self, stamp_ns: int, scan: LidarScan, T_odom_base: F64) -> None:
        """Take in one sweep and judge."""
        points = structure(scan.cloud.xyz)
        away = [float(np.linalg.norm(T_odom_base[:3, 3] - T[:3, 3])) for T, _ in self._keys]
        usable = [k for k, d in enumerate(away) if NEAREST_KEY < d < FARTHEST_KEY]
        chosen = sorted({usable[0], usable[len(usable) // 2]}) if usable else []
        pieces = [
            PlanEvidence(((points, self._keys[k][1]),), geometry.invert(self._keys[k][0]) @ T_odom_base, True)
            for k in chosen
        ]
        self._keys.append((T_odom_base, plan_map(points)))
        self.add(stamp_ns, pieces)
        if pieces:
            self.fit(stamp_ns, scan.origin.astype(np.float64))


class OverlapWatch(MapWatch):
    """A lidar against the first one, seen from above: yaw, x, y."""

    def __init__(self, lidar: str, first: str, config: CalibrationConfig, lib: Library) -> None:
        super().__init__(lidar, first, config, lib, PLAN, REACH * IN_PLAN)

    def look(self, stamp_ns: int, scan: LidarScan, first: LidarScan) -> None:
        """Take in the sweeps of one frame and judge."""
        points, map_ = structure(scan.cloud.xyz), plan_map(structure(first.cloud.xyz))
        self.add(stamp_ns, [PlanEvidence(((points, map_),), np.eye(4), False)])
        self.fit(stamp_ns, scan.origin.astype(np.float64))


LOOK_NS, FIT_NS = 200_000_000, 500_000_000
LEAST_CERTAINTY = 0.5
"""A correction is believed if its standard error is below this share of the limit."""
MAX_ROUGH_M = 0.08


class GroundWatch(Watch):
    """A lidar against the ground that the vehicle then drives over: roll, pitch, z."""

    def __init__(self, lidar: str, against: str, config: CalibrationConfig, body: Dimensions) -> None:
        super().__init__(lidar, against, config)
        self._ground = DrivenGround(body.front, body.wheelbase, config.window_s)
        self._looked_ns = self._fitted_ns = -(2**62)

    def clear(self) -> None:
        super().clear()
        self._ground.clear()
        self._looked_ns = self._fitted_ns = -(2**62)

    def look(self, stamp_ns: int, scan: LidarScan, T_odom_base: F64) -> None:
        """Take in one sweep; a fifth of a second apart is often enough."""
        if stamp_ns - self._looked_ns >= LOOK_NS:
            self._looked_ns = stamp_ns
            self._ground.look(stamp_ns, scan.cloud.xyz, scan.origin, T_odom_base)
        self._ground.drive(stamp_ns, T_odom_base)
        if stamp_ns - self._fitted_ns >= FIT_NS:
            self._fitted_ns = stamp_ns
            self._fit(stamp_ns)

    def _fit(self, stamp_ns: int) -> None:
        found = self._ground.fit()
        if found is None:
            self.unknown(stamp_ns, "the vehicle has not driven far enough over ground that it saw before")
            return
        if found.rough > MAX_ROUGH_M:
            self.unknown(stamp_ns, f"the ground is too rough: {found.rough:.2f} m")
            return
        roll, pitch, z = found.correction
        correction, error = np.full(6, np.nan), np.full(6, np.nan)
        correction[[0, 1, 5]], error[[0, 1, 5]] = (roll, pitch, z), found.error
        certain = np.where(error < LEAST_CERTAINTY * self.limits, correction, np.nan)
        if not np.isfinite(certain).any():
            self.unknown(stamp_ns, f"too few looks at the ground ({found.rows})")
            return
        self.judge(stamp_ns, certain, True, f"{found.rows} looks at the ground")
