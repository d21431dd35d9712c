"""Canvas, augmentation, targets and decoding: arrays in, arrays out, without torch."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from training.worlds import GRID, TINY, scene

from autonomy_perception.networks.layout import DETECTED, Layout
from autonomy_perception.ops.canvas import CANVAS
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.training.augment import Move, augmented, moved, spoiled
from autonomy_perception.training.canvas import CanvasMaker
from autonomy_perception.training.config import AugmentConfig
from autonomy_perception.training.decode import decoded
from autonomy_perception.training.scene import IGNORED, Objects, Points
from autonomy_perception.training.targets import encoded_layers, encoded_objects

FULL, Z_SCALE = 32, 4.0  # as ops.canvas says
MOVES = st.builds(Move, st.booleans(), st.floats(-3.1, 3.1), st.floats(0.8, 1.25))


def on_plain(*extra: tuple[float, float, float]) -> Points:
    """A dense plain with further returns; intensity 0.5."""
    rng = np.random.default_rng(1)
    xyz = np.column_stack([rng.uniform(-12, 12, (20000, 2)), np.zeros(20000)])
    xyz = np.concatenate([xyz, np.reshape(extra, (-1, 3))]).astype(np.float32)
    n = len(xyz)
    return Points(
        xyz,
        np.full(n, 0.5, np.float32),
        np.zeros(n, np.uint16),
        np.zeros(n, np.uint8),
        np.array([(0, 0, 2)], np.float32),
    )


def test_canvas_of_a_plain_with_a_post_and_a_bridge() -> None:
    post = [(5.1, 5.1, z) for z in np.arange(0.05, 1.3, 0.05)]
    bridge = [(-5.1, 3.1, 5.0)] * 3
    canvas = CanvasMaker(GRID.bev, CpuLibrary()).fill(on_plain(*post, *bridge))
    layer = dict(zip(CANVAS, canvas, strict=True))
    assert canvas.shape == (len(CANVAS), 32, 32)
    assert canvas.dtype == np.float32
    (ix, iy), (bx, by) = GRID.bev.cells(np.array([(5.1, 5.1), (-5.1, 3.1)]))
    assert layer["z_max"][iy, ix] == pytest.approx(1.25 / Z_SCALE, abs=0.02)
    assert layer["height_max"][iy, ix] == pytest.approx(1.25 / Z_SCALE, abs=0.02)
    assert layer["stands_090"][iy, ix] > 0 and layer["stands_160"][iy, ix] == 0
    assert layer["overhang"][by, bx] == pytest.approx(math.log1p(3) / math.log1p(FULL))
    assert layer["height_max"][by, bx] == 0
    free = layer["density"] > 0
    free[[iy, by], [ix, bx]] = False
    assert (layer["ground_share"][free] == 1).all()
    assert (layer["height_max"][free] == 0).all()
    np.testing.assert_allclose(layer["intensity_mean"][free], 0.5)
    assert np.abs(layer["x_offset"]).max() <= 0.5 and np.abs(layer["y_offset"]).max() <= 0.5
    count = np.expm1(layer["density"] * math.log1p(FULL))
    cells = GRID.bev.cells(on_plain(*post, *bridge).xyz)
    assert count.sum() == pytest.approx(np.count_nonzero(GRID.bev.inside(cells)), rel=0.01)


def test_canvas_of_nothing() -> None:
    nothing = on_plain().take(np.zeros(20000, np.bool_))
    assert not CanvasMaker(GRID.bev, CpuLibrary()).fill(nothing).any()


@given(MOVES)
def test_everything_moves_together(move: Move) -> None:
    before, after = scene(), moved(scene(), move, GRID.bev)
    # distances from the lidar to a return, and from returns to the box, scale; so does what the layers say of places
    was = np.linalg.norm(before.points.xyz - before.points.origins[before.points.lidar], axis=1)
    now = np.linalg.norm(after.points.xyz - after.points.origins[after.points.lidar], axis=1)
    np.testing.assert_allclose(now, was * move.scale, rtol=1e-4)

    def in_box(s, k):
        c, w = math.cos(s.objects.yaw[0]), math.sin(s.objects.yaw[0])
        d = s.points.xyz[k] - s.objects.center[0]
        return np.array([c * d[0] + w * d[1], -w * d[0] + c * d[1], d[2]]) / s.objects.size[0]

    mirror = np.array([1.0, -1.0 if move.mirrored else 1.0, 1.0])
    np.testing.assert_allclose(in_box(after, 7), in_box(before, 7) * mirror, atol=1e-4)
    o = after.objects
    ahead = (before.objects.velocity[0] @ [math.cos(0.5), math.sin(0.5)]) * move.scale
    assert o.velocity[0] @ [math.cos(o.yaw[0]), math.sin(o.yaw[0])] == pytest.approx(ahead, abs=1e-4)
    x, y = np.meshgrid(*GRID.bev.centers())
    old = np.einsum("ij,jyx->iyx", np.linalg.inv(move.matrix[:2, :2]), np.stack([x, y]))
    known = np.isfinite(after.layers.elevation)
    plane = (0.1 * old[0] + 0.2 * old[1]) * move.scale
    assert np.abs(after.layers.elevation - plane)[known].max() < 0.3 * 0.8 / 2 * move.scale + 1e-3
    assert (after.layers.terrain[~known] == IGNORED).all() and not after.layers.observed[~known].any()


def test_no_move_changes_nothing() -> None:
    before, after = scene(), moved(scene(), Move(), GRID.bev)
    for name in ("terrain", "drivable", "elevation", "observed", "known"):
        np.testing.assert_array_equal(getattr(after.layers, name), getattr(before.layers, name))
    np.testing.assert_allclose(after.points.xyz, before.points.xyz)
    np.testing.assert_allclose(after.objects.yaw, before.objects.yaw, atol=1e-6)


def test_spoiled_returns_stay_on_their_rays() -> None:
    config = AugmentConfig(drop_points=0.5, drop_beams=0.5, range_noise=0.1)
    before = scene().points
    after = spoiled(before, config, np.random.default_rng(3))
    assert 0 < len(after.xyz) < len(before.xyz)
    rays = (after.xyz - after.origins[after.lidar]).astype(np.float64)
    old = (before.xyz - before.origins[before.lidar]).astype(np.float64)
    cosine = (rays / np.linalg.norm(rays, axis=1, keepdims=True)) @ (old / np.linalg.norm(old, axis=1, keepdims=True)).T
    assert cosine.max(1).min() > 1 - 1e-6
    assert (after.intensity >= 0).all() and (after.intensity <= 1).all()
    again = spoiled(before, config, np.random.default_rng(3))
    np.testing.assert_array_equal(after.xyz, again.xyz)


def test_augmented_follows_from_the_generator() -> None:
    one, other = (augmented(scene(), AugmentConfig(), GRID.bev, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(one.points.xyz, other.points.xyz)
    np.testing.assert_array_equal(one.layers.terrain, other.layers.terrain)


@given(
    st.lists(
        st.tuples(st.integers(0, 8), st.floats(-12, 12), st.floats(-12, 12), st.floats(-3, 3), st.floats(0.3, 12)),
        max_size=6,
        unique_by=lambda t: (t[0], t[1] // 4, t[2] // 4),
    )
)
def test_what_is_encoded_is_decoded(drawn: list[tuple[int, float, float, float, float]]) -> None:
    n = len(drawn)
    kind, x, y, yaw, size = (np.array(c) for c in zip(*drawn, strict=True)) if n else (np.zeros(0),) * 5
    objects = Objects(
        kind.astype(np.int64), np.stack([x, y, 0.1 * size], 1).astype(np.float32), np.stack([size, size / 2, size / 3], 1).astype(np.float32),
        yaw.astype(np.float32), np.stack([x / 2, y / 2], 1).astype(np.float32), np.ones(n, np.int32),
    )  # fmt: skip
    layout = Layout(TINY)
    target = encoded_objects(objects, layout)
    assert target["heatmap"].shape == (len(DETECTED), *layout.coarse)
    assert (target["heatmap"] == 1).sum() == len(
        {(k, *c) for k, c in zip(kind.tolist(), target["cell"].tolist(), strict=True)}
    )
    box = np.zeros((10, *layout.coarse), np.float32)
    for cell, values in zip(target["cell"], target["box"], strict=True):
        box[:, cell[0], cell[1]] = values
    alone = np.where(target["heatmap"] == 1, 9.0, -9.0).astype(np.float32)
    found = decoded(alone, box, layout)
    for k in range(len(found.kind)):
        same = np.flatnonzero(
            (objects.kind == found.kind[k]) & (np.linalg.norm(objects.center - found.center[k], axis=1) < 1e-3)
        )
        if not len(same):  # two centres in one cell: the box is that of the later one
            assert len({tuple(c) for c in target["cell"].tolist()}) < n
            continue
        np.testing.assert_allclose(found.size[k], objects.size[same[0]], rtol=1e-4)
        np.testing.assert_allclose(found.velocity[k], objects.velocity[same[0]], atol=1e-4)
        assert math.cos(found.yaw[k] - objects.yaw[same[0]]) > 1 - 1e-5


def test_objects_without_a_return_are_not_demanded() -> None:
    one = scene().objects
    unseen = Objects(one.kind, one.center, one.size, one.yaw, one.velocity, np.zeros(1, np.int32))
    target = encoded_objects(unseen, Layout(TINY))
    assert not target["heatmap"].any() and not len(target["cell"])
    assert target["unseen"].any() and not encoded_objects(one, Layout(TINY))["unseen"].any()


def test_only_what_was_observed_is_demanded() -> None:
    layers = scene().layers
    layers.observed[:16] = False
    layers.elevation[20] = np.nan
    target = encoded_layers(layers)
    assert (target["terrain"][:16] == IGNORED).all() and (target["terrain"][16:] != IGNORED).all()
    assert not target["drivable_known"][:16].any() and not target["elevation_known"][20].any()
    assert (target["visibility"][:16] == 0).all() and target["visibility_known"].all()
