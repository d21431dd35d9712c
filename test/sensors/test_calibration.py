"""Calibration: one hash for what is mounted, and every change under way is said by sensor and amount."""

import numpy as np
import pytest

from autonomy_perception import geometry
from autonomy_perception.config import PerceptionConfig, VehicleConfig
from autonomy_perception.messages.events import CameraInfoMsg, TfMsg, TransformSample
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.sensors.calibration import Calibration, CalibrationError, version_of
from autonomy_perception.sensors.frontend import UNCHANGED, SensorFrontEnd
from autonomy_perception.sensors.tf import TfBuffer

VEHICLE = VehicleConfig.model_validate({
    "name": "test",
    "lidars": {"top": {"topic": "/top", "frame": "top"}},
    "cameras": {"front": {"topic": "/front", "info_topic": "/front/info", "frame": "front"}},
    "dimensions": {"front": 3.5, "rear": 1.0, "width": 1.9, "height": 1.7, "wheelbase": 2.7},
})  # fmt: skip
K = np.array([[50.0, 0, 32], [0, 50, 24], [0, 0, 1]])


def tf(*edges: tuple[str, str, np.ndarray], static: bool = True, stamp_ns: int = 0) -> TfMsg:
    samples = [TransformSample(p, c, stamp_ns, tuple(T[:3, 3]), tuple(geometry.quaternion_of(T))) for p, c, T in edges]
    return TfMsg("/tf_static" if static else "/tf", stamp_ns, 0, static, samples)


def info(k: np.ndarray = K, width: int = 64) -> CameraInfoMsg:
    return CameraInfoMsg(
        "/front/info", 0, 0, "front", 0, width, 48, "plumb_bob", np.zeros(5), k, np.hstack([k, np.zeros((3, 1))])
    )


def mounted(yaw_deg: float = 0.0, x: float = 1.0) -> np.ndarray:
    return geometry.make_transform(geometry.rotation_z(np.radians(yaw_deg)), (x, 0.0, 1.7))


def test_the_hash_covers_all_sensors_from_the_first_transform_on():
    buffer = TfBuffer()
    calibration = Calibration(VEHICLE, buffer)
    assert calibration.rig().version == version_of({}, {}) == ""
    buffer.add(tf(("base_link", "top", mounted()), ("top", "front", mounted(5.0))))
    calibration.on_info("front", info())
    rig = calibration.rig()
    assert set(rig.T_base_sensor) == {"top", "front"} and set(rig.cameras) == {"front"}
    assert len(rig.version) == 16
    buffer.add(tf(("base_link", "top", mounted())))
    calibration.on_info("front", info())
    assert calibration.rig().version == rig.version and calibration.take_changes() == []


@pytest.mark.parametrize(
    ("turn", "move", "found"),
    [(2.0, 0.0, "turned by 2.00 deg, moved by 0.000 m"), (0.0, 0.2, "turned by 0.00 deg, moved by 0.200 m")],
)
def test_a_transform_that_changes_is_said_for_every_sensor_it_moves(turn, move, found):
    buffer = TfBuffer()
    calibration = Calibration(VEHICLE, buffer)
    buffer.add(tf(("base_link", "top", mounted()), ("top", "front", np.eye(4))))
    before = calibration.rig().version
    buffer.add(tf(("base_link", "top", mounted(turn, 1.0 + move))))
    changes = calibration.take_changes()
    assert {c.sensor for c in changes} == {"top", "front"} and {c.field for c in changes} == {"TF"}
    assert {c.found for c in changes} == {found}
    assert calibration.rig().version != before and calibration.take_changes() == []


def test_a_lens_that_changes_is_said_by_its_values():
    calibration = Calibration(VEHICLE, TfBuffer())
    calibration.on_info("front", info())
    other = K.copy()
    other[0, 0] = 55.0
    calibration.on_info("front", info(other, width=72))
    (change,) = calibration.take_changes()
    assert change.found == "width 64 -> 72, k[0] 50 -> 55"
    with pytest.raises(CalibrationError, match="focal"):
        calibration.on_info("front", info(np.zeros((3, 3))))
    assert calibration.model("front").K[0, 0] == 55.0


def test_a_sensor_on_a_joint_is_measured_and_not_part_of_the_hash():
    buffer = TfBuffer()
    calibration = Calibration(VEHICLE, buffer)
    buffer.add(tf(("base_link", "front", mounted())))
    before = calibration.rig().version
    for k in range(3):
        buffer.add(tf(("base_link", "top", mounted(float(k))), static=False, stamp_ns=k * 10**8))
    assert geometry.yaw_of(calibration.pose("top", 10**8)) == pytest.approx(np.radians(1.0))
    assert geometry.yaw_of(calibration.pose("top", 15 * 10**7)) == pytest.approx(np.radians(1.5))
    assert calibration.rig().version == before and calibration.take_changes() == []


def test_the_front_end_names_the_change():
    front = SensorFrontEnd(PerceptionConfig(), VEHICLE, CpuLibrary())
    front.feed(tf(("base_link", "top", mounted()), ("base_link", "front", mounted())))
    front.feed(info())
    assert front.diagnostics().faults == []
    front.feed(tf(("base_link", "front", mounted(2.0))))
    (fault,) = (c.newest for c in front.diagnostics().faults)
    assert (fault.sensor, fault.field, fault.expected) == ("front", "TF", UNCHANGED)
    assert fault.topic == "/tf_static" and "2.00 deg" in fault.found
