"""Pictures: what is drawn lies where it should."""

import cv2
import numpy as np

from autonomy_perception import geometry
from autonomy_perception.evaluation.overlay import box_edges, clip_near
from autonomy_perception.evaluation.render import (
    FREE_RGB,
    OCCUPIED_RGB,
    UNKNOWN_RGB,
    Canvas,
    birds_eye,
    paint_occupancy,
    render_step,
)
from autonomy_perception.grid import WorldGrid
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
