"""Objects over time: identity, velocity, extent, class and existence (floor 2).

What a stranger imports: ``tracker.Tracker`` (``Detections`` of one scan in, ``Tracks`` out), ``sweep.Sweep`` (when the lidar
looked where). One file per belief behind it: ``imm``, ``association``, ``existence``, ``extent``, ``classes``, ``orientation``.
"""
