"""ROS 2 nodes (floor 7): rclpy in, rclpy out, and nothing that the rooms below could do without it.

What a stranger imports: ``graph`` (the table of processes), ``supervisor.Supervisor`` (starts them), ``qos``.
"""

import signal
import sys

from autonomy_perception.nodes import environment

environment.prepare()  # before anything here imports rclpy, which looks for its middleware by AMENT_PREFIX_PATH
if sys.argv[:1] == [
    "-m"
]:  # a node's process, still importing: a KeyboardInterrupt raised within an import may be lost there
    signal.signal(signal.SIGINT, signal.SIG_DFL)
