"""Faulty transforms and odometry."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from autonomy_perception.bags import messages as m
from autonomy_perception.faults.sample import CLOCK, Mutator, Rig, Sample, decode, edited, encode
from autonomy_perception.messages.parts import transform_of

JUMP_M = 60.0


CROWD = 200
"""New frames in a message."""


def _with_tf(message: Callable[[], Any], topic: str = "/tf") -> Mutator:
    """A TF message as well, with every tenth of ``/clock``: no other fault takes that away."""
    count = itertools.count()

    def add(sample: Sample) -> list[Sample]:
        if sample.topic != CLOCK or next(count) % 10:
            return [sample]
        return [encode(Sample(topic, m.TF, sample.at_ns, b""), message()), sample]

    return add


def tf_loop(rig: Rig) -> Mutator:
    """The vehicle as a child of its own lidar."""
    message = m.transforms(0, [(rig.lidar_frame, rig.base_frame, np.eye(4))])
    return _with_tf(lambda: message)


def tf_no_rotation(rig: Rig) -> Mutator:
    """The lidar's transform again, with a quaternion of length zero."""
    message = m.transforms(0, [(rig.base_frame, rig.lidar_frame, np.eye(4))])
    none = dataclasses.replace(message.transforms[0].transform, rotation=m.make("geometry_msgs/msg/Quaternion", w=0.0))  # fmt: skip
    broken = dataclasses.replace(message, transforms=[dataclasses.replace(message.transforms[0], transform=none)])
    return _with_tf(lambda: broken, "/tf_static")


def tf_best_effort(rig: Rig) -> Mutator:
    """A second source of /tf that offers best effort where reliable is asked for."""
    message = m.transforms(0, [("somewhere", "else", np.eye(4))])
    add = _with_tf(lambda: message)
    return lambda s: [replace(x, outlet="best effort") if x.topic == "/tf" and x is not s else x for x in add(s)]


def tf_of_new_frames(rig: Rig) -> Mutator:
    """Frames that nobody has heard of before, and hears of never again."""
    new = (f"new_{k}" for k in itertools.count())
    return _with_tf(lambda: m.transforms(0, [("crowd", next(new), np.eye(4)) for _ in range(CROWD)]))


def _posed(rig: Rig, edit: Any) -> Mutator:
    return edited(rig.odometry, lambda o: replace(o, pose=replace(o.pose, pose=edit(o.pose.pose))))


def jumps(rig: Rig) -> Mutator:
    """The pose is 60 m off to the side."""
    return _posed(rig, lambda p: replace(p, position=replace(p.position, y=p.position.y + JUMP_M)))


def not_numbers(rig: Rig) -> Mutator:
    """The position is NaN."""
    return _posed(rig, lambda p: replace(p, position=replace(p.position, x=float("nan"))))


def no_rotation(rig: Rig) -> Mutator:
    """The orientation is a quaternion of length zero."""
    return _posed(rig, lambda p: replace(p, orientation=replace(p.orientation, x=0.0, y=0.0, z=0.0, w=0.0)))


def carried_on(sample: Sample, T: Any) -> Sample:
    """An odometry message as if the drive had begun at ``T`` (4,4) in odom."""
    o = decode(sample)
    return encode(sample, replace(o, pose=replace(o.pose, pose=m.pose(T @ transform_of(o.pose.pose)))))
