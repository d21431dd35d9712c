"""Checks of a vehicle file against a bag: topics, streams, geometry, calibration (floor 6, docs/calibration.md).

What a stranger imports: ``check.check_vehicle``.
"""
