"""The perception node: one process, the ROS thread and one worker, as a lifecycle node (rclpy only under nodes/)."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # read when the kernel library is loaded

import rclpy
from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import Clock, ClockType
from rclpy.executors import SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from autonomy_perception import topics
from autonomy_perception.config import ConfigError, PerceptionConfig, load_perception, load_vehicle
from autonomy_perception.messages.status import Counters
from autonomy_perception.nodes import diagnostics as diag
from autonomy_perception.nodes.calibration_thread import CalibrationThread
from autonomy_perception.nodes.inputs import Inputs
from autonomy_perception.nodes.lockstep import TokenQueue
from autonomy_perception.nodes.outputs import Outputs
from autonomy_perception.nodes.parameters import NodeConfig, build_config, parameters_of
from autonomy_perception.nodes.perception_report import WATCHED_OUTPUTS, Rates, report
from autonomy_perception.nodes.process import StopFlag, freeze_garbage, run, spin
from autonomy_perception.nodes.qos import message_class, profile
from autonomy_perception.nodes.qos_events import QosWatch
from autonomy_perception.nodes.ros_parameters import declare, read, values_of
from autonomy_perception.nodes.worker import Worker
from autonomy_perception.ops.library import CpuLibrary, KernelError
from autonomy_perception.runtime.inbox import Inbox
from autonomy_perception.runtime.roles import WHOLE, Role
from autonomy_perception.runtime.runner import Runner
from autonomy_perception.runtime.trace import Trace
from autonomy_perception.sensors.deskew import end_shift_ns

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE


class PerceptionNode(LifecycleNode):
    """Configured: publishers and parameters are fixed. Active: subscriptions and the worker run.

    ``role``: all stages, or one of them as a node of its own.
    """

    def __init__(self, stop: StopFlag, role: Role = WHOLE) -> None:
        super().__init__(role.node)
        self._role = role
        self.config = read(self, NodeConfig)
        defaults = load_perception(Path(self.config.config_file)) if self.config.config_file else PerceptionConfig()
        self._stages = list(parameters_of(defaults))
        declare(self, self._stages)
        build_config(values_of(self, self._stages))
        self.add_on_set_parameters_callback(self._on_parameters)
        self._fixed = False
        self._watch, self._rates = QosWatch(self.get_logger()), Rates()
        self._outputs: Outputs | None = None
        self._inputs: Inputs | None = None
        self._worker: Worker | None = None
        self._tokens: TokenQueue | None = None
        self._runner: Runner | None = None
        kind = message_class(topics.DIAGNOSTIC_ARRAY.msgtype)
        self._diagnostics = self.create_publisher(kind, topics.DIAGNOSTIC_ARRAY.name, profile(topics.DIAGNOSTICS))
        self._told: dict[str, str] = {}
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = self.create_timer(1.0, self._diagnose, clock=steady)

    def now_ns(self) -> int:
        """ROS time [ns]."""
        return int(self.get_clock().now().nanoseconds)

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Read the vehicle, load the kernels, make the publishers."""
        try:
            if not self.config.vehicle_file:
                raise ConfigError(f"{self._role.node}: parameter vehicle_file is empty: expected a vehicle YAML")
            self.vehicle = self._role.vehicle(load_vehicle(Path(self.config.vehicle_file)))
            stages = build_config(values_of(self, self._stages))
            self._runner = self._role.runner(stages, self.vehicle, CpuLibrary())
        except (ConfigError, KernelError) as e:
            self.get_logger().error(str(e))
            return FAILURE
        self._counters = Counters()
        self._outputs = Outputs(
            self, self._watch, self.vehicle.base_frame, stages.occupancy.encoding, self._role.outputs
        )
        self._fixed = True
        return SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Subscribe and start the worker."""
        assert self._runner is not None and self._outputs is not None
        runner = self._runner
        self._inbox = Inbox(
            {c.topic: end_shift_ns(c) for c in self.vehicle.lidars.values()}, int(runner.config.sensors.jitter_ms * 1e6)
        )
        if self.config.lockstep:
            self._inputs = Inputs(
                self,
                self.vehicle,
                self._watch,
                self._inbox.put,
                lambda t, m: self._tokens.offer(t, m) if self._tokens else None,
            )
            self._table = {i.topic: i for i in self._inputs.table}
            self._tokens = TokenQueue(self, set(self._table), self._deliver)
        else:
            objects = self._role.objects
            self._inputs = Inputs(self, self.vehicle, self._watch, self._inbox.put, objects=objects)
        answer = self._tokens.answer if self._tokens else None
        self._worker = Worker(runner, self._inbox, self._outputs, self._counters, self.now_ns, answer, self._on_failure)
        self._worker.spread = self._role is WHOLE
        self._worker.trace = Trace(Path(self.config.trace_file)) if self.config.trace_file else None
        if runner.config.calibration.enabled:
            self._worker.calibration = CalibrationThread(runner.config, self.vehicle)
        if self.config.hash:
            from autonomy_perception.pipeline.digest import Digest

            self._worker.digest = Digest()
        freeze_garbage()
        self._worker.start()
        return SUCCESS

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop the worker, unsubscribe, say STOPPED."""
        self._halt()
        return SUCCESS

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Drop all state."""
        self._release()
        return SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop whatever runs."""
        self._halt()
        self._release()
        return SUCCESS

    def close(self) -> None:
        """End of the process."""
        self._halt()
        self._release()

    def _halt(self) -> None:
        worker, self._worker = self._worker, None
        if self._inputs is not None:
            self._inputs.close()
            self._inputs = None
        if worker is None:
            return
        worker.stop()
        self._tokens = None
        if worker.trace is not None:
            c = self._counters
            digest = worker.digest
            worker.trace.write(processed=c.processed, replaced=c.replaced, errors=c.errors, latencies=list(c.latencies),
                               hash=digest.hexdigest() if digest else "", steps=digest.steps if digest else 0,
                               last_error=worker.runner.failure.last)  # fmt: skip
        if self._outputs is not None:
            self._outputs.silence(self.now_ns(), worker.runner.front.health(self.now_ns()), self._counters, "INACTIVE")
        worker.runner.pipeline.reset("INACTIVE", self.now_ns())

    def _release(self) -> None:
        if self._outputs is not None:
            self._outputs.close()
        self._outputs, self._runner, self._fixed = None, None, False

    def _deliver(self, topic: str, message: Any, receive_ns: int) -> None:
        """Lockstep: a message whose token has come, at the time that the token says."""
        assert self._inputs is not None and self._tokens is not None
        event = self._inputs.read(self._table[topic], message, receive_ns, time.monotonic_ns())
        if event is not None:
            self._inbox.put(event, (topic, receive_ns))
        else:
            self._tokens.answer(topic, receive_ns)

    def _on_failure(self, text: str) -> None:
        self.get_logger().error(f"a step failed and was left out:\n{text}", throttle_duration_sec=1.0)

    def _on_parameters(self, changes: list[Any]) -> SetParametersResult:
        """Ranges are checked before by rclpy; here what only pydantic knows, and that the node is not configured."""
        ours = {p.name: p for p in self._stages}
        stage = {c.name: c.value for c in changes if c.name in ours}
        if not stage:
            return SetParametersResult(successful=True)
        if self._fixed:
            reason = f"{', '.join(stage)}: fixed while the node is configured; deactivate and clean it up first"
            return SetParametersResult(successful=False, reason=reason)
        try:
            build_config(values_of(self, self._stages) | stage)
        except ConfigError as e:
            return SetParametersResult(successful=False, reason=str(e))
        return SetParametersResult(successful=True)

    def _diagnose(self) -> None:
        worker, inputs = self._worker, self._inputs
        if worker is None or inputs is None:
            statuses = [diag.Status("perception: pipeline", diag.STALE, "the node is not active")]
        else:
            names = [i.topic for i in inputs.table] + [t.name for t in WATCHED_OUTPUTS]
            self._watch.refresh(self)
            statuses = report(
                self.vehicle, worker, inputs, {n: self.count_publishers(n) for n in names}, self._watch, self._rates
            )
            if worker.snapshot is not None:
                self._tell(worker.snapshot.front.layouts)
        for status in statuses:
            status.name = status.name.replace(f"{WHOLE.node}:", f"{self._role.node}:")
        name = self.vehicle.name if self._runner is not None else ""
        self._diagnostics.publish(diag.array(statuses, self.now_ns(), name))

    def _tell(self, layouts: Mapping[str, str]) -> None:
        """Log how the clouds of each lidar are read, once and when it changes."""
        for lidar, about in layouts.items():
            if about and self._told.get(lidar) != about:
                self._told[lidar] = about
                self.get_logger().info(f"{self.vehicle.lidars[lidar].topic}: {about}")


def _body(node: PerceptionNode, executor: SingleThreadedExecutor, stop: StopFlag) -> int:
    if node.config.autostart and not (node.trigger_configure() == SUCCESS and node.trigger_activate() == SUCCESS):
        return 2
    return spin(node, executor, stop)


def main(role: Role = WHOLE) -> int:
    """Entry point of the process."""
    try:
        return run(lambda stop: PerceptionNode(stop, role), _body)
    except ConfigError as e:
        rclpy.logging.get_logger(role.node).error(str(e))
        return 2


if __name__ == "__main__":
    raise SystemExit(main())
