"""What the middleware reports: incompatible quality of service, missed deadlines; counted by topic."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

try:  # the module was renamed after humble
    from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks, UnsupportedEventTypeError
except ModuleNotFoundError:  # pragma: no cover
    from rclpy.qos_event import PublisherEventCallbacks, SubscriptionEventCallbacks, UnsupportedEventTypeError

from rclpy.qos import QoSCompatibility, QoSPolicyKind, qos_check_compatible


class QosWatch:
    """Counts events of a node's publishers and subscriptions, and logs each kind once a topic."""

    def __init__(self, logger: Any) -> None:
        self._logger = logger
        self.incompatible: dict[str, str] = {}
        self.missed_deadlines: Counter[str] = Counter()

    def for_publisher(self, topic: str) -> Any:
        """Callbacks for a publisher."""

        def incompatible(event: Any) -> None:
            self._note(topic, event, "a subscriber asks for more than is offered and receives nothing")

        def deadline(event: Any) -> None:
            self.missed_deadlines[topic] += event.total_count_change

        return PublisherEventCallbacks(incompatible_qos=incompatible, deadline=deadline)

    def for_subscription(self, topic: str) -> Any:
        """Callbacks for a subscription."""

        def incompatible(event: Any) -> None:
            self._note(topic, event, "a publisher offers less than is asked for and is not heard")

        return SubscriptionEventCallbacks(incompatible_qos=incompatible)

    def refresh(self, node: Any) -> None:
        """Forget incompatibilities whose other end has gone: the middleware tells of their beginning only."""
        for topic in list(self.incompatible):
            writers, readers = node.get_publishers_info_by_topic(topic), node.get_subscriptions_info_by_topic(topic)
            ours = node.get_name()
            pairs = ((w, r) for w in writers for r in readers if ours in (w.node_name, r.node_name))
            if not any(_conflict(w.qos_profile, r.qos_profile) for w, r in pairs):
                del self.incompatible[topic]

    def _note(self, topic: str, event: Any, meaning: str) -> None:
        policy = _policy_name(event.last_policy_kind)
        text = f"{policy}: {meaning} ({event.total_count}x)"
        if topic not in self.incompatible:
            self._logger.error(f"{topic}: incompatible quality of service, {text}")
        self.incompatible[topic] = text


def _conflict(offered: Any, asked: Any) -> bool:
    return bool(qos_check_compatible(offered, asked)[0] == QoSCompatibility.ERROR)


def quiet_publisher() -> Any:
    """Callbacks of a publisher that is meant to be incompatible: rclpy's own would warn."""
    return PublisherEventCallbacks(use_default_callbacks=False)


def with_events(create: Callable[..., Any], *args: Any, events: Any, **more: Any) -> Any:
    """``create_publisher`` or ``create_subscription`` with event callbacks; without them where the middleware has none."""
    try:
        return create(*args, event_callbacks=events, **more)
    except UnsupportedEventTypeError:
        return create(*args, **more)


def _policy_name(kind: Any) -> str:
    try:
        return str(QoSPolicyKind(kind).name)
    except ValueError:
        return f"policy {kind}"
