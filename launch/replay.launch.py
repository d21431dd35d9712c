"""The same nodes on a recorded drive: ``ros2 launch autonomy_perception replay.launch.py bag:=BAG vehicle:=NAME_OR_FILE``."""

from launch import LaunchDescription

from autonomy_perception.nodes import graph
from autonomy_perception.nodes.launching import description


def generate_launch_description() -> LaunchDescription:
    """A bag player beside the perception nodes, on the bag's time."""
    return description(graph.REPLAY)
