"""Both ways of reading messages that the benches compare, and the inputs of a vehicle."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS is not installed: make setup")
pytest.importorskip("autonomy_perception_msgs.msg", reason="the interface packages are not built: make setup")


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
