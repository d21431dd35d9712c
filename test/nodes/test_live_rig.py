"""Four lidars, six cameras and a trailer's hitch over DDS: the same outputs as offline."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from pipeline.test_rig import CUT, POINT, T0, events, vehicle

pytest.importorskip("rclpy", reason="ROS is not installed: make setup")

from autonomy_perception import geometry
from autonomy_perception.bags import messages as m
from autonomy_perception.bags.replay import replay_offline
from autonomy_perception.bags.writer import BagWriter
from autonomy_perception.config import PerceptionConfig, load_vehicle
from autonomy_perception.live.live_run import LiveOptions, run_live
from autonomy_perception.messages.events import CameraInfoMsg, CloudMsg, ImageMsg, OdomMsg
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.pipeline.digest import Digest

pytestmark = pytest.mark.live
SWEEPS = 8
HITCH = {"x": -0.5, "trailer_length": 6.0, "trailer_width": 2.0, "topic": "/hitch", "joint": "hitch", "estimate": False}


def write_bag(path: Path) -> None:
    """The drive of ``test_rig`` as a bag, with a trailer that bends."""
    zero = np.zeros(6)
    with BagWriter(path) as bag:
        for e in events(CUT, SWEEPS):
            if isinstance(e, CloudMsg):
                bag.write(e.topic, m.CLOUD, e.receive_ns, m.cloud(e.frame_id, e.stamp_ns, np.frombuffer(e.data, POINT)))
                angle = 1e-9 * (e.receive_ns - T0)
                hitch = m.joint_state(e.stamp_ns, ["wheel", "hitch"], np.array([0.0, angle]))
                bag.write("/hitch", "sensor_msgs/msg/JointState", e.receive_ns, hitch)
            elif isinstance(e, ImageMsg):
                image = m.compressed_image(e.frame_id, e.stamp_ns, e.data, e.encoding)
                bag.write(e.topic, m.COMPRESSED_IMAGE, e.receive_ns, image)
            elif isinstance(e, CameraInfoMsg):
                info = m.camera_info(e.frame_id, e.stamp_ns, (e.width, e.height), e.K)
                bag.write(e.topic, m.CAMERA_INFO, e.receive_ns, info)
            elif isinstance(e, OdomMsg):
                T = geometry.make_transform(translation=e.position)
                odometry = m.odometry(e.frame_id, e.child_frame_id, e.stamp_ns, T, np.array(e.twist), zero, zero)
                bag.write(e.topic, m.ODOMETRY, e.receive_ns, odometry)


def test_a_whole_rig_in_lockstep_gives_the_outputs_of_offline_replay(tmp_path: Path, live_env: dict[str, str]) -> None:
    bag, file = tmp_path / "drive", tmp_path / "four.yaml"
    write_bag(bag)
    file.write_text(yaml.safe_dump(vehicle(CUT).model_dump(mode="json") | {"hitch": HITCH}))
    offline, sensors = Digest(), []
    for step in replay_offline(bag, load_vehicle(file), PerceptionConfig(), CpuLibrary()):
        offline.update(step.result)
        sensors.append({h.sensor for h in step.result.health})
    assert all(s >= {*CUT, "c1", "c6", "odometry", "hitch"} for s in sensors)
    live = run_live(LiveOptions(bag, file, lockstep=True, hash=True, env=live_env))
    assert live.code == 0, "\n".join(live.log)
    assert (live.frames, live.swept, live.errors, live.replaced) == (SWEEPS, SWEEPS, 0, 0)
    assert live.digest == offline.hexdigest()
