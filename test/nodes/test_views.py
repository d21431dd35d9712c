"""Markers, bird's-eye picture, coloured cloud and the graph drawing show what was received."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml

pytest.importorskip("visualization_msgs.msg", reason="ROS is not installed: make setup")

from autonomy_perception_msgs.msg import ObjectClassification, PerceptionStatus, TrackedObject, TrackedObjectArray
from grid_map_msgs.msg import GridMap
from nav_msgs.msg import Odometry
from visualization_msgs.msg import Marker

from autonomy_perception import geometry, topics
from autonomy_perception.grid import WorldGrid, to_grid_map_data
from autonomy_perception.live import draw_graph
from autonomy_perception.messages.maps import grid_map
from autonomy_perception.nodes.markers import mode_marker, track_markers
from autonomy_perception.nodes.markers_node import MarkersNode
from autonomy_perception.nodes.messages import ROS, cloud, image
from autonomy_perception.nodes.pictures import (
    CLOUD_RGB,
    POINT,
    Elevation,
    GridPicture,
    birds_eye,
    coloured,
    colours,
    point_colours,
    terrain_points,
)


def car(x: float, y: float, yaw: float, speed: float) -> TrackedObject:
    item = TrackedObject(classification=[ObjectClassification(label=1, probability=1.0)])
    pose = item.kinematics.pose_with_covariance.pose
    pose.position.x, pose.position.y = x, y
    pose.orientation.z, pose.orientation.w = float(np.sin(yaw / 2)), float(np.cos(yaw / 2))
    covariance = np.zeros((6, 6))
    covariance[:2, :2] = geometry.rotation_z(0.5)[:2, :2] @ np.diag([4.0, 1.0]) @ geometry.rotation_z(0.5)[:2, :2].T
    item.kinematics.pose_with_covariance.covariance = covariance.ravel()
    item.kinematics.twist_with_covariance.twist.linear.x = speed
    item.shape.dimensions.x, item.shape.dimensions.y, item.shape.dimensions.z = 4.0, 2.0, 1.5
    return item


def test_markers_of_a_moving_and_a_resting_car() -> None:
    message = TrackedObjectArray(objects=[car(1, 2, 0.3, 5.0), car(9, 9, 0.0, 0.0)])
    message.header.frame_id = "odom"
    markers = track_markers(message).markers
    assert markers[0].action == Marker.DELETEALL
    assert [m.ns for m in markers[1:]] == [
        "boxes",
        "labels",
        "covariances",
        "velocities",
        "boxes",
        "labels",
        "covariances",
    ]
    box, label, ellipse, arrow = markers[1:5]
    assert (box.scale.x, box.scale.y, box.header.frame_id) == (4.0, 2.0, "odom")
    assert "CAR" in label.text and "5.0 m/s" in label.text
    assert arrow.points[1].x == 5.0 and arrow.pose == box.pose
    assert (ellipse.scale.x, ellipse.scale.y) == pytest.approx((8.0, 4.0))
    yaw = 2 * np.arctan2(ellipse.pose.orientation.z, ellipse.pose.orientation.w)
    assert abs(float(geometry.wrap_angle(2 * (yaw - 0.5)))) < 1e-6, "the long axis, whichever way round"
    text = mode_marker(PerceptionStatus(mode=4, reasons=["NO_DATA"]))
    assert text.text.startswith("STALE NO_DATA") and text.color.r > text.color.b


def test_birds_eye_turns_with_the_vehicle() -> None:
    data = np.full((40, 40), -1, np.int8)
    data[:, :] = 0
    data[30, 20] = 100  # world x 20.5 - 20, y 30.5 - 20
    grid = GridPicture(data, (-20.0, -20.0), 1.0)
    red = lambda image: np.argwhere((image[..., 0] > 180) & (image[..., 1] < 60)).mean(axis=0)  # noqa: E731
    ahead_is_x = red(birds_eye(grid, None, (0.0, 0.0, 0.0), 400, 40.0))
    assert ahead_is_x == pytest.approx([195.0, 95.0], abs=2.0), "y to the left, x up"
    ahead_is_y = red(birds_eye(grid, None, (0.0, 0.0, np.pi / 2), 400, 40.0))
    assert ahead_is_y == pytest.approx([95.0, 205.0], abs=2.0)
    drawn = birds_eye(grid, TrackedObjectArray(objects=[car(0.0, -10.0, 0.0, 0.0)]), (0.0, 0.0, 0.0), 400, 40.0)
    blue = np.argwhere((drawn[..., 2] > 180) & (drawn[..., 0] < 60))
    assert blue.mean(axis=0) == pytest.approx([200.0, 300.0], abs=3.0)
    assert [tuple(c) for c in colours(np.array([[-1, 0, 100]], np.int8))[0]] == [
        (70, 70, 78),
        (205, 215, 205),
        (190, 40, 40),
    ]
    message = image("base_link", 5, drawn, "rgb8")
    assert (message.width, message.step, len(message.data), message.encoding) == (400, 1200, 480_000, "rgb8")


def test_cloud_is_coloured_by_height_above_the_terrain() -> None:
    z = np.array([[1.0, np.nan], [2.0, 3.0]], np.float32)
    layers = {"elevation": z, "traversability": np.array([[0, 1], [1, np.nan]], np.float32)}
    message = grid_map(ROS, "odom", 5, WorldGrid(10, 20, 2, 2, 1.0), layers)
    elevation = Elevation.of(message)
    assert elevation is not None and Elevation.of(GridMap()) is None
    points = np.array([[10.5, 20.5, 1.1], [11.5, 20.5, 5.0], [10.5, 21.5, 3.0], [11.5, 21.5, 9.0], [99, 99, 0]])
    height = elevation.height(points)
    assert height[[0, 2, 3]] == pytest.approx([0.1, 1.0, 6.0]) and np.isnan(height[[1, 4]]).all()
    kinds = ["ground", "unknown", "obstacle", "overhang", "unknown"]
    assert [int(c) for c in point_colours(height)] == [CLOUD_RGB[k] for k in kinds]
    xyz, rgb = terrain_points(message)
    assert xyz.tolist() == [[10.5, 20.5, 1.0], [10.5, 21.5, 2.0], [11.5, 21.5, 3.0]]
    assert [hex(c) for c in rgb] == ["0xff0030", "0xc830", "0x9a9a9a"]
    made = cloud("odom", 5, coloured(xyz, rgb))
    assert np.array_equal(np.frombuffer(made.data, POINT)["rgb"], rgb) and [f.name for f in made.fields] == [
        "x",
        "y",
        "z",
        "rgb",
    ]
    assert np.array_equal(to_grid_map_data(z), np.frombuffer(message.data[0].data, np.float32), equal_nan=True)


def test_graph_drawing_has_every_vertex_left_of_what_it_feeds() -> None:
    pairs = [
        ("player", "/a"),
        ("/a", "perception"),
        ("perception", "/b"),
        ("/b", "markers"),
        ("markers", "/c"),
        ("/c", "player"),
    ]
    edges = {draw_graph.Edge(*p) for p in pairs}
    rows = draw_graph.layers(edges)
    depth = {v: i for i, row in enumerate(rows) for v in row}
    assert [depth[a] < depth[b] for a, b in pairs].count(False) == 1, "only the edge that closes the circle goes back"
    root = ET.fromstring(draw_graph.svg(edges, {"player", "perception", "markers"}))
    assert {t.text for t in root.iter("{http://www.w3.org/2000/svg}text")} == {v for p in pairs for v in p}


def test_rviz_file_shows_only_topics_that_exist_with_standard_displays() -> None:
    file = Path(__file__).resolve().parents[2] / "rviz" / "perception.rviz"
    displays = yaml.safe_load(file.read_text())["Visualization Manager"]["Displays"]
    assert all(d["Class"].startswith("rviz_default_plugins/") for d in displays)
    shown = {d["Topic"]["Value"]: d["Topic"]["Reliability Policy"] for d in displays if "Topic" in d}
    offered = {t.name: t.qos.reliability for t in topics.OUTPUTS}
    assert set(shown) <= set(offered) and {
        "/perception/markers",
        "/perception/occupancy_grid",
        "/perception/text",
    } <= set(shown)
    too_much = [t for t, wanted in shown.items() if wanted == "Reliable" and offered[t] == "best effort"]
    assert not too_much, "these would receive nothing"


def test_a_message_that_cannot_be_shown_does_not_end_the_markers_node() -> None:
    """An odometry without rotation, while somebody looks at the bird's-eye picture."""
    said, taken = [], []
    logger = SimpleNamespace(warning=lambda text, **more: said.append(text))
    vehicle = SimpleNamespace(base_frame="base_link")
    node = SimpleNamespace(_held={}, vehicle=vehicle, _vehicle_pose=None, get_logger=lambda: logger)
    node.create_subscription = lambda kind, name, callback, profile: taken.append(callback)
    odometry = topics.Topic("/odometry", "nav_msgs/msg/Odometry", "-", "odom", "-", topics.MOTION)
    MarkersNode._subscribe(node, odometry, lambda m: MarkersNode._on_odometry(node, m), True)  # type: ignore[arg-type]
    message = Odometry(child_frame_id="base_link")
    message.pose.pose.orientation.w = 0.0
    taken[0](message)
    assert (
        node._vehicle_pose is None
        and len(said) == 1
        and said[0].startswith("/odometry: not shown: ValueError: quaternion")
    )
    message.pose.pose.orientation.w = 1.0
    taken[0](message)
    assert node._vehicle_pose == (0.0, 0.0, 0.0) and len(said) == 1
