"""Ego motion of the vehicle from what there is: odometry, else an IMU and a speed, else the last twist for a while."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.config import VehicleConfig
from autonomy_perception.messages.events import Event, ImuMsg, OdomMsg, SpeedMsg
from autonomy_perception.sensors.clock import SensorClock
from autonomy_perception.sensors.dead_reckoning import DeadReckoning, InertialSample
from autonomy_perception.sensors.health import HealthBook
from autonomy_perception.sensors.odometry import BACK_NS, MAX_TWIST, OdometryBuffer, OdometryError
from autonomy_perception.sensors.tf import TfBuffer, TfError
from autonomy_perception.types import Trajectory

F64 = NDArray[np.float64]
ODOMETRY, IMU, SPEED = "odometry", "imu", "speed"
"""Names of the sources among the sensors of health and faults."""
SPEED_AGE_NS = 500_000_000
"""An older speed is none."""


def ego_topics(vehicle: VehicleConfig) -> dict[str, str]:
    """Topic by source, of those that the vehicle has."""
    o = vehicle.odometry
    return {n: t for n, t in ((ODOMETRY, o.topic), (IMU, o.imu_topic), (SPEED, o.speed_topic)) if t}


class EgoMotion:
    """Takes in messages about the vehicle's own motion; what cannot be used goes to the health book.

    Args:
        max_jump_m: see :class:`OdometryBuffer`.
    """

    def __init__(self, vehicle: VehicleConfig, max_jump_m: float, tf: TfBuffer, book: HealthBook) -> None:
        self._vehicle, self._tf, self._book = vehicle, tf, book
        config = vehicle.odometry
        self._max_age = round(config.max_age_ms * 1e6)
        self._buffer = OdometryBuffer(max_jump_m, self._max_age, round(config.hold_ms * 1e6))
        self._reckoning = DeadReckoning(SPEED_AGE_NS, config.use_gravity)
        self._odometry_ns: int | None = None
        self.topics = ego_topics(vehicle)
        self._names = {topic: name for name, topic in self.topics.items()}
        self._clocks = {name: SensorClock() for name in self.topics}

    def forget(self) -> None:
        """Time jumped: nothing that was heard before counts."""
        self._buffer.clear()
        self._reckoning.clear()
        self._odometry_ns = None

    def takes(self, event: Event) -> bool:
        """True if the event is about ego motion."""
        return isinstance(event, OdomMsg | ImuMsg | SpeedMsg) and event.topic in self._names

    def take(self, event: Event) -> str | None:
        """Take in a message; returns why the maps must be dropped if it does not continue the motion so far."""
        assert isinstance(event, OdomMsg | ImuMsg | SpeedMsg)
        name, now = self._names[event.topic], event.receive_ns
        self._book.arrived(name, event.stamp_ns, now)
        if ahead := self._clocks[name].departure_ns(event.stamp_ns, now):
            found = f"{abs(ahead) * 1e-9:.1f} s {'ahead of' if ahead > 0 else 'behind'} it"
            self._book.invalid(name, "header.stamp", "where the sensor's clock was", found, now)
            return None
        if isinstance(event, SpeedMsg):
            self._take_speed(event)
            return None
        return self._take_odometry(event) if isinstance(event, OdomMsg) else self._take_imu(event)

    def _take_odometry(self, event: OdomMsg) -> str | None:
        base, now, expected = self._vehicle.base_frame, event.receive_ns, self._vehicle.odom_frame
        if event.frame_id.lstrip("/") != expected:
            self._book.invalid(ODOMETRY, "header.frame_id", repr(expected), repr(event.frame_id), now)
            return None
        child, newest = event.child_frame_id.lstrip("/") or base, self._buffer.newest_ns
        if self._odometry_ns is None and newest is not None and BACK_NS > newest - event.stamp_ns > self._max_age:
            late = f"{(newest - event.stamp_ns) * 1e-6:.0f} ms"
            self._book.invalid(ODOMETRY, "header.stamp", f"at most {self._max_age * 1e-6:.0f} ms late", late, now)
            return None
        if self._odometry_ns is None:
            self._buffer.cut(event.stamp_ns)  # odometry knows better than the dead reckoning since then
        try:
            T = None if child == base else self._tf.lookup(child, base, event.stamp_ns)
            jump = self._buffer.add(event, T)
        except OdometryError as e:
            self._book.invalid(ODOMETRY, e.field, e.expected, e.found, now)
        except TfError as e:
            self._book.invalid(ODOMETRY, "child_frame_id", repr(base), str(e), now)
        else:
            self._odometry_ns = event.stamp_ns if jump else max(event.stamp_ns, self._odometry_ns or 0)
            return jump
        return None

    def _take_speed(self, event: SpeedMsg) -> None:
        if not abs(event.speed) < MAX_TWIST:  # also true for NaN
            self._book.invalid(SPEED, "twist.linear.x", "a speed [m/s]", str(event.speed), event.receive_ns)
            return
        self._reckoning.add_speed(event.stamp_ns, event.speed * self._vehicle.odometry.speed_scale)

    def _take_imu(self, event: ImuMsg) -> str | None:
        now, base, rate = event.receive_ns, self._vehicle.base_frame, event.angular_velocity
        if rate is None or not np.all(np.abs(rate) < MAX_TWIST):
            found = "none (covariance -1)" if rate is None else str(rate)
            self._book.invalid(IMU, "angular_velocity", "three numbers", found, now)
            return None
        frame = event.frame_id.lstrip("/") or self._vehicle.odometry.imu_frame or base
        try:
            R = np.eye(3) if frame == base else self._tf.lookup(base, frame, event.stamp_ns)[:3, :3]
        except TfError as e:
            self._book.invalid(IMU, "TF", f"{base} <- {frame}", str(e), now)
            return None
        newest = self._reckoning.newest_ns
        back = newest is not None and event.stamp_ns < newest - BACK_NS
        if back:
            self._reckoning.clear()
        felt = event.linear_acceleration
        force = R @ np.asarray(felt) if felt is not None and np.all(np.isfinite(felt)) else np.zeros(3)
        self._reckoning.add_sample(InertialSample(event.stamp_ns, R @ np.asarray(rate), force))
        if self._odometry_ns is not None and event.stamp_ns <= self._odometry_ns + self._max_age:
            return None  # odometry is there; the samples are kept for when it falls silent
        if back:
            self._buffer.clear()
        gap = self._go_on(event)
        return f"ODOMETRY_TIME_BACK {(newest - event.stamp_ns) * 1e-9:.1f} s (IMU)" if back and newest else gap

    def _go_on(self, event: ImuMsg) -> str | None:
        """Integrate from the last odometry, or from where dead reckoning is; returns why the maps must be dropped."""
        if self._odometry_ns is not None and (last := self._buffer.newest()) is not None:
            self._reckoning.begin(*last)
        self._odometry_ns = None
        steps, gap_ns = self._reckoning.steps(), self._reckoning.gap_ns
        if gap_ns:
            self._buffer.clear()
        for step in steps:
            self._buffer.put(step.stamp_ns, step.T_odom_base, step.twist)
        if not steps and self._reckoning.speed(event.stamp_ns) is None:
            expected = f"a message within {SPEED_AGE_NS * 1e-6:.0f} ms of the IMU's"
            self._book.note(SPEED, "header.stamp", expected, "none", event.receive_ns)
        return f"ODOMETRY_GAP {gap_ns * 1e-9:.1f} s (IMU)" if gap_ns else None

    def trajectory(self, first_ns: int, last_ns: int, now_ns: int) -> Trajectory | None:
        """Ego motion over a span, or None; a twist that is held and motion that is not known are noted."""
        newest = self._buffer.newest_ns
        if newest is None:
            return None
        found = self._buffer.trajectory(first_ns, last_ns)
        if found is None or found.held:
            source = IMU if IMU in self.topics and self._odometry_ns is None else ODOMETRY
            expected = f"within {self._max_age * 1e-6:.0f} ms of the frame"
            held = " (the last twist is held)" if found is not None else ""
            self._book.invalid(source, "header.stamp", expected, f"{abs(last_ns - newest) * 1e-6:.0f} ms{held}", now_ns)
        return None if found is None else replace(found, dead_reckoned=self._odometry_ns is None)

    def at(self, stamp_ns: int) -> Trajectory | None:
        """Ego motion around one stamp, or None; as :meth:`trajectory` but nothing is noted."""
        found = self._buffer.trajectory(stamp_ns, stamp_ns) if self._buffer.newest_ns is not None else None
        return None if found is None else replace(found, dead_reckoned=self._odometry_ns is None)

    def used(self, trajectory: Trajectory | None) -> list[str]:
        """Sources behind a trajectory, by name; an IMU and a speed in reserve count as used."""
        if trajectory is None:
            return []
        return [name for name in self.topics if name != ODOMETRY or not trajectory.dead_reckoned]
