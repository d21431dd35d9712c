"""Occupancy over time: log-odds on a world grid, dynamic objects without trails, ageing to unknown."""
