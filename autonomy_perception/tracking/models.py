"""State and models of the tracker: what the rows of its filters mean.

Constant velocity, constant turn rate and kinematic bicycle share one state, so that an IMM can mix them:
``x y vx vy yaw omega`` of the box centre ([m, m/s, rad, rad/s], axes of odom). The velocity is a free vector in
the first two models (a pedestrian need not walk where its box points) and follows the heading in the third.
The formulas are in ``kernels/imm.cuh``.
"""

from __future__ import annotations

N_MODELS = 3
CV, CT, BICYCLE = range(N_MODELS)
X, Y, VX, VY, YAW, OMEGA = range(6)
N_STATES = 6
