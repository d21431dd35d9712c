"""Real-time perception for trucks: ROS 2 nodes around a pipeline that never imports ROS."""

__version__ = "0.1.0"
