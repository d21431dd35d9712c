"""One check each: gathers evidence from frames, and says whether it still agrees with the calibration."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.calibration.alignment import Aligner, Evidence
from autonomy_perception.calibration.depth_edges import find_edges
from autonomy_perception.calibration.driven_ground import DrivenGround
from autonomy_perception.calibration.evidence import CameraEvidence, PlanEvidence, plan_map, structure
from autonomy_perception.calibration.image_edges import EdgeDetector, grey
from autonomy_perception.calibration.report import CheckResult, Verdict, beyond, in_words
from autonomy_perception.config import CalibrationConfig, Dimensions
from autonomy_perception.ops.library import Library
from autonomy_perception.types import CameraFrame, LidarScan, SensorFrame

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

REACH = np.array([*np.deg2rad([3.2, 3.2, 3.2]), 0.4, 0.4, 0.4])
"""Largest corrections that are looked for [rad, m]; larger errors show as these."""
IN_PLAN = np.array([0, 0, 1, 1, 1, 0])
"""Axes that a view from above tells apart."""
MOST_PIECES = 16
"""Evidence kept per check."""
BLIND = 10
"""Fewer points than this a look are as good as none."""
CONFIRMATIONS = 2
"""So many fits in a row change a verdict."""
LEAST_AGREEMENT = 0.7
"""A fit is believed if it is better in this share of the evidence."""


@dataclass(frozen=True)
class Demands:
    """What a fit needs: pieces of evidence, points on the maps, gain of the mean map value; price of a correction."""

    pieces: int
    weight: float
    gain: float
    price: float


CAMERA = Demands(4, 250.0, 0.02, 0.006)
PLAN = Demands(4, 2000.0, 0.002, 0.001)


class Watch:
    """State of one check between fits.

    Args:
        sensor, against: names.
        config: limits and window.
    """

    def __init__(self, sensor: str, against: str, config: CalibrationConfig) -> None:
        self.sensor, self.against = sensor, against
        self.limits = np.array([*[np.deg2rad(config.max_angle_deg)] * 3, *[config.max_offset_m] * 3])
        self._window_ns = round(config.window_s * 1e9)
        self._in_a_row = 0
        self.result = CheckResult(sensor, against, Verdict.UNKNOWN, None, 0, "no data yet")

    def clear(self) -> None:
        """Forget the evidence (calibration, time or odometry changed)."""
        self._in_a_row = 0
        self.result = CheckResult(self.sensor, self.against, Verdict.UNKNOWN, None, 0, "no data yet")

    def unknown(self, stamp_ns: int, why: str) -> None:
        """There is not enough evidence (any more)."""
        self._in_a_row = 0
        self.result = CheckResult(self.sensor, self.against, Verdict.UNKNOWN, None, stamp_ns, why)

    def judge(self, stamp_ns: int, correction: F64, believed: bool, basis: str) -> None:
        """Take in a fit: a correction beyond a limit that is believed is one vote for WRONG, anything else for OK."""
        over = beyond(correction, self.limits) if believed else ()
        vote = Verdict.WRONG if over else Verdict.OK
        self._in_a_row = self._in_a_row + 1 if vote != self.result.verdict else 0
        verdict = vote if self._in_a_row >= CONFIRMATIONS else self.result.verdict
        if verdict == vote:
            self._in_a_row = 0
        limits = in_words(np.where(np.isfinite(correction), self.limits, np.nan), sign="")
        text = f"agrees with {self.against} within {limits} ({basis})"
        if verdict == Verdict.WRONG:
            text = f"expected to agree with {self.against} within {limits}, found that it must be moved by {in_words(correction)} to do so ({basis})"
        elif verdict == Verdict.UNKNOWN:
            text = "one more fit is needed"
        self.result = CheckResult(self.sensor, self.against, verdict, correction, stamp_ns, text)


class _MapWatch(Watch):
    """A check whose evidence is points on maps."""

    def __init__(
        self, sensor: str, against: str, config: CalibrationConfig, lib: Library, demands: Demands, reach: F64
    ) -> None:
        super().__init__(sensor, against, config)
        self._lib, self._demands, self._reach = lib, demands, reach
        self._judged = reach > 0
        self._pieces: deque[tuple[int, Evidence]] = deque(maxlen=MOST_PIECES)

    def clear(self) -> None:
        super().clear()
        self._pieces.clear()

    @property
    def pieces(self) -> int:
        """Pieces of evidence at hand."""
        return len(self._pieces)

    @property
    def blind(self) -> bool:
        """Whether hardly a point of the evidence at hand can be compared: the sensors do not look the same way."""
        return sum(len(points) for _, p in self._pieces for points, _ in p.sets) < BLIND * len(self._pieces)

    def add(self, stamp_ns: int, pieces: Sequence[Evidence]) -> None:
        """Take in evidence and forget what is older than the window."""
        self._pieces.extend((stamp_ns, p) for p in pieces)
        while self._pieces and stamp_ns - self._pieces[0][0] > self._window_ns:
            self._pieces.popleft()

    def fit(self, stamp_ns: int, origin: F64) -> None:
        """Search the correction about ``origin`` (3,) and judge it."""
        d = self._demands
        if len(self._pieces) < d.pieces:
            self.unknown(stamp_ns, f"{len(self._pieces)} of {d.pieces} looks so far")
            return
        found = Aligner(self._lib, origin, self._reach, d.price).fit([p for _, p in self._pieces])
        if found.weight < d.weight:
            self.unknown(stamp_ns, f"too little to see: {found.weight:.0f} of {d.weight:.0f} points")
            return
        believed = found.gain >= d.gain and found.agreement >= LEAST_AGREEMENT
        correction = np.where(self._judged, found.correction, np.nan)
        basis = f"{len(self._pieces)} looks, {found.weight:.0f} points, fit {found.score:.2f} -> {found.best:.2f}"
        self.judge(stamp_ns, correction, believed, basis)


class CameraWatch(_MapWatch):
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


class MotionWatch(_MapWatch):
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


class OverlapWatch(_MapWatch):
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
