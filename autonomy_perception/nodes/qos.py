"""Quality of service of the contract as rclpy profiles, and message classes by name."""

from __future__ import annotations

import importlib
from typing import Any

from rclpy.duration import Duration
from rclpy.qos import DurabilityPolicy, HistoryPolicy, LivelinessPolicy, QoSProfile, ReliabilityPolicy

from autonomy_perception.topics import QosSpec


def profile(spec: QosSpec) -> QoSProfile:
    """The rclpy profile of a spec.

    A lease makes liveliness manual by topic: a node whose worker hangs stops asserting it, and whoever plans with
    its outputs is told by the middleware.
    """
    out = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=spec.depth)
    out.reliability = ReliabilityPolicy.RELIABLE if spec.reliability == "reliable" else ReliabilityPolicy.BEST_EFFORT
    latched = spec.durability == "transient local"
    out.durability = DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE
    if spec.deadline_ms is not None:
        out.deadline = Duration(nanoseconds=spec.deadline_ms * 1_000_000)
    if spec.lease_ms is not None:
        out.liveliness = LivelinessPolicy.MANUAL_BY_TOPIC
        out.liveliness_lease_duration = Duration(nanoseconds=spec.lease_ms * 1_000_000)
    return out


def message_class(msgtype: str) -> Any:
    """Class of ``package/msg/Name``.

    Raises:
        ModuleNotFoundError: the interface package is not installed, or has no such message; the error names it.
    """
    package, _, name = msgtype.partition("/msg/")
    try:
        module = importlib.import_module(f"{package}.msg")
    except ModuleNotFoundError as e:
        raise ModuleNotFoundError(
            f"{msgtype}: interface package {package} is not installed: run `make setup`", name=e.name
        ) from e
    if not hasattr(module, name):
        raise ModuleNotFoundError(
            f"{msgtype}: interface package {package} has no such message: run `make setup`", name=name
        )
    return getattr(module, name)
