"""Occupancy over time: log-odds on a world grid, moving objects without trails, ageing to unknown (floor 2).

What a stranger imports: ``grid.OccupancyMap`` (labelled scans, tracks and detections in, ``Occupancy`` out).
"""
