"""The terrain: clouds in, the elevation map out, as a node of its own (rclpy only under nodes/)."""

from __future__ import annotations

from autonomy_perception.nodes import perception_node
from autonomy_perception.runtime.roles import TERRAIN


def main() -> int:
    """Entry point of the process."""
    return perception_node.main(TERRAIN)


if __name__ == "__main__":
    raise SystemExit(main())
