"""Faults of processes, parameters and disks in a running graph: one act for each row of the table (rclpy only here)."""

from __future__ import annotations

import itertools
import os
import signal
import time
from collections.abc import Callable
from itertools import takewhile
from pathlib import Path

import psutil
from nav_msgs.msg import OccupancyGrid
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.qos import DurabilityPolicy, QoSProfile

from autonomy_perception.bags.reader import BagReader
from autonomy_perception.faults.processes import START_S, row
from autonomy_perception.live.faults.session import Session, SessionError

FRESH_HZ = 6.0
"""While something else is broken, sound outputs come at this rate at least."""
ENOUGH_BYTES = 1_000_000
"""A recording of this size is on the disk, not only in a buffer."""


class ActError(AssertionError):
    """Something was not as its row says."""


class Acts:
    """The acts on one session. Each raises ActError if a row's words, outputs or times do not hold.

    Args:
        session: perception and health monitor run in it.
        lines: what its nodes print, as it grows.
        folder: for recordings.
        slack: factor on all times allowed.
    """

    def __init__(self, session: Session, lines: list[str], folder: Path, slack: float = 1.0) -> None:
        self._session, self._lines, self._folder, self._slack = session, lines, folder, slack
        self._supervisor, self._count = session.supervisor, itertools.count()
        self.by_name: dict[str, Callable[[str], None]] = {
            "subscriber stalls": self._stall,
            "subscriber asks for more": self._ask_for_more,
            "parameter out of range while running": self._refuse,
            "second perception": self._second_perception,
            "disk full while recording": self._disk_full,
            "recorder killed": self._recorder_killed,
            "second recorder on the same output": self._second_recorder,
            "perception killed": self._perception_killed,
            "TF missing": self._rig_missing,
        }

    def run(self, name: str) -> None:
        """Do what a row says, and wait until everything is as before. Raises ActError."""
        self.by_name[name](name)

    # ------------------------------------------------------------------------------------------------- what they share

    def _await(self, done: Callable[[], bool], seconds: float, what: str) -> None:
        if not self._session.spin(done, seconds * self._slack):
            raise ActError(f"not within {seconds * self._slack:.1f} s: {what}")

    def _words(self, name: str) -> tuple[str, ...]:
        return tuple(word.format_map(vars(self._session.rig)) for word in row(name).says)

    def _said(self, name: str, since: float, seconds: float = 3.0) -> None:
        words, witness = self._words(name), self._session.witness
        self._await(lambda: witness.said(words, since) is not None, seconds, f"{name}: {words} said")

    def _logged(self, name: str, since: int, seconds: float = 6.0) -> None:
        words = self._words(name)
        self._await(lambda: all(w in "\n".join(self._lines[since:]) for w in words), seconds,
                    f"{name}: {words} in the log, which has {self._lines[since:][-12:]}")  # fmt: skip

    def _flows(self, seconds: float) -> None:
        """Sound outputs come, as many as belong to so many seconds."""
        began, session = time.monotonic(), self._session

        def fresh() -> int:
            since = takewhile(lambda s: s.at > began, reversed(session.witness.seen))
            return len({s.data_stamp_ns for s in since if s.sound})

        def over() -> bool:  # the player's own stalls do not count
            lost = sum(length for end, length in session.player.stalls if end > began)
            return time.monotonic() - began > seconds * self._slack + lost

        session.spin(lambda: over() or fresh() >= FRESH_HZ * seconds, 10.0 + seconds * self._slack)
        if fresh() < FRESH_HZ * seconds:
            raise ActError(f"{fresh()} fresh outputs in {time.monotonic() - began:.1f} s: {session.trial.look()}")

    def _recovers(self, name: str) -> None:
        try:
            self._session.await_sound((row(name).recovers_s or START_S) * self._slack)
        except SessionError as e:
            raise ActError(f"{name}: {e}") from e

    def _pid(self, name: str) -> int:
        return self._supervisor.pids()[name]

    def _gone(self, name: str, code: int | None = None) -> None:
        self._await(lambda: name not in self._supervisor.alive(), 8.0, f"{name} has ended")
        found = self._supervisor.codes()[name]
        if code is not None and found != code:
            raise ActError(f"{name}: expected to end with code {code}, ended with {found}: {self._lines[-12:]}")

    def _record(self) -> tuple[str, Path]:
        """Start a recorder of its own; name of the node, and its output."""
        name = f"recorder_{next(self._count)}"
        self._session.start("bag_recorder", name, output=str(self._folder / name))
        return name, self._folder / name

    def _on_disk(self, output: Path) -> Path:
        """The unfinished file of a recording that has begun to be written."""
        file = output.parent / f".{output.name}.part" / output.name / f"{output.name}.mcap"
        self._await(lambda: file.exists() and file.stat().st_size > ENOUGH_BYTES, 20.0, f"{file} grows")
        return file

    def _kept(self, output: Path) -> None:
        kept = output.with_name(f"{output.name}.cut_off") / f"{output.name}.mcap"
        if not kept.exists() or kept.stat().st_size < ENOUGH_BYTES or output.exists():
            raise ActError(f"{kept}: expected what was recorded, found {[p.name for p in output.parent.iterdir()]}")

    # -------------------------------------------------------------------------------------------------------- the acts

    def _stall(self, name: str) -> None:
        os.kill(self._pid("health_monitor"), signal.SIGSTOP)
        began = time.monotonic()
        try:
            self._flows(2.0)
            self._session.spin(lambda: time.monotonic() - began > 2.0, 2.0)
        finally:
            os.kill(self._pid("health_monitor"), signal.SIGCONT)
        self._recovers(name)

    def _ask_for_more(self, name: str) -> None:
        began, node, texts = time.monotonic(), self._session.node, self._session.witness.texts
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        quiet = SubscriptionEventCallbacks(use_default_callbacks=False)
        held = node.create_subscription(
            OccupancyGrid, "/perception/occupancy_grid", lambda m: None, latched, event_callbacks=quiet
        )
        try:
            self._said(name, began)
        finally:
            node.destroy_subscription(held)
        told = lambda: texts[("perception: quality of service", "message")] == "ok"  # noqa: E731
        self._await(told, row(name).recovers_s or 0.0, f"{name}: not said any more when it has gone")

    def _refuse(self, name: str) -> None:
        value = ParameterValue(type=ParameterType.PARAMETER_INTEGER, integer_value=-5)
        request = SetParameters.Request(parameters=[Parameter(name="sensors.max_points", value=value)])
        client = self._session.node.create_client(SetParameters, "/perception/set_parameters")
        try:
            self._await(client.service_is_ready, 5.0, "the parameter service is there")
            future = client.call_async(request)
            self._await(future.done, 5.0, "the parameter service answers")
            result = future.result().results[0]
        finally:
            self._session.node.destroy_client(client)
        if result.successful or not all(word in result.reason for word in row(name).says):
            raise ActError(f"{name}: expected a refusal with {row(name).says}, got {result}")
        self._flows(1.0)

    def _second_perception(self, name: str) -> None:
        began = time.monotonic()
        self._session.start("perception", "perception_too")
        try:
            self._said(name, began, START_S)
        finally:
            os.kill(self._pid("perception_too"), signal.SIGINT)
        self._gone("perception_too", 0)
        self._recovers(name)

    def _second_recorder(self, name: str) -> None:
        first, output = self._record()
        self._on_disk(output)
        since, second = len(self._lines), f"{first}_too"
        self._session.start("bag_recorder", second, output=str(output))
        self._logged(name, since)
        self._gone(second, 2)
        os.kill(self._pid(first), signal.SIGTERM)
        self._gone(first, 0)
        with BagReader(output) as reader:
            if not reader.message_count:
                raise ActError(f"{name}: {output} is empty")

    def _recorder_killed(self, name: str) -> None:
        first, output = self._record()
        self._on_disk(output)
        since = len(self._lines)
        os.kill(self._pid(first), signal.SIGKILL)
        self._gone(first)
        self._session.start("bag_recorder", first, output=str(output))
        self._logged(name, since)
        self._kept(output)
        os.kill(self._pid(first), signal.SIGINT)
        self._gone(first, 0)

    def _disk_full(self, name: str) -> None:
        recorder, output = self._record()
        file = self._on_disk(output)
        since, full = len(self._lines), file.stat().st_size + 4096
        psutil.Process(self._pid(recorder)).rlimit(psutil.RLIMIT_FSIZE, (full, full))  # every write beyond fails
        self._logged(name, since, 15.0)
        self._gone(recorder, 1)
        self._kept(output)
        self._flows(1.0)

    def _rig_missing(self, name: str) -> None:
        player, witness = self._session.player, self._session.witness
        player.withdraw_latched()
        try:
            os.kill(self._pid("perception"), signal.SIGTERM)
            self._gone("perception", 0)
            began = time.monotonic()
            self._session.start("perception", "perception")
            self._said(name, began, START_S)
            if witness.seen[-1].mode.name != "STOPPED" or not witness.seen[-1].troubled:
                raise ActError(f"{name}: {self._session.trial.look()}")
        finally:
            player.latch()
        self._recovers(name)

    def _perception_killed(self, name: str) -> None:
        began = time.monotonic()
        os.kill(self._pid("perception"), signal.SIGKILL)
        self._gone("perception")
        try:
            self._said(name, began)
        finally:
            self._session.start("perception", "perception")
        self._recovers(name)
        self._flows(1.0)
