"""State and models of the tracker: what the rows of its filters mean.

Constant velocity, constant turn rate and kinematic bicycle share one state, so that an IMM can mix them:
``x y vx vy yaw omega`` of the box centre ([m, m/s, rad, rad/s], axes of odom). The velocity is a free vector in
the first two models (a pedestrian need not walk where its box points) and follows the heading in the third.
The formulas are in ``kernels/imm.cuh``.
"""

from __future__ import annotations

from autonomy_perception.ops.imm import N_MODELS as N_MODELS
from autonomy_perception.ops.imm import N_STATES as N_STATES
from autonomy_perception.ops.imm import State
from autonomy_perception.road_users import Motion

CV, CT, BICYCLE = (int(m) for m in Motion)
X, Y, VX, VY, YAW, OMEGA = (int(s) for s in State)
