"""From events to outputs: the loop that live nodes, lockstep, replay and simulation drive (floor 4).

What a stranger imports: ``runner.Runner`` (events and ROS time in, ``Output``s out), ``roles`` (what each process runs). Nothing
here imports ROS, reports, metrics or benches.
"""
