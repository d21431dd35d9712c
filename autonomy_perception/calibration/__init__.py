"""Health of the calibration while driving: what the data itself says about where the sensors sit."""
