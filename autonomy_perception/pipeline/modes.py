"""The mode machine: how much of the suite stands behind an output, and why (floor 3, owned by the pipeline)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from autonomy_perception.config import PipelineConfig
from autonomy_perception.types import Mode


class Reason(str, Enum):
    """Why a mode is not better: the words of ``PerceptionStatus.reasons`` (constants of PerceptionStatus.msg).

    A member is its word, in every f-string too: ``enum.StrEnum``, which Python 3.10 lacks.
    """

    __str__ = str.__str__

    NO_EGO_MOTION = "NO_EGO_MOTION"
    DEAD_RECKONING = "DEAD_RECKONING"
    EGO_MOTION_HELD = "EGO_MOTION_HELD"
    NO_NETWORK = "NO_NETWORK"
    NO_DATA = "NO_DATA"
    LIDAR_MISSING = "LIDAR_MISSING"
    CAMERA_MISSING = "CAMERA_MISSING"
    TIME_JUMP = "TIME_JUMP"
    EGO_JUMP = "EGO_JUMP"
    CALIBRATION_SUSPECT = "CALIBRATION_SUSPECT"
    STEP_FAILED = "STEP_FAILED"


@dataclass(frozen=True)
class Transition:
    """One change of mode: time [ns], from, to, and a reason in upper-case words."""

    stamp_ns: int
    before: Mode
    after: Mode
    reason: str


class ModeMachine:
    """Mode from what the stages stood for in the newest frame, and from the age of its data.

    The geometric stages stand for GEOMETRIC, a network for FUSED, LIDAR_ONLY or CAMERA_ONLY; data older than
    ``stale_after_s`` is STALE, older than ``stopped_after_s`` STOPPED.
    """

    def __init__(self, config: PipelineConfig) -> None:
        self._config = config
        self.mode = Mode.STOPPED
        self.transitions: list[Transition] = []
        self.resets, self.last_reset = 0, ""

    def on_frame(self, stamp_ns: int, mode: Mode) -> Mode:
        """A frame was taken in; ``mode`` is the best that a stage stood for."""
        return self._change(stamp_ns, mode, "FRAME")

    def on_age(self, now_ns: int, data_stamp_ns: int) -> Mode:
        """Nothing new: judge by the age of the last data."""
        age_s = (now_ns - data_stamp_ns) * 1e-9
        if age_s > self._config.stopped_after_s:
            return self._change(now_ns, Mode.STOPPED, Reason.NO_DATA)
        if age_s > self._config.stale_after_s:
            return self._change(now_ns, Mode.STALE, "OLD_DATA")
        return self.mode

    def reset(self, stamp_ns: int, reason: str) -> Mode:
        """Maps and tracks were dropped; ``resets`` counts how often, ``last_reset`` is the newest reason."""
        self.resets, self.last_reset = self.resets + 1, reason
        return self._change(stamp_ns, Mode.STOPPED, reason)

    def _change(self, stamp_ns: int, mode: Mode, reason: str) -> Mode:
        if mode != self.mode:
            self.transitions = [*self.transitions[-63:], Transition(stamp_ns, self.mode, mode, reason)]
            self.mode = mode
        return mode
