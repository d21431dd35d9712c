"""Synthetic drives with exact truth: worlds, sensors, weather, bags and training samples (floor 5).

What a stranger imports: ``drive.SyntheticDrive`` (seed and names in, samples out), ``io.write_bag``, ``io.dataset``. Folders:
``scenarios`` draw a world from ``world``, ``rays`` meet it, ``sensors`` measure it, ``truth`` knows it, ``io`` writes it down.
"""
