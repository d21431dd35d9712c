"""Around the bird's-eye-view networks: tensors from what sensors and stages gave, results from what a network answers (floor 2).

What a stranger imports:

- ``frame``: ``level``, the frame ``ego`` of every tensor (origin base_link, heading of the vehicle, level).
- ``lidar.LidarCanvas`` (labelled scans to the canvas), ``cameras.CameraTensors`` (images, and where their features fall),
  ``world`` (layers between world maps and the ego grid).
- ``boxes``: ``decode`` (heads to ``Detections`` in base_link) and its inverse ``encode``; the ground's heads: ``ops.decode_ground``.

All arrays are ``[iy, ix]`` on a ``BevGrid`` in ego, float32, channels first. Which runtime answers is not known here, and nothing is learnt.
"""
