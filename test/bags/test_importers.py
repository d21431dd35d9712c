"""Importers: folders laid out like KITTI's become bags that hold the same numbers."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from autonomy_perception import geometry
from autonomy_perception.bags.errors import BagError
from autonomy_perception.bags.importers import ego as ego_motion
from autonomy_perception.bags.importers import files, kitti
from autonomy_perception.bags.importers.base import TRUTH_TOPIC, Drive, ImportOptions, Record, write_drive
from autonomy_perception.bags.importers.sources import SOURCES
from autonomy_perception.bags.reader import BagReader
from autonomy_perception.cli.main import app
from autonomy_perception.config import PerceptionConfig, load_vehicle
from autonomy_perception.messages.parts import stamp_ns
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.sensors.frontend import SensorFrontEnd

KITTI_YAML = Path(__file__).resolve().parents[2] / "config" / "kitti.yaml"
FRAMES = 4
ROT = geometry.rotation_rpy(0.001, -0.002, 0.003)
R_CAM_LIDAR = np.array([[0.0, -1, 0], [0, 0, -1], [1, 0, 0]])
P2 = np.array([[700.0, 0, 32, 42.0], [0, 700, 24, 0.2], [0, 0, 1, 0.003]])
SPEED = 10.0
PLAIN = ImportOptions()
DERIVED = ImportOptions(derive_stamps=True, period_s=0.1)


def line(values) -> str:
    return " ".join(f"{v:.9e}" for v in np.ravel(values))


def scan(k: int) -> np.ndarray:
    return np.random.default_rng(k).uniform(-20, 20, (100 + k, 4)).astype(np.float32)


def oxts(k: int) -> str:
    """A row of a car that drives east at 10 m/s, 0.1 s after the one before."""
    lat, lon0 = 49.0, 8.4
    lon = lon0 + np.rad2deg(SPEED * 0.1 * k / (ego_motion.EARTH_RADIUS * np.cos(np.deg2rad(lat))))
    row = np.zeros(30)
    row[:3], row[5], row[8], row[23] = (lat, lon, 112.0), 0.0, SPEED, 0.05
    return " ".join(f"{v:.12f}" for v in row)


TRACKLETS = """<?xml version="1.0" encoding="UTF-8" standalone="yes" ?>
<boost_serialization><tracklets class_id="0"><count>1</count><item_version>1</item_version><item class_id="1">
<objectType>Pedestrian</objectType><h>1.8</h><w>0.6</w><l>0.8</l><first_frame>1</first_frame><poses class_id="2"><count>2</count>
<item><tx>5</tx><ty>1</ty><tz>-1.7</tz><rx>0</rx><ry>0</ry><rz>0.5</rz></item>
<item><tx>6</tx><ty>1</ty><tz>-1.7</tz><rx>0</rx><ry>0</ry><rz>0.6</rz></item></poses></item></tracklets></boost_serialization>"""


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """A full KITTI raw drive: timestamps, two cameras, oxts, tracklets, poses."""
    day = tmp_path / "2011_09_26"
    drive = day / "2011_09_26_drive_0099_sync"
    for sub in ("velodyne_points", "image_02", "image_03", "oxts"):
        (drive / sub / "data").mkdir(parents=True)
        stamps = [f"2011-09-26 13:02:25.{k}12345678" for k in range(FRAMES)]
        (drive / sub / "timestamps.txt").write_text("\n".join(stamps) + "\n")
    for k in range(FRAMES):
        scan(k).tofile(drive / "velodyne_points" / "data" / f"{k:010d}.bin")
        picture = np.full((48, 64, 3), 40 * k, np.uint8)
        cv2.imwrite(str(drive / "image_02" / "data" / f"{k:010d}.png"), picture)
        cv2.imwrite(str(drive / "image_03" / "data" / f"{k:010d}.jpg"), picture)
        (drive / "oxts" / "data" / f"{k:010d}.txt").write_text(oxts(k))
    (drive / "tracklet_labels.xml").write_text(TRACKLETS)
    poses = [geometry.make_transform(geometry.rotation_z(0.01 * k), (k, 0, 0))[:3] for k in range(FRAMES)]
    (drive / "poses_lidar_odometry.txt").write_text("\n".join(line(p) for p in poses))
    (day / "calib_cam_to_cam.txt").write_text(
        f"calib_time: 09-Jan-2012 13:57:47\nR_rect_00: {line(ROT)}\nP_rect_02: {line(P2)}\nP_rect_03: {line(P2)}\n"
    )
    (day / "calib_velo_to_cam.txt").write_text(f"R: {line(R_CAM_LIDAR)}\nT: {line([0.0, -0.08, -0.27])}\n")
    (day / "calib_imu_to_velo.txt").write_text(f"R: {line(np.eye(3))}\nT: {line([-0.81, 0.32, -0.8])}\n")
    return drive


@pytest.fixture
def tracking(tmp_path: Path) -> Path:
    root = tmp_path / "training"
    for sub in ("velodyne/0007", "image_02/0007", "calib", "label_02", "oxts", "poses_lidar_odometry"):
        (root / sub).mkdir(parents=True)
    for k in (0, 1, 3):  # the set has gaps
        scan(k).tofile(root / "velodyne/0007" / f"{k:06d}.bin")
        cv2.imwrite(str(root / "image_02/0007" / f"{k:06d}.png"), np.zeros((48, 64, 3), np.uint8))
    velo = np.hstack([R_CAM_LIDAR, [[0.0], [-0.08], [-0.27]]])
    (root / "calib/0007.txt").write_text(
        f"P2: {line(P2)}\nP3: {line(P2)}\nR_rect {line(np.eye(3))}\nTr_velo_cam {line(velo)}\n"
        f"Tr_imu_velo {line(np.hstack([np.eye(3), [[-0.81], [0.32], [-0.8]]]))}\n"
    )
    (root / "label_02/0007.txt").write_text(
        "0 -1 DontCare -1 -1 -10 1 2 3 4 -1000 -1000 -1000 -10 -1 -1 -1\n"
        "0 5 Van 0 0 0 1 2 3 4 2.0 1.8 4.5 -3.0 1.6 12.0 -1.570796\n3 5 Van 0 0 0 1 2 3 4 2.0 1.8 4.5 -3.0 1.6 12.0 0.0\n"
    )
    (root / "oxts/0007.txt").write_text("\n".join(oxts(k) for k in range(FRAMES)))
    (root / "poses_lidar_odometry/0007.txt").write_text("\n".join(line(np.eye(4)[:3]) for _ in range(FRAMES)))
    return root


def bag_of(kind: str, folder: Path, options: ImportOptions = PLAIN) -> dict[str, list]:
    out = folder.parent / f"bag_{kind}"
    write_drive(SOURCES[kind](folder, options), out)
    found: dict[str, list] = {}
    with BagReader(out) as bag:
        for raw_message, decoded in bag.messages():
            found.setdefault(raw_message.topic, []).append((raw_message.receive_ns, decoded))
        found["notes"] = [dict(bag.notes)]
    return found


def pose_of(pose) -> np.ndarray:
    p, q = pose.position, pose.orientation
    return geometry.make_transform(geometry.rotation_of((q.x, q.y, q.z, q.w)), (p.x, p.y, p.z))


def test_a_full_raw_drive_keeps_its_stamps_bytes_and_points(raw):
    bag = bag_of("kitti-raw", raw, ImportOptions(ego="oxts"))
    assert {t: len(v) for t, v in bag.items() if t != "notes"} == {
        "/tf_static": 1, "/odometry": 4, "/tf": 4, "/camera_2/image/compressed": 4, "/camera_2/camera_info": 4,
        "/camera_3/image/compressed": 4, "/camera_3/camera_info": 4, "/lidar/points": 4, TRUTH_TOPIC: 4}  # fmt: skip
    want = np.datetime64("2011-09-26T13:02:25.112345678", "ns").astype(np.int64)
    received, cloud = bag["/lidar/points"][1]
    assert stamp_ns(cloud.header.stamp) == want and received > want
    assert cloud.point_step == 16 and cloud.data.tobytes() == scan(1).tobytes()
    _, image = bag["/camera_2/image/compressed"][2]
    assert image.data.tobytes() == (raw / "image_02/data/0000000002.png").read_bytes() and "png" in image.format
    assert "jpeg" in bag["/camera_3/image/compressed"][0][1].format
    assert bag["notes"][0]["stamps"] == "recorded" and bag["notes"][0]["point_times"] == "none"
    receptions = [r for t, v in bag.items() if t != "notes" for r, _ in v]
    assert min(receptions) == bag["/tf_static"][0][0]


def test_oxts_become_odometry_of_base_link(raw):
    bag = bag_of("kitti-raw", raw, ImportOptions(ego="oxts"))
    T = np.array([pose_of(m.pose.pose) for _, m in bag["/odometry"]])
    np.testing.assert_allclose(T[:, :3, 3], [[k * SPEED * 0.1, 0, 0] for k in range(FRAMES)], atol=1e-3)
    twist = bag["/odometry"][0][1].twist.twist
    assert twist.linear.x == pytest.approx(SPEED) and twist.linear.y == pytest.approx(0.0)
    assert bag["/odometry"][0][1].pose.covariance[0] == pytest.approx(0.0025)


def test_lidar_poses_are_brought_to_base_link(raw):
    bag = bag_of("kitti-raw", raw)
    T = np.array([pose_of(m.pose.pose) for _, m in bag["/odometry"]])
    np.testing.assert_allclose(T[0], np.eye(4), atol=1e-12)
    for k in range(FRAMES):
        lidar = T[k] @ kitti.T_BASE_LIDAR
        want = kitti.T_BASE_LIDAR @ geometry.make_transform(geometry.rotation_z(0.01 * k), (k, 0, 0))
        np.testing.assert_allclose(lidar, want, atol=1e-8)
    assert bag["/odometry"][1][1].twist.twist.angular.z == pytest.approx(0.1, abs=1e-6)
    np.testing.assert_array_equal([m.transforms[0].transform.translation.x for _, m in bag["/tf"]], T[:, 0, 3])


def test_a_point_projects_through_tf_as_through_kittis_matrices(raw):
    out = raw.parent / "bag"
    write_drive(SOURCES["kitti-raw"](raw, ImportOptions()), out)
    from autonomy_perception.bags.events import events

    vehicle = load_vehicle(KITTI_YAML)
    front = SensorFrontEnd(PerceptionConfig(), vehicle, CpuLibrary())
    frame = next(f for e in events(out, vehicle) for f in front.feed(e))
    (camera,) = frame.cameras
    point = np.array([12.0, 1.5, -0.4, 1.0])
    velo = geometry.make_transform(R_CAM_LIDAR, [0.0, -0.08, -0.27])
    want = P2 @ (geometry.make_transform(ROT) @ velo @ point)
    optical = geometry.invert(camera.T_base_camera) @ kitti.T_BASE_LIDAR @ point
    got = camera.model.K @ optical[:3]
    np.testing.assert_allclose(got[:2] / got[2], want[:2] / want[2], atol=1e-6)
    assert camera.model.width == 64


def test_tracklets_become_truth_in_base_link(raw):
    found = bag_of("kitti-raw", raw)[TRUTH_TOPIC]
    assert [len(m.objects) for _, m in found] == [0, 1, 1, 0]
    first, second = found[1][1].objects[0], found[2][1].objects[0]
    T = pose_of(first.kinematics.pose_with_covariance.pose)
    np.testing.assert_allclose(T[:3, 3], (5.76, 1.0, 0.93), atol=1e-9)
    assert geometry.yaw_of(T) == pytest.approx(0.5) and first.classification[0].label == 7
    assert bytes(first.object_id.uuid) == bytes(second.object_id.uuid)


def test_a_tracking_sequence_with_gaps_and_labels(tracking):
    bag = bag_of("kitti-tracking", tracking, ImportOptions(ego="oxts", derive_stamps=True, period_s=0.1))
    stamps = np.array([stamp_ns(m.header.stamp) for _, m in bag["/lidar/points"]])
    np.testing.assert_array_equal(np.diff(stamps), [100_000_000, 200_000_000])
    assert bag["notes"][0]["stamps"] == "derived: 0.1 s apart"
    (van,) = bag[TRUTH_TOPIC][0][1].objects
    T = pose_of(van.kinematics.pose_with_covariance.pose)
    # camera (x right, y down, z ahead) to lidar: x = z + 0.27, y = -x, z = -(y - h/2) - 0.08; then to base_link
    np.testing.assert_allclose(T[:3, 3], (12.27 + 0.76, 3.0, -(1.6 - 1.0) - 0.08 + 1.73), atol=1e-6)
    assert geometry.yaw_of(T) == pytest.approx(0.0, abs=1e-6)  # rotation_y -90 degrees looks straight ahead
    assert (van.shape.dimensions.x, van.shape.dimensions.y, van.shape.dimensions.z) == (4.5, 1.8, 2.0)
    turned = bag[TRUTH_TOPIC][2][1].objects[0]
    assert geometry.yaw_of(pose_of(turned.kinematics.pose_with_covariance.pose)) == pytest.approx(-np.pi / 2, abs=1e-6)


def test_derived_point_times_follow_the_azimuth(raw):
    bag = bag_of("kitti-raw", raw, ImportOptions(derive_times=True, period_s=0.1))
    _, cloud = bag["/lidar/points"][0]
    points = np.frombuffer(cloud.data, [(n, "<f4") for n in ("x", "y", "z", "intensity", "time")])
    left = points[(points["x"] > 0) & (points["y"] > 0)]
    assert cloud.point_step == 20 and len(left) and np.all(left["time"] < 0)  # clockwise: left comes before ahead
    np.testing.assert_allclose(points["time"], -np.arctan2(points["y"], points["x"]) / (2 * np.pi) * 0.1, atol=1e-6)
    assert bag["notes"][0]["point_times"].startswith("derived from azimuth")


def test_no_ego_motion(raw):
    bag = bag_of("kitti-raw", raw, ImportOptions(ego="none"))
    assert "/odometry" not in bag and "/tf" not in bag and bag["notes"][0]["ego"] == "none"


FAULTS = {
    "no scans": (lambda d: [p.unlink() for p in (d / "velodyne_points/data").iterdir()], r"velodyne_points/data/\*.bin"),
    "no stamps": (lambda d: (d / "velodyne_points/timestamps.txt").unlink(), "--derive-stamps"),
    "few stamps": (lambda d: (d / "velodyne_points/timestamps.txt").write_text("2011-09-26 13:02:25.0\n"), "at least 4 lines"),
    "bad stamps": (lambda d: (d / "velodyne_points/timestamps.txt").write_text("yesterday\n" * 9), "YYYY-MM-DD"),
    "no calibration": (lambda d: (d.parent / "calib_velo_to_cam.txt").unlink(), "calib_velo_to_cam.txt: cannot be read"),
    "short calibration": (lambda d: (d.parent / "calib_velo_to_cam.txt").write_text("R: 1 2 3\nT: 0 0 0\n"), "R: expected 9 numbers, found 3"),
    "no poses": (lambda d: (d / "poses_lidar_odometry.txt").unlink(), "poses_lidar_odometry.txt: no lidar poses; choose --ego oxts"),
    "bad poses": (lambda d: (d / "poses_lidar_odometry.txt").write_text("1 2 x\n"), "poses_lidar_odometry.txt:1: expected numbers"),
    "torn scan": (lambda d: (d / "velodyne_points/data/0000000002.bin").write_bytes(b"123"), "0000000002.bin: expected 16-byte points"),
    "torn image": (lambda d: (d / "image_02/data/0000000001.png").write_bytes(b"\x89PNG\r\n\x1a\n"), "0000000001.png: .*cut off"),
    "bad tracklets": (lambda d: (d / "tracklet_labels.xml").write_text("<a>"), "not a KITTI tracklet file"),
}  # fmt: skip


@pytest.mark.parametrize("kind", FAULTS)
def test_a_broken_source_is_one_error_and_leaves_no_bag(raw, kind):
    harm, words = FAULTS[kind]
    harm(raw)
    with pytest.raises(BagError, match=words):
        write_drive(SOURCES["kitti-raw"](raw, ImportOptions()), raw.parent / "bag")
    assert not (raw.parent / "bag").exists() and not (raw.parent / ".bag.part").exists()


def test_sequences_are_chosen_by_name(tracking):
    (tracking / "velodyne/0009").mkdir()
    with pytest.raises(BagError, match="choose one with --sequence: 0007, 0009"):
        SOURCES["kitti-tracking"](tracking, DERIVED)
    with pytest.raises(BagError, match="no sequence '0001', found 0007, 0009"):
        SOURCES["kitti-tracking"](tracking, ImportOptions(sequence="0001"))
    with pytest.raises(BagError, match="SRC is KITTI tracking's training folder"):
        SOURCES["kitti-tracking"](tracking / "calib", DERIVED)


def test_records_that_overtake_each_other_are_written_in_order_of_reception(tmp_path, tracking):
    drive = SOURCES["kitti-tracking"](tracking, DERIVED)
    batches = [[Record("/a", r.msgtype, t, r.message) for t in times] for r in [next(iter(drive.records()))[0]]
               for times in ([5, 30], [10, 20], [40, 15])]  # fmt: skip
    write_drive(Drive(3, {}, lambda: iter(batches)), tmp_path / "ordered")
    with BagReader(tmp_path / "ordered") as bag:
        assert [r.receive_ns for r in bag.raw()] == [5, 10, 15, 20, 30, 40]


def test_the_verbs(raw):
    runner, bag = CliRunner(), raw.parent / "bag"
    arguments = ["import", "kitti-raw", str(raw), "-o", str(bag)]
    done = runner.invoke(app, arguments)
    assert done.exit_code == 0 and "4 frames, 33 messages" in done.output.replace("\n", "")
    again = runner.invoke(app, arguments)
    assert again.exit_code == 2 and "exists already" in again.output
    assert runner.invoke(app, ["import", "nuscenes", str(raw), "-o", "x"]).exit_code == 2
    assert runner.invoke(app, [*arguments, "--ego", "magic"]).exit_code == 2
    info = runner.invoke(app, ["info", str(bag)])
    assert info.exit_code == 0
    for words in (
        "/lidar/points",
        "sensor_msgs/PointCloud2",
        "10.00",
        "16 bytes a point",
        "velodyne (static)",
        "stamps: recorded",
    ):
        assert words in info.output
    assert runner.invoke(app, ["info", str(raw)]).exit_code == 2


@pytest.mark.real_data
@pytest.mark.parametrize("kind", ["kitti-raw", "kitti-tracking"])
def test_recorded_drives_come_through_the_front_end_whole(real_data, tmp_path, kind):
    from autonomy_perception.bags.events import events

    folder = {"kitti-raw": real_data / "kitti_raw/2011_09_26/2011_09_26_drive_sfnd_sync",
              "kitti-tracking": real_data / "kitti_tracking/training"}[kind]  # fmt: skip
    write_drive(SOURCES[kind](folder, ImportOptions(derive_stamps=True, derive_times=True, limit=6)), tmp_path / "bag")
    vehicle = load_vehicle(KITTI_YAML)
    front = SensorFrontEnd(PerceptionConfig(), vehicle, CpuLibrary())
    frames = [f for e in events(tmp_path / "bag", vehicle) for f in front.feed(e)]
    assert len(frames) == 6 and front.diagnostics().faults == []
    for frame in frames:
        xyz = frame.scans[0].cloud.xyz
        assert len(xyz) > 100_000
        ahead = (np.abs(xyz[:, 1]) < 3) & (xyz[:, 0] > 4) & (xyz[:, 0] < 12) & (np.abs(xyz[:, 2]) < 0.5)
        assert abs(np.median(xyz[ahead, 2])) < 0.15  # base_link stands on the road
    assert all(len(f.cameras) == (kind == "kitti-raw") for f in frames)


@pytest.mark.real_data
def test_recorded_labels_hold_their_points(real_data):
    folder = real_data / "kitti_tracking/training"
    calibration = files.read_values(folder / "calib/0000.txt")
    assert "Tr_velo_to_cam" in calibration
    from autonomy_perception.bags.importers import kitti_tracking

    rect = np.eye(4)
    rect[:3, :3] = calibration["R0_rect"].reshape(3, 3)
    labels = kitti_tracking.read_labels(folder / "label_02/0000.txt", rect @ files.rigid(calibration["Tr_velo_to_cam"]))
    points = kitti.read_scan(folder / "velodyne/0000/000000.bin")[:, :3]
    counts = []
    for box in labels[0]:
        local = geometry.transform_points(geometry.invert(box.T_lidar_box), points)
        counts.append(int((np.abs(local) < np.array(box.size) / 2).all(1).sum()))
    assert len(counts) == 3 and min(counts) > 200
