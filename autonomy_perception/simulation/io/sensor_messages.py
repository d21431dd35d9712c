"""What the sensors of a synthetic drive measured, as the messages that their drivers would have sent."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.bags import messages as m
from autonomy_perception.bags.importers.base import Record
from autonomy_perception.config import VehicleConfig
from autonomy_perception.messages.sensors_out import IMU, JOINT_STATE
from autonomy_perception.simulation.drive import DriveSample, Reading, SyntheticDrive
from autonomy_perception.simulation.sensors.clock import Ticks
from autonomy_perception.simulation.sensors.imu import Imu
from autonomy_perception.simulation.sensors.lidar import Sweep
from autonomy_perception.types import PointCloud, Trajectory

HITCH_TOPIC, HITCH_JOINT = "/hitch", "hitch"
_LAYOUT = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("intensity", "<f4"), ("t", "<f4"), ("ring", "<u2")])


def odometry_records(vehicle: VehicleConfig, motion: Trajectory, k: int, at: int) -> list[Record]:
    """Odometry and /tf of one moment, received at a time [ns]."""
    stamp_ns, T = int(motion.stamps_ns[k]), motion.T_odom_base[k]
    variance, twist_variance = (
        np.array([0.01, 0.01, 0.01, 1e-5, 1e-5, 1e-4]),
        np.array([4e-4, 1e-4, 1e-4, 1e-6, 1e-6, 1e-6]),
    )
    message = m.odometry(vehicle.odom_frame, vehicle.base_frame, stamp_ns, T, motion.twist[k], variance, twist_variance)
    tf = m.transforms(stamp_ns, [(vehicle.odom_frame, vehicle.base_frame, T)])
    return [Record(vehicle.odometry.topic, m.ODOMETRY, at, message), Record("/tf", m.TF, at, tf)]


def imu_records(drive: SyntheticDrive) -> list[Record]:
    """sensor_msgs/Imu without orientation (REP-145), if the rig has one."""
    setup = drive.rig.imu
    if setup is None:
        return []
    samples = Imu(setup, drive.world.ego, drive.seed).samples(drive.start_s - 0.2, drive.start_s + drive.duration_s)
    out = []
    for k in range(len(samples.stamp_ns)):
        rate, force = samples.angular_velocity[k], samples.linear_acceleration[k]
        message = m.imu(setup.frame, int(samples.stamp_ns[k]), rate, force, setup.gyro_noise, setup.accel_noise)
        out.append(Record(setup.topic, IMU, int(samples.receive_ns[k]), message))
    return out


def hitch_records(drive: SyntheticDrive, ticks: Ticks) -> list[Record]:
    """True hitch angle [rad] as sensor_msgs/JointState: yaw of the trailer relative to the tractor."""
    hitch = drive.vehicle.hitch
    topic, joint = (
        (HITCH_TOPIC, HITCH_JOINT) if hitch is None else (hitch.topic or HITCH_TOPIC, hitch.joint or HITCH_JOINT)
    )
    angle = drive.world.hitch_angle(ticks.t)
    return [
        Record(topic, JOINT_STATE, int(at), m.joint_state(int(stamp_ns), [joint], np.array([a])))
        for at, stamp_ns, a in zip(ticks.receive_ns, ticks.stamp_ns, angle, strict=True)
    ]


def sensor_records(drive: SyntheticDrive, sample: DriveSample) -> list[Record]:
    """Clouds, images and camera infos of one sample."""
    out = [cloud_record(drive.vehicle, reading, reading.receive_ns) for reading in sample.sweeps]
    for shot in sample.shots:
        camera, frame, at = drive.vehicle.cameras[shot.sensor], shot.data.frame, shot.receive_ns
        image = m.compressed_image(
            camera.frame, frame.stamp_ns, bytes(frame.encoded or b""), "rgb8; jpeg compressed bgr8"
        )
        model = frame.model
        info = m.camera_info(
            camera.frame, frame.stamp_ns, (model.width, model.height), model.K, model.D, model.distortion_model
        )
        out += [Record(camera.topic, m.COMPRESSED_IMAGE, at, image), Record(camera.info_topic, m.CAMERA_INFO, at, info)]
    return out


def cloud_record(vehicle: VehicleConfig, reading: Reading[Sweep], at: int) -> Record:
    """The cloud of one sweep, received at a time [ns]."""
    lidar, cloud = vehicle.lidars[reading.sensor], reading.data.cloud
    return Record(lidar.topic, m.CLOUD, at, m.cloud(lidar.frame, cloud.stamp_ns, packed(cloud)))


def packed(cloud: PointCloud) -> NDArray[Any]:
    """Structured array (N,) as a lidar driver lays its points out: x y z intensity t ring, 22 bytes each."""
    out = np.empty(len(cloud), _LAYOUT)
    for axis, name in enumerate("xyz"):
        out[name] = cloud.xyz[:, axis]
    out["intensity"], out["t"], out["ring"] = cloud.intensity, cloud.time, cloud.ring
    return out
