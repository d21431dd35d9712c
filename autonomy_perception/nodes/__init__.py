"""ROS 2 nodes (floor 4): the only room that imports rclpy; message in, types, stage, message out."""

from autonomy_perception.nodes import environment

environment.prepare()  # before anything here imports rclpy, which looks for its middleware by AMENT_PREFIX_PATH
