"""Tools that start the real graph or watch it: live replay and benches, doctor, fault campaign (floor 7).

The only room beside ``nodes`` that imports rclpy; nodes never import it. What a stranger imports: ``live_run.run_live``, and
``faults.session`` to spoil a drive of one's own.
"""
