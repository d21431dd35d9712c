"""One codec per message of the contract: arrays to messages and back, the message classes handed in (floor 1).

Nodes hand in rclpy's classes (:mod:`autonomy_perception.nodes.messages`), bags and the simulator the type store's
(:mod:`autonomy_perception.bags.messages`); the bytes on the wire are the same. What a stranger may import:

- :mod:`.objects`: detections and tracks; their table of fields is the one place that says which column lies where;
- :mod:`.maps`: OccupancyGrid and GridMap; :mod:`.status`: PerceptionStatus;
- :mod:`.sensors_out` and :mod:`.sensors_in`: what sensors send, to messages and to :mod:`.events`;
- :mod:`.parts`: header, time, pose; :mod:`.classes`: what a family of message classes has to offer.
"""
