"""What all checks share: evidence over a window, fits, and verdicts that change only when confirmed."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.calibration.alignment import Aligner, Evidence, Fit
from autonomy_perception.calibration.report import CheckResult, Verdict, beyond, in_words, worst_first
from autonomy_perception.config import CalibrationConfig
from autonomy_perception.ops.library import Library

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

REACH = np.array([*np.deg2rad([3.2, 3.2, 3.2]), 0.4, 0.4, 0.4])
"""Largest corrections that are looked for [rad, m]; larger errors show as these."""
IN_PLAN = np.array([0, 0, 1, 1, 1, 0])
"""Axes that a view from above tells apart."""
MOST_PIECES = 12
"""Evidence kept per check."""
BLIND = 10
"""Fewer points than this a look are as good as none."""
CONFIRMATIONS = 2
"""So many fits in a row change a verdict."""
LEAST_AGREEMENT = 0.7
"""A fit is believed if it is better in this share of the evidence."""


@dataclass(frozen=True)
class Demands:
    """What a fit needs: pieces of evidence, points on the maps, gain of the mean map value, and how much of that gain
    is lost when the axis in question is left out (others may explain as much); and the price of a correction."""

    pieces: int
    weight: float
    gain: float
    proof: float
    price: float


CAMERA = Demands(5, 800.0, 0.02, 0.008, 0.006)
PLAN = Demands(4, 800.0, 0.002, 0.001, 0.001)


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


class MapWatch(Watch):
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
        found = self._best(origin, self._reach)
        if found.weight < d.weight:
            self.unknown(stamp_ns, f"too little to see: {found.weight:.0f} of {d.weight:.0f} points")
            return
        correction = np.where(self._judged, found.correction, np.nan)
        believed = (
            found.gain >= d.gain
            and found.agreement >= LEAST_AGREEMENT
            and any(self._proven(axis, found, origin) for axis in worst_first(correction, self.limits))
        )
        basis = f"{len(self._pieces)} looks, {found.weight:.0f} points, fit {found.score:.2f} -> {found.best:.2f}"
        self.judge(stamp_ns, correction, believed, basis)

    def _best(self, origin: F64, reach: F64) -> Fit:
        return Aligner(self._lib, origin, reach, self._demands.price).fit([p for _, p in self._pieces])

    def _proven(self, axis: int, found: Fit, origin: F64) -> bool:
        """Whether the other axes cannot explain the evidence nearly as well (yaw and y look alike from afar)."""
        without = self._best(origin, np.where(np.arange(6) == axis, 0.0, self._reach))
        return found.best - without.best >= self._demands.proof
