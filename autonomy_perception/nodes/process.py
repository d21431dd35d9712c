"""Start and stop of a node process: rclpy set-up, SIGINT and SIGTERM, one exit path (rclpy only under nodes/)."""

from __future__ import annotations

import gc
import signal
import sys
import time
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions


class StopFlag:
    """Set by SIGINT, SIGTERM or the node itself; a signal also wakes the executor."""

    def __init__(self) -> None:
        self.set = False
        self.wake: Callable[[], Any] = lambda: None

    def stop(self) -> None:
        """Ask the process to end."""
        self.set = True
        self.wake()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.stop()

    def install(self) -> None:
        """Take over SIGINT and SIGTERM."""
        signal.signal(signal.SIGINT, self._on_signal)
        signal.signal(signal.SIGTERM, self._on_signal)


def freeze_garbage() -> None:
    """Take everything made so far out of the collector's sight and let it run rarely: no pauses in the tail."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def run(make: Callable[[StopFlag], Any], body: Callable[[Any, SingleThreadedExecutor, StopFlag], int] | None = None,
        argv: Sequence[str] | None = None) -> int:  # fmt: skip
    """Make a node, spin it until a signal, close it; returns the exit code.

    Args:
        make: builds the node; it may have ``close()``, called before it is destroyed.
        body: what to do instead of plain spinning; its return value is the exit code.
        argv: command line with ROS arguments; ``sys.argv`` by default.
    """
    stop = StopFlag()
    rclpy.init(args=list(sys.argv if argv is None else argv), signal_handler_options=SignalHandlerOptions.NO)
    stop.install()
    node, executor, code = None, SingleThreadedExecutor(), 0
    try:
        node = make(stop)
        executor.add_node(node)
        stop.wake = executor.wake
        code = spin(node, executor, stop) if body is None else body(node, executor, stop)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        if node is not None:
            getattr(node, "close", lambda: None)()
            executor.remove_node(node)
            node.destroy_node()
        executor.shutdown(timeout_sec=1.0)
        node, stop.wake = None, lambda: None
        gc.unfreeze()  # frozen cycles would keep the node's handles, and with them the participant's shared memory
        gc.collect()
        rclpy.try_shutdown()
    return code


def spin(node: Any, executor: SingleThreadedExecutor, stop: StopFlag) -> int:
    """Callbacks until the flag is set."""
    freeze_garbage()
    while not stop.set and rclpy.ok():
        executor.spin_once(timeout_sec=0.5)
    return 0


def spin_until(executor: SingleThreadedExecutor, stop: StopFlag, done: Callable[[], bool], timeout_s: float) -> bool:
    """Spin until ``done()``, a stop or the timeout (monotonic); True if done."""
    deadline = time.monotonic() + timeout_s
    while not done():
        left = deadline - time.monotonic()
        if left <= 0 or stop.set or not rclpy.ok():
            return False
        executor.spin_once(timeout_sec=min(left, 0.1))
    return True
