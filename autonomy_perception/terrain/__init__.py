"""The ground: which returns are ground, and a rolling 2.5D map of what it means for the vehicle (floor 2).

What a stranger imports: ``ground.GroundSegmenter`` (points in, ``GroundLabels`` out), ``map.TerrainMap`` (labelled points in,
``TerrainGrid`` out).
"""
