"""A bag through the live nodes as separate processes: start, watch, end, gather what they remember (no rclpy here)."""

from __future__ import annotations

import json
import os
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from autonomy_perception.bags.reader import BagReader
from autonomy_perception.config import ConfigError
from autonomy_perception.nodes import graph
from autonomy_perception.nodes.supervisor import Say, Supervisor
from autonomy_perception.runtime.trace import known_after_ms, latencies_ms

SAMPLE_S = 2.0


class LiveRunError(RuntimeError):
    """A node of the run died; the message has its last lines."""


@dataclass(frozen=True)
class LiveOptions:
    """What to run.

    Attributes:
        bag, vehicle, params: as in ``replay``.
        rate: bag seconds per second; lockstep: every message waits for its work (then ``rate`` has no meaning).
        seconds: end after this time [s], looping over the bag; None: once through.
        record: new folder for a bag of the outputs; None: none.
        nodes: names of the nodes beside perception and player (and the recorder, if ``record``).
        hash: digest every output.
        env: environment on top of the tuned one.
        parameters: further ROS parameters by node name.
    """

    bag: Path
    vehicle: Path
    params: Path | None = None
    rate: float = 1.0
    lockstep: bool = False
    seconds: float | None = None
    record: Path | None = None
    nodes: Collection[str] = ()
    hash: bool = False
    env: Mapping[str, str] | None = None
    parameters: Mapping[str, Mapping[str, graph.Value]] = field(default_factory=dict)


@dataclass(frozen=True)
class LiveResult:
    """What a run gave.

    Attributes:
        code: 0 if every node ended cleanly.
        latency_ms: the player's send of a frame's last message to the publication of its outputs.
        swept: frames that held a lidar sweep (the others are camera only).
        known_ms: by topic, from each sending until outputs with a sweep knew of it or of something newer.
        inner_ms: its arrival at the perception process to the publication.
        stages_ms: samples by stage.
        sent: clouds and images that the player sent, by topic.
        pss_mb: by node, samples of (seconds since start, proportional set size [MB]).
        log: what the nodes said.
    """

    code: int
    frames: int
    swept: int
    replaced: int
    errors: int
    steps: int
    digest: str
    latency_ms: list[float]
    inner_ms: list[float]
    known_ms: dict[str, list[float]]
    stages_ms: dict[str, list[float]]
    messages_played: int
    sent: dict[str, int]
    worst_lag_ms: float
    pss_mb: dict[str, list[tuple[float, float]]]
    log: list[str]


def isolated(env: Mapping[str, str]) -> dict[str, str]:
    """Environment in which a run meets nobody else: this host only, a domain of its own unless one is set."""
    own = {"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST", "ROS_DOMAIN_ID": str(1 + os.getpid() % 100)}
    return own | dict(env)


def run_live(options: LiveOptions, say: Say | None = None) -> LiveResult:
    """Play a bag through the graph and wait for its end.

    Raises:
        BagError: the bag cannot be read.
        ConfigError: an argument is wrong.
        LiveRunError: perception or the player left no trace of the run.
    """
    log: list[str] = []

    def hear(line: str) -> None:
        log.append(line)
        if say is not None:
            say(line)

    with BagReader(options.bag):  # what is broken is said before anything is started
        pass
    with tempfile.TemporaryDirectory(prefix="autonomy_perception_live_") as folder:
        traces = {name: Path(folder) / f"{name}.json" for name in ("perception", "bag_player")}
        nodes = _nodes(options, traces)
        with Supervisor(hear, isolated(os.environ if options.env is None else options.env)) as supervisor:
            supervisor.start(nodes)
            memory = _Memory(supervisor.pids())
            code = supervisor.wait(options.seconds)
            memory.stop(options.seconds)
        found = {name: _read(path, log) for name, path in traces.items()}
    perception, player = found["perception"], found["bag_player"]
    sent = Counter(topic for topic, _, _ in player["sent"])
    return LiveResult(
        code=code, frames=perception["processed"], swept=sum(1 for f in perception["frames"] if f[4]), replaced=perception["replaced"], errors=perception["errors"],
        steps=perception["steps"], digest=perception["hash"], latency_ms=latencies_ms(perception, player),
        inner_ms=[(f[2] - f[1]) * 1e-6 for f in perception["frames"] if f[1]],
        known_ms={topic: known_after_ms(perception, player, topic) for topic in sent}, stages_ms=perception["stages"],
        messages_played=player["messages"], sent=dict(sent), worst_lag_ms=player["worst_lag_ms"], pss_mb=memory.samples, log=log,
    )  # fmt: skip


def _nodes(options: LiveOptions, traces: Mapping[str, Path]) -> list[tuple[graph.Node, dict[str, graph.Value]]]:
    try:
        arguments = graph.checked(graph.Arguments(
            vehicle=str(options.vehicle), params_file=str(options.params or ""), bag=str(options.bag), rate=options.rate,
            loop=options.seconds is not None, record=str(options.record or ""),
        ))  # fmt: skip
    except graph.GraphError as e:
        raise ConfigError(str(e)) from e
    wanted = {"perception", "bag_player", *options.nodes, *(("bag_recorder",) if options.record else ())}
    extra: dict[str, dict[str, graph.Value]] = {name: dict(options.parameters.get(name, {})) for name in wanted}
    extra["perception"] |= {"trace_file": str(traces["perception"]), "hash": options.hash, "lockstep": options.lockstep}
    extra["bag_player"] |= {"trace_file": str(traces["bag_player"]), "lockstep": options.lockstep}
    extra["bag_player"].setdefault("wait_for_nodes", sorted(wanted - {"bag_player"}))
    return [(node, {**given, **extra[node.name]}) for node, given in graph.nodes_for(arguments) if node.name in wanted]


def _read(path: Path, log: list[str]) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text()))
    except FileNotFoundError:
        raise LiveRunError(f"{path.stem} left no trace of the run; the nodes said:\n" + "\n".join(log[-20:])) from None


class _Memory:
    """Samples the proportional set size of processes until stopped."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self.samples: dict[str, list[tuple[float, float]]] = {name: [] for name in pids}
        self._pids, self._end, self._start = dict(pids), threading.Event(), time.monotonic()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._end.wait(SAMPLE_S):
            for name, pid in self._pids.items():
                try:
                    pss = psutil.Process(pid).memory_full_info().pss
                except (psutil.NoSuchProcess, psutil.AccessDenied):
                    continue
                if pss > 0:  # a process that has ended and is not yet collected has no memory
                    self.samples[name].append((time.monotonic() - self._start, pss * 1e-6))

    def stop(self, until_s: float | None) -> None:
        """End; samples of the nodes' closing down (after ``until_s``) are left out."""
        self._end.set()
        self._thread.join()
        if until_s is not None:
            self.samples = {name: [x for x in rows if x[0] < until_s] for name, rows in self.samples.items()}
