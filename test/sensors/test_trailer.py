"""The trailer: its angle from points, topic and TF, and masks that hide all of it and nothing else."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy_perception.config import Hitch, PerceptionConfig, VehicleConfig
from autonomy_perception.messages.events import CloudMsg, JointMsg, PointField
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.sensors import trailer
from autonomy_perception.sensors.articulation import HITCH
from autonomy_perception.sensors.frontend import SensorFrontEnd
from autonomy_perception.types import SensorState

SEMI = Hitch(x=0.4, trailer_front=1.4, trailer_length=11.0, trailer_width=2.5, trailer_height=4.0)
ROOF = (3.6, 0.0, 3.2)
MIRRORS = ((3.9, 1.5, 2.2), (3.9, -1.5, 2.2))


def outline(hitch: Hitch, angle: float) -> np.ndarray:
    """Corners (4,2) in base_link, counter-clockwise from the front left."""
    half = hitch.trailer_width / 2.0
    local = np.array([[hitch.trailer_front, half], [-hitch.trailer_length, half], [-hitch.trailer_length, -half],
                      [hitch.trailer_front, -half]])  # fmt: skip
    c, s = math.cos(angle), math.sin(angle)
    return local @ np.array([[c, s], [-s, c]]) + [hitch.x, 0.0]


def cast(origin: tuple[float, float, float], walls: list[np.ndarray], top: float, step_deg: float = 0.2) -> np.ndarray:
    """What a lidar sees of upright walls [(2,2) segments] of a height, 12 beams; points (N,3) in base_link."""
    azimuth = np.deg2rad(np.arange(-180.0, 180.0, step_deg))
    d = np.stack([np.cos(azimuth), np.sin(azimuth)], 1)
    nearest = np.full(len(d), np.inf)
    for a, b in walls:
        e, o = b - a, a - np.array(origin[:2])
        det = e[0] * d[:, 1] - e[1] * d[:, 0]
        with np.errstate(divide="ignore", invalid="ignore"):
            t = (e[0] * o[1] - e[1] * o[0]) / det
            u = (d[:, 0] * o[1] - d[:, 1] * o[0]) / det
        nearest = np.where((t > 0.3) & (u >= 0) & (u <= 1) & (t < nearest), t, nearest)
    hit = np.isfinite(nearest)
    xy = np.array(origin[:2]) + d[hit] * nearest[hit, None]
    out = []
    for elevation in np.deg2rad(np.linspace(-22, 8, 12)):
        z = origin[2] + nearest[hit] * math.tan(elevation)
        out.append(np.concatenate([xy, z[:, None]], 1)[(z > 0.2) & (z < top)])
    return np.concatenate(out)


def box_walls(corners: np.ndarray) -> list[np.ndarray]:
    return [np.stack([corners[k], corners[(k + 1) % len(corners)]]) for k in range(len(corners))]


def seen(hitch: Hitch, angle: float, origins, seed: int = 0, clutter: list[np.ndarray] = ()) -> list:
    """Views of the trailer (with 2 cm of noise) and of what stands around, from several lidars."""
    rng = np.random.default_rng(seed)
    walls = box_walls(outline(hitch, angle)) + [w for c in clutter for w in box_walls(c)]
    views = [(np.array(o), cast(o, walls, hitch.trailer_height)) for o in origins]
    return [(o, (xyz + rng.normal(0.0, 0.02, xyz.shape)).astype(np.float32)) for o, xyz in views]


def found(views: list, hitch: Hitch, expected: float | None = None) -> trailer.Fit | None:
    return trailer.fit(trailer.Cells.of(views, hitch), hitch, expected)


def car(x: float, y: float, yaw: float = 0.0, length: float = 4.5, width: float = 1.9) -> np.ndarray:
    c, s = math.cos(yaw), math.sin(yaw)
    half = np.array([[length, width], [-length, width], [-length, -width], [length, -width]]) / 2
    return half @ np.array([[c, s], [-s, c]]) + [x, y]


@given(st.floats(-80, 80), st.sampled_from(["roof", "mirrors", "left mirror"]), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_the_angle_of_a_box_trailer_is_found_from_whatever_sees_it(degrees, where, seed):
    origins = {"roof": [ROOF], "mirrors": MIRRORS, "left mirror": MIRRORS[:1]}[where]
    truth = math.radians(degrees)
    got = found(seen(SEMI, truth, origins, seed), SEMI)
    assert got is not None, "no trailer found"
    assert abs(got.angle - truth) < math.radians(0.6), math.degrees(got.angle)


@given(st.floats(-30, 30), st.integers(0, 99), st.floats(2.5, 5), st.floats(-12, 4), st.sampled_from([-1, 1]))
@settings(max_examples=40, deadline=None)
def test_trucks_and_walls_beside_it_do_not_mislead(degrees, seed, gap, x, side):
    truth = math.radians(degrees)
    swing = abs(math.sin(truth)) * SEMI.trailer_length
    neighbour = car(x, side * (1.25 + swing + gap + 1.25), 0.0, 12.0, 2.5)
    wall = car(-5.0, -side * (6.0 + swing), 0.0, 60.0, 0.4)
    got = found(seen(SEMI, truth, [ROOF, *MIRRORS], seed, [neighbour, wall]), SEMI)
    assert got is not None and abs(got.angle - truth) < math.radians(0.6)


@given(st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_without_a_trailer_traffic_walls_and_bushes_are_none(seed):
    rng = np.random.default_rng(seed)
    things = []
    for _ in range(rng.integers(1, 6)):
        x, y = rng.uniform(-16, 8), rng.uniform(2.4, 7) * rng.choice([-1, 1])
        things.append(car(x, y, rng.normal(0, 0.1), *((12.0, 2.5) if rng.random() < 0.5 else (4.5, 1.9))))
    things.append(
        car(-rng.uniform(3.0, 6.0) - 6.0, rng.normal(0, 0.5), rng.normal(0, 0.05), 12.0, 2.5)
    )  # a truck behind
    walls = [w for c in things for w in box_walls(c)]
    bush = rng.normal([rng.uniform(-10, -3), rng.choice([-1, 1]) * rng.uniform(3, 6), 2.0], [1.0, 0.7, 0.6], (400, 3))
    views = []
    for o in (ROOF, *MIRRORS):
        xyz = np.concatenate([cast(o, walls, 3.8), bush[rng.random(400) < 0.5]])
        body = (xyz[:, 0] > -1.45) & (np.abs(xyz[:, 1]) < 1.35) & (xyz[:, 0] < 5)
        views.append((np.array(o), xyz[~body]))
    assert found(views, SEMI) is None


def test_nothing_or_too_little_is_no_trailer():
    assert found([(np.array(ROOF), np.zeros((0, 3), np.float32))], SEMI) is None
    assert found([(np.array(ROOF), np.float32([[1.8, 0.1, 2.0]] * 50))], SEMI) is None


@pytest.mark.parametrize("hitch", [
    Hitch(x=-1.2, trailer_front=-1.6, trailer_length=8.0, trailer_width=2.5, trailer_height=3.6),  # drawbar
    Hitch(x=-0.9, trailer_front=-1.0, trailer_length=4.2, trailer_width=2.1, trailer_height=2.4),  # horse box
])  # fmt: skip
def test_drawbar_trailers_with_their_front_behind_the_hitch(hitch):
    for degrees in (-35, -10, 0, 4, 25):
        points = seen(hitch, math.radians(degrees), [(1.2, 0.0, 2.4), *MIRRORS], 3)
        got = found(points, hitch)
        assert got is not None and abs(math.degrees(got.angle) - degrees) < 1.0


MS, T0 = 1_000_000, 1_700_000_000_000_000_000
VEHICLE = {
    "name": "truck", "extrinsics_from": "file",
    "lidars": {
        name: {"topic": f"/{name}", "frame": name, "extrinsics": {"xyz": list(at), "rpy": [0, 0, 0]}}
        for name, at in (("roof", ROOF), ("left", MIRRORS[0]), ("right", MIRRORS[1]))
    },
    "odometry": {"topic": ""},
    "dimensions": {"front": 5.0, "rear": 0.9, "width": 2.5, "height": 3.1, "wheelbase": 3.8},
}  # fmt: skip
CLUTTER = [car(-4.0, 5.0), car(9.0, -4.0), car(-25.0, 1.0)]


@pytest.fixture(scope="module")
def lib() -> CpuLibrary:
    return CpuLibrary()


def front_end(lib: CpuLibrary, **changes) -> SensorFrontEnd:
    hitch = {**SEMI.model_dump(), **changes}
    return SensorFrontEnd(PerceptionConfig(), VehicleConfig.model_validate({**VEHICLE, "hitch": hitch}), lib)


def sweeps(at_ms: float, angle: float | None, seed: int = 0) -> list[CloudMsg]:
    """What the three lidars see of a trailer at an angle (None: no trailer) and of cars around."""
    rng = np.random.default_rng(seed)
    walls = box_walls(outline(SEMI, angle)) if angle is not None else []
    walls += [w for c in CLUTTER for w in box_walls(c)]
    fields = [PointField(n, 4 * k, 7) for k, n in enumerate("xyz")]
    out, stamp = [], T0 + round(at_ms * MS)
    for name, origin in (("roof", ROOF), ("left", MIRRORS[0]), ("right", MIRRORS[1])):
        xyz = cast(origin, walls, SEMI.trailer_height) - np.array(origin)
        raw = (xyz + rng.normal(0.0, 0.02, xyz.shape)).astype("<f4")
        out.append(CloudMsg(f"/{name}", stamp + 5 * MS, 0, name, stamp, 1, len(raw), fields, False, 12,
                            12 * len(raw), raw.tobytes()))  # fmt: skip
    return out


def left_over(frame, angle: float | None) -> tuple[int, int]:
    """Points of a frame within 0.3 m of the trailer's box, and all others."""
    xyz = np.concatenate([s.cloud.xyz for s in frame.scans]).astype(float)
    xy = xyz[:, :2] - [SEMI.x, 0.0]
    c, s = math.cos(angle or 0.0), math.sin(angle or 0.0)
    u, v = c * xy[:, 0] + s * xy[:, 1], c * xy[:, 1] - s * xy[:, 0]
    near = (
        (u > -SEMI.trailer_length - 0.3) & (u < SEMI.trailer_front + 0.3) & (np.abs(v) < SEMI.trailer_width / 2 + 0.3)
    )
    return int(near.sum()), int((~near).sum())


def run(front: SensorFrontEnd, events: list) -> list:
    frames = [frame for event in events for frame in front.feed(event)]
    assert not [c for c in front.diagnostics().faults if c.newest.sensor == "front_end"]
    return frames


def test_a_bending_trailer_is_masked_by_its_points_alone_from_the_first_frame_on(lib):
    front = front_end(lib)
    others = None
    for k in range(40):
        angle = math.radians(35.0) * math.sin(0.06 * k)  # up to 21 deg/s: more than a truck does
        (frame,) = [f for e in sweeps(100 * k, angle, k) for f in front.feed(e) if len(f.scans) == 3 or k == 0][-1:]
        mine, others = left_over(frame, angle)
        assert mine == 0, f"{mine} points of the trailer left at {math.degrees(angle):.1f} deg (frame {k})"
        assert others > 500


def test_without_a_trailer_nothing_is_masked_but_the_tractor(lib):
    with_hitch, without = front_end(lib), SensorFrontEnd(PerceptionConfig(), VehicleConfig.model_validate(VEHICLE), lib)
    for k in range(5):
        a, b = ([f for e in sweeps(100 * k, None, k) for f in front.feed(e)][-1] for front in (with_hitch, without))
        for mine, other in zip(a.scans, b.scans, strict=True):
            np.testing.assert_array_equal(mine.cloud.xyz, other.cloud.xyz)


def joint(at_ms: float, position: float, name: str = "hitch", **changes) -> JointMsg:
    stamp = T0 + round(at_ms * MS)
    return replace(JointMsg("/hitch", stamp + MS, 0, stamp, ("wheel", name), (7.0, position)), **changes)


TOPIC = {"topic": "/hitch", "joint": "hitch", "estimate": False}


@pytest.mark.parametrize(("sign", "offset_deg"), [(1, 0.0), (-1, 0.0), (1, 90.0), (-1, -12.0)])
def test_the_topic_tells_the_angle_with_the_sign_and_zero_of_the_vehicle_file(lib, sign, offset_deg):
    front = front_end(lib, **TOPIC, sign=sign, offset_deg=offset_deg)
    for k in range(6):
        angle = math.radians(-20.0 + 5.0 * k)
        told = sign * angle + math.radians(offset_deg)
        frames = run(front, [joint(100 * k, told), *sweeps(100 * k, angle)])
        assert left_over(frames[-1], angle)[0] == 0
    (health,) = [h for h in frames[-1].health if h.sensor == HITCH]
    assert health.state == SensorState.OK


def test_a_topic_that_stops_is_held_then_the_points_take_over(lib):
    front = front_end(lib, **{**TOPIC, "estimate": True})
    run(front, [joint(0, 0.3), *sweeps(0, 0.3)])
    frames = []
    for k in range(1, 20):
        angle = 0.3 + 0.02 * k
        frames += [(angle, f) for f in run(front, sweeps(100 * k, angle, k)) if len(f.scans) == 3]
    assert [left_over(f, a)[0] for a, f in frames[6:]] == [0] * len(frames[6:])
    (health,) = [h for h in frames[-1][1].health if h.sensor == HITCH]
    assert health.state == SensorState.MISSING and "/hitch" in health.message


@pytest.mark.parametrize(("message", "words"), [
    (joint(0, 0.1, "drawbar"), "name: expected 'hitch', found 'wheel', 'drawbar'"),
    (joint(0, 3.0), "position: expected within 95 deg, found 171.9 deg"),
    (joint(0, math.nan), "position: expected within 95 deg, found nan deg"),
    (joint(0, 0.1, positions=(7.0,)), "position: expected a value for joint 1, found 1 values"),
])  # fmt: skip
def test_a_topic_that_does_not_tell_the_angle_is_named(lib, message, words):
    front = front_end(lib, **TOPIC)
    run(front, [message])
    assert [str(c.newest) for c in front.diagnostics().faults] == [f"/hitch: {words}"]


def test_a_topic_that_is_off_is_named_and_both_angles_are_masked(lib):
    front = front_end(lib, **{**TOPIC, "estimate": True})
    for k in range(25):
        angle = 0.1 + 0.01 * k
        frames = run(front, [joint(100 * k, angle + math.radians(8.0)), *sweeps(100 * k, angle, k)])
        assert left_over(frames[-1], angle)[0] == 0
    off = [str(c.newest) for c in front.diagnostics().faults if c.newest.field == "hitch angle"]
    assert off and off[0].startswith("/hitch: hitch angle: expected ")
    assert front.diagnostics().trailer.endswith("deg by topic")


def test_an_angle_from_the_future_does_not_shut_out_the_right_ones(lib):
    front = front_end(lib, **TOPIC)
    run(front, [joint(3_600_000, 0.5, receive_ns=T0 - 300 * MS)])
    for k in range(5):
        frames = run(front, [joint(100 * k, 0.2), *sweeps(100 * k, 0.2)])
    assert left_over(frames[-1], 0.2)[0] == 0


def test_the_body_may_be_given_in_parts_by_height(lib):
    low = {"outline": [[5.0, 1.2], [0.0, 1.2], [0.0, -1.2], [5.0, -1.2]], "z_max": 1.0}
    high = {"outline": [[5.0, 1.0], [3.0, 1.0], [3.0, -1.0], [5.0, -1.0]], "z_min": 1.0, "z_max": 3.0}
    vehicle = VehicleConfig.model_validate({**VEHICLE, "body": [low, high]})
    points = np.array([[1.0, 0.0, 0.5], [1.0, 0.0, 2.0], [4.0, 0.0, 2.0], [4.0, 1.1, 0.5], [4.0, 1.1, 2.0]]) - ROOF
    raw = np.repeat(points, 30, axis=0).astype("<f4")
    fields = [PointField(n, 4 * k, 7) for k, n in enumerate("xyz")]
    config = PerceptionConfig.model_validate({"sensors": {"min_range": 0.0}})
    front = SensorFrontEnd(config, vehicle, lib)
    (frame,) = run(front, [CloudMsg("/roof", T0, 0, "roof", T0, 1, 150, fields, False, 12, 1800, raw.tobytes())])
    kept = np.unique(frame.scans[0].cloud.xyz.round(2), axis=0)
    np.testing.assert_allclose(kept, [[1.0, 0.0, 2.0], [4.0, 1.1, 2.0]], atol=1e-3)


@pytest.mark.parametrize(("outline", "z_max"), [
    ([[0, 0], [4, 0], [1, 1], [0, 4]], 1.0), ([[0, 0], [1, 0], [2, 0]], 1.0), ([[0, 0], [1, 0], [0, 1]], -2.0),
    ([[0, 0], [1, 0]], 1.0), ([[0, 0], [1, 0], [0, math.nan]], 1.0),
])  # fmt: skip
def test_a_body_part_without_sense_is_refused_by_field(outline, z_max):
    with pytest.raises(ValueError, match=r"body\.0"):
        VehicleConfig.model_validate({**VEHICLE, "body": [{"outline": outline, "z_max": z_max}]})


@pytest.mark.real_data
@pytest.mark.parametrize("hitch", [SEMI, Hitch(x=-1.1, trailer_front=-1.0, trailer_length=6.0, trailer_width=2.0, trailer_height=2.4)])  # fmt: skip
def test_recorded_drives_without_a_trailer_show_none(lib, real_data, hitch):
    scans = sorted((real_data / "kitti_tracking").rglob("velodyne/*/*.bin"))
    scans += sorted((real_data / "kitti_raw").rglob("velodyne_points/data/*.bin"))
    T = np.array([0.76, 0.0, 1.73])
    for path in scans[:: max(1, len(scans) // 60)]:
        xyz = np.fromfile(path, np.float32).reshape(-1, 4)[:, :3] + T.astype(np.float32)
        body = (xyz[:, 0] > -1.2) & (xyz[:, 0] < 3.8) & (np.abs(xyz[:, 1]) < 1.0)
        assert found([(T, xyz[~body])], hitch) is None, path.name
