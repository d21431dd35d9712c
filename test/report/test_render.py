"""Pictures: what is drawn lies where it should."""

import dataclasses

import cv2
import numpy as np

from autonomy_perception import geometry
from autonomy_perception.grid import WorldGrid
from autonomy_perception.report.overlay import box_edges, clip_near, straightened
from autonomy_perception.report.render import (
    FREE_RGB,
    OCCUPIED_RGB,
    UNKNOWN_RGB,
    Canvas,
    birds_eye,
    paint_occupancy,
    render_step,
)
from autonomy_perception.types import (
    CameraFrame,
    CameraModel,
    Detections,
    Mode,
    Occupancy,
    Perception,
    SensorFrame,
    TerrainGrid,
    Tracks,
)

GRID = WorldGrid(-100, -100, 200, 200, 0.5)


def result(pose, wire):
    terrain = TerrainGrid(
        GRID, {"elevation": np.zeros(GRID.shape, np.float32), "traversability": np.ones(GRID.shape, np.float32)}
    )
    return Perception(
        1,
        1,
        Mode.GEOMETRIC,
        (),
        pose,
        Detections.empty(),
        Tracks.empty(),
        terrain,
        Occupancy(GRID, wire.astype(np.float32), wire),
    )


def test_what_is_ahead_is_drawn_above():
    pose = geometry.make_transform(geometry.rotation_z(np.pi / 2), [2.0, 3.0, 0.0])  # looks along +y
    canvas = Canvas(pose, size=200, side=40.0, ahead=0.0)
    np.testing.assert_allclose(
        canvas.pixels(np.array([[2.0, 3.0], [2.0, 13.0], [-8.0, 3.0]])), [[100, 100], [100, 50], [50, 100]], atol=1e-9
    )
    wire = np.full(GRID.shape, -1, np.int8)
    wire[GRID.bev.cells(np.array([[2.2, 13.2]]))[0, 1], GRID.bev.cells(np.array([[2.2, 13.2]]))[0, 0]] = 100
    picture = paint_occupancy(canvas, Occupancy(GRID, wire.astype(np.float32), wire))
    rows, columns = np.nonzero((picture == OCCUPIED_RGB).all(-1))
    assert 47 <= rows.min() <= rows.max() <= 50
    assert 97 <= columns.min() <= columns.max() <= 101
    assert (picture[0, 0] == UNKNOWN_RGB).all()


def test_a_step_is_one_picture_with_and_without_camera():
    wire = np.zeros(GRID.shape, np.int8)
    r = result(np.eye(4), wire)
    bare = render_step(None, r, height=300)
    assert bare.dtype == np.uint8
    assert bare.shape == (300, 270 + 4 + 300, 3)
    assert (birds_eye(r, None, 300)[150, 30] == FREE_RGB).all()
    image = np.full((40, 80, 3), (10, 200, 30), np.uint8)
    camera = CameraFrame(
        "front",
        1,
        CameraModel(80, 40, np.diag([50.0, 50.0, 1.0]), np.zeros(5)),
        np.eye(4),
        cv2.imencode(".png", image[..., ::-1])[1].tobytes(),
    )
    with_camera = render_step(SensorFrame(1, cameras=(camera,)), r, height=300)
    assert with_camera.shape == bare.shape
    assert (with_camera[100, 200] == (10, 200, 30)).all()
    broken = CameraFrame("front", 1, camera.model, np.eye(4), b"no image")
    np.testing.assert_array_equal(render_step(SensorFrame(1, cameras=(broken,)), r, height=300), bare)


def test_edges_behind_the_camera_are_cut():
    edges = box_edges(np.array([0.0, 0.0, 0.0]), np.array([4.0, 2.0, 2.0]), 0.0)
    assert edges.shape == (12, 2, 3)
    cut = clip_near(edges)  # optical z of the box runs from -1 to 1
    assert len(cut) == 8  # the four edges at z = -1 are gone
    assert cut[..., 2].min() >= 0.5 - 1e-9


def flat(colour, width=160, height=90) -> bytes:
    return cv2.imencode(".png", np.full((height, width, 3), colour[::-1], np.uint8))[1].tobytes()


def camera_frame(name, encoded, D=(0.0,) * 5, K=((100.0, 0, 80), (0, 100.0, 45), (0, 0, 1))):
    optical = np.array([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]])
    model = CameraModel(160, 90, np.array(K), np.array(D))
    return CameraFrame(name, 1, model, geometry.make_transform(optical, (0, 0, 1.5)), encoded=encoded)


def test_all_cameras_are_shown_side_by_side():
    wire = np.full(GRID.shape, -1, np.int8)
    colours = [(200, 30, 30), (30, 200, 30), (30, 30, 200), (200, 200, 30), (30, 200, 200), (200, 30, 200)]
    cameras = tuple(camera_frame(f"c{k}", flat(c)) for k, c in enumerate(colours))
    picture = render_step(SensorFrame(1, cameras=cameras), result(np.eye(4), wire), height=400)
    places = {tuple(c): np.argwhere((picture == c).all(-1)).mean(0) for c in colours}
    rows, columns = (np.array([places[tuple(c)][k] for c in colours]) for k in (0, 1))
    assert np.all(np.diff(columns[:3]) > 80) and np.all(np.diff(columns[3:]) > 80) and rows[3] - rows[0] > 50
    np.testing.assert_allclose(rows[:3], rows[0], atol=5)


def test_lens_distortion_is_taken_out_before_boxes_are_drawn():
    D, point = np.array([-0.25, 0.05, 0.001, -0.002, 0.0]), np.array([[0.6, 0.3, 1.0]])
    K = np.array([[100.0, 0, 80], [0, 100.0, 45], [0, 0, 1]])
    seen = cv2.projectPoints(point, np.zeros(3), np.zeros(3), K, D)[0].reshape(2)
    image = np.zeros((90, 160, 3), np.uint8)
    cv2.circle(image, tuple(np.round(seen).astype(int).tolist()), 1, (255, 255, 255), -1)
    found = straightened(image, camera_frame("c", b"", D))
    bright = np.argwhere(found[..., 0] > 60).mean(0)[::-1]
    np.testing.assert_allclose(bright, (K @ point[0])[:2], atol=1.0)
    assert np.linalg.norm(seen - bright) > 3.0  # it moved
    assert straightened(image, camera_frame("c", b"")) is image


def test_detections_with_a_class_are_shown_until_tracks_are_confirmed():
    wire = np.full(GRID.shape, -1, np.int8)
    found = Detections.empty()
    one = {
        "center": [[10.0, 0, 0.8]],
        "size": [[4.0, 2.0, 1.6]],
        "velocity": [[np.nan, np.nan]],
        "class_probs": np.eye(9)[1:2],
    }
    found = dataclasses.replace(
        found, yaw=np.zeros(1, np.float32), **{k: np.array(v, np.float32) for k, v in one.items()}
    )
    seen = dataclasses.replace(result(np.eye(4), wire), detections=found)
    bare = birds_eye(result(np.eye(4), wire), size=200, side=40.0)
    drawn = np.argwhere((birds_eye(seen, size=200, side=40.0) != bare).any(-1))
    assert len(drawn) > 20
    np.testing.assert_allclose(drawn.mean(0), (100, 100), atol=6)  # 10 m ahead is the middle of the picture
    unknown = dataclasses.replace(found, class_probs=np.eye(9, dtype=np.float32)[:1])
    np.testing.assert_array_equal(birds_eye(dataclasses.replace(seen, detections=unknown), size=200, side=40.0), bare)
