"""Simulated lidars, cameras, IMU, odometry and clocks, and the rigs that carry them."""
