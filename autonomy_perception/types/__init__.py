"""The vocabulary of the suite (floor 0): what travels between sensors, stages and nodes.

Units are metres, radians, seconds; times are int64 nanoseconds of sensor (ROS) time; axes follow
REP-103. ``anchor`` is the working frame of one step: axes of ``odom``, origin at a multiple of 10 m near
the vehicle (float64 (3,) in odom), so float32 keeps millimetres however far the vehicle has driven.

What a stranger imports: everything from here (``sensing`` has what came in, ``objects`` and ``results`` what goes out).
"""

from autonomy_perception.road_users import N_CLASSES, ObjectClass
from autonomy_perception.types.arrays import F32, F64, I64, U8, U16
from autonomy_perception.types.enums import Mode, PointLabel, SensorState
from autonomy_perception.types.objects import Detections, Tracks
from autonomy_perception.types.results import GroundLabels, Occupancy, Perception, TerrainGrid
from autonomy_perception.types.sensing import CameraFrame, CameraModel, LidarScan, PointCloud, SensorFrame, SensorHealth
from autonomy_perception.types.trajectory import Trajectory

__all__ = [
    "F32", "F64", "I64", "N_CLASSES", "U8", "U16", "CameraFrame", "CameraModel", "Detections", "GroundLabels", "LidarScan", "Mode",
    "ObjectClass", "Occupancy", "Perception", "PointCloud", "PointLabel", "SensorFrame", "SensorHealth", "SensorState",
    "TerrainGrid", "Tracks", "Trajectory",
]  # fmt: skip
