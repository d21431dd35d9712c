"""From events to outputs: the loop that live nodes, lockstep, replay and simulation drive (floor 4).

Nothing here imports ROS, reports, metrics or benches.
"""
