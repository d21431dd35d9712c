"""The front end: healthy drives, every fault named, nothing ever raised."""

from __future__ import annotations

import time
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy_perception import geometry
from autonomy_perception.config import PerceptionConfig, VehicleConfig
from autonomy_perception.messages.events import (
    CameraInfoMsg,
    CloudMsg,
    ImageMsg,
    OdomMsg,
    PointField,
    TfMsg,
    TransformSample,
)  # fmt: skip
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.sensors.ego import ODOMETRY
from autonomy_perception.sensors.frontend import TIME_JUMPED_BACK, SensorFrontEnd
from autonomy_perception.types import SensorState

MS = 1_000_000
T0 = 1_700_000_000 * 1000 * MS
JPEG = cv2.imencode(".jpg", np.full((48, 64, 3), 90, np.uint8))[1].tobytes()
K = np.array([[50.0, 0, 32], [0, 50, 24], [0, 0, 1]])
BODY = {"front": 3.5, "rear": 1.0, "width": 1.9, "height": 1.7, "wheelbase": 2.7}
VEHICLE = {
    "name": "test",
    "lidars": {"top": {"topic": "/top", "frame": "top"}, "side": {"topic": "/side", "frame": "side"}},
    "cameras": {"front": {"topic": "/front", "info_topic": "/front/info", "frame": "front"}},
    "odometry": {"topic": "/odometry"},
    "dimensions": BODY,
}
POINTS = np.zeros(
    400, [("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("intensity", "<f4"), ("time", "<f4"), ("ring", "<u2")]
)
POINTS["x"] = 10.0 + np.arange(400) % 20
POINTS["y"] = np.linspace(-5, 5, 400)
POINTS["z"] = -0.1 * (1 + np.arange(400) % 4)
POINTS["ring"] = np.arange(400) % 4
POINTS["time"] = np.linspace(-0.1, 0, 400)
NOTHING = POINTS.copy()
NOTHING["x"] = np.nan
FIELDS = [PointField("x", 0, 7), PointField("y", 4, 7), PointField("z", 8, 7), PointField("intensity", 12, 7),
          PointField("time", 16, 7), PointField("ring", 20, 4)]  # fmt: skip


@pytest.fixture(scope="module")
def lib() -> CpuLibrary:
    return CpuLibrary()


def vehicle(*lidars: str, **changes) -> VehicleConfig:
    chosen = {n: VEHICLE["lidars"][n] for n in (lidars or ("top",))}
    return VehicleConfig.model_validate({**VEHICLE, "lidars": chosen, **changes})


def cloud(at_ms: float, topic: str = "/top", delay_ms: float = 5, points: np.ndarray = POINTS, **changes) -> CloudMsg:
    stamp = T0 + round(at_ms * MS)
    event = CloudMsg(
        topic,
        stamp + round(delay_ms * MS),
        7,
        topic[1:],
        stamp,
        1,
        len(points),
        FIELDS,
        False,
        22,
        22 * len(points),
        points.tobytes(),
    )
    return replace(event, **changes)


def image(at_ms: float, delay_ms: float = 5, **changes) -> ImageMsg:
    stamp = T0 + round(at_ms * MS)
    return replace(ImageMsg("/front", stamp + round(delay_ms * MS), 3, "front", stamp, "jpeg", JPEG), **changes)


def info(at_ms: float, **changes) -> CameraInfoMsg:
    stamp = T0 + round(at_ms * MS)
    return replace(
        CameraInfoMsg("/front/info", stamp, 0, "front", stamp, 64, 48, "plumb_bob", np.zeros(5), K), **changes
    )


def odom(at_ms: float, x: float, **changes) -> OdomMsg:
    stamp = T0 + round(at_ms * MS)
    return replace(
        OdomMsg("/odometry", stamp + MS, 0, "odom", "base_link", stamp, (x, 0, 0), twist=(10.0, 0, 0, 0, 0, 0)),
        **changes,
    )


def rig(at_ms: float = -100) -> TfMsg:
    edges = [("top", (1, 0, 1.8)), ("side", (0.5, 1, 1.0)), ("front", (1.5, 0, 1.4))]
    samples = [TransformSample("base_link", child, 0, xyz, (0, 0, 0, 1)) for child, xyz in edges]
    return TfMsg("/tf_static", T0 + round(at_ms * MS), 0, True, samples)


def drive(frames: int = 10, lidars: tuple[str, ...] = ("/top",), offset_ms: float = 0.0) -> list:
    """A healthy second: sweeps and images at 10 Hz, odometry at 50 Hz, 10 m/s straight ahead."""
    events: list = [rig(offset_ms - 100), info(offset_ms - 50)]
    for t in range(-100, frames * 100, 20):
        events.append(odom(offset_ms + t, t * 0.01))
    for k in range(frames):
        events += [cloud(offset_ms + 100 * k, topic) for topic in lidars] + [image(offset_ms + 100 * k - 30)]
    return sorted(events, key=lambda e: e.receive_ns)


def run(front: SensorFrontEnd, events: list) -> list:
    frames = [frame for event in events for frame in front.feed(event)]
    assert front.diagnostics().faults == [] or not [
        f for f in front.diagnostics().faults if f.newest.sensor == "front_end"
    ]
    return frames


def front_end(lib, *lidars: str, config: PerceptionConfig | None = None, **changes) -> SensorFrontEnd:
    return SensorFrontEnd(config or PerceptionConfig(), vehicle(*lidars, **changes), lib)


def state(frame, sensor: str) -> SensorState:
    return next(h.state for h in frame.health if h.sensor == sensor)


def fault(front: SensorFrontEnd, sensor: str) -> str:
    return next(str(f.newest) for f in reversed(front.diagnostics().faults) if f.newest.sensor == sensor)


def test_a_healthy_drive_makes_one_complete_frame_per_sweep(lib):
    front = front_end(lib)
    frames = run(front, drive())
    assert [f.stamp_ns for f in frames] == [T0 + 100 * k * MS for k in range(10)]
    for frame in frames:
        assert all(h.state == SensorState.OK for h in frame.health) and len(frame.health) == 3
        assert frame.reset_reason is None and frame.arrival_ns == 7
        (scan,), (camera,) = frame.scans, frame.cameras
        assert camera.stamp_ns == frame.stamp_ns - 30 * MS and camera.model.width == 64
        assert frame.trajectory.pose(frame.stamp_ns)[0, 3] == pytest.approx((frame.stamp_ns - T0) * 1e-8, abs=1e-6)
        # a point shot 100 ms ago at 10 m/s lies 1 m nearer now
        np.testing.assert_allclose(scan.cloud.xyz[:, 0], POINTS["x"] + 1.0 + POINTS["time"] * 10.0, atol=1e-3)
        np.testing.assert_allclose(scan.cloud.time, POINTS["time"], atol=1e-6)
        np.testing.assert_array_equal(scan.origin, np.float32([1, 0, 1.8]))
        assert len(scan.beam_elevations) == 4 and np.all(np.diff(scan.beam_elevations) > 0)
        assert frame.calibration_hash == front.rig().version
    assert front.diagnostics().faults == []


def test_two_lidars_come_as_one_frame_with_the_reference_first(lib):
    frames = run(front_end(lib, "top", "side"), drive(lidars=("/side", "/top")))
    assert len(frames) == 10
    assert all([s.sensor for s in f.scans] == ["top", "side"] for f in frames)


def test_a_lidar_out_of_phase_is_paired_by_its_phase_and_named_without(lib):
    events = sorted(drive() + [cloud(100 * k - 40, "/side") for k in range(10)], key=lambda e: e.receive_ns)
    lidars = {"top": VEHICLE["lidars"]["top"], "side": {**VEHICLE["lidars"]["side"], "phase_ms": -40}}
    front = front_end(lib, lidars=lidars)
    assert all(len(f.scans) == 2 for f in run(front, events))
    front = front_end(lib, "top", "side")
    frames = run(front, events)
    assert all([s.sensor for s in f.scans] == ["top"] for f in frames[1:])
    assert "-40 ms (phase_ms" in fault(front, "side")
    assert state(frames[-1], "side") == SensorState.LATE


def test_driving_without_odometry(lib):
    events = [e for e in drive() if not isinstance(e, OdomMsg)]
    frames = run(front_end(lib), events)
    assert len(frames) == 10 and all(f.trajectory is None for f in frames)
    assert state(frames[-1], ODOMETRY) == SensorState.MISSING
    np.testing.assert_allclose(frames[-1].scans[0].cloud.xyz[:, 0], POINTS["x"] + 1.0, atol=1e-4)
    frames = run(front_end(lib, odometry={"topic": ""}), events)
    assert [h.sensor for h in frames[-1].health] == ["top", "front"]


def test_odometry_that_stops_is_extrapolated_then_held_then_given_up(lib):
    events = [e for e in drive(20) if not (isinstance(e, OdomMsg) and e.stamp_ns > T0 + 500 * MS)]
    front = front_end(lib)
    frames = run(front, events)
    assert frames[7].trajectory.pose(frames[7].stamp_ns)[0, 3] == pytest.approx(7.0, abs=1e-6)
    assert not frames[7].trajectory.held and state(frames[7], ODOMETRY) == SensorState.OK
    for k in (8, 15):
        assert frames[k].trajectory.held and state(frames[k], ODOMETRY) != SensorState.OK
        assert frames[k].trajectory.pose(frames[k].stamp_ns)[0, 3] == pytest.approx(k, abs=1e-6)
    assert state(frames[8], ODOMETRY) == SensorState.INVALID and state(frames[15], ODOMETRY) == SensorState.MISSING
    assert all(f.trajectory is None for f in frames[16:])
    assert "within 200 ms of the frame" in fault(front, ODOMETRY)
    assert any("300 ms (the last twist is held)" in h.message for h in frames[8].health)


def test_an_odometry_jump_resets_once(lib):
    events = [replace(e, position=(e.position[0] + 500, 0, 0)) if isinstance(e, OdomMsg) and e.stamp_ns >= T0 + 500 * MS else e
              for e in drive()]  # fmt: skip
    reasons = [f.reset_reason for f in run(front_end(lib), events)]
    assert [r for r in reasons if r] == ["ODOMETRY_JUMP 500.0 m"]


def test_a_drive_that_loops_resets_at_the_seam_and_goes_on(lib):
    front = front_end(lib)
    once = drive(10)
    first, second = run(front, once), run(front, once)
    assert [f.stamp_ns for f in second] == [f.stamp_ns for f in first]
    assert [f.reset_reason for f in second] == [TIME_JUMPED_BACK] + [None] * 9
    np.testing.assert_array_equal(second[5].scans[0].cloud.xyz, first[5].scans[0].cloud.xyz)
    assert front.diagnostics().jumps == 1


FAULTY = {
    "empty": ({"width": 0, "data": b""}, "width x height: expected points, found 0 x 1: the cloud is empty"),
    "truncated": ({"data": POINTS.tobytes()[:-1]}, "data: expected 8800 bytes for 400 x 1 points, found 8799 (truncated)"),
    "no fields": ({"fields": ()}, "fields.x: expected a field of that name, found no fields"),
    "other frame": ({"frame_id": "bumper"}, "header.frame_id: expected 'top', found 'bumper'"),
    "nan": ({"data": NOTHING.tobytes()}, "points: expected usable points, found none of 400 (400 not_finite)"),
}  # fmt: skip


@pytest.mark.parametrize("kind", FAULTY)
def test_a_faulty_cloud_is_named_left_out_and_over_with_the_next_good_one(lib, kind):
    changes, words = FAULTY[kind]
    front = front_end(lib)
    events = drive(6)
    at = next(i for i, e in enumerate(events) if isinstance(e, CloudMsg) and e.stamp_ns == T0 + 300 * MS)
    run(front, events[:at])
    assert not any(frame.scans for frame in front.feed(replace(events[at], **changes)))
    health = {h.sensor: h for h in front.health(events[at].receive_ns)}
    assert health["top"].state == SensorState.INVALID and health["top"].message == f"/top: {words}"
    assert fault(front, "top") == f"/top: {words}"
    frames = run(front, events[at + 1 :])
    assert len(frames) == 2 and state(frames[0], "top") == SensorState.OK


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"data": JPEG[:-40]}, "cut off"), ({"data": b""}, "found nothing"), ({"frame_id": "rear"}, "found 'rear'"),
     ({"data": cv2.imencode(".png", np.zeros((9, 9, 3), np.uint8))[1].tobytes()}, "9 x 9 px, but CameraInfo says 64 x 48")],
)  # fmt: skip
def test_a_faulty_image_never_stops_the_lidar(lib, changes, words):
    front = front_end(lib)
    frames = run(front, [replace(e, **changes) if isinstance(e, ImageMsg) else e for e in drive()])
    assert len(frames) == 10 and all(not f.cameras for f in frames)
    assert state(frames[-1], "front") == SensorState.INVALID
    assert words in fault(front, "front")


def test_sixteen_bits_that_are_not_shifted_up_are_said_once(lib):
    camera = {"front": {**VEHICLE["cameras"]["front"], "compressed": False}}
    front = SensorFrontEnd(PerceptionConfig(), vehicle(cameras=camera), lib)
    dim = np.full((48, 64), 1023, "<u2").tobytes()
    for k in range(20):
        front.feed(image(100 * k, compressed=False, encoding="mono16", data=dim, width=64, height=48, step=128))
    (fault,) = [f for f in front.diagnostics().faults if f.newest.field == "data"]
    assert fault.count == 1 and "not shifted up" in str(fault.newest) and "/front: data" in str(fault.newest)


def test_missing_calibration_is_named(lib):
    front = front_end(lib)
    assert run(front, [e for e in drive() if not isinstance(e, TfMsg)]) == []
    assert "TF: expected base_link <- top, found" in fault(front, "top")
    front = front_end(lib)
    frames = run(front, [e for e in drive() if not isinstance(e, CameraInfoMsg)])
    assert len(frames) == 10 and not frames[-1].cameras
    assert "CameraInfo: expected a message on /front/info, found none yet" in fault(front, "front")
    front = front_end(lib)
    run(front, [replace(e, K=np.zeros((3, 3))) if isinstance(e, CameraInfoMsg) else e for e in drive()])
    assert any("calibrated camera" in str(c.newest) for c in front.diagnostics().faults)


def test_a_sensor_that_stops_is_missing_after_the_silence(lib):
    front = front_end(lib)
    frames = run(front, [e for e in drive(20) if not (isinstance(e, ImageMsg) and e.stamp_ns > T0 + 500 * MS)])
    assert len(frames) == 20
    assert state(frames[7], "front") == SensorState.LATE and state(frames[-1], "front") == SensorState.MISSING
    front = front_end(lib)
    frames = run(front, [e for e in drive(20) if not (isinstance(e, CloudMsg) and e.stamp_ns > T0 + 500 * MS)])
    blind = [f for f in frames if not f.scans]
    assert blind and all(f.cameras and state(f, "top") == SensorState.MISSING for f in blind)
    health = {h.sensor: h for h in front.health(T0 + 2500 * MS)}
    assert health["top"].message == "no message on /top for 2.0 s" and health["top"].age_ns == 2000 * MS


def test_extrinsics_from_the_file_need_no_tf_and_change_the_hash(lib):
    def with_z(z: float) -> SensorFrontEnd:
        place = {"xyz": [1, 0, z], "rpy": [0, 0, 0]}
        return front_end(
            lib, extrinsics_from="file", lidars={"top": {**VEHICLE["lidars"]["top"], "extrinsics": place}}, cameras={}
        )

    events = [e for e in drive() if not isinstance(e, TfMsg)]
    a, b, c = (run(with_z(z), events)[0] for z in (1.8, 1.8, 1.9))
    assert a.scans[0].origin[2] == np.float32(1.8)
    assert a.calibration_hash == b.calibration_hash != c.calibration_hash


def test_a_changed_extrinsic_takes_effect_with_a_new_hash(lib):
    front = front_end(lib)
    (before,) = [f for f in run(front, drive(2)) if f.stamp_ns == T0 + 100 * MS]
    moved = TransformSample("base_link", "top", 0, (1.0, 0.0, 2.0), (0.0, 0.0, 0.0, 1.0))
    front.feed(TfMsg("/tf_static", T0 + 150 * MS, 0, True, [moved]))
    (after,) = run(front, [odom(200, 2.0), cloud(200)])
    assert after.scans[0].origin[2] == np.float32(2.0) and after.calibration_hash != before.calibration_hash


def test_the_body_and_a_turned_trailer_are_masked(lib):
    hitch = {"x": -0.5, "trailer_length": 8.0, "trailer_width": 2.5, "frame": "trailer"}
    near = POINTS.copy()
    near["z"], near["time"] = -1.0, 0.0
    near["x"], near["y"] = (
        np.meshgrid(np.linspace(-12, 4, 20), np.linspace(-6, 6, 20))[0].ravel(),
        np.meshgrid(np.arange(20), np.linspace(-6, 6, 20))[1].ravel(),
    )
    config = PerceptionConfig.model_validate({"sensors": {"min_range": 0.0}})
    front = front_end(lib, config=config, hitch=hitch, cameras={})
    q = geometry.quaternion_of(geometry.rotation_z(0.4))
    turned = TransformSample("base_link", "trailer", T0, (-0.5, 0.0, 0.0), tuple(q))
    events = [rig(), TfMsg("/tf", T0, 0, False, [turned]), odom(0, 0), cloud(0, points=near)]
    (frame,) = run(front, events)
    kept = frame.scans[0].cloud.xyz.astype(float)
    x, y = near["x"] + 1.0, near["y"]
    body = (np.abs(y) <= 1.05) & (x >= -1.1) & (x <= 3.6)
    local = np.stack([x + 0.5, y], 1) @ geometry.rotation_z(0.4)[:2, :2]
    trailer = (local[:, 0] <= 0.1) & (local[:, 0] >= -8.1) & (np.abs(local[:, 1]) <= 1.35)
    assert trailer.sum() > 20 and body.sum() > 10
    np.testing.assert_allclose(kept[:, :2], np.stack([x, y], 1)[~(body | trailer)], atol=1e-4)


def test_unsynchronised_clocks_are_named_but_used(lib):
    front = front_end(lib)
    frames = run(front, [replace(e, receive_ns=e.receive_ns + 3600 * 1000 * MS) for e in drive()])
    assert len(frames) == 10
    assert "3600.0 s behind (clocks not synchronised, or use_sim_time?)" in fault(front, "top")


@pytest.mark.parametrize("ahead_s", [-3600, -2, 2, 3600])
def test_a_single_wrong_stamp_is_named_and_costs_one_sweep_and_no_reset(lib, ahead_s):
    front = front_end(lib)
    events = [replace(e, stamp_ns=e.stamp_ns + ahead_s * 1000 * MS)
              if isinstance(e, CloudMsg) and e.stamp_ns == T0 + 500 * MS else e for e in drive()]  # fmt: skip
    frames = run(front, events)
    assert [f.stamp_ns for f in frames] == [T0 + 100 * k * MS for k in range(10) if k != 5]
    assert not any(f.reset_reason for f in frames)
    words = f"where the sensor's clock was, found {abs(ahead_s)}.0 s {'ahead of' if ahead_s > 0 else 'behind'} it"
    assert any(words in str(c.newest) for c in front.diagnostics().faults)


def test_a_sweep_that_comes_before_the_clock_of_a_looping_drive_is_not_lost(lib):
    front, once = front_end(lib), drive(25)
    run(front, once)
    seam = max(e.receive_ns for e in once) + MS
    first = next(e for e in once if isinstance(e, CloudMsg))
    late = replace(first, receive_ns=seam)  # the clock still tells the end of the last lap
    second = run(front, [late, *(e for e in once if e is not first)])
    assert [f.stamp_ns for f in second] == [T0 + 100 * k * MS for k in range(25)]
    assert [f.reset_reason for f in second] == [TIME_JUMPED_BACK] + [None] * 24


def test_a_clock_that_is_set_is_believed_after_three_sweeps(lib):
    front = front_end(lib, odometry={"topic": ""}, cameras={})
    events = [replace(e, stamp_ns=e.stamp_ns - 60_000 * MS)
              if isinstance(e, CloudMsg) and e.stamp_ns >= T0 + 500 * MS else e for e in drive()]  # fmt: skip
    frames = run(front, events)
    assert len(frames) == 8 and [f.reset_reason for f in frames[5:]] == [TIME_JUMPED_BACK, None, None]
    assert frames[5].stamp_ns == T0 + (700 - 60_000) * MS


def test_a_slower_lidar_is_healthy_although_it_is_in_every_second_frame_only(lib):
    side = [cloud(200 * k + 3, "/side", delay_ms=6) for k in range(10)]
    events = sorted([e for e in drive(20) if isinstance(e, OdomMsg | TfMsg) or e.topic == "/top"] + side,
                    key=lambda e: e.receive_ns)  # fmt: skip
    front = front_end(lib, "top", "side", cameras={})
    frames = run(front, events)
    assert [len(f.scans) for f in frames[4:]] == [2, 1] * 8
    assert all(state(f, "side") == SensorState.OK for f in frames[4:])
    assert not [c for c in front.diagnostics().faults if c.newest.field == "sweep" and c.at_ns > T0 + 300 * MS]


HEALTHY = drive(6, ("/top", "/side"))
NUMBERS = st.one_of(st.floats(), st.integers(-(10**10), 10**10), st.integers(0, 2**62))
EDITS = st.lists(
    st.tuples(st.integers(0, len(HEALTHY) - 1), st.integers(0, 6), NUMBERS, st.binary(max_size=60)), max_size=15
)


def mangle(events: list, edits: list) -> list:
    """Drop, double, swap, shift in time or break events; one edit is (which, how, a number, some bytes)."""
    out = [[e] for e in events]
    for which, how, number, data in edits:
        event, whole = events[which], int(number) if np.isfinite(number) and abs(number) < 2**62 else 0
        if how == 0:
            out[which] = []
        elif how == 1:
            out[which] = [event, event]
        elif how == 2:
            other = whole % len(out)
            out[which], out[other] = out[other], out[which]
        elif how == 3:
            out[which] = [replace(event, receive_ns=event.receive_ns + whole % 10**11 - 5 * 10**10)]
        elif how == 4 and not isinstance(event, TfMsg):
            out[which] = [replace(event, stamp_ns=abs(whole))]
        elif isinstance(event, CloudMsg):
            out[which] = [replace(event, data=data, width=len(data) // 4, point_step=abs(whole) % 40)]
        elif isinstance(event, ImageMsg):
            out[which] = [replace(event, data=data, compressed=how == 5, encoding="rgb8", width=3, height=2, step=9)]
        elif isinstance(event, OdomMsg):
            changes = {"position": (number, 0.0, 0.0)} if how == 5 else {"quaternion": (0.0, 0.0, number, 1.0)}
            out[which] = [replace(event, **changes)]
        elif isinstance(event, TfMsg):
            turned = TransformSample("front", "base_link", 0, (number, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0))
            out[which] = [replace(event, transforms=[turned, *event.transforms])]
    return [e for several in out for e in several]


@given(EDITS)
@settings(max_examples=30, deadline=None)
def test_whatever_comes_nothing_is_raised_and_a_healthy_drive_is_seen_again(lib, edits):
    front, events = front_end(lib, "top", "side"), mangle(HEALTHY, edits)
    for event in events:
        front.feed(event)
        front.poll(event.receive_ns + 70 * MS)
    assert not [str(c.newest) for c in front.diagnostics().faults if c.newest.sensor == "front_end"]
    later = max([T0, *(e.receive_ns for e in events)]) - T0
    frames = run(front, drive(20, ("/top", "/side"), offset_ms=later / MS + 20_000))
    assert len(frames) >= 12
    assert [h for h in frames[-1].health if h.state != SensorState.OK] == []


@pytest.mark.real_data
def test_collect_and_unpack_of_a_recorded_sweep_takes_less_than_6_ms(lib, real_data):
    scan = np.fromfile(next((real_data / "kitti_tracking").rglob("velodyne/*/000000.bin")), np.float32)
    fields = FIELDS[:4]
    front = front_end(lib)
    front.feed(rig())
    took = []
    for k in range(15):
        front.feed(odom(100 * k, k))
        event = cloud(
            100 * k, fields=fields, width=scan.size // 4, point_step=16, row_step=scan.nbytes, data=scan.tobytes()
        )
        start = time.process_time()  # one thread does it; what else runs on this machine is not counted
        (frame,) = front.feed(event)
        took.append((time.process_time() - start) * 1e3)
    assert len(frame.scans[0].cloud) > 110_000
    assert min(took) < 6.0
