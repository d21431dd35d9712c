"""Ego motion from an IMU and a speed: against the closed form, as a reserve for odometry, with every fault named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy_perception import geometry
from autonomy_perception.config import VehicleConfig
from autonomy_perception.messages.events import ImuMsg, OdomMsg, SpeedMsg, TfMsg, TransformSample
from autonomy_perception.sensors.ego import IMU, ODOMETRY, SPEED, EgoMotion
from autonomy_perception.sensors.health import HealthBook
from autonomy_perception.sensors.tf import TfBuffer

MS = 1_000_000
T0 = 1_700_000_000 * 1000 * MS
GRAVITY = 9.81
BODY = {"front": 3.5, "rear": 1.0, "width": 1.9, "height": 1.7, "wheelbase": 2.7}


class Rig:
    """A vehicle's ego motion, fed by hand."""

    def __init__(self, **odometry: object) -> None:
        config = {"topic": "/odom", "imu_topic": "/imu", "speed_topic": "/speed", **odometry}
        lidars = {"top": {"topic": "/top", "frame": "top"}}
        self.vehicle = VehicleConfig.model_validate(
            {"name": "test", "lidars": lidars, "odometry": config, "dimensions": BODY}
        )
        self.tf, self.book = TfBuffer(), HealthBook({}, 500.0)
        names = {ODOMETRY: "/odom", IMU: "/imu", SPEED: "/speed"}
        self.book = HealthBook(names, 500.0)
        turned = geometry.quaternion_of(geometry.make_transform(geometry.rotation_rpy(0.0, np.pi, 0.3), (0, 0, 0)))
        mount = TransformSample(
            "base_link", "imu", 0, (1.0, 0.2, 0.5), tuple(turned)
        )  # upside down, turned by 17 degrees
        self.tf.add(TfMsg("/tf_static", 0, 0, True, [mount]))
        self.R_imu_base = geometry.rotation_of(turned).T
        self.ego = EgoMotion(self.vehicle, 5.0, self.tf, self.book)

    def imu(self, t: float, rate=(0.0, 0.0, 0.0), force=(0.0, 0.0, GRAVITY), **changes: object) -> str | None:
        stamp = T0 + round(t * 1e9)
        w, f = (tuple(self.R_imu_base @ np.asarray(v)) for v in (rate, force))
        return self.ego.take(replace(ImuMsg("/imu", stamp, 0, "imu", stamp, w, f), **changes))

    def speed(self, t: float, speed: float) -> None:
        stamp = T0 + round(t * 1e9)
        self.ego.take(SpeedMsg("/speed", stamp, 0, "base_link", stamp, speed))

    def odom(self, t: float, T: np.ndarray, speed: float = 0.0, rate: float = 0.0, **changes: object) -> str | None:
        stamp = T0 + round(t * 1e9)
        q = tuple(geometry.quaternion_of(T))
        twist = (speed, 0.0, 0.0, 0.0, 0.0, rate)
        message = OdomMsg("/odom", stamp, 0, "odom", "base_link", stamp, tuple(T[:3, 3]), q, twist)
        return self.ego.take(replace(message, **changes))

    def at(self, t: float, now: float | None = None):
        stamp = T0 + round(t * 1e9)
        return self.ego.trajectory(stamp - 100 * MS, stamp, stamp if now is None else T0 + round(now * 1e9))

    def faults(self) -> str:
        return " | ".join(str(c.newest) for c in self.book.log.counted())


def circle(t: float, speed: float, rate: float) -> np.ndarray:
    """Pose after ``t`` seconds of a steady turn from the origin."""
    yaw = rate * t
    r = speed / rate if abs(rate) > 1e-9 else 0.0
    position = (r * np.sin(yaw), r * (1 - np.cos(yaw)), 0) if r else (speed * t, 0, 0)
    return geometry.make_transform(geometry.rotation_z(yaw), position)


@given(
    st.sampled_from([-5.0, 0.5, 8.0, 25.0]),
    st.floats(-0.8, 0.8),
    st.sampled_from([50, 100]),
    st.sampled_from([5, 10, 50]),
)
@settings(max_examples=20, deadline=None)
def test_a_steady_turn_is_followed_whatever_the_mount_and_the_rates(speed, rate, imu_hz, speed_hz):
    rig = Rig(topic="")
    for k in range(3 * imu_hz):
        t = k / imu_hz
        if k % (imu_hz // speed_hz) == 0:
            rig.speed(t, speed)
        assert rig.imu(t, (0, 0, rate), (0.0, speed * rate, GRAVITY)) is None
    found = rig.at(2.9)
    assert found.dead_reckoned and not found.held
    want = circle(2.9, speed, rate)
    np.testing.assert_allclose(found.pose(T0 + 2_900 * MS), want, atol=2e-3 + 1e-3 * abs(speed))
    np.testing.assert_allclose(found.twist[-1][[0, 5]], (speed, rate), atol=1e-6)
    assert rig.faults() == ""


def test_braking_is_followed_between_two_slow_speeds():
    rig = Rig(topic="")
    for k in range(400):
        t = 0.01 * k
        if k % 20 == 0:
            rig.speed(t, 20.0 - 5.0 * t)
        rig.imu(t, force=(-5.0, 0.0, GRAVITY))
    x = rig.at(3.99).pose(T0 + 3990 * MS)[0, 3]
    assert x == pytest.approx(20 * 3.99 - 2.5 * 3.99**2, abs=0.15)  # of 40 m


def test_the_gyroscopes_bias_is_learned_while_standing():
    rig = Rig(topic="")
    for k in range(1400):
        t = 0.01 * k
        if k % 10 == 0:
            rig.speed(t, 0.0 if t < 4 else 10.0)
        rig.imu(t, (0.0, 0.0, 0.02))
    assert rig.at(13.9).pose(T0 + 13_900 * MS)[1, 3] == pytest.approx(0.0, abs=0.3)  # unlearned: 10 m after 10 s


def test_backwards_and_scaled_speeds():
    rig = Rig(topic="", speed_scale=1 / 3.6)
    for k in range(101):
        rig.speed(0.01 * k, -7.2)
        rig.imu(0.01 * k)
    assert rig.at(1.0).pose(T0 + 1000 * MS)[0, 3] == pytest.approx(-2.0, abs=1e-3)


def test_roll_and_pitch_follow_gravity_if_asked_for():
    slope = geometry.rotation_rpy(0.05, -0.1, 0.0)  # nose up by 0.1 rad
    for use, tilt in ((True, -0.1), (False, 0.0)):
        rig = Rig(topic="", use_gravity=use)
        for k in range(1000):
            rig.speed(0.01 * k, 5.0)
            rig.imu(0.01 * k, force=slope.T @ (0, 0, GRAVITY))
        T = rig.at(9.9).pose(T0 + 9900 * MS)
        roll, pitch, _ = geometry.rpy_of(T)
        assert pitch == pytest.approx(tilt, abs=0.003) and roll == pytest.approx(0.05 if use else 0.0, abs=0.003)
        assert T[2, 3] == pytest.approx(0.1 * 5 * 8 if use else 0.0, abs=1.0)
    rig = Rig(topic="", use_gravity=True)
    for k in range(300):  # braking is not a slope, a curve is not a roll
        t = 0.01 * k
        rig.speed(t, 20.0 - 4.0 * t)
        rig.imu(t, (0, 0, 0.3), (-4.0, 0.3 * (20 - 4 * t), GRAVITY))
    assert np.abs(geometry.rpy_of(rig.at(2.9).pose(T0 + 2900 * MS))[:2]).max() < 0.01


def test_the_dip_of_braking_is_followed_and_its_drift_taken_out_without_accelerometers():
    rig = Rig(topic="")
    for k in range(3000):
        t = 0.01 * k
        rig.speed(t, 5.0)
        dip = 0.02 if 1.0 <= t < 2.0 else 0.0  # 20 mrad in a second
        rig.imu(t, (0.0, dip, 0.0), linear_acceleration=None)
        if k == 205:
            assert geometry.rpy_of(rig.at(2.05).pose(T0 + 2050 * MS))[1] == pytest.approx(0.018, abs=0.001)
    assert abs(geometry.rpy_of(rig.at(29.9).pose(T0 + 29_900 * MS))[1]) < 1e-3


def drive(rig: Rig, start: float, end: float, odometry: bool) -> list[str]:
    """10 m/s round a bend; odometry at 20 Hz, speed at 20 Hz, gyroscope at 100 Hz. Reasons to drop the maps."""
    reasons = []
    for k in range(round(start * 100), round(end * 100)):
        t = 0.01 * k
        if k % 5 == 0:
            rig.speed(t, 10.0)
            if odometry:
                reasons.append(rig.odom(t, circle(t, 10.0, 0.2), 10.0, 0.2))
        reasons.append(rig.imu(t, (0, 0, 0.2), (0.0, 2.0, GRAVITY)))
    return [r for r in reasons if r]


def test_imu_and_speed_take_over_from_odometry_and_give_back_without_a_jump():
    rig = Rig()
    assert drive(rig, 0, 2, True) == [] and not rig.at(1.95).dead_reckoned
    assert drive(rig, 2, 6, False) == []
    lost = rig.at(5.95)
    assert lost.dead_reckoned and not lost.held
    np.testing.assert_allclose(lost.pose(T0 + 5950 * MS), circle(5.95, 10, 0.2), atol=0.02)
    assert drive(rig, 6, 7, True) == []
    back = rig.at(6.95)
    assert not back.dead_reckoned
    np.testing.assert_allclose(back.pose(T0 + 6950 * MS), circle(6.95, 10, 0.2), atol=1e-3)
    assert rig.ego.used(back) == [ODOMETRY, IMU, SPEED] and rig.ego.used(lost) == [IMU, SPEED]


def test_odometry_that_returns_elsewhere_is_a_jump_and_late_odometry_is_left_out():
    rig = Rig()
    drive(rig, 0, 1, True)
    drive(rig, 1, 3, False)
    assert rig.odom(2.5, circle(2.5, 10, 0.2)) is None and "500 ms" not in rig.faults()
    assert "at most 200 ms late" in rig.faults() and rig.at(2.95).dead_reckoned
    assert rig.odom(3.0, geometry.make_transform(None, (500.0, 0, 0))).startswith("ODOMETRY_JUMP")


def test_both_lost_the_last_twist_is_held_for_a_second():
    rig = Rig()
    drive(rig, 0, 1, True)
    drive(rig, 1, 2, False)
    held = rig.at(2.8)
    assert held.held and "(the last twist is held)" in rig.faults()
    np.testing.assert_allclose(held.pose(T0 + 2800 * MS)[:2, 3], circle(2.8, 10, 0.2)[:2, 3], atol=0.15)
    assert rig.at(3.1) is None and rig.ego.used(None) == []


def test_a_short_gap_is_integrated_over_and_a_long_one_drops_the_maps():
    rig = Rig(topic="")
    assert drive(rig, 0, 2, False) == [] and drive(rig, 3.5, 4, False) == []
    start = circle(0.1, 10, 0.2)  # the first speed comes with the first sample, the pose with the first after it
    np.testing.assert_allclose(rig.at(3.95).pose(T0 + 3950 * MS)[:2, 3], circle(3.95, 10, 0.2)[:2, 3], atol=start[0, 3])
    before = rig.at(3.95).pose(T0 + 3950 * MS)
    (reason,) = drive(rig, 7, 8, False)
    assert reason.startswith("ODOMETRY_GAP 3.0") and reason.endswith("s (IMU)")
    after = rig.at(7.0).pose(T0 + 7000 * MS)
    assert np.linalg.norm(after[:3, 3] - before[:3, 3]) < 1.0, "it goes on where it was"
    twist = rig.at(7.95)
    assert twist.dead_reckoned and not twist.held


@pytest.mark.parametrize("missing_s", [0.3, 0.6, 1.0, 1.9, 2.4, 4.0, 30.0])
def test_a_speed_that_was_missing_is_used_when_it_returns(missing_s):
    """What lay between is filled in; after more than two seconds without a speed the maps are dropped."""
    rig, back = Rig(topic=""), 1 + missing_s
    assert drive(rig, 0, 1, False) == []
    for k in range(100, round(100 * back)):
        assert rig.imu(k / 100, (0, 0, 0.2), (0.0, 2.0, GRAVITY)) is None
    reasons = drive(rig, back, back + 1, False)
    found = rig.at(back + 0.95)
    assert found is not None and found.dead_reckoned and not found.held
    if missing_s < 2:
        pose = found.pose(T0 + round((back + 0.95) * 1e9))
        assert reasons == [] and np.linalg.norm(pose[:3, 3] - circle(back + 0.95, 10, 0.2)[:3, 3]) < 0.15
    elif missing_s > 3:
        assert [r.split()[0] for r in reasons] == ["ODOMETRY_GAP"]


def test_an_imu_without_any_speed_gives_no_motion_and_no_error():
    rig = Rig()
    for k in range(300):
        t = k / 100
        if t < 1.0:
            rig.odom(t, circle(t, 10.0, 0.2), 10.0, 0.2)
        assert rig.imu(t, (0, 0, 0.2)) is None
    assert rig.at(2.9) is None and "speed: header.stamp" in rig.faults()


def test_what_cannot_be_used_is_named():
    rig = Rig(topic="")
    rig.imu(0.0)
    assert "speed: header.stamp" in rig.faults() and rig.at(0.0) is None
    rig.speed(0.0, np.nan)
    assert "twist.linear.x: expected a speed" in rig.faults()
    rig.imu(0.1, angular_velocity=None)
    assert "none (covariance -1)" in rig.faults()
    rig.imu(0.1, angular_velocity=(0.0, np.inf, 0.0))
    assert "angular_velocity: expected three numbers" in rig.faults()
    rig.imu(0.1, frame_id="elsewhere")
    assert "TF: expected base_link <- elsewhere" in rig.faults()
    assert rig.imu(0.1, linear_acceleration=None) is None  # not needed


def test_stamps_that_go_back():
    rig = Rig(topic="")
    drive(rig, 100, 102, False)
    assert [r.split()[0] for r in drive(rig, 10, 11, False)] == ["ODOMETRY_TIME_BACK"]
    assert rig.at(10.9) is not None and rig.at(101.0) is None


@pytest.mark.parametrize("off_s", [-20.0, 20.0, 3600.0])
def test_a_single_wrong_stamp_is_named_and_costs_nothing_else(off_s):
    rig = Rig()
    assert drive(rig, 0, 2, True) == []
    wrong, now = T0 + round((2.0 + off_s) * 1e9), T0 + 2000 * MS
    assert rig.odom(2.0, circle(2.0, 10, 0.2), stamp_ns=wrong, receive_ns=now) is None
    assert rig.imu(2.0, (0, 0, 0.2), stamp_ns=wrong, receive_ns=now) is None
    assert f"{abs(off_s):.1f} s {'ahead of' if off_s > 0 else 'behind'} it" in rig.faults()
    assert drive(rig, 2, 3, True) == [] and not rig.at(2.95).dead_reckoned
    for k in range(3):  # a clock that was set is believed, and that is a restart
        last = rig.odom(3.0 + off_s + 0.1 * k, np.eye(4), receive_ns=T0 + 3000 * MS + k * 100 * MS)
    assert last.startswith("ODOMETRY_GAP" if off_s > 0 else "ODOMETRY_TIME_BACK")


def test_one_of_the_two_is_not_enough():
    with pytest.raises(ValueError, match="belong together"):
        Rig(speed_topic="")
