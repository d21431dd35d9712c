"""Output messages say what the arrays said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("rclpy", reason="ROS is not installed: make setup")
pytest.importorskip("autonomy_perception_msgs.msg", reason="the interface packages are not built: make setup")

from rclpy.serialization import deserialize_message, serialize_message

from autonomy_perception import geometry
from autonomy_perception.grid import WorldGrid, from_grid_map_data
from autonomy_perception.nodes import conversions as c
from autonomy_perception.nodes.status_message import Counters, StatusFacts, status_message
from autonomy_perception.types import (
    N_CLASSES,
    Detections,
    Mode,
    Occupancy,
    Perception,
    SensorHealth,
    SensorState,
    TerrainGrid,
    Tracks,
)

STAMP = 1_700_000_000_123_456_789


def tracks_of(n: int, seed: int = 0) -> Tracks:
    rng = np.random.default_rng(seed)

    def f(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype(np.float32)

    half = f(n, 6, 6)
    probs = rng.dirichlet(np.full(N_CLASSES, 0.4), n).astype(np.float32)
    return Tracks(
        rng.integers(0, 256, (n, 16)).astype(np.uint8), f(n, 3) * 50, np.abs(f(n, 3)) + 0.5, f(n), f(n, 2) * 10, f(n, 2), f(n),
        half @ np.swapaxes(half, 1, 2), probs, rng.random(n).astype(np.float32), rng.integers(0, 3, n).astype(np.uint8),
        rng.random(n) > 0.5, np.abs(f(n)), np.abs(f(n)), rng.random(n) > 0.3, "odom",
    )  # fmt: skip


def perception_of(wire: np.ndarray, layer: np.ndarray, **more: object) -> Perception:
    ny, nx = wire.shape
    grid = WorldGrid(-7, 12, nx, ny, 0.5)
    terrain = TerrainGrid(WorldGrid(3, -9, layer.shape[1], layer.shape[0], 0.4), {"elevation": layer, "age": layer + 1})
    T = geometry.make_transform(translation=(1.0, 2.0, 3.0))
    result = Perception(STAMP, STAMP - 5, Mode.GEOMETRIC, (), T, Detections.empty(), Tracks.empty(), terrain,
                        Occupancy(grid, np.zeros(wire.shape, np.float32), wire))  # fmt: skip
    return replace(result, **more)


def wire_trip(message):
    return deserialize_message(serialize_message(message), type(message))


@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_grids_keep_every_cell(nx: int, ny: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    wire = rng.integers(-1, 101, (ny, nx)).astype(np.int8)
    layer = rng.normal(size=(nx, ny)).astype(np.float32)
    layer[0, 0] = np.nan
    result = perception_of(wire, layer)
    grid = wire_trip(c.occupancy_grid(result, "odom"))
    assert (grid.info.width, grid.info.height) == (nx, ny)
    assert np.array_equal(np.frombuffer(grid.data, np.int8).reshape(ny, nx), wire)
    autoware = np.frombuffer(wire_trip(c.occupancy_grid(result, "odom", "autoware")).data, np.int8).reshape(ny, nx)
    assert np.array_equal(autoware, np.where(wire < 0, 50, np.clip(wire, 1, 99)))
    assert (grid.info.origin.position.x, grid.info.origin.position.y, grid.info.origin.position.z) == (-3.5, 6.0, 3.0)
    terrain = wire_trip(c.grid_map(result, "odom"))
    assert list(terrain.layers) == ["elevation", "age"]
    got = from_grid_map_data(np.frombuffer(terrain.data[0].data, np.float32), layer.shape[1], layer.shape[0])
    assert np.array_equal(got, layer, equal_nan=True)
    assert terrain.info.pose.position.x == pytest.approx((3 + layer.shape[1] / 2) * 0.4)
    rows, columns = layer.shape[1], layer.shape[0]
    assert [(d.label, d.size, d.stride) for d in terrain.data[0].layout.dim] == [
        ("column_index", columns, rows * columns), ("row_index", rows, rows)]  # fmt: skip


@given(st.integers(0, 12), st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_tracks_survive_the_wire(n: int, seed: int) -> None:
    tracks = tracks_of(n, seed)
    message = wire_trip(c.tracked_objects(tracks, STAMP))
    keep = np.flatnonzero(tracks.confirmed)
    assert len(message.objects) == len(keep)
    assert (message.header.stamp.sec, message.header.stamp.nanosec, message.header.frame_id) == (
        1_700_000_000,
        123_456_789,
        "odom",
    )
    for item, i in zip(message.objects, keep, strict=True):
        k = item.kinematics
        pose, twist = k.pose_with_covariance.pose, k.twist_with_covariance.twist
        assert bytes(item.object_id.uuid) == tracks.uuid[i].tobytes()
        yaw = 2 * np.arctan2(pose.orientation.z, pose.orientation.w)
        assert abs(float(geometry.wrap_angle(yaw - tracks.yaw[i]))) < 1e-6
        world = geometry.rotation_z(yaw)[:2, :2] @ [twist.linear.x, twist.linear.y]
        assert np.allclose(world, tracks.velocity[i], atol=1e-4)
        accel = k.acceleration_with_covariance.accel.linear
        assert np.allclose(geometry.rotation_z(yaw)[:2, :2] @ [accel.x, accel.y], tracks.acceleration[i], atol=1e-4)
        turned = geometry.rotation_z(yaw)[:2, :2]
        velocity_cov = np.asarray(k.twist_with_covariance.covariance).reshape(6, 6)[:2, :2]
        assert np.allclose(turned @ velocity_cov @ turned.T, tracks.covariance[i, 4:, 4:], atol=1e-3)
        pose_cov = np.asarray(k.pose_with_covariance.covariance).reshape(6, 6)
        assert pose_cov[0, 5] == pytest.approx(tracks.covariance[i, 0, 3])
        assert pose_cov[3, 3] == 0 and np.allclose(pose_cov, pose_cov.T, atol=1e-5)
        probs = [x.probability for x in item.classification]
        assert sum(probs) == pytest.approx(1.0, abs=1e-5) and probs == sorted(probs, reverse=True)
        assert item.classification[0].label == int(np.argmax(tracks.class_probs[i]))
        assert (item.shape.dimensions.x, item.shape.dimensions.z) == pytest.approx(
            (tracks.size[i, 0], tracks.size[i, 2])
        )


def test_unmeasured_velocity_is_left_out_and_no_mass_means_unknown() -> None:
    n = 2
    one = np.ones
    found = Detections(one((n, 3), np.float32), one((n, 3), np.float32), np.zeros(n, np.float32),
                       np.array([[np.nan, np.nan], [2.0, 0.0]], np.float32), one((n, 4, 4), np.float32),
                       np.zeros((n, N_CLASSES), np.float32), one(n, np.float32), np.array([5, 6], np.int32),
                       np.array([False, True]), np.array([0, 1], np.uint8))  # fmt: skip
    a, b = wire_trip(c.detected_objects(found, STAMP)).objects
    assert not a.kinematics.has_twist and b.kinematics.has_twist
    assert b.kinematics.twist_with_covariance.twist.linear.x == 2.0
    assert (a.kinematics.orientation_availability, b.kinematics.orientation_availability) == (1, 2)
    assert [(x.label, x.probability) for x in a.classification] == [(0, 1.0)]
    assert (a.point_count, b.source) == (5, 1)


def test_a_used_pool_gives_the_same_messages_as_a_fresh_one() -> None:
    pool = c.Pool()
    for n, seed in ((9, 1), (3, 2), (0, 3), (12, 4)):
        tracks = tracks_of(n, seed)
        used, fresh = c.tracked_objects(tracks, STAMP, pool), c.tracked_objects(tracks, STAMP)
        assert wire_trip(used) == wire_trip(fresh)
        rng = np.random.default_rng(seed)
        velocity = np.where(rng.random((n, 1)) < 0.5, np.nan, rng.normal(size=(n, 2))).astype(np.float32)
        found = Detections(*(np.asarray(getattr(tracks, name)) for name in ("center", "size", "yaw")), velocity,
                           tracks.covariance[:, :4, :4], tracks.class_probs, tracks.existence,
                           rng.integers(0, 99, n).astype(np.int32), rng.random(n) < 0.5,
                           rng.integers(0, 2, n).astype(np.uint8))  # fmt: skip
        again = c.detected_objects(found, STAMP, pool)
        assert wire_trip(again) == wire_trip(c.detected_objects(found, STAMP))


def test_status_tells_ages_latency_and_reasons() -> None:
    counters = Counters(processed=7, replaced=2)
    counters.latencies.extend([10.0] * 98 + [50.0, 90.0])
    health = (
        SensorHealth("top", SensorState.OK, 20_000_000),
        SensorHealth("front", SensorState.MISSING, -1, "no message"),
    )
    facts = StatusFacts(STAMP, STAMP - 1, Mode.STALE, ("NO_DATA",), health, {"terrain": 2.5}, "abc", 12.0)
    m = wire_trip(status_message(facts, counters, "base_link"))
    assert (m.mode, list(m.reasons), m.frames_processed, m.frames_replaced) == (4, ["NO_DATA"], 7, 2)
    assert (m.latency_last, m.latency_p50, m.latency_p95, m.latency_p99, m.latency_max) == (
        90.0,
        10.0,
        10.0,
        50.0,
        90.0,
    )
    assert [(s.name, s.state, round(s.age, 3), s.message) for s in m.sensors] == [
        ("top", 0, 0.02, ""),
        ("front", 2, -1.0, "no message"),
    ]
    assert [(s.name, s.milliseconds) for s in m.stages] == [("terrain", 2.5)]


def test_both_ways_of_reading_that_the_bench_compares_agree() -> None:
    from autonomy_perception.config import LidarConfig
    from autonomy_perception.live import bench_messages as bench
    from autonomy_perception.ops.library import CpuLibrary
    from autonomy_perception.sensors.cloud import CloudReader

    cloud = bench._cloud(np.random.default_rng(3))
    ours = bench.read_ours(cloud, CloudReader(LidarConfig(topic="/points", frame="lidar")), CpuLibrary())
    for a, b, tolerance in zip(ours, bench.read_plainly(cloud), (2e-5, 1e-6, 0, 0), strict=True):
        assert a.shape == b.shape and np.allclose(a, b, rtol=1e-5, atol=tolerance)


@pytest.mark.parametrize("name", ["rgb8", "bgr8", "rgba8", "bgra8", "mono8", "mono16", "bayer_rggb8", "yuv422", "yuv422_yuy2",
                                  "nv12", "jpeg", "png"])  # fmt: skip
def test_both_ways_of_reading_images_that_the_bench_compares_agree(name: str) -> None:
    from autonomy_perception.live import bench_images as bench
    from autonomy_perception.ops.image import preprocess
    from autonomy_perception.ops.library import CpuLibrary

    raw = name in bench.ENCODED
    message = bench.raw_image(name, np.random.default_rng(0), 64, 48) if raw else bench.compressed_image(name, 64, 48)
    ours, peer = bench.read_ours(message), bench.read_plainly(message)
    assert ours.shape == peer.shape == (48, 64, 3)
    assert np.abs(ours.astype(int) - peer).max() <= (name == "mono16")  # cv_bridge rounds, we take the high byte
    smooth = np.full((48, 64, 3), 90, np.uint8)
    tensors = preprocess(CpuLibrary(), smooth, bench.input_plan(64, 48)), bench.input_plainly(smooth)
    inner = (slice(None), slice(8, -8), slice(8, -8))  # beyond the edge ours is black, OpenCV repeats the edge
    np.testing.assert_allclose(tensors[0][inner], tensors[1][inner], atol=1e-4)


def test_every_input_of_a_vehicle_can_be_subscribed_to_and_converted() -> None:
    from geometry_msgs.msg import TwistStamped, TwistWithCovarianceStamped
    from sensor_msgs.msg import CameraInfo, Imu

    from autonomy_perception.config import load_vehicle
    from autonomy_perception.messages.sensors_in import CONVERTERS
    from autonomy_perception.nodes.inputs import inputs_of
    from autonomy_perception.nodes.qos import message_class
    from autonomy_perception.paths import share

    vehicle = load_vehicle(share() / "config" / "kitti.yaml")
    for kind in ("geometry_msgs/msg/TwistStamped", "geometry_msgs/msg/TwistWithCovarianceStamped"):
        odometry = vehicle.odometry.model_copy(
            update={"imu_topic": "/imu", "speed_topic": "/speed", "speed_type": kind}
        )
        table = {i.topic: i.msgtype for i in inputs_of(vehicle.model_copy(update={"odometry": odometry}))}
        assert (table["/imu"], table["/speed"], table["/odometry"]) == (
            "sensor_msgs/msg/Imu",
            kind,
            "nav_msgs/msg/Odometry",
        )
        for topic, msgtype in table.items():
            assert CONVERTERS[msgtype](topic, message_class(msgtype)(), 5, 6).receive_ns == 5
    imu = Imu()
    imu.angular_velocity.z, imu.linear_acceleration.z, imu.linear_acceleration_covariance[0] = 0.1, 9.8, -1.0
    event = CONVERTERS["sensor_msgs/msg/Imu"]("/imu", imu, 0, 0)
    assert event.angular_velocity == (0.0, 0.0, 0.1) and event.linear_acceleration is None
    plain, wrapped = TwistStamped(), TwistWithCovarianceStamped()
    plain.twist.linear.x, wrapped.twist.twist.linear.x = 3.0, -4.0
    assert CONVERTERS["geometry_msgs/msg/TwistStamped"]("/v", plain, 0, 0).speed == 3.0
    assert CONVERTERS["geometry_msgs/msg/TwistWithCovarianceStamped"]("/v", wrapped, 0, 0).speed == -4.0
    info = CameraInfo(binning_x=2, binning_y=4)
    info.roi.x_offset, info.roi.y_offset, info.roi.width, info.roi.height = 1, 2, 30, 40
    event = CONVERTERS["sensor_msgs/msg/CameraInfo"]("/info", info, 0, 0)
    assert event.binning == (2, 4) and event.roi == (1, 2, 30, 40) and event.R.shape == (3, 3)
