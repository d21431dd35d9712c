"""Recordings without ROS: rosbag2 in and out, offline replay, public data sets (floor 5).

What a stranger imports:

- ``reader.BagReader``, ``writer.BagWriter``: messages of a bag, decoded or raw.
- ``events.events``: a bag as the front end hears it; ``replay.replay_offline``: as the suite answers it.
- ``outputs``: what the suite said, into a bag and back.
- ``importers``: one source per data set.
"""
