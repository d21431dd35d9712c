"""Health of the calibration while driving: what the data itself says about where the sensors sit (floor 2).

What a stranger imports: ``monitor.CalibrationMonitor`` (frames in, a ``report.CalibrationReport`` out). It only reports.
"""
