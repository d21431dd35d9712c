"""One codec per message of the contract: arrays to messages and back, the message classes handed in (floor 1).

Nodes hand in rclpy's classes (``nodes/messages.py``), bags and the simulator the type store's (``bags/messages.py``); the bytes
on the wire are the same. What a stranger imports:

- ``objects``: detections and tracks; their table of fields is the one place that says which column lies where.
- ``maps``: OccupancyGrid and GridMap; ``status``: PerceptionStatus.
- ``sensors_out`` and ``sensors_in``: what sensors send, to messages and to ``events``.
- ``parts``: header, time, pose; ``classes``: what a family of message classes has to offer.
"""
