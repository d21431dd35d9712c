"""Faults of sensors and streams: one table, and the functions that turn sound messages into faulty ones."""
