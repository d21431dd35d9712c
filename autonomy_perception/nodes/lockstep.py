"""Lockstep replay: the player names each message in a token, the perception node answers when its work is done.

Topics have no common order in DDS, so the token stream is what carries the order of the bag, and the time of
reception that the collector must see. One message is under way at a time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from rclpy.executors import SingleThreadedExecutor
from std_msgs.msg import Header

from autonomy_perception import topics as table
from autonomy_perception.messages.parts import stamp_ns
from autonomy_perception.nodes.messages import to_time
from autonomy_perception.nodes.process import StopFlag, spin_until
from autonomy_perception.nodes.qos import profile

RESEND_S = 2.0
ATTEMPTS = 5


class LockstepError(RuntimeError):
    """The perception node did not answer a token."""


class TokenSender:
    """The player's side."""

    def __init__(self, node: Any) -> None:
        self._publisher = node.create_publisher(Header, table.TOKEN.name, profile(table.TOKEN.qos))
        self._subscription = node.create_subscription(Header, table.ACK.name, self._on_answer, profile(table.ACK.qos))
        self._node = node
        self._open: tuple[str, int] | None = None

    def connected(self) -> bool:
        """True when a node listens to tokens and answers them."""
        return bool(self._publisher.get_subscription_count() and self._node.count_publishers(table.ACK.name))

    def announce(self, topic: str, receive_ns: int) -> None:
        """Say which message comes next."""
        self._open = (topic, receive_ns)
        self._publisher.publish(Header(stamp=to_time(receive_ns), frame_id=topic))

    def await_answer(self, executor: SingleThreadedExecutor, stop: StopFlag, resend: Callable[[], None]) -> None:
        """Spin until the token was answered; the message is sent again if the answer fails to come.

        Raises:
            LockstepError: no answer after several attempts.
        """
        for _ in range(ATTEMPTS):
            if spin_until(executor, stop, lambda: self._open is None, RESEND_S) or stop.set:
                return
            resend()
        raise LockstepError(
            f"lockstep: no answer to {self._open} within {RESEND_S * ATTEMPTS:g} s: is perception alive?"
        )

    def _on_answer(self, message: Header) -> None:
        if self._open == (message.frame_id, stamp_ns(message.stamp)):
            self._open = None


class TokenQueue:
    """The perception node's side: pairs tokens with messages and hands them on in the order of the tokens.

    Args:
        topics: topics that the node subscribes to; tokens of others are answered at once.
        deliver: called with topic, message, receive_ns; it answers by :meth:`answer` when the work is done.
    """

    def __init__(self, node: Any, topics: set[str], deliver: Callable[[str, Any, int], None]) -> None:
        self._publisher = node.create_publisher(Header, table.ACK.name, profile(table.ACK.qos))
        self._subscription = node.create_subscription(
            Header, table.TOKEN.name, self._on_token, profile(table.TOKEN.qos)
        )
        self._topics, self._deliver = topics, deliver
        self._tokens: deque[tuple[str, int]] = deque()
        self._messages: dict[str, deque[Any]] = {t: deque(maxlen=1) for t in topics}

    def offer(self, topic: str, message: Any) -> None:
        """A message arrived."""
        self._messages[topic].append(message)
        self._match()

    def _on_token(self, token: Header) -> None:
        self._tokens.append((token.frame_id, stamp_ns(token.stamp)))
        self._match()

    def _match(self) -> None:
        while self._tokens:
            topic, receive_ns = self._tokens[0]
            if topic not in self._topics:
                self._tokens.popleft()
                self.answer(topic, receive_ns)
                continue
            waiting = self._messages[topic]
            if not waiting:
                return
            self._tokens.popleft()
            self._deliver(topic, waiting.popleft(), receive_ns)

    def answer(self, topic: str, receive_ns: int) -> None:
        """Tell the player that all work of a token is done and published."""
        self._publisher.publish(Header(stamp=to_time(receive_ns), frame_id=topic))
