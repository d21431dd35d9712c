"""A running graph to inject faults into: the nodes as processes, the faulty player and the witness in this one."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions

from autonomy_perception.config import load_vehicle
from autonomy_perception.faults.loop import EndlessDrive
from autonomy_perception.faults.sample import Rig
from autonomy_perception.live.faults.player import FaultyPlayer
from autonomy_perception.live.faults.trial import Trial
from autonomy_perception.live.faults.witness import Witness
from autonomy_perception.nodes import graph
from autonomy_perception.nodes.inputs import inputs_of
from autonomy_perception.nodes.supervisor import Say, Supervisor
from autonomy_perception.topics import DETECTED_OBJECTS

START_S = 30.0


class SessionError(RuntimeError):
    """The graph did not come up."""


class Session:
    """Context manager over the processes and this process's own node.

    Args:
        bag, vehicle: what is played, and for which vehicle.
        nodes: names of the nodes that run beside perception.
        parameters: ROS parameters by node name.
        seed: of the faults' random numbers.
        stages: as in :class:`graph.Arguments`; split nodes get their detections from the bag.
        env: environment of the processes; this process must have been started with the same transport.
        say: takes what the nodes print.
    """

    def __init__(self, bag: Path, vehicle: Path, nodes: Collection[str] = (), seed: int = 0,
                 parameters: Mapping[str, Mapping[str, graph.Value]] | None = None,
                 env: Mapping[str, str] | None = None, say: Say = print, stages: str = "composed") -> None:  # fmt: skip
        car = load_vehicle(vehicle)
        objects = DETECTED_OBJECTS.name if stages == "split" else ""
        self.rig = replace(Rig.of(car, seed), objects=objects)
        self._drive = EndlessDrive(bag, [*(i.topic for i in inputs_of(car)), objects], self.rig.lidar)
        arguments = graph.checked(graph.Arguments(vehicle=str(vehicle), use_sim_time=True, record="off", stages=stages, detector=False))  # fmt: skip
        given = parameters or {}
        self._table = {
            node.name: (node, {**values, **given.get(node.name, {})}) for node, values in graph.nodes_for(arguments)
        }
        self._names, self._env, self._say = [*graph.working(arguments), *nodes], env, say
        self.on_spin: Callable[[], None] = lambda: None
        """Called between messages."""

    def __enter__(self) -> Session:
        self.context = rclpy.Context()
        rclpy.init(context=self.context, signal_handler_options=SignalHandlerOptions.NO)  # the caller's business
        self.node: Any = rclpy.create_node("fault_player", context=self.context)
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self.node)
        self.player, self.witness = FaultyPlayer(self.node, self._drive), Witness(self.node)
        self.trial = Trial(self.player, self.witness, self.spin, self.rig)
        self.supervisor = Supervisor(self._say, self._env)
        self.supervisor.start([self._table[name] for name in self._names])
        try:
            self.await_sound(START_S)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self.supervisor.__exit__(*exc)
        self._executor.shutdown(timeout_sec=1.0)
        self.player.close()
        self.node.destroy_node()
        rclpy.shutdown(context=self.context)

    def spin(self, done: Callable[[], bool], timeout_s: float) -> bool:
        """Play and listen until ``done()`` or the timeout; True if done."""
        deadline = time.monotonic() + timeout_s
        while not done():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self._executor.spin_once(timeout_sec=min(self.player.play(), left, 0.02))
            self.on_spin()
        return True

    def await_sound(self, timeout_s: float) -> float:
        """Seconds until outputs with fresh data of all sensors come. Raises SessionError."""
        began = time.monotonic()
        sound = lambda: any(s.at > began and s.sound for s in list(self.witness.seen)[-20:])  # noqa: E731
        if not self.spin(sound, timeout_s):
            raise SessionError(f"no sound output within {timeout_s:.0f} s: {self.trial.look()}")
        return time.monotonic() - began

    def start(self, kind: str, name: str, **more: graph.Value) -> None:
        """Start a node of the table under a name, once more or again, with ``more`` parameters."""
        node, given = self._table[kind]
        self.supervisor.start([(replace(node, name=name), {**given, **more})])
