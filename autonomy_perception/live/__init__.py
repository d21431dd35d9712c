"""Tools that start the real graph or watch it: live replay and benches, doctor, fault campaign (floor 7).

The only room beside ``nodes`` that imports rclpy; nodes never import it.
"""
