"""Rays through a world: scene, casting, and what a receiver makes of the hits."""
