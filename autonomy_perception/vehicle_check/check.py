"""``vehicle check``: reads a recording once and gathers every mistake of the vehicle file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autonomy_perception.bags.errors import BagError
from autonomy_perception.bags.events import input_topics
from autonomy_perception.bags.reader import BagReader
from autonomy_perception.calibration.monitor import GROUND, CalibrationMonitor
from autonomy_perception.calibration.report import CalibrationReport, CheckResult, Verdict
from autonomy_perception.config import CalibrationConfig, PerceptionConfig, VehicleConfig
from autonomy_perception.messages.events import Event
from autonomy_perception.messages.sensors_in import CONVERTERS
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.runtime.runner import sensing
from autonomy_perception.sensors.faults import Counted
from autonomy_perception.sensors.frontend import UNCHANGED
from autonomy_perception.types import SensorFrame
from autonomy_perception.vehicle_check.findings import Finding, Level, error, warning
from autonomy_perception.vehicle_check.geometry_checks import (
    Gathered,
    check_gathered,
    check_lenses,
    check_mounting,
)
from autonomy_perception.vehicle_check.pictures import Picture, pictures
from autonomy_perception.vehicle_check.streams import Stream, check_streams
from autonomy_perception.vehicle_check.topics import check_file, check_topics, expected_types

Progress = Callable[[int, int], None]
LOOKS, PERIOD_S = 8, 0.5
"""Comparisons per frame and time between two [s]: here nothing waits for them."""


@dataclass
class Outcome:
    """What a check found: mistakes, the calibration's own checks, pictures of one frame, and figures for the head."""

    findings: list[Finding]
    calibration: CalibrationReport
    pictures: list[Picture] = field(default_factory=list)
    summary: dict[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """No error."""
        return all(f.level < Level.ERROR for f in self.findings)


def check_vehicle(
    vehicle: VehicleConfig, bag: Path, seconds: float = 30.0, progress: Progress = lambda done, total: None
) -> Outcome:
    """Compare a vehicle file with the first ``seconds`` of a recording.

    Raises:
        BagError: the recording cannot be read.
    """
    lib = CpuLibrary()
    with BagReader(bag) as reader:
        findings = check_file(vehicle) + check_topics(vehicle, reader.topics, reader.counts)
        masked = sensing(PerceptionConfig(), vehicle, lib)
        monitor = CalibrationMonitor(CalibrationConfig(period_s=PERIOD_S), vehicle, lib, looks=LOOKS)
        bare = sensing(PerceptionConfig(), without_body(vehicle), lib)
        streams: dict[str, Stream] = {}
        gathered, report, shown = Gathered(), CalibrationReport(""), None
        unreadable: dict[str, str] = {}
        middle = reader.counts.get(next(iter(vehicle.lidars.values())).topic, 0) // 2
        for event in usable_events(reader, vehicle, seconds, progress, unreadable):
            streams.setdefault(event.topic, Stream()).add(event)
            for frame in bare.frames([event]):
                gathered.add_unmasked(frame, vehicle.dimensions)
            for frame in masked.frames([event]):
                gathered.add(frame, vehicle.dimensions)
                report = monitor.observe(frame)
                if better_shown(frame, shown, gathered.frames, middle):
                    shown = frame
    findings += [
        error(topic, "messages that can be read", why, "was the recording cut off or made with another version?")
        for topic, why in unreadable.items()
    ]
    findings += check_streams(vehicle, streams)
    rig = masked.front.rig()
    findings += check_mounting(vehicle, dict(rig.T_base_sensor)) + check_lenses(vehicle, dict(rig.cameras))
    findings += fault_findings(vehicle, masked.front.diagnostics().faults, gathered.frames)
    driven = [c.sensor for c in report.checks if c.verdict == Verdict.OK and c.against.startswith(GROUND)]
    findings += check_gathered(vehicle, gathered, driven) if gathered.frames else [no_frames()]
    findings += [calibration_finding(vehicle, c) for c in report.wrong]
    summary = {
        "vehicle": vehicle.name, "recording": bag.name, "frames": str(gathered.frames), "driven": f"{gathered.path:.0f} m",
        "calibration": rig.version or "not known",
    }  # fmt: skip
    return Outcome(_unique(findings), report, pictures(shown, vehicle, lib) if shown else [], summary)


def without_body(vehicle: VehicleConfig) -> VehicleConfig:
    """The same vehicle as if nothing of it were to be masked."""
    point = {"front": 1e-3, "rear": 1e-3, "width": 1e-3, "height": 1e-3}
    return vehicle.model_copy(
        update={"dimensions": vehicle.dimensions.model_copy(update=point), "body": [], "hitch": None}
    )


def usable_events(
    reader: BagReader, vehicle: VehicleConfig, seconds: float, progress: Progress, unreadable: dict[str, str]
) -> Iterator[Event]:
    """Inputs of the vehicle that have the type the vehicle file says; what cannot be decoded is named by topic."""
    types = dict(expected_types(vehicle).values())
    wanted = [t for t in input_topics(vehicle) if t in reader.topics and reader.topics[t] in CONVERTERS]
    wanted = [t for t in wanted if t not in types or types[t] == reader.topics[t]]
    total = sum(reader.counts[t] for t in wanted)
    start = reader.span_ns[0]
    for done, message in enumerate(reader.raw(wanted)):
        if message.receive_ns - start > seconds * 1e9:
            return
        progress(done, total)
        try:
            yield CONVERTERS[message.msgtype](message.topic, reader.decode(message), message.receive_ns, 0)
        except BagError as e:
            unreadable.setdefault(message.topic, str(e))


def better_shown(frame: SensorFrame, shown: SensorFrame | None, number: int, middle: int) -> bool:
    """Whether this frame makes the better pictures: more sensors, or as many and nearer to the middle of the drive."""
    if shown is None:
        return True
    now, then = len(frame.cameras) + len(frame.scans), len(shown.cameras) + len(shown.scans)
    return now > then or (now == then and number <= middle)


def no_frames() -> Finding:
    """Nothing could be put together."""
    return error("lidars", "sweeps that can be used", "none in the recording", "the errors above say why")


def fault_findings(vehicle: VehicleConfig, faults: Sequence[Counted], frames: int) -> list[Finding]:
    """What the front end could not use: errors where it happened in a tenth of the frames or more."""
    out: list[Finding] = []
    for counted in faults:
        fault = counted.newest
        if fault.field == "header.frame_id":  # said by the streams, with all the names that were found
            continue
        kind = next(
            (f"{k}.{fault.sensor}" for k in ("lidars", "cameras") if fault.sensor in getattr(vehicle, k)), fault.sensor
        )
        make = error if counted.count >= max(2, frames // 10) else warning
        where = f"{kind} {fault.field}" + (f" ({fault.topic})" if fault.topic else "")
        remedy = f"seen {counted.count} times"
        if fault.expected == UNCHANGED:
            remedy = "one publisher for each transform and CameraInfo, one calibration for each recording"
        elif fault.field == "TF":
            remedy = "publish it on /tf_static, or give extrinsics and set extrinsics_from: file"
        out.append(make(where, fault.expected, fault.found, remedy))
    return out


def calibration_finding(vehicle: VehicleConfig, check: CheckResult) -> Finding:
    """A check of the calibration that failed."""
    where = f"lidars.{check.sensor}.extrinsics"
    if check.against in vehicle.cameras:
        where += f" or cameras.{check.against}.extrinsics"
    expected, _, found = check.text.removeprefix("expected ").partition(", found ")
    return error(where, expected, found, "correct the extrinsics (values in axes of the base frame), or calibrate anew")


def _unique(findings: list[Finding]) -> list[Finding]:
    """Worst first, in the order found, each once."""
    return sorted(dict.fromkeys(findings), key=lambda f: -f.level)
