"""Importers of public data sets: each layout becomes a bag that replays with its geometry right; bad folders are named."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from bags import import_folders as folders
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy_perception import geometry
from autonomy_perception.bags.errors import BagError
from autonomy_perception.bags.events import events
from autonomy_perception.bags.importers import monoforce, mounting, pcd
from autonomy_perception.bags.importers.base import TRUTH_POINTS_TOPIC, TRUTH_TOPIC, ImportOptions, write_drive
from autonomy_perception.bags.importers.sources import SOURCES
from autonomy_perception.bags.reader import BagReader
from autonomy_perception.cli.import_ import LAYOUTS
from autonomy_perception.config import PerceptionConfig, load_vehicle
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.paths import vehicle_file
from autonomy_perception.sensors.frontend import SensorFrontEnd
from autonomy_perception.types import SensorFrame

ALL = ImportOptions(derive_stamps=True, derive_mounting=True, derive_cloud=True)
MADE: dict[str, tuple[str, Callable[[Path], Path], str]] = {
    "kitti-object": ("kitti-object", folders.kitti_object, "kitti"),
    "nuscenes yaml": ("nuscenes-keyframe", folders.nuscenes_yaml, "nuscenes"),
    "nuscenes tables": ("nuscenes-keyframe", folders.nuscenes_tables, "nuscenes"),
    "argoverse2": ("argoverse2", folders.argoverse2, "argoverse2"),
    "argoverse2 without calibration": ("argoverse2", lambda p: folders.argoverse2(p, calibrated=False), "argoverse2"),
    "pjlab": ("pjlab", folders.pjlab, "pjlab"),
    "rellis3d": ("rellis3d", folders.rellis3d, "rellis3d"),
    "monoforce": ("monoforce", folders.monoforce, "monoforce_marv"),
    "orfd": ("orfd", lambda p: folders.orfd(p, scans=True), "orfd"),
    "orfd depth": ("orfd", lambda p: folders.orfd(p, scans=False), "orfd"),
    "semantic-kitti": ("semantic-kitti", folders.semantic_kitti, "kitti"),
    "range images": ("semantic-kitti", folders.range_images, "kitti"),
}
"""Kind, maker of a small folder, vehicle file."""
SCENE = {"nuscenes tables": "scene-0061"}
FRAMES = {"kitti-object": 2, "nuscenes yaml": 1, "pjlab": 1}  # two of all others


def made(name: str, where: Path, options: ImportOptions = ALL) -> Path:
    kind, make, _ = MADE[name]
    if kind == "argoverse2":
        pytest.importorskip("nanoarrow")
    options = ImportOptions(**{**options.__dict__, "sequence": SCENE.get(name, options.sequence)})
    write_drive(SOURCES[kind](make(where / "src"), options), where / "bag")
    return where / "bag"


def frames_of(bag: Path, vehicle: str, one_calibration: bool = True) -> list[SensorFrame]:
    config = load_vehicle(vehicle_file(vehicle))
    front = SensorFrontEnd(PerceptionConfig(), config, CpuLibrary())
    frames = [f for e in events(bag, config) for f in front.feed(e)]
    faults = [f.newest for f in front.diagnostics().faults]
    if not one_calibration:
        faults = [f for f in faults if f.expected != "the calibration that the drive began with"]
    assert faults == []
    return frames


def messages_of(bag: Path, topic: str) -> list:
    with BagReader(bag) as reader:
        return [m for raw, m in reader.messages() if raw.topic == topic]


def points_of(frame: SensorFrame) -> np.ndarray:
    return np.concatenate([s.cloud.xyz for s in frame.scans])


@pytest.mark.parametrize("name", MADE)
def test_a_set_replays_with_the_ground_under_the_vehicle_and_the_wall_ahead(name, tmp_path):
    bag = made(name, tmp_path)
    frames = frames_of(bag, MADE[name][2], one_calibration=name != "kitti-object")
    assert len(frames) == FRAMES.get(name, 2)
    with BagReader(bag) as reader:
        assert reader.notes["source"] == MADE[name][0]
    for frame in frames:
        xyz = points_of(frame)
        low = xyz[np.abs(xyz[:, 2]) < 0.3]
        assert len(low) > 800 and abs(np.median(low[:, 2])) < 0.03 and np.percentile(np.abs(low[:, 2]), 90) < 0.12
        if name == "orfd depth":  # its images show the ground alone
            assert low[:, 0].min() > 0
        else:
            wall = xyz[xyz[:, 2] > 0.5]
            assert len(wall) > 100 and abs(np.median(wall[:, 0]) - 12.0) < (0.8 if name == "monoforce" else 0.2)


@pytest.mark.parametrize("name", [n for n in MADE if n not in ("range images", "argoverse2 without calibration")])
def test_cameras_are_upright_look_ahead_and_see_the_lidars_points_where_the_images_are(name, tmp_path):
    for frame in frames_of(made(name, tmp_path), MADE[name][2], one_calibration=name != "kitti-object"):
        assert len(frame.cameras) == 1
        camera = frame.cameras[0]
        axes = camera.T_base_camera[:3, :3]
        assert axes[0, 2] > 0.95  # the optical axis looks along the vehicle
        assert axes[2, 1] < -0.95  # the image's rows go down
        assert camera.model.width == cv2.imdecode(np.frombuffer(camera.encoded, np.uint8), 1).shape[1]


def test_what_is_not_recorded_is_derived_on_a_flag_only_and_said_in_the_bag(tmp_path):
    for name, flag in (("kitti-object", "--derive-stamps"), ("pjlab", "--derive-mounting"), ("rellis3d", "--derive-mounting"),
                       ("orfd", "--derive-mounting"), ("orfd depth", "--derive-cloud"), ("range images", "--derive-stamps")):  # fmt: skip
        with pytest.raises(BagError, match=flag):
            made(name, tmp_path / name, ImportOptions())
    bag = made("orfd depth", tmp_path / "told")
    with BagReader(bag) as reader:
        assert "derived from dense_depth" in reader.notes["points"]
        assert "1.90 m over it, roll 1.1 deg, pitch -1.7 deg" in reader.notes["mounting"]


def test_lens_distortion_reaches_the_camera_info(tmp_path):
    for name, want in (("pjlab", (-0.12, 0.16, 0.0007, 0.0014, 0.0)), ("monoforce", (-0.2, 0.07, 0, 0, 0)),
                       ("rellis3d", (-0.134313, -0.025905, 0.002181, 0.00084, 0)), ("argoverse2", (0, 0, 0, 0, 0))):  # fmt: skip
        (camera,) = frames_of(made(name, tmp_path / name), MADE[name][2])[0].cameras
        np.testing.assert_allclose(camera.model.D, want)
        assert camera.model.distortion_model == "plumb_bob"


def test_truth_boxes_are_where_they_were_labelled(tmp_path):
    (first, _) = messages_of(made("nuscenes tables", tmp_path / "n"), TRUTH_TOPIC)
    (car,) = first.objects
    where, twist = car.kinematics.pose_with_covariance.pose.position, car.kinematics.twist_with_covariance
    assert (where.x, where.y, where.z) == pytest.approx((20.0, 0.0, 0.8))
    assert (
        twist.twist.linear.x == pytest.approx(4.0) and twist.covariance[0] == 0.0 and car.classification[0].label == 1
    )
    assert (car.shape.dimensions.x, car.shape.dimensions.y) == (4.5, 1.8)
    (yaml_frame,) = messages_of(made("nuscenes yaml", tmp_path / "y"), TRUTH_TOPIC)
    pose = yaml_frame.objects[0].kinematics
    turned = np.array([3.0, 1.0]) @ geometry.rotation_z(0.5)[:2, :2]  # over ground, in the object's axes
    linear = pose.twist_with_covariance.twist.linear
    np.testing.assert_allclose((linear.x, linear.y), turned, atol=1e-9)
    first, second = messages_of(made("argoverse2", tmp_path / "a"), TRUTH_TOPIC)
    box = first.objects[0]
    assert box.kinematics.pose_with_covariance.pose.position.z == pytest.approx(0.83)  # base_link is on the ground
    assert box.classification[0].label == 2 and bytes(box.object_id.uuid) == bytes(second.objects[0].object_id.uuid)
    assert np.isnan(box.kinematics.twist_with_covariance.covariance[0])


def test_ego_poses_become_odometry_of_base_link(tmp_path):
    for name, speed in (("nuscenes tables", 10.0), ("argoverse2", 10.0), ("monoforce", 0.5), ("semantic-kitti", 9.643),
                        ("rellis3d", 10.0)):  # fmt: skip
        bag = made(name, tmp_path / name)
        odometry = messages_of(bag, "/odometry")
        assert len(odometry) >= 2, name
        for m in odometry:
            linear = m.twist.twist.linear
            np.testing.assert_allclose((linear.x, linear.y, linear.z), (speed, 0, 0), atol=0.02, err_msg=name)
    silent = made("nuscenes yaml", tmp_path / "none", ImportOptions(ego="none"))
    assert messages_of(silent, "/odometry") == []


def test_point_labels_lie_on_the_points(tmp_path):
    """RELLIS-3D and SemanticKITTI; ORFD paints what is drivable blue."""
    for name, label in (("rellis3d", 3), ("semantic-kitti", 40), ("range images", 9)):
        bag = made(name, tmp_path / name)
        truth = messages_of(bag, TRUTH_POINTS_TOPIC)
        assert len(truth) == 2
        points = np.frombuffer(truth[0].data, [("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("label", "<u2")])
        assert set(points["label"].tolist()) == {label}
        clouds = {"rellis3d": "/os1/points"}.get(name, "/lidar/points")
        assert messages_of(bag, clouds)[0].width == len(points)
    (picture, _) = messages_of(tmp_path / "rellis3d" / "bag", "/ground_truth/pylon_camera/labels")
    assert set(cv2.imdecode(picture.data, cv2.IMREAD_UNCHANGED).ravel().tolist()) == {3}
    (picture, _) = messages_of(made("orfd", tmp_path / "orfd"), "/ground_truth/camera_front/labels")
    pixels = cv2.imdecode(picture.data, cv2.IMREAD_UNCHANGED)
    assert pixels.shape == (240, 320) and pixels[:120].max() == 0 and pixels[120:].min() == 1


def test_both_lidars_of_a_vehicle_are_in_one_frame_with_their_rings_and_origins(tmp_path):
    for name in ("argoverse2", "rellis3d"):
        for frame in frames_of(made(name, tmp_path / name), MADE[name][2]):
            assert len(frame.scans) == 2
            assert all(abs(s.origin[2] - 1.9) < 0.1 for s in frame.scans)
    rings = {s.sensor: s.cloud.ring for s in frames_of(tmp_path / "argoverse2" / "bag", "argoverse2")[0].scans}
    assert {name: (int(r.min()), int(r.max())) for name, r in rings.items()} == {
        "up_lidar": (0, 31),
        "down_lidar": (0, 31),
    }


FAULTS: dict[str, list[tuple[Callable[[Path], object], str]]] = {
    "kitti-object": [
        (lambda d: shutil.rmtree(d / "velodyne"), r"velodyne: expected NNNNNN.bin"),
        (lambda d: (d / "calib/000003.txt").unlink(), r"000003.txt: cannot be read"),
        (lambda d: folders.text(d / "label_2/000003.txt", "Car 1 2"), r"000003.txt:1: expected 15 words"),
        (lambda d: (d / "image_2/000003.png").write_bytes(b"\x89PNG\r\n\x1a\n"), r"000003.png: .*cut off"),
    ],
    "nuscenes yaml": [
        (lambda d: (d / "imgs/CAM_FRONT.jpg").unlink(), r"cams.CAM_FRONT: expected .*CAM_FRONT.jpg, found neither"),
        (lambda d: folders.text(d / "sample0000.yaml", "a: 1"), "expected a field lidar_path"),
        (lambda d: folders.text(d / "sample0000.yaml", "["), "sample0000.yaml: not a keyframe"),
        (lambda d: (d / "0.bin").write_bytes(b"1234567"), "expected 20-byte points"),
    ],
    "nuscenes tables": [
        (lambda d: (d / "v1.0-mini/ego_pose.json").unlink(), "ego_pose.json: cannot be read"),
        (lambda d: folders.text(d / "v1.0-mini/sample.json", "{"), "sample.json: expected a list of rows"),
        (lambda d: folders.text(d / "v1.0-mini/ego_pose.json", "[]"), "expected the field, or the row .* 'pose-"),
    ],
    "argoverse2": [
        (lambda d: shutil.rmtree(d / "sensors"), "expected TIMESTAMP_NS.feather"),
        (lambda d: folders.text(d / "annotations.feather", "none"), "annotations.feather: expected an Arrow file"),
        (lambda d: (d / "annotations.feather").write_bytes((d / "annotations.feather").read_bytes()[:300]), "annotations.feather: "),
    ],
    "pjlab": [
        (lambda d: (d / "calib.txt").unlink(), r"expected one \*.txt"),
        (lambda d: folders.text(d / "calib.txt", "K: 1 2\n"), "calib.txt: K: expected 9 numbers, found 2"),
        (lambda d: (d / "calib.pcd").write_bytes((d / "calib.pcd").read_bytes()[:900]), "calib.pcd: expected .* bytes of points"),
        (lambda d: folders.text(d / "calib.pcd", "ply"), "expected a PCD header"),
    ],
    "rellis3d": [
        (lambda d: shutil.rmtree(d / "pylon_camera_node"), "2 scans and 0 images"),
        (lambda d: folders.text(d / "transforms.yaml", "a: 1"), "expected os1_cloud_node-pylon_camera_node with q"),
        (lambda d: raw_label(d), "expected 4352 labels"),
    ],
    "monoforce": [
        (lambda d: (d / "calibration/transformations.yaml").unlink(), "transformations.yaml: cannot be read"),
        (lambda d: folders.text(d / "calibration/cameras/camera_front.yaml", "a: 1"), "camera_matrix"),
        (lambda d: next((d / "clouds").iterdir()).write_bytes(b"PK\x03\x04"), "npz: not a NumPy archive"),
    ],
    "orfd": [
        (lambda d: folders.text(d / "calib/1623721491895.txt", "cam_K: 1"), "cam_K: expected 9 numbers"),
        (lambda d: shutil.rmtree(d / "image_data"), "found 0, 2 and 2"),
    ],
    "orfd depth": [(lambda d: folders.image(d / "dense_depth/1623721491895.png"), "expected a 16-bit depth image, found uint8")],
    "semantic-kitti": [
        (lambda d: folders.text(d / "sequences/08/times.txt", "0.0\n"), "times.txt: expected at least 2 lines"),
        (lambda d: (d / "sequences/08/calib.txt").write_text("P2: 1\n"), "calib.txt: P2: expected 12 numbers, found 1"),
    ],
    "range images": [(lambda d: np.savez(d / "00.npz", range=np.ones((2, 2))), "00.npz: expected an array xyz, found range")],
}  # fmt: skip


def raw_label(folder: Path) -> None:
    (folder / "os1_cloud_node_semantickitti_label_id/000000.label").write_bytes(b"12")


@pytest.mark.parametrize(("name", "number"), [(name, k) for name, faults in FAULTS.items() for k in range(len(faults))])
def test_a_bad_folder_is_one_line_by_file_and_field_and_leaves_no_bag(name, number, tmp_path):
    kind, make, _ = MADE[name]
    if kind == "argoverse2":
        pytest.importorskip("nanoarrow")
    harm, words = FAULTS[name][number]
    harm(make(tmp_path / "src"))
    options = ImportOptions(**{**ALL.__dict__, "sequence": SCENE.get(name, "")})
    with pytest.raises(BagError, match=words) as caught:
        write_drive(SOURCES[kind](tmp_path / "src", options), tmp_path / "bag")
    assert "\n" not in str(caught.value) and not (tmp_path / "bag").exists()


@pytest.mark.parametrize("kind", LAYOUTS)
def test_a_folder_of_something_else_is_refused(kind, tmp_path):
    with pytest.raises(BagError, match=str(tmp_path)):
        SOURCES[kind](tmp_path, ALL)
    with pytest.raises(BagError, match="nowhere"):
        SOURCES[kind](tmp_path / "nowhere", ALL)


def test_the_folder_above_the_sequences_will_do(tmp_path):
    folders.monoforce(tmp_path / "src/one")
    assert SOURCES["monoforce"](tmp_path / "src", ALL).frames == 2
    folders.monoforce(tmp_path / "src/two")
    with pytest.raises(BagError, match="choose one with --sequence: one, two"):
        SOURCES["monoforce"](tmp_path / "src", ALL)
    chosen = ImportOptions(**{**ALL.__dict__, "sequence": "two"})
    assert SOURCES["monoforce"](tmp_path / "src", chosen).notes["drive"] == "two"


def test_every_source_is_offered():
    assert list(LAYOUTS) == list(SOURCES)


@given(st.floats(-0.15, 0.15), st.floats(-0.15, 0.15), st.floats(0.5, 4.0), st.sampled_from([0.0, np.pi, np.pi / 2]))
@settings(max_examples=20, deadline=None)
def test_the_mounting_is_found_from_the_ground(roll, pitch, height, yaw):
    T = geometry.make_transform(geometry.rotation_rpy(roll, pitch, 0.0), (0, 0, height)) @ geometry.make_transform(
        geometry.rotation_z(yaw)
    )
    forward = geometry.rotation_z(yaw).T @ (1.0, 0.0, 0.0)
    found = mounting.mounting(folders.in_lidar(T)[:, :3], ALL, Path("scan"), forward)
    ahead = found[:3, :3] @ forward
    assert found[2, 3] == pytest.approx(height, abs=0.02) and ahead[0] > 0.98 and abs(ahead[1]) < 1e-9
    up = T[:3, :3].T @ (0, 0, 1)  # the ground's normal in the lidar's axes
    np.testing.assert_allclose(found[:3, :3] @ up, (0, 0, 1), atol=0.004)


def test_organised_clouds_tell_their_beams_by_the_times_of_their_rows():
    for beams, shots in ((128, 1024), (64, 2048), (16, 512)):
        times = np.tile(np.arange(shots, dtype=np.uint32) * 97, beams)
        assert monoforce._columns(times) == shots
    assert monoforce._columns(np.arange(4096, dtype=np.uint32)) == monoforce._columns(np.zeros(8, np.uint32)) == 0
    assert monoforce._columns(np.empty(0, np.uint32)) == 0


def test_no_ground_is_said(tmp_path):
    with pytest.raises(BagError, match="expected ground within"):
        mounting.mounting(np.zeros((10, 3)), ALL, Path("scan"))


def lzf(data: bytes) -> bytes:
    """LZF of any data: references to what repeats at the distance of one or eight bytes, literals otherwise."""
    out, at, literals = bytearray(), 0, bytearray()

    def flush() -> None:
        for k in range(0, len(literals), 32):
            out.append(len(literals[k : k + 32]) - 1)
            out.extend(literals[k : k + 32])
        literals.clear()

    while at < len(data):
        for gap in (1, 8):
            n = 0
            while at >= gap and n < 264 and at + n < len(data) and data[at + n] == data[at + n - gap]:
                n += 1
            if n >= 3:
                flush()
                out.append(min(n - 2, 7) << 5)
                out.extend([n - 9, gap - 1] if n >= 9 else [gap - 1])
                at += n
                break
        else:
            literals.append(data[at])
            at += 1
    flush()
    return bytes(out)


@given(st.lists(st.sampled_from([b"\x00", b"abcdefgh", b"q"]), max_size=200).map(b"".join))
@settings(max_examples=60, deadline=None)
def test_lzf_gives_back_what_was_packed(data):
    assert pcd.lzf_decompress(lzf(data), len(data)) == data


@given(st.binary(max_size=200), st.integers(0, 400))
@settings(max_examples=200, deadline=None)
def test_broken_lzf_is_an_error_and_nothing_else(data, size):
    with contextlib.suppress(ValueError):
        assert len(pcd.lzf_decompress(data, size)) == size


@pytest.mark.parametrize("kind", ["ascii", "binary", "binary_compressed"])
def test_pcd_files_of_every_kind_hold_the_same_points(kind, tmp_path):
    cloud = np.zeros(50, [("x", "<f4"), ("ring", "<u2"), ("timestamp", "<f8")])
    cloud["x"], cloud["ring"], cloud["timestamp"] = np.linspace(-3, 3, 50), np.arange(50), 1678066887.5
    body = lzf(b"".join(cloud[n].tobytes() for n in cloud.dtype.names))
    packed = np.array([len(body), cloud.nbytes], "<u4").tobytes() + body
    (tmp_path / "a.pcd").write_bytes(folders.pcd(cloud, kind, packed))
    found = pcd.read_pcd(tmp_path / "a.pcd")
    for name in cloud.dtype.names:
        np.testing.assert_array_equal(found[name], cloud[name])


@given(st.binary(max_size=400))
@settings(max_examples=100, deadline=None)
def test_any_bytes_behind_a_pcd_header_are_points_or_a_bag_error(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("pcd") / "a.pcd"
    path.write_bytes(b"FIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nCOUNT 1 1 1\n" + data)
    try:
        pcd.read_pcd(path)
    except BagError as e:
        assert str(path) in str(e)


RECORDED = {
    "kitti-object": ("kitti_object/training", "kitti", 3),
    "nuscenes-keyframe": ("nuscenes_keyframe", "nuscenes", 1),
    "argoverse2": ("argoverse2/adcf7d18-0510-35b0-a2fa-b4cea13a6d76", "argoverse2", 1),
    "pjlab": ("pjlab/2", "pjlab", 1),
    "rellis3d": ("rellis3d", "rellis3d", 1),
    "monoforce": ("monoforce_marv", "monoforce_marv", 1),
    "orfd": ("orfd", "orfd", 6),
    "semantic-kitti": ("semantic_kitti_range", "kitti", 8),
}
"""Folder under the shared recordings, vehicle file, frames."""


def recorded(kind: str, real_data: Path, where: Path) -> list[SensorFrame]:
    if kind == "argoverse2":
        pytest.importorskip("nanoarrow")
    write_drive(SOURCES[kind](real_data / RECORDED[kind][0], ALL), where / "bag")
    return frames_of(where / "bag", RECORDED[kind][1], one_calibration=kind != "kitti-object")


def in_box(xyz: np.ndarray, box) -> int:
    """Points inside a truth box."""
    pose, size = box.kinematics.pose_with_covariance.pose, box.shape.dimensions
    q, p = pose.orientation, pose.position
    T = geometry.make_transform(geometry.rotation_of((q.x, q.y, q.z, q.w)), (p.x, p.y, p.z))
    local = geometry.transform_points(geometry.invert(T), xyz)
    return int((np.abs(local) <= 0.5 * np.array([size.x, size.y, size.z])).all(1).sum())


@pytest.mark.real_data
@pytest.mark.parametrize("kind", RECORDED)
def test_a_recording_lies_on_the_ground_under_the_vehicle(kind, real_data, tmp_path):
    frames = recorded(kind, real_data, tmp_path)
    assert len(frames) == RECORDED[kind][2]
    for frame in frames:
        xyz = points_of(frame)
        reach = np.hypot(xyz[:, 0], xyz[:, 1])
        near = xyz[(reach < 12) & (np.abs(xyz[:, 1]) < 3) & (np.abs(xyz[:, 2]) < 0.5)]
        if kind == "monoforce":  # a forest floor: what is right around the robot
            near = xyz[(reach < 2.0) & (np.abs(xyz[:, 2]) < 0.5)]
        lowest = np.percentile(near[:, 2], 30)  # bumpers, grass and people stand on it
        assert len(near) > 500 and abs(lowest) < 0.1, f"ground at {lowest:.2f} m"


@pytest.mark.real_data
def test_recorded_boxes_hold_the_points_that_their_labels_count(real_data, tmp_path):
    """nuScenes and Argoverse 2 say how many points are in each box; range and self-mask take only a few away."""
    import yaml

    pytest.importorskip("nanoarrow")
    from autonomy_perception.bags.importers.feather import read_feather

    info = yaml.load((real_data / "nuscenes_keyframe/sample0000.yaml").read_text(), yaml.CSafeLoader)
    log = real_data / RECORDED["argoverse2"][0]
    table = read_feather(log / "annotations.feather", ("timestamp_ns", "num_interior_pts"))
    counts = {
        "nuscenes-keyframe": info["num_lidar_pts"],
        "argoverse2": table["num_interior_pts"][table["timestamp_ns"] == 315973157959879000].tolist(),
    }
    for kind, want in counts.items():
        (frame,) = recorded(kind, real_data, tmp_path / kind)
        (truth,) = messages_of(tmp_path / kind / "bag", TRUTH_TOPIC)
        found = [in_box(points_of(frame), box) for box in truth.objects]
        close = [abs(a - b) <= max(3, 0.05 * b) for a, b in zip(found, want, strict=True)]
        assert len(want) > 30 and sum(close) >= 0.9 * len(want), list(zip(found, want, strict=True))


@pytest.mark.real_data
def test_labelled_points_fall_on_pixels_of_the_same_class(real_data, tmp_path):
    """RELLIS-3D labels points and pixels: projection, distortion, extrinsics and rows of the cloud have to be right."""
    (frame,) = recorded("rellis3d", real_data, tmp_path)
    (truth,) = messages_of(tmp_path / "bag", TRUTH_POINTS_TOPIC)
    (picture,) = messages_of(tmp_path / "bag", "/ground_truth/pylon_camera/labels")
    pixels = cv2.imdecode(picture.data, cv2.IMREAD_UNCHANGED)
    points = np.frombuffer(truth.data, [("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("label", "<u2")])
    xyz = np.stack([points[n] for n in "xyz"], axis=1).astype(np.float64)
    (camera,) = frame.cameras
    os1 = next(s for s in frame.scans if s.sensor == "os1")
    drive_tf = messages_of(tmp_path / "bag", "/tf_static")[0].transforms
    t = next(x for x in drive_tf if x.child_frame_id == "os1").transform
    q = t.rotation
    T_base_os = geometry.make_transform(geometry.rotation_of((q.x, q.y, q.z, q.w)), os1.origin)
    local = geometry.transform_points(geometry.invert(camera.T_base_camera) @ T_base_os, xyz)
    ahead = (local[:, 2] > 2) & (np.abs(local[:, 0]) < 0.4 * local[:, 2]) & (np.abs(local[:, 1]) < 0.3 * local[:, 2])
    uv = cv2.projectPoints(local[ahead], np.zeros(3), np.zeros(3), camera.model.K, camera.model.D)[0].reshape(-1, 2)
    inside = (uv >= 0).all(1) & (uv < (camera.model.width - 1, camera.model.height - 1)).all(1)
    u, v = np.round(uv[inside]).astype(int).T
    label = points["label"][ahead][inside]

    def agreement(du: int, dv: int) -> float:
        """Share of points on trees, people, bushes and puddles (in the grass, points and pixels are labelled apart)."""
        at = np.clip(v + dv, 0, pixels.shape[0] - 1), np.clip(u + du, 0, pixels.shape[1] - 1)
        both = np.isin(label, (4, 17, 19, 31)) & (pixels[at] > 0)
        assert both.sum() > 3000
        return float((label[both] == pixels[at][both]).mean())

    right = agreement(0, 0)
    assert right > 0.85
    for du, dv in ((60, 0), (-60, 0), (0, 60), (0, -60)):  # 1.2 degrees off has to cost
        assert agreement(du, dv) < right - 0.01
