"""The frame ``ego`` of all tensors: origin in base_link, heading of the vehicle, level (z up along gravity)."""

from __future__ import annotations

from autonomy_perception import geometry
from autonomy_perception.types import F64


def level(T_odom_base: F64) -> F64:
    """``T_odom_ego`` (4,4): place and heading of the vehicle without its roll and pitch.

    Without ego motion (identity) ego is base_link: the vehicle is taken to stand level.
    """
    return geometry.make_transform(geometry.rotation_z(geometry.yaw_of(T_odom_base)), T_odom_base[:3, 3])


def ego_of_base(T_odom_base: F64) -> F64:
    """``T_ego_base`` (4,4): roll and pitch of the vehicle."""
    return geometry.invert(level(T_odom_base)) @ T_odom_base
