"""Perception on a vehicle: ``ros2 launch autonomy_perception perception.launch.py vehicle:=NAME_OR_FILE``."""

from launch import LaunchDescription

from autonomy_perception.nodes import graph
from autonomy_perception.nodes.launching import description


def generate_launch_description() -> LaunchDescription:
    """Live sensors in, perception out; ``ros2 launch ... --show-args`` lists the arguments."""
    return description(graph.LIVE)
