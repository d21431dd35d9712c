"""Every topic of the suite in one table; the nodes and docs/topics.md are made from it (no rclpy here)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class QosSpec:
    """Quality of service in words; times in milliseconds, None = no limit."""

    reliability: Literal["reliable", "best effort"] = "reliable"
    depth: int = 1
    durability: Literal["volatile", "transient local"] = "volatile"
    deadline_ms: int | None = None
    lease_ms: int | None = None


SENSOR = QosSpec("best effort", 2)
MOTION = QosSpec("best effort", 100)
TF = QosSpec("reliable", 100)
LATCHED = QosSpec("reliable", 100, "transient local")
OUTPUT = QosSpec("reliable", 1, deadline_ms=200, lease_ms=500)
TERRAIN = QosSpec("best effort", 1)
OBJECTS = QosSpec("reliable", 5)
VIEW = QosSpec("reliable", 1)
DIAGNOSTICS = QosSpec("reliable", 10)
CLOCK = QosSpec("best effort", 1)
LOCKSTEP = QosSpec("reliable", 1000)


@dataclass(frozen=True)
class Topic:
    """One topic: default name, type, who publishes it, frame, when, quality of service."""

    name: str
    msgtype: str
    node: str
    frame: str
    when: str
    qos: QosSpec


OCCUPANCY_GRID = Topic("/perception/occupancy_grid", "nav_msgs/msg/OccupancyGrid", "perception", "odom",
                       "every lidar scan; 5 Hz while data is missing", OUTPUT)  # fmt: skip
TRACKED_OBJECTS = Topic("/perception/tracked_objects", "autonomy_perception_msgs/msg/TrackedObjectArray", "perception",
                        "odom", "every lidar scan; 5 Hz while data is missing", OUTPUT)  # fmt: skip
DETECTED_OBJECTS = Topic("/perception/detected_objects", "autonomy_perception_msgs/msg/DetectedObjectArray", "perception",
                         "base_link", "every lidar scan, only while somebody subscribes", OUTPUT)  # fmt: skip
TERRAIN_MAP = Topic("/perception/terrain", "grid_map_msgs/msg/GridMap", "perception", "odom",
                    "2 Hz, only while somebody subscribes", TERRAIN)  # fmt: skip
STATUS = Topic("/perception/status", "autonomy_perception_msgs/msg/PerceptionStatus", "perception", "base_link",
               "with every occupancy grid", OUTPUT)  # fmt: skip
DIAGNOSTIC_ARRAY = Topic("/diagnostics", "diagnostic_msgs/msg/DiagnosticArray", "perception, health_monitor", "-", "1 Hz",
                         DIAGNOSTICS)  # fmt: skip
MARKERS = Topic("/perception/markers", "visualization_msgs/msg/MarkerArray", "markers", "odom",
                "every track message, only while somebody subscribes", VIEW)  # fmt: skip
TEXT = Topic("/perception/text", "visualization_msgs/msg/Marker", "markers", "base_link",
             "every status message, only while somebody subscribes", VIEW)  # fmt: skip
CLOUD = Topic("/perception/cloud", "sensor_msgs/msg/PointCloud2", "markers", "base_link",
              "every lidar scan, only while somebody subscribes", TERRAIN)  # fmt: skip
TERRAIN_CLOUD = Topic("/perception/terrain_cloud", "sensor_msgs/msg/PointCloud2", "markers", "odom",
                      "every terrain message, only while somebody subscribes", TERRAIN)  # fmt: skip
CAMERA = Topic("/perception/camera", "sensor_msgs/msg/Image", "markers", "as received",
               "first camera of the vehicle file, 10 Hz at most, only while somebody subscribes", TERRAIN)  # fmt: skip
BEV_IMAGE = Topic("/perception/bev_image", "sensor_msgs/msg/Image", "markers", "base_link",
                  "5 Hz at most, only while somebody subscribes", VIEW)  # fmt: skip
TENTATIVE_OBJECTS = Topic("/perception/tentative_objects", "autonomy_perception_msgs/msg/TrackedObjectArray", "tracker",
                          "odom", "stages:=split: tracks that planning is not told of, for the grid; with every tracked_objects "
                          "while somebody subscribes", VIEW)  # fmt: skip
AUTOWARE_OBJECTS = Topic("/perception/autoware/tracked_objects", "autoware_perception_msgs/msg/TrackedObjects", "converter",
                         "odom", "every track message, only while somebody subscribes", VIEW)  # fmt: skip
VISION_DETECTIONS = Topic("/perception/vision/detections_3d", "vision_msgs/msg/Detection3DArray", "converter", "odom",
                          "every track message, only while somebody subscribes", VIEW)  # fmt: skip
CLOCK_TOPIC = Topic(
    "/clock", "rosgraph_msgs/msg/Clock", "bag_player", "-", "50 Hz and before each cloud and image", CLOCK
)
TOKEN = Topic("/perception/lockstep/token", "std_msgs/msg/Header", "bag_player", "-",
              "lockstep replay: stamp and topic of the message that is next", LOCKSTEP)  # fmt: skip
ACK = Topic("/perception/lockstep/ack", "std_msgs/msg/Header", "perception", "-",
            "lockstep replay: the token, when all its work is done and published", LOCKSTEP)  # fmt: skip

OUTPUTS = (OCCUPANCY_GRID, TRACKED_OBJECTS, DETECTED_OBJECTS, TERRAIN_MAP, STATUS, DIAGNOSTIC_ARRAY, MARKERS, TEXT, CLOUD,
           TERRAIN_CLOUD, CAMERA, BEV_IMAGE, TENTATIVE_OBJECTS, AUTOWARE_OBJECTS, VISION_DETECTIONS, CLOCK_TOPIC, TOKEN, ACK)  # fmt: skip

RECORDED = (OCCUPANCY_GRID, TRACKED_OBJECTS, DETECTED_OBJECTS, TERRAIN_MAP, STATUS, DIAGNOSTIC_ARRAY)
"""What the recorder keeps unless told otherwise."""


@dataclass(frozen=True)
class InputTopic:
    """One kind of input: where its name comes from, type, quality of service asked for."""

    source: str
    msgtype: str
    qos: QosSpec
    meaning: str


INPUTS = (
    InputTopic("vehicle file, `lidars.*.topic`", "sensor_msgs/msg/PointCloud2", SENSOR, "one sweep, or a part of one"),
    InputTopic(
        "vehicle file, `cameras.*.topic` (`compressed: true`)", "sensor_msgs/msg/CompressedImage", SENSOR, "JPEG or PNG"
    ),
    InputTopic(
        "vehicle file, `cameras.*.topic` (`compressed: false`)",
        "sensor_msgs/msg/Image",
        SENSOR,
        "pixels in any encoding of [inputs.md](inputs.md#images)",
    ),
    InputTopic(
        "vehicle file, `cameras.*.info_topic`", "sensor_msgs/msg/CameraInfo", SENSOR, "intrinsics and distortion"
    ),
    InputTopic("vehicle file, `odometry.topic`", "nav_msgs/msg/Odometry", MOTION, "ego pose and twist"),
    InputTopic(
        "vehicle file, `odometry.imu_topic`", "sensor_msgs/msg/Imu", MOTION, "turning rate, where odometry is missing"
    ),
    InputTopic(
        "vehicle file, `odometry.speed_topic`",
        "geometry_msgs/msg/TwistStamped",
        MOTION,
        "forward speed beside the IMU; `speed_type` chooses TwistWithCovarianceStamped",
    ),
    InputTopic(
        "vehicle file, `hitch.topic`",
        "sensor_msgs/msg/JointState",
        MOTION,
        "angle of the trailer; `topic_type` chooses std_msgs/Float64",
    ),
    InputTopic("`/tf`", "tf2_msgs/msg/TFMessage", TF, "moving frames"),
    InputTopic("`/tf_static`", "tf2_msgs/msg/TFMessage", LATCHED, "the rig"),
    InputTopic("`/clock` (`use_sim_time`)", "rosgraph_msgs/msg/Clock", CLOCK, "ROS time in replay"),
)

SERVICES = (
    ("/bag_player/start", "std_srvs/Trigger", "bag_player", "play, or go on after a pause"),
    ("/bag_player/pause", "std_srvs/SetBool", "bag_player", "true: pause (the clock stands still); false: go on"),
    ("/perception/change_state", "lifecycle_msgs/ChangeState", "perception", "lifecycle transition"),
    ("/perception/get_state", "lifecycle_msgs/GetState", "perception", "lifecycle state"),
)
"""Name, type, node, meaning."""
