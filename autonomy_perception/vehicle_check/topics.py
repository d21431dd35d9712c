"""The vehicle file against the list of topics in the recording: names and types."""

from __future__ import annotations

from collections.abc import Mapping

from autonomy_perception.config import VehicleConfig
from autonomy_perception.vehicle_check.findings import Finding, error, note, warning

CLOUD, IMAGE, COMPRESSED = (
    "sensor_msgs/msg/PointCloud2", "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage",
)  # fmt: skip
INFO, ODOMETRY, TF = "sensor_msgs/msg/CameraInfo", "nav_msgs/msg/Odometry", "tf2_msgs/msg/TFMessage"


def expected_types(vehicle: VehicleConfig) -> dict[str, tuple[str, str]]:
    """(topic, type) by field of the vehicle file."""
    out = {f"lidars.{name}.topic": (c.topic, CLOUD) for name, c in vehicle.lidars.items()}
    for name, camera in vehicle.cameras.items():
        out[f"cameras.{name}.topic"] = (camera.topic, COMPRESSED if camera.compressed else IMAGE)
        out[f"cameras.{name}.info_topic"] = (camera.info_topic, INFO)
    odometry = vehicle.odometry
    if odometry.topic:
        out["odometry.topic"] = (odometry.topic, ODOMETRY)
    if odometry.imu_topic:
        out["odometry.imu_topic"] = (odometry.imu_topic, "sensor_msgs/msg/Imu")
        out["odometry.speed_topic"] = (odometry.speed_topic, odometry.speed_type)
    if vehicle.hitch is not None and vehicle.hitch.topic:
        out["hitch.topic"] = (vehicle.hitch.topic, vehicle.hitch.topic_type)
    return out


def check_topics(vehicle: VehicleConfig, recorded: Mapping[str, str], counts: Mapping[str, int]) -> list[Finding]:
    """Every topic that is missing, empty, of another type or named twice.

    Args:
        recorded: type by topic; counts: messages by topic.
    """
    out: list[Finding] = []
    users: dict[str, str] = {}
    for field, (topic, kind) in expected_types(vehicle).items():
        if topic in users:
            out.append(
                error(
                    field,
                    "a topic of its own",
                    f"{topic}, which {users[topic]} names too",
                    "name each sensor's topic once",
                )
            )
        users[topic] = field
        out += _one(field, topic, kind, recorded, counts)
    if vehicle.extrinsics_from == "tf" and "/tf_static" not in recorded and "/tf" not in recorded:
        out.append(error("extrinsics_from", "transforms on /tf_static", "neither /tf_static nor /tf in the recording",
                         "record /tf_static, or give extrinsics and set extrinsics_from: file"))  # fmt: skip
    unused = sorted(
        t
        for t, k in recorded.items()
        if k in (CLOUD, IMAGE, COMPRESSED) and t not in users and not t.startswith("/ground_truth")
    )
    if unused:
        out.append(note("lidars, cameras", "every sensor of the recording", f"not used: {', '.join(unused)}",
                        "add them if the perception should see them"))  # fmt: skip
    return out


def _one(field: str, topic: str, kind: str, recorded: Mapping[str, str], counts: Mapping[str, int]) -> list[Finding]:
    short = kind.replace("/msg/", "/")
    if topic not in recorded:
        like = sorted(t for t, k in recorded.items() if k == kind)
        remedy = f"of this type there are: {', '.join(like)}" if like else f"no topic of type {short} was recorded"
        rest = "set the field to '' to drive without odometry, or " if field == "odometry.topic" else ""
        return [error(field, f"{short} on {topic}", "no such topic in the recording", rest + remedy)]
    if recorded[topic] != kind:
        remedy = "name a topic of that type"
        if {kind, recorded[topic]} == {IMAGE, COMPRESSED}:
            field, remedy = field.replace(".topic", ".compressed"), f"set it to {str(kind == IMAGE).lower()}"
        return [error(field, f"{short} on {topic}", recorded[topic].replace("/msg/", "/"), remedy)]
    if not counts.get(topic):
        return [error(field, f"messages on {topic}", "none in the recording", "was the sensor switched on?")]
    return []


def check_file(vehicle: VehicleConfig) -> list[Finding]:
    """What is wrong with the file by itself."""
    out: list[Finding] = []
    for kind, sensors in (("lidars", vehicle.lidars), ("cameras", vehicle.cameras)):
        for name, sensor in sensors.items():
            if vehicle.extrinsics_from == "file" and sensor.extrinsics is None:
                out.append(error(f"{kind}.{name}.extrinsics", "xyz and rpy (extrinsics_from: file)", "none",
                                 "measure and enter them, or set extrinsics_from: tf"))  # fmt: skip
    d = vehicle.dimensions
    if d.wheelbase >= d.front:
        out.append(warning("dimensions.front", f"more than the wheelbase of {d.wheelbase:.2f} m (the bumper lies ahead of the front axle)",
                           f"{d.front:.2f} m", "both are measured from base_link, the middle of the rear axle"))  # fmt: skip
    return out
