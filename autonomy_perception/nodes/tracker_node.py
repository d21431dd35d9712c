"""The tracker: detections of any detector in, tracks out, as a node of its own (rclpy only under nodes/)."""

from __future__ import annotations

from autonomy_perception.nodes import perception_node
from autonomy_perception.runtime.roles import TRACKER


def main() -> int:
    """Entry point of the process."""
    return perception_node.main(TRACKER)


if __name__ == "__main__":
    raise SystemExit(main())
