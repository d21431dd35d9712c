"""Proof of the transport: one process sends large messages to another and the time is taken.

``measure`` starts both; each side runs this module as a script. Stamps are of the monotonic clock, which all processes of
a machine share.
"""

from __future__ import annotations

import array
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass

from autonomy_perception.nodes import environment

MEGABYTES, COUNT = 6, 20
TIMEOUT_S = 20.0


class ProbeError(RuntimeError):
    """The probe could not run; the message holds what its processes said."""


@dataclass(frozen=True)
class ProbeResult:
    """Messages sent and arrived, median and largest time of flight [ms]."""

    sent: int
    arrived: int
    median_ms: float
    max_ms: float


def measure(env: Mapping[str, str] | None = None) -> ProbeResult:
    """Send :data:`COUNT` messages of :data:`MEGABYTES` MB between two processes.

    Raises:
        ProbeError: a process failed or nothing was heard of it in time.
    """
    whole = environment.of_node(env)
    whole.setdefault("ROS_DOMAIN_ID", str(90 + os.getpid() % 10))  # beside whatever runs in the user's domain
    start = [sys.executable, "-m", "autonomy_perception.live.transport_probe"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "env": whole}
    sides = [subprocess.Popen([*start, side], **pipes) for side in ("receive", "send")]  # type: ignore[call-overload] # kwargs
    said = []
    for side in sides:
        try:
            said.append(side.communicate(timeout=2 * TIMEOUT_S)[0])
        except subprocess.TimeoutExpired:
            side.kill()
            said.append(f"{side.communicate()[0]}(no answer within {2 * TIMEOUT_S:.0f} s)")
    if any(side.returncode for side in sides):
        raise ProbeError(" / ".join(text.strip().splitlines()[-1] if text.strip() else "no output" for text in said))
    return ProbeResult(**json.loads(said[0].strip().splitlines()[-1]))


def main(side: str) -> int:
    """One side of the probe, ``send`` or ``receive``; returns the exit code."""
    import rclpy
    from rclpy.qos import QoSProfile
    from sensor_msgs.msg import Image

    rclpy.init()
    node = rclpy.create_node(f"transport_probe_{side}")
    qos, topic, deadline = QoSProfile(depth=2), "/autonomy_perception/transport_probe", time.monotonic() + TIMEOUT_S
    flights: list[float] = []
    done = False
    try:
        if side == "send":
            publisher = node.create_publisher(Image, topic, qos)
            message = Image(data=array.array("B", bytes(MEGABYTES * 1_000_000)))
            while publisher.get_subscription_count() == 0 and time.monotonic() < deadline:
                time.sleep(0.02)
            done = publisher.get_subscription_count() > 0
            for _ in range(COUNT if done else 0):
                message.header.frame_id = repr(time.monotonic())
                publisher.publish(message)
                time.sleep(0.05)
            while publisher.get_subscription_count() > 0 and time.monotonic() < deadline:
                time.sleep(0.02)  # the receiver leaves when it has everything
        else:
            node.create_subscription(
                Image, topic, lambda m: flights.append(time.monotonic() - float(m.header.frame_id)), qos
            )
            while len(flights) < COUNT and time.monotonic() < deadline - 2.0:
                rclpy.spin_once(node, timeout_sec=0.1)
            done = bool(flights)
    finally:
        node.destroy_node()
        rclpy.try_shutdown()
    if side == "receive" and flights:
        ordered = sorted(1e3 * f for f in flights)
        result = ProbeResult(COUNT, len(ordered), round(ordered[len(ordered) // 2], 2), round(ordered[-1], 2))
        print(json.dumps(vars(result)))
    elif not done:
        print(f"{side}: the other process was not found within {TIMEOUT_S:.0f} s")
    return 0 if done else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
