"""The articulated truck of the simulator: its bending trailer is found in the points and never becomes an object."""

from __future__ import annotations

import math

import numpy as np

from autonomy_perception.bags.events import input_topics
from autonomy_perception.config import Hitch, PerceptionConfig
from autonomy_perception.messages.sensors_in import CONVERTERS
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.pipeline.build import make_pipeline
from autonomy_perception.sensors.frontend import SensorFrontEnd
from autonomy_perception.simulation.drive import SyntheticDrive
from autonomy_perception.simulation.io.write_bag import drive_records
from autonomy_perception.simulation.sensors.clock import stamp
from autonomy_perception.simulation.sensors.rig import default_rig

HITCH = Hitch(x=-1.0, trailer_front=-0.7, trailer_length=8.0, trailer_width=2.5, trailer_height=3.6)
MARGIN = 0.3
SWEEPS = 6


def on_trailer(xyz: np.ndarray, angle: float) -> np.ndarray:
    """Which points (N,3) in base_link lie in the trailer's box, grown by the margin."""
    c, s = math.cos(angle), math.sin(angle)
    x, y = xyz[:, 0] - HITCH.x, xyz[:, 1]
    u, v = c * x + s * y, c * y - s * x
    inside = (u > -HITCH.trailer_length - MARGIN) & (u < HITCH.trailer_front + MARGIN)
    return inside & (np.abs(v) < HITCH.trailer_width / 2 + MARGIN) & (xyz[:, 2] > 0.3) & (xyz[:, 2] < 4.0)


def test_the_trailer_of_a_simulated_turn_is_no_obstacle() -> None:
    truck = default_rig()
    vehicle = truck.vehicle.model_copy(update={"hitch": HITCH})
    rig = truck.model_copy(update={"vehicle": vehicle})
    drive = SyntheticDrive(3, 0.1 * SWEEPS, cameras=False, rig=rig, start_s=26.0)
    truth = drive.world.hitch_angle(np.array([26.0, 26.0 + 0.1 * SWEEPS]))
    assert abs(truth[1] - truth[0]) > math.radians(1.5), "the story was meant to bend the trailer here"
    lib, config = CpuLibrary(), PerceptionConfig()
    front, pipeline = SensorFrontEnd(config, vehicle, lib), make_pipeline(config, vehicle, lib)
    plain = SensorFrontEnd(config, truck.vehicle, lib)
    wanted, masked = set(input_topics(vehicle)), 0
    for record in drive_records(drive, drive.samples(1)):
        if record.topic not in wanted:
            continue
        event = CONVERTERS[record.msgtype](record.topic, record.message, record.receive_ns, 0)
        for frame, other in zip(front.feed(event), plain.feed(event), strict=True):
            angle = float(drive.world.hitch_angle(np.array([(frame.stamp_ns - stamp(0.0)) * 1e-9 - 0.05]))[0])
            xyz, raw = (f.scans[0].cloud.xyz.astype(np.float64) for f in (frame, other))
            assert on_trailer(raw, angle).sum() > 500, "the lidar sees its trailer"
            assert on_trailer(xyz, angle).sum() <= 2, f"trailer left at {math.degrees(angle):.1f} deg"
            assert len(raw) - len(xyz) < 1.2 * on_trailer(raw, angle).sum(), "not much else is masked"
            assert not on_trailer(pipeline.step(frame).detections.center.astype(np.float64), angle).any()
            masked += 1
    assert masked == SWEEPS
