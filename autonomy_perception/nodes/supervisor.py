"""Starts the nodes of a graph as processes, passes their output on, ends them all in one way (no rclpy here).

Each process is in its own session, so that Ctrl-C reaches only the supervisor, which then asks every node to end; and
each gets SIGTERM from the kernel if the supervisor is killed, so that nothing stays behind.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from autonomy_perception.nodes import environment, graph, shared_memory

_PR_SET_PDEATHSIG = 1
_INT_S, _TERM_S = 8.0, 3.0
"""Time that a node has to end after SIGINT, then after SIGTERM, before it is killed [s]."""

Say = Callable[[str], None]


def command(node: graph.Node, parameters: Mapping[str, graph.Value], folder: Path) -> list[str]:
    """Command line of a node; its parameters go into a file under ``folder``, so that no text needs quoting."""
    file = folder / f"{node.name}.yaml"
    file.write_text(yaml.safe_dump({"/**": {"ros__parameters": dict(parameters)}}))
    program = [sys.executable, "-m", node.module] if node.module else [node.executable]
    ros = ["--ros-args", "-r", f"__node:={node.name}", "--params-file", str(file)]
    return [*program, *node.options(), *ros]


def how_it_ended(code: int) -> str:
    """An exit code in words."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"


_libc = ctypes.CDLL(None)


def _end_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass
class _Running:
    node: graph.Node
    process: subprocess.Popen[str]
    reader: threading.Thread
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=12))
    reported: bool = False


class Supervisor:
    """The processes of one graph; use it as a context manager, and whatever happens they are ended.

    Args:
        say: takes one line for the user; node output arrives as ``[name] text``.
        env: environment of the nodes on top of the tuned one; by default this process's.
    """

    def __init__(self, say: Say = print, env: Mapping[str, str] | None = None) -> None:
        self._say, self._env = say, environment.of_node(env)
        self._folder = tempfile.TemporaryDirectory(prefix="autonomy_perception_")
        self._running: list[_Running] = []
        self._stop = threading.Event()

    def __enter__(self) -> Supervisor:
        return self

    def __exit__(self, *exc: object) -> None:
        self.end_all()
        self._folder.cleanup()

    def start(self, nodes: Sequence[tuple[graph.Node, Mapping[str, graph.Value]]]) -> None:
        """Start nodes in this order; returns at once."""
        for node, parameters in nodes:
            process = subprocess.Popen(
                command(node, parameters, Path(self._folder.name)), env=self._env, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", bufsize=1,
                start_new_session=True, preexec_fn=_end_with_parent,  # no threads of ours hold locks
            )  # fmt: skip
            reader = threading.Thread(target=self._read, args=(len(self._running),), daemon=True)
            self._running.append(_Running(node, process, reader))
            reader.start()

    def stop(self) -> None:
        """Let :meth:`wait` return; callable from a signal handler."""
        self._stop.set()

    def pids(self) -> dict[str, int]:
        """Process ids by node name."""
        return {r.node.name: r.process.pid for r in self._running}

    def alive(self) -> list[str]:
        """Names of the nodes whose processes run."""
        return [r.node.name for r in self._running if r.process.poll() is None]

    def codes(self) -> dict[str, int | None]:
        """Exit codes by node name, of the newest process of that name; None while it runs."""
        return {r.node.name: r.process.poll() for r in self._running}

    def wait(self, timeout_s: float | None = None) -> int:
        """Until a stop, the timeout, or the end of a node that ends the graph.

        Returns:
            0 if everything that ended did so by itself without an error or because it was asked to, else 1. Every
            node that died is named with the reason and its last lines.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while not self._stop.wait(0.1):
            ended = [r for r in self._running if r.process.poll() is not None and not r.reported]
            for running in ended:
                self._report(running)
            if any(r.node.ends_graph for r in ended) or all(r.reported for r in self._running):
                break
            if deadline is not None and time.monotonic() > deadline:
                break
        failed = any(r.process.poll() not in (None, 0) for r in self._running)
        return 1 if self.end_all() or failed else 0

    def end_all(self) -> list[str]:
        """End all nodes: SIGINT, then SIGTERM, then SIGKILL; returns the names of those that did not end cleanly."""
        alive = [r for r in reversed(self._running) if r.process.poll() is None]
        for number, patience in ((signal.SIGINT, _INT_S), (signal.SIGTERM, _TERM_S), (signal.SIGKILL, _TERM_S)):
            pending = [r for r in alive if r.process.poll() is None]
            for running in pending:
                _signal(running.process, number)
            deadline = time.monotonic() + patience
            for running in pending:
                _await(running.process, deadline)
        clean = (0, None, -signal.SIGINT)  # by the signal itself: the node had not begun yet
        bad = [r for r in alive if r.process.returncode not in clean]
        for running in self._running:
            running.reader.join(timeout=1.0)
        for running in bad:
            self._report(running)
        if self._running:
            shared_memory.clean(domain=int(self._env.get("ROS_DOMAIN_ID") or 0))
        return [r.node.name for r in bad]

    def _read(self, index: int) -> None:
        while index >= len(self._running):  # the row is appended right after the thread is made
            time.sleep(0.001)
        running = self._running[index]
        assert running.process.stdout is not None
        with running.process.stdout as stdout:
            for line in stdout:
                running.tail.append(line.rstrip())
                self._say(f"[{running.node.name}] {line.rstrip()}")

    def _report(self, running: _Running) -> None:
        running.reported = True
        running.reader.join(timeout=1.0)
        code = running.process.returncode
        if code == 0:
            self._say(f"{running.node.name} has ended")
            return
        last = "".join(f"\n    {line}" for line in running.tail)
        self._say(f"{running.node.name} died: {how_it_ended(code)}" + (f"; its last lines:{last}" if last else ""))


def _signal(process: subprocess.Popen[str], number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return


def _await(process: subprocess.Popen[str], deadline: float) -> None:
    try:
        process.wait(max(0.05, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return
