"""Exact truth of a sweep: objects, structures, grid and terrain."""
