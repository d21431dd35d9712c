"""Small folders laid out like public data sets, with one scene whose truth is known: a wall of points and flat ground."""

from __future__ import annotations

import io
import json
from pathlib import Path

import cv2
import numpy as np
import yaml

from autonomy_perception import geometry

R_CAM_LIDAR = np.array([[0.0, -1, 0], [0, 0, -1], [1, 0, 0]])
K = np.array([[700.0, 0, 32], [0, 700, 24], [0, 0, 1]])
LEVEL = geometry.make_transform(geometry.rotation_rpy(0.02, -0.03, 0.0), (0, 0, 1.9))
"""T_base_lidar of the sets that do not say it."""


def scene(seed: int = 0) -> np.ndarray:
    """Points (N,3) in base_link: ground at z = 0 (10 mm noise) around the vehicle and a wall 12 m ahead."""
    rng = np.random.default_rng(seed)
    ground = np.column_stack(
        [rng.uniform(-14, 12, (4000, 1)), rng.uniform(-8, 8, (4000, 1)), rng.normal(0, 0.01, (4000, 1))]
    )
    wall = np.column_stack([np.full(400, 12.0), rng.uniform(-8, 8, 400), rng.uniform(0, 2, 400)])
    return rng.permutation(np.concatenate([ground, wall]))


def in_lidar(T_base_lidar: np.ndarray, seed: int = 0) -> np.ndarray:
    """The scene (N,4) float32 x y z intensity as a lidar sees it."""
    xyz = geometry.transform_points(geometry.invert(T_base_lidar), scene(seed))
    return np.column_stack([xyz, np.full(len(xyz), 0.5)]).astype(np.float32)


def line(values) -> str:
    return " ".join(f"{v:.9e}" for v in np.ravel(values))


def image(path: Path, shape=(48, 64, 3), value: int = 90) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full(shape, value, np.uint8))


def raw(path: Path, data: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    data.tofile(path)


def text(path: Path, words: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(words)


def kitti_object(root: Path) -> Path:
    velo = np.hstack([R_CAM_LIDAR, [[0.0], [-0.08], [-0.27]]])
    P = np.hstack([K, np.zeros((3, 1))])
    for k in (3, 7):
        raw(root / f"velodyne/{k:06d}.bin", in_lidar(geometry.make_transform(None, (0.76, 0, 1.73)), k))
        image(root / f"image_2/{k:06d}.png", (48, 64 + k, 3))
        words = f"P2: {line(P)}\nP3: {line(P)}\nR0_rect: {line(np.eye(3))}\nTr_velo_to_cam: {line(velo)}\n"
        text(root / f"calib/{k:06d}.txt", words)
        text(
            root / f"label_2/{k:06d}.txt",
            "Car 0 0 0 1 2 3 4 1.5 1.8 4.5 -3.0 1.6 12.0 -1.570796\nDontCare " + "-1 " * 14,
        )
    return root


def pjlab(root: Path) -> Path:
    points = in_lidar(LEVEL)
    fields = [("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("intensity", "<f4"), ("ring", "<u2"), ("timestamp", "<f8")]
    cloud = np.zeros(len(points), fields)
    for c, name in enumerate(("x", "y", "z", "intensity")):
        cloud[name] = points[:, c]
    cloud["timestamp"] = 1678066887.7 + np.linspace(0, 0.1, len(cloud))
    root.mkdir(parents=True, exist_ok=True)
    (root / "calib.pcd").write_bytes(pcd(cloud, "binary"))
    image(root / "calib.jpg")
    T = np.hstack([R_CAM_LIDAR, [[0.0], [-0.4], [-0.1]]])
    text(root / "calib.txt", f"K: {line(K)}\nD: -0.12 0.16 0.0007 0.0014\nT: {line(T)}\n")
    return root


def pcd(cloud: np.ndarray, kind: str, packed: bytes = b"") -> bytes:
    """A PCD file of a structured array."""
    kinds = [cloud.dtype[n] for n in cloud.dtype.names]
    head = [
        "# .PCD v0.7 - Point Cloud Data file format", "VERSION 0.7", "FIELDS " + " ".join(cloud.dtype.names),
        "SIZE " + " ".join(str(d.itemsize) for d in kinds), "TYPE " + " ".join(d.kind.upper() for d in kinds),
        "COUNT " + " ".join("1" for _ in kinds), f"WIDTH {len(cloud)}", "HEIGHT 1", "VIEWPOINT 0 0 0 1 0 0 0",
        f"POINTS {len(cloud)}", f"DATA {kind}",
    ]  # fmt: skip
    body = {"binary": cloud.tobytes(), "binary_compressed": packed}.get(kind)
    if body is None:
        body = "\n".join(" ".join(repr(float(v)) for v in row) for row in cloud.tolist()).encode()
    return "\n".join(head).encode() + b"\n" + body


def quaternion(R) -> dict[str, float]:
    return dict(zip("xyzw", map(float, geometry.quaternion_of(np.asarray(R))), strict=True))


def rellis3d(root: Path) -> Path:
    """A sequence as downloaded: the Ouster looks backward, its clouds hold shots without a return."""
    T_base_os = LEVEL @ geometry.make_transform(geometry.rotation_z(np.pi))
    for k in (0, 1):
        points = in_lidar(T_base_os, k)[:4352]  # 68 shots of 64 beams
        points[::10] = 0.0
        raw(root / f"os1_cloud_node_kitti_bin/{k:06d}.bin", points)
        labels = np.full(len(points), (5 << 16) + 3, np.uint32)
        raw(root / f"os1_cloud_node_semantickitti_label_id/{k:06d}.label", labels)
        raw(root / f"vel_cloud_node_kitti_bin/{k:06d}.bin", in_lidar(LEVEL, k))
        image(root / f"pylon_camera_node/frame{k:06d}-1581624663_{149 + 100 * k}.jpg")
        image(root / f"pylon_camera_node_label_id/frame{k:06d}-1581624663_{149 + 100 * k}.png", (48, 64), 3)
    text(root / "camera_info.txt", "2813.6 2808.3 32 24")
    T_os_camera = np.array([[0.0, 0, -1], [1, 0, 0], [0, -1, 0]])
    t = {"x": -0.13, "y": 0.04, "z": -0.17}
    text(
        root / "transforms.yaml",
        yaml.safe_dump({"os1_cloud_node-pylon_camera_node": {"q": quaternion(T_os_camera), "t": t}}),
    )
    vel = {"q": quaternion(geometry.rotation_z(np.pi)), "t": {"x": 0.0, "y": 0.0, "z": 0.0}}
    text(root / "vel2os1.yaml", yaml.safe_dump({"vel2os1": vel}))
    ahead = [geometry.make_transform(None, (k, 0, 0)) for k in (0, 1)]
    poses = [(geometry.invert(T_base_os) @ T @ T_base_os)[:3] for T in ahead]
    text(root / "poses.txt", "\n".join(line(p) for p in poses))
    return root


def monoforce(root: Path) -> Path:
    T_base_lidar = geometry.make_transform(geometry.rotation_z(2.356), (0.065, 0, 0.408))
    stamps = ["1727353472_601360559", "1727353473_601360559"]
    kinds = [("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("intensity", "<f4"), ("t", "<u4"), ("reflectivity", "<u2")]
    for k, name in enumerate(stamps):
        points = in_lidar(geometry.make_transform(None, (0, 0, 0.068)) @ T_base_lidar, k)[:4096]
        cloud = np.zeros(4096, kinds)
        for c, field in enumerate(("x", "y", "z", "intensity")):
            cloud[field] = points[:, c]
        cloud["x"][5] = np.nan
        cloud["t"] = np.tile(np.arange(1024) * 97_000, 4)
        (root / "clouds").mkdir(parents=True, exist_ok=True)
        np.savez(root / f"clouds/{name}.npz", cloud=cloud)
        image(root / f"images/{name}_camera_front.png")
    front = np.eye(4)
    front[:3, :3] = R_CAM_LIDAR.T
    edges = {
        "base_footprint": geometry.make_transform(None, (0, 0, -0.068)),
        "camera_front": front,
        "os_sensor": T_base_lidar,
    }
    data = {
        f"T_base_link__{n}": {"rows": 4, "cols": 4, "data": [f"{v:.3f}" for v in T.ravel()]} for n, T in edges.items()
    }
    text(root / "calibration/transformations.yaml", yaml.safe_dump(data))
    lens = {"camera_matrix": {"rows": 3, "cols": 3, "data": K.ravel().tolist()}, "distortion_model": "plumb_bob",
            "distortion_coefficients": {"rows": 1, "cols": 5, "data": [-0.2, 0.07, 0.0, 0.0, 0.0]}}  # fmt: skip
    text(root / "calibration/cameras/camera_front.yaml", yaml.safe_dump(lens))
    rows = ["stamp, " + ", ".join(f"T{i}{j}" for i in range(3) for j in range(4))]
    for k in range(-1, 3):
        T = geometry.make_transform(None, (0.5 * k, 0, 0)) @ T_base_lidar
        rows.append(f"{1727353472.6 + k:.9f}, " + ", ".join(f"{v:.3f}" for v in T[:3].ravel()))
    text(root / "poses/lidar_poses.csv", "\n".join(rows))
    return root


def orfd(root: Path, scans: bool) -> Path:
    """``scans``: with lidar_data as downloaded, otherwise with depth images of flat ground only."""
    R_base_car = np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]])  # car: x right, y ahead
    T_base_car = LEVEL @ geometry.make_transform(R_base_car)
    R_car_lidar = geometry.rotation_z(3.06)
    T_camera_car = geometry.make_transform(np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]), (0.0, 0.1, 0.08))
    for k, name in enumerate((1623721491895, 1623721491991)):
        image(root / f"image_data/{name}.png", (240, 320, 3))
        painted = np.zeros((240, 320, 3), np.uint8)
        painted[:120, :, 2], painted[120:, :, 0] = 255, 255  # red above, blue below
        (root / "gt_image").mkdir(exist_ok=True)
        cv2.imwrite(str(root / f"gt_image/{name}_fillcolor.png"), painted)
        words = f"cam_K: {line([300, 0, 160, 0, 300, 120, 0, 0, 1])}\ncam_RT: {line(T_camera_car)}\n"
        text(root / f"calib/{name}.txt", words + f"lidar_R: {line(R_car_lidar)}\nlidar_T: 0 0 0 ")
        if scans:
            points = in_lidar(T_base_car @ geometry.make_transform(R_car_lidar), k)
            raw(root / f"lidar_data/{name}.bin", np.column_stack([points, np.zeros(len(points))]).astype(np.float32))
        v, u = np.mgrid[0:240, 0:320]
        ray = np.stack([(u + 1 - 160) / 300, (v + 1 - 120) / 300, np.ones_like(u, float)], -1)
        T_base_camera = T_base_car @ geometry.invert(T_camera_car)
        down = ray @ T_base_camera[:3, :3].T
        depth = np.where(down[..., 2] < -0.05, -T_base_camera[2, 3] / np.minimum(down[..., 2], -0.05), 0.0)
        (root / "dense_depth").mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(root / f"dense_depth/{name}.png"), (depth * 256).astype(np.uint16))
    return root


def semantic_kitti(root: Path) -> Path:
    lidar = geometry.make_transform(None, (0.76, 0, 1.73))
    velo = np.hstack([R_CAM_LIDAR, np.zeros((3, 1))])
    T_cam_lidar = np.vstack([velo, [0, 0, 0, 1]])
    for k in (0, 1):
        points = in_lidar(lidar, k)
        raw(root / f"sequences/08/velodyne/{k:06d}.bin", points)
        raw(root / f"sequences/08/labels/{k:06d}.label", np.full(len(points), (7 << 16) + 40, np.uint32))
        image(root / f"sequences/08/image_2/{k:06d}.png")
    P = np.hstack([K, np.zeros((3, 1))])
    text(root / "sequences/08/calib.txt", f"P2: {line(P)}\nTr: {line(velo)}\n")
    text(root / "sequences/08/times.txt", "0.000000e+00\n1.037000e-01\n")
    poses = [
        (T_cam_lidar @ geometry.make_transform(None, (k, 0, 0)) @ geometry.invert(T_cam_lidar))[:3] for k in (0, 1)
    ]
    text(root / "sequences/08/poses.txt", "\n".join(line(p) for p in poses))
    return root


def range_images(root: Path) -> Path:
    points = in_lidar(geometry.make_transform(None, (0.76, 0, 1.73)))[:4096].reshape(16, 256, 4)
    rng = np.linalg.norm(points[..., :3], axis=-1)
    rng[0, :7] = 0.0
    root.mkdir(parents=True, exist_ok=True)
    for k in (0, 1):
        label = np.full((16, 256), 9, np.uint8)
        np.savez(root / f"{k:02d}.npz", xyz=points[..., :3], intensity=points[..., 3], range=rng, label=label)
    return root


LIDAR_TOP = geometry.make_transform(geometry.rotation_z(-np.pi / 2), (0.94, 0, 1.84))
CAM_FRONT = geometry.make_transform(R_CAM_LIDAR.T, (1.7, 0, 1.5))


def wxyz(T: np.ndarray) -> list[float]:
    x, y, z, w = map(float, geometry.quaternion_of(T))
    return [w, x, y, z]


def nuscenes_yaml(root: Path) -> Path:
    stamp = 1533201470448696
    points = in_lidar(LIDAR_TOP)
    raw(root / "0.bin", np.column_stack([points, np.arange(len(points)) % 32]).astype(np.float32))
    image(root / "imgs/CAM_FRONT.jpg")
    pose = {"ego2global_rotation": [1.0, 0.0, 0.0, 0.0], "ego2global_translation": [250.0, 917.0, 0.0]}
    info = {
        "timestamp": stamp, "lidar_path": "./data/samples/LIDAR_TOP/a.pcd.bin", **pose,
        "lidar2ego_rotation": wxyz(LIDAR_TOP), "lidar2ego_translation": LIDAR_TOP[:3, 3].tolist(),
        "ann_infos": [[[10.0, 2.0, 0.9, 4.5, 1.8, 1.6, 0.5, 3.0, 1.0]], [0]],
        "cams": {"CAM_FRONT": {
            "timestamp": stamp - 40_000, "data_path": "./data/samples/CAM_FRONT/a.jpg", "cam_intrinsic": K.tolist(),
            "sensor2ego_rotation": wxyz(CAM_FRONT), "sensor2ego_translation": CAM_FRONT[:3, 3].tolist(),
            "ego2global_rotation": [1.0, 0.0, 0.0, 0.0], "ego2global_translation": [249.6, 917.0, 0.0]}},
    }  # fmt: skip
    text(root / "sample0000.yaml", yaml.safe_dump(info))
    return root


def nuscenes_tables(root: Path) -> Path:
    """A scene of two keyframes in the data set's own tables; the car ahead drives 4 m/s, the ego vehicle 10 m/s."""
    tables: dict[str, list] = {name: [] for name in ("sample", "sample_data", "ego_pose", "sample_annotation")}
    tables["scene"] = [{"token": "s", "name": "scene-0061"}, {"token": "other", "name": "scene-0103"}]
    tables["sensor"] = [
        {"token": "l", "channel": "LIDAR_TOP"},
        {"token": "c", "channel": "CAM_FRONT"},
        {"token": "r", "channel": "RADAR_FRONT"},
    ]
    rigs = {"l": (LIDAR_TOP, []), "c": (CAM_FRONT, K.tolist()), "r": (np.eye(4), [])}
    tables["calibrated_sensor"] = [
        {
            "token": f"rig-{k}",
            "sensor_token": k,
            "rotation": wxyz(T),
            "translation": T[:3, 3].tolist(),
            "camera_intrinsic": lens,
        }
        for k, (T, lens) in rigs.items()
    ]
    tables["category"] = [{"token": "cat", "name": "vehicle.car"}]
    tables["instance"] = [{"token": "car", "category_token": "cat"}]
    for k in (0, 1):
        at = 1533201470448696 + 500_000 * k
        tables["sample"].append({"token": f"k{k}", "scene_token": "s", "timestamp": at})
        files = {
            "l": f"samples/LIDAR_TOP/{k}.pcd.bin",
            "c": f"samples/CAM_FRONT/{k}.jpg",
            "r": f"samples/RADAR_FRONT/{k}.pcd",
        }
        for sensor, name in files.items():
            early = 40_000 if sensor == "c" else 0
            tables["ego_pose"].append({"token": f"pose-{sensor}{k}", "rotation": [1.0, 0, 0, 0],
                                       "translation": [100.0 + 10.0 * (0.5 * k - early * 1e-6), 50.0, 0.0]})  # fmt: skip
            tables["sample_data"].append({"token": f"d-{sensor}{k}", "sample_token": f"k{k}", "is_key_frame": True, "filename": name,
                                          "ego_pose_token": f"pose-{sensor}{k}", "calibrated_sensor_token": f"rig-{sensor}",
                                          "timestamp": at - early})  # fmt: skip
        points = in_lidar(LIDAR_TOP, k)
        raw(root / files["l"], np.column_stack([points, np.zeros(len(points))]).astype(np.float32))
        image(root / files["c"])
        tables["sample_annotation"].append(
            {"token": f"a{k}", "sample_token": f"k{k}", "instance_token": "car", "rotation": [1.0, 0, 0, 0],
             "translation": [120.0 + 2.0 * k, 50.0, 0.8], "size": [1.8, 4.5, 1.6], "prev": "a0" if k else "", "next": "" if k else "a1"}
        )  # fmt: skip
    for name, rows in tables.items():
        text(root / f"v1.0-mini/{name}.json", json.dumps(rows))
    return root


def feather(path: Path, **columns) -> None:
    """A Feather file: the magic and the stream behind it (readers of ours need no index)."""
    import nanoarrow as na
    from nanoarrow import ipc

    kinds = {"O": na.string(), "e": na.float16(), "d": na.float64(), "l": na.int64(), "B": na.uint8(), "i": na.int32()}
    arrays = {}
    for name, values in columns.items():
        kind = kinds[np.asarray(values).dtype.char]
        arrays[name] = na.Array(list(values) if kind == na.string() else np.asarray(values).tolist(), kind)
    struct = na.c_array_from_buffers(
        na.struct({n: a.schema for n, a in arrays.items()}),
        len(next(iter(arrays.values()))),
        [None],
        children=list(arrays.values()),
    )
    out = io.BytesIO()
    with ipc.StreamWriter.from_writable(out) as writer:
        writer.write_stream(na.c_array_stream(struct))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"ARROW1\0\0" + out.getvalue())


def poses(Ts) -> dict[str, list]:
    q = np.array([geometry.quaternion_of(T) for T in Ts])
    t = np.array([T[:3, 3] for T in Ts])
    return {
        "qx": q[:, 0],
        "qy": q[:, 1],
        "qz": q[:, 2],
        "qw": q[:, 3],
        "tx_m": t[:, 0],
        "ty_m": t[:, 1],
        "tz_m": t[:, 2],
    }


AV2_UP = geometry.make_transform(None, (1.35, 0, 1.64))
AV2_DOWN = geometry.make_transform(geometry.rotation_rpy(np.pi, 0, 0), (1.35, 0, 1.56))


def argoverse2(root: Path, calibrated: bool = True) -> Path:
    """A log of two sweeps and a camera; the ego frame is 0.33 m over ground."""
    stamps = [315973157959879000, 315973158059879000]
    points = scene() - (0, 0, 0.33)
    number = np.arange(len(points)) % 64
    for at in stamps:
        feather(root / f"sensors/lidar/{at}.feather", x=points[:, 0].astype(np.float16), y=points[:, 1].astype(np.float16),
                z=points[:, 2].astype(np.float16), intensity=np.full(len(points), 20, np.uint8),
                laser_number=number.astype(np.uint8), offset_ns=np.zeros(len(points), np.int32))  # fmt: skip
        image(root / f"sensors/cameras/ring_front_center/{at + 3_000_000}.jpg")
    if calibrated:
        names = np.array(["up_lidar", "down_lidar", "ring_front_center"], object)
        rig = poses([AV2_UP, AV2_DOWN, geometry.make_transform(R_CAM_LIDAR.T, (1.6, 0, 1.4))])
        feather(root / "calibration/egovehicle_SE3_sensor.feather", sensor_name=names, **rig)
        lens = {"fx_px": [1773.5], "fy_px": [1773.5], "cx_px": [32.0], "cy_px": [24.0], "k1": [-0.25]}
        feather(root / "calibration/intrinsics.feather", sensor_name=np.array(["ring_front_center"], object), **lens)
    at = np.array([stamps[0] + 50_000_000 * k for k in range(-4, 7)])
    feather(
        root / "city_SE3_egovehicle.feather",
        timestamp_ns=at,
        **poses([geometry.make_transform(None, (1368 + 0.5 * k, 111, 5)) for k in range(11)]),
    )
    box = poses([geometry.make_transform(geometry.rotation_z(0.3), (12, 0, 0.5))] * 2)
    feather(root / "annotations.feather", timestamp_ns=np.array(stamps), track_uuid=np.array(["t1", "t1"], object),
            category=np.array(["BOX_TRUCK", "BOX_TRUCK"], object), length_m=[8.0, 8.0], width_m=[2.5, 2.5],
            height_m=[3.0, 3.0], num_interior_pts=np.array([400, 400]), **box)  # fmt: skip
    return root
