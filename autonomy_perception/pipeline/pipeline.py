"""The whole product without ROS: ``Pipeline.step(frame) -> Perception`` (floor 3). It owns all state."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from autonomy_perception import geometry
from autonomy_perception.config import PipelineConfig
from autonomy_perception.grid import WorldGrid
from autonomy_perception.pipeline import saved
from autonomy_perception.pipeline.ego import EgoState, Moment
from autonomy_perception.pipeline.modes import ModeMachine, Reason
from autonomy_perception.pipeline.order import in_order
from autonomy_perception.pipeline.stage import DETECTIONS, OCCUPANCY, TERRAIN, TRACKS, Context, Key, Stage
from autonomy_perception.platform import Platform
from autonomy_perception.types import (
    Detections,
    Mode,
    Occupancy,
    Perception,
    SensorFrame,
    SensorHealth,
    SensorState,
    TerrainGrid,
    Tracks,
    Trajectory,
)

JUMPS = {"TIME_JUMPED_BACK": Reason.TIME_JUMP, "ODOMETRY_TIME_BACK": Reason.TIME_JUMP, "ODOMETRY_GAP": Reason.TIME_JUMP,
         "ODOMETRY_JUMP": Reason.EGO_JUMP}  # fmt: skip
"""First word of a reset's reason, and what the status says of it."""
JUMP_TOLD_NS = 1_000_000_000
"""So long after a jump the outputs still say that maps and tracks began anew."""
NOWHERE = WorldGrid.around(0.0, 0.0, 1.0, 1.0)


class Pipeline:
    """Runs stages in the order of what they need, times them, and owns frames, ticks, resets and modes.

    Args:
        stages: in any order; what one needs another has to give.
        platform: frames, sensors and body.
        config: ageing and modes.

    Raises:
        PipelineError: a stage needs what nobody gives, two give the same, or two have the same name.
    """

    def __init__(self, stages: Sequence[Stage], platform: Platform, config: PipelineConfig) -> None:
        self.stages = in_order(stages)
        self._platform, self._config = platform, config
        self.modes = ModeMachine(config)
        self._last: Moment | None = None
        self._clock_offset = 0
        self._jump: tuple[int, Reason] | None = None

    def step(self, frame: SensorFrame, given: Mapping[Key[Any], Any] | None = None) -> Perception:
        """Take in one frame, and results of others by key. A frame that a stage cannot live on (no lidar points) only
        ages what is there."""
        if frame.reset_reason:
            self.reset(frame.reset_reason, frame.stamp_ns)
        self._clock_offset = frame.clock_offset_ns
        ego = EgoState.of(self._platform, frame.trajectory, frame.stamp_ns)
        context = Context(frame.stamp_ns, ego, frame, given or {})
        if not all(stage.ready(context) for stage in self.stages):
            return self._aged(frame.stamp_ns, frame.health, frame.trajectory)
        if self._last is not None and ego.has_motion != self._last.ego.has_motion:
            self.reset("EGO_MOTION_RETURNED" if ego.has_motion else Reason.NO_EGO_MOTION, frame.stamp_ns)
        stage_ms: dict[str, float] = {}
        for stage in self.stages:
            start = time.perf_counter_ns()
            stage.run(context)
            stage_ms[stage.name] = (time.perf_counter_ns() - start) * 1e-6
        mode = self.modes.on_frame(frame.stamp_ns, context.mode)
        self._last = Moment(
            frame.stamp_ns, frame.stamp_ns, ego, context.mode < Mode.GEOMETRIC, frame.health, frame.calibration_hash
        )
        return self._perception(context, self._last, mode, (), stage_ms)

    @property
    def seen_ns(self) -> int | None:
        """Stamp of the newest data that was taken in; None before the first and after a reset."""
        return None if self._last is None else self._last.data_stamp_ns

    def due(self, now_ns: int) -> bool:
        """Whether no frame has come for ``tick_ms`` at ``now_ns`` (ROS time), so that :meth:`tick` has work."""
        now_ns -= self._clock_offset
        return self._last is not None and now_ns - self._last.stamp_ns >= self._config.tick_ms * 1e6

    def tick(self, now_ns: int, health: tuple[SensorHealth, ...] | None = None,
             motion: Callable[[int], Trajectory | None] | None = None) -> Perception | None:  # fmt: skip
        """The aged outputs with stamp ``now_ns`` (by the clock of the sensors, where that is another) if they are due;
        otherwise None.

        Args:
            now_ns: ROS time.
            health: state of the sensors now; that of the last frame if not given.
            motion: ego motion at a sensor time [ns] as far as it is known; without it the last pose is held.
        """
        if self._last is None or not self.due(now_ns):
            return None
        stamp_ns = now_ns - self._clock_offset
        trajectory = motion(stamp_ns) if motion is not None else None
        return self._aged(stamp_ns, self._last.health if health is None else health, trajectory)

    def reset(self, reason: str, stamp_ns: int = 0) -> None:
        """Drop all maps and tracks (time or odometry jumped); the reason goes to the mode machine."""
        for stage in self.stages:
            stage.reset()
        self.modes.reset(stamp_ns, reason)
        self._last = None
        word = JUMPS.get(reason.partition(" ")[0])
        self._jump = (stamp_ns, word) if word else self._jump

    def counters(self) -> dict[str, int]:
        """What the stages count since their start, as ``stage.counter``."""
        return {f"{stage.name}.{name}": n for stage in self.stages for name, n in stage.counters().items()}

    def release(self) -> None:
        """Give back work memory, which has grown with the largest frame so far (by the thread that steps)."""
        for stage in self.stages:
            stage.release()

    def save(self, path: Path) -> None:
        """Write everything that the next step depends on; :meth:`load` of the same pipeline goes on with the same bytes."""
        saved.write(path, self.stages, self._last, self.modes, self._clock_offset, self._jump)

    def load(self, path: Path) -> None:
        """Go on from a saved state.

        Raises:
            PipelineError: the file is no state, or one of other stages; nothing is changed then.
        """
        self._last, self._clock_offset, self._jump = saved.read(path, self.stages, self.modes, self._platform)

    def _aged(self, now_ns: int, health: tuple[SensorHealth, ...], trajectory: Trajectory | None) -> Perception:
        last = self._last
        ego = EgoState.of(self._platform, trajectory, now_ns)
        if last is not None and (ego.has_motion != last.ego.has_motion or not ego.has_motion):
            # the frame of the results does not change while nothing comes: the last pose is held
            reasons = (Reason.EGO_MOTION_HELD,) if last.ego.has_motion else ()
            ego = EgoState.at(self._platform, last.ego.T_odom_base if last.ego.has_motion else None, reasons)
        mode = self.modes.mode if last is None else self.modes.on_age(now_ns, last.data_stamp_ns)
        context = Context(now_ns, ego, mode=mode)
        for stage in self.stages:
            stage.age(context)
        if last is None:  # before the first data: an unknown world, so that health and mode still reach planning
            return self._perception(context, Moment(now_ns, 0, ego, False, health), mode, (Reason.NO_DATA,), {})
        self._last = Moment(now_ns, last.data_stamp_ns, ego, last.network, health, last.calibration_hash)
        return self._perception(context, self._last, mode, (Reason.NO_DATA,), {})

    def _perception(
        self, context: Context, at: Moment, mode: Mode, more: tuple[Reason, ...], stage_ms: dict[str, float]
    ) -> Perception:
        ego, base = at.ego, self._platform.base_frame
        detections = context.get(DETECTIONS, Detections.empty(base))
        if detections.frame_id != base:
            detections = detections.moved(geometry.invert(ego.T_odom_base), base)
        return Perception(
            at.stamp_ns, at.data_stamp_ns, mode, (*self._reasons(at), *more), ego.T_odom_base, detections,
            context.get(TRACKS, Tracks.empty(ego.frame)), context.get(TERRAIN, TerrainGrid(NOWHERE, {})),
            context.get(OCCUPANCY, Occupancy.unknown(NOWHERE)), at.health, stage_ms, at.calibration_hash, ego.has_motion, ego.frame,
            context.published(),
        )  # fmt: skip

    def _reasons(self, at: Moment) -> tuple[Reason, ...]:
        """Why the mode is not better."""
        bad = {h.sensor for h in at.health if h.state != SensorState.OK}
        found = {
            Reason.NO_NETWORK: not at.network,
            Reason.LIDAR_MISSING: bool(bad & self._platform.lidars),
            Reason.CAMERA_MISSING: bool(bad & self._platform.cameras),
        }
        if self._jump is not None and 0 <= at.stamp_ns - self._jump[0] < JUMP_TOLD_NS:
            found[self._jump[1]] = True
        return (*at.ego.reasons, *(reason for reason, holds in found.items() if holds))
