"""Recorder: the outputs, as they came over the wire, into an MCAP bag (rclpy only under nodes/)."""

from __future__ import annotations

import queue
import threading
from pathlib import Path
from typing import Any

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, ReliabilityPolicy

from autonomy_perception.bags.errors import BagError
from autonomy_perception.bags.typestore import typestore
from autonomy_perception.bags.writer import BagWriter
from autonomy_perception.config import ConfigError
from autonomy_perception.nodes.parameters import RecorderConfig
from autonomy_perception.nodes.process import StopFlag, run, spin
from autonomy_perception.nodes.qos import message_class, profile
from autonomy_perception.nodes.ros_parameters import read
from autonomy_perception.topics import RECORDED, QosSpec

DISCOVERY_S = 0.25
DEPTH = 20


class BoundedQueue:
    """Messages on their way to the disk, bounded in bytes; what does not fit is counted, not awaited."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit, self._bytes, self.dropped = limit_bytes, 0, 0
        self._lock = threading.Lock()
        self._queue: queue.SimpleQueue[tuple[str, str, int, bytes] | None] = queue.SimpleQueue()

    def put(self, topic: str, msgtype: str, receive_ns: int, data: bytes) -> bool:
        """Append; False (and counted) if the queue is full."""
        with self._lock:
            if self._bytes + len(data) > self._limit:
                self.dropped += 1
                return False
            self._bytes += len(data)
        self._queue.put((topic, msgtype, receive_ns, data))
        return True

    def close(self) -> None:
        """Nothing more will come."""
        self._queue.put(None)

    def get(self) -> tuple[str, str, int, bytes] | None:
        """Next message; None when closed and empty."""
        item = self._queue.get()
        if item is not None:
            with self._lock:
                self._bytes -= len(item[3])
        return item


def recordable(msgtype: str) -> Any:
    """Class of a message type that can be received and described in a bag.

    Raises:
        ModuleNotFoundError: its interface package is not installed.
        BagError: nobody has told the type store its definition, which a bag has to hold.
    """
    kind = message_class(msgtype)
    if msgtype not in typestore().fielddefs:
        raise BagError(f"{msgtype}: unknown message type")
    return kind


class RecorderNode(Node):
    """Subscribes to its topics as they appear and writes them in a thread of its own."""

    def __init__(self, stop: StopFlag) -> None:
        super().__init__("bag_recorder")
        self._stop = stop
        self.config = read(self, RecorderConfig)
        if not self.config.output:
            raise ConfigError("bag_recorder: parameter output is empty: expected the name of a new folder")
        self._wanted = set(self.config.topics or [t.name for t in RECORDED])
        self._queue = BoundedQueue(int(self.config.queue_mb * 1e6))
        self._held: dict[str, Any] = {}
        self._refused: list[str] = []
        self.written, self._failure = 0, ""
        self._writer = BagWriter(Path(self.config.output), {"recorder": "autonomy_perception"}, keep_cut_off=True)
        self._writer.__enter__()
        if self._writer.cut_off is not None:
            self.get_logger().warning(f"an unfinished recording was found and kept as {self._writer.cut_off}")
        self._thread = threading.Thread(target=self._write, name="disk")
        self._thread.start()
        self.create_timer(
            DISCOVERY_S, self._discover, clock=rclpy.clock.Clock(clock_type=rclpy.clock.ClockType.STEADY_TIME)
        )
        self._discover()

    def _discover(self) -> None:
        """Subscribe to wanted topics that have a publisher now, with the quality of service that it offers."""
        if self._failure:
            self.get_logger().error(self._failure, once=True)
            self._stop.stop()
        for name, types in self.get_topic_names_and_types():
            if name not in self._wanted or name in self._held:
                continue
            offered = self.get_publishers_info_by_topic(name)
            if not offered:
                continue
            try:
                kind = recordable(types[0])
            except (BagError, ModuleNotFoundError) as e:  # the other topics can be recorded all the same
                self.get_logger().error(f"{name} is not recorded: {e}")
                self._wanted.discard(name)
                self._refused.append(name)
                continue
            reliable = all(o.qos_profile.reliability == ReliabilityPolicy.RELIABLE for o in offered)
            latched = all(o.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL for o in offered)
            spec = QosSpec(
                "reliable" if reliable else "best effort", DEPTH, "transient local" if latched else "volatile"
            )
            self._held[name] = self.create_subscription(
                kind, name, self._taker(name, types[0]), profile(spec), raw=True
            )

    def _taker(self, topic: str, msgtype: str) -> Any:
        def take(data: bytes) -> None:
            if not self._queue.put(topic, msgtype, self.get_clock().now().nanoseconds, data):
                self.get_logger().warning("the disk is too slow: messages are dropped", throttle_duration_sec=5.0)

        return take

    def _write(self) -> None:
        try:
            while (item := self._queue.get()) is not None:
                self._writer.write_raw(*item)
                self.written += 1
        except Exception as e:  # the node must say it and end, whatever it was
            self._failure = str(e) if isinstance(e, BagError) else f"{self.config.output}: {type(e).__name__}: {e}"

    def close(self) -> None:
        """Write what is waiting and give the bag its name."""
        self._queue.close()
        self._thread.join()
        missing = sorted(self._wanted - set(self._held))
        error = BagError(self._failure) if self._failure else None
        self._writer.__exit__(type(error) if error else None, error, None)
        kept = self._writer.cut_off if error else None
        self.get_logger().info(f"{kept or self.config.output}: {self.written} messages, {self._queue.dropped} dropped"
                               + (f"; never seen: {', '.join(missing)}" if missing else "")
                               + (f"; of unknown type: {', '.join(self._refused)}" if self._refused else "")
                               + ("; cut off: `mcap recover` reads what is there" if kept else ""))  # fmt: skip


def _body(node: RecorderNode, executor: SingleThreadedExecutor, stop: StopFlag) -> int:
    spin(node, executor, stop)
    return 1 if node._failure else 0


def main() -> int:
    """Entry point of the process."""
    try:
        return run(RecorderNode, _body)
    except (BagError, ConfigError) as e:
        rclpy.logging.get_logger("bag_recorder").error(str(e))
        return 2


if __name__ == "__main__":
    raise SystemExit(main())
