"""The occupancy grid: clouds, and objects where somebody finds them, in; the grid out, as a node of its own (rclpy only under nodes/)."""

from __future__ import annotations

from autonomy_perception.nodes import perception_node
from autonomy_perception.runtime.roles import OCCUPANCY


def main() -> int:
    """Entry point of the process."""
    return perception_node.main(OCCUPANCY)


if __name__ == "__main__":
    raise SystemExit(main())
