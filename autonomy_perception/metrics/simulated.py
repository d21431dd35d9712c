"""A synthetic drive through front end and pipeline in memory: every output beside its truth, without a bag."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from autonomy_perception.bags.events import input_topics
from autonomy_perception.config import PerceptionConfig
from autonomy_perception.messages.sensors_in import CONVERTERS
from autonomy_perception.metrics.truth_frame import TruthFrame
from autonomy_perception.ops.library import Library
from autonomy_perception.runtime.runner import Runner
from autonomy_perception.simulation.drive import DriveSample, SyntheticDrive
from autonomy_perception.simulation.io.write_bag import drive_records
from autonomy_perception.types import Perception, SensorFrame


@dataclass(frozen=True)
class SimulatedStep:
    """One frame with what came of it, and the truth of that moment."""

    frame: SensorFrame
    result: Perception
    truth: TruthFrame


def simulated_steps(
    drive: SyntheticDrive, samples: Iterable[DriveSample], config: PerceptionConfig, lib: Library
) -> Iterator[SimulatedStep]:
    """Feed the messages that a bag of the drive would hold, in the same order; ``samples`` are those of the drive."""
    vehicle = drive.vehicle
    runner, wanted = Runner(config, vehicle, lib, strict=True), set(input_topics(vehicle))
    truths: dict[int, TruthFrame] = {}

    def noted(of: Iterable[DriveSample]) -> Iterator[DriveSample]:
        for sample in of:
            truths[sample.stamp_ns] = TruthFrame.of(sample.truth)
            yield sample

    records = (record for record in drive_records(drive, noted(samples)) if record.topic in wanted)
    events = (CONVERTERS[r.msgtype](r.topic, r.message, r.receive_ns, 0) for r in records)
    for output in runner.run(events):
        if output.frame is not None and output.frame.stamp_ns in truths:
            yield SimulatedStep(output.frame, output.result, truths.pop(output.frame.stamp_ns))
