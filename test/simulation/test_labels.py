"""Labels of lidar, camera and terrain tell one story: whatever one of them says, the others see at the same place."""

import numpy as np
import pytest
from simulation.insides import inside_structures, passable

from autonomy_perception import geometry
from autonomy_perception.simulation.drive import SyntheticDrive
from autonomy_perception.simulation.scenarios import SCENARIOS
from autonomy_perception.simulation.truth.truth import FREE, OCCUPIED
from autonomy_perception.simulation.world.materials import DRIVABLE, GROUND, Semantic
from autonomy_perception.simulation.world.world import FIRST_STRUCTURE

HIDING = (Semantic.WATER, Semantic.MUD)
USUAL = ("quarry", "junction")
PLACES = [
    pytest.param(("demo", 3, 27.0), id="demo", marks=pytest.mark.long),
    pytest.param(("demo", 2, 11.0), id="demo-road", marks=pytest.mark.long),
    *(
        pytest.param((name, 4, 4.0), id=name, marks=() if name in USUAL else pytest.mark.long)
        for name in SCENARIOS
        if name != "demo"
    ),
]


@pytest.fixture(scope="module", params=PLACES)
def moment(request):
    scenario, seed, start = request.param
    drive = SyntheticDrive(seed, 0.2, scenario=scenario, start_s=start)
    return drive, drive.sample(1)


def test_lidar_and_camera_agree(moment):
    """Returns of the moment of the image, laid on its pixels, meet their own instance and depth."""
    drive, sample = moment
    sweep, shot = sample.sweeps[0], sample.shots[0]
    camera, seen = drive.cameras[0], shot.data
    then = np.abs(sweep.t + sweep.data.time - shot.t) < 0.012
    own = sweep.data.semantic == Semantic.EGO
    pick = np.flatnonzero(then & ~own & (sweep.data.instance >= 0))
    T = geometry.invert(drive.world.ego.poses(np.array([shot.t]))[0] @ camera.T_base_camera)
    xyz = geometry.transform_points(T, sweep.data.xyz[pick])
    ahead = xyz[:, 2] > 1.0
    uv = np.round(xyz[ahead] @ camera.model.K.T / xyz[ahead, 2:]).astype(int)[:, :2]
    pick, depth = pick[ahead], xyz[ahead, 2]
    h, w = seen.semantic.shape
    inside = (uv[:, 0] > 0) & (uv[:, 0] < w - 1) & (uv[:, 1] > 0) & (uv[:, 1] < h - 1)
    u, v, pick, depth = uv[inside, 0], uv[inside, 1], pick[inside], depth[inside]
    assert len(pick) > 2000
    visible = np.abs(seen.depth[v, u] - depth) < 0.05 * depth + 0.2  # the camera sits lower and to the side
    assert visible.mean() > 0.75
    u, v, pick = u[visible], v[visible], pick[visible]
    inner = np.ones(len(u), bool)  # at an edge the neighbouring pixel may be meant
    for du, dv in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        inner &= seen.instance[v, u] == seen.instance[v + dv, u + du]
        inner &= seen.semantic[v, u] == seen.semantic[v + dv, u + du]
    assert np.mean(seen.instance[v, u][inner] == sweep.data.instance[pick][inner]) > 0.995
    assert np.mean(seen.semantic[v, u][inner] == sweep.data.semantic[pick][inner]) > 0.985


def test_lidar_and_terrain_agree(moment):
    _, sample = moment
    truth, sweep = sample.truth, sample.sweeps[0].data
    ground = np.isin(sweep.semantic, [int(s) for s in GROUND])
    xyz = geometry.transform_points(truth.T_odom_world, sweep.xyz[ground])
    kind = sweep.semantic[ground]
    cells = truth.grid.grid.bev.cells(xyz)
    ok = truth.grid.grid.bev.inside(cells)
    iy, ix, xyz, kind = cells[ok, 1], cells[ok, 0], xyz[ok], kind[ok]
    classes = truth.terrain.terrain_class
    same = classes[iy, ix] == kind
    inner = np.ones(len(iy), bool)
    ny, nx = classes.shape
    for dy, dx in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        inner &= classes[np.clip(iy + dy, 0, ny - 1), np.clip(ix + dx, 0, nx - 1)] == classes[iy, ix]
    assert inner.sum() > 5000
    assert same[inner].mean() > 0.98
    slope = np.tan(truth.terrain.slope[iy, ix]) * 0.5
    off = np.abs(xyz[:, 2] - truth.terrain.elevation[iy, ix]) - slope - truth.terrain.step[iy, ix]
    assert np.nanpercentile(off, 99) < 0.3  # grass is up to 0.2 m high


def test_no_return_and_no_pixel_without_its_truth(moment):
    drive, sample = moment
    truth, sweep, shot = sample.truth, sample.sweeps[0].data, sample.shots[0].data
    objects = set(truth.objects.number.tolist())
    known = {a.number for a in drive.world.actors} | {FIRST_STRUCTURE + k for k in range(len(drive.world.structures))}
    for semantic, instance in ((sweep.semantic, sweep.instance), (shot.semantic, shot.instance)):
        is_object, is_structure = semantic == Semantic.OBJECT, semantic == Semantic.STRUCTURE
        assert set(np.unique(instance[is_object]).tolist()) <= objects
        assert set(np.unique(instance[is_structure]).tolist()) <= known
        assert (instance[is_structure] >= FIRST_STRUCTURE).all()
        assert (instance[~is_object & ~is_structure] <= 0).all()
    for number, points, seen in zip(truth.objects.number, truth.objects.points, truth.objects.visibility, strict=True):
        assert points == np.count_nonzero(sweep.instance == number)
        assert 0.0 <= seen <= 1.0
        assert seen > 0.0 or points == 0


def test_what_is_blocked_is_not_drivable(moment):
    drive, sample = moment
    truth = sample.truth
    t, grid = truth.terrain, truth.grid
    blocked = grid.state == OCCUPIED
    assert (t.drivable[blocked & np.isfinite(t.drivable)] == 0.0).all()
    assert (t.traversability[blocked & np.isfinite(t.traversability)] == 0.0).all()
    assert (t.traversability[grid.ditch] == 0.0).all()
    assert not (grid.ditch & (grid.state == FREE)).any()
    drivable = t.drivable == 1.0
    hidden = np.isin(t.terrain_class, HIDING)
    if drive.world.scenario.name in ("yard", "gravel"):  # of their water and mud the depth is known
        assert not hidden.any() or drivable[hidden].any()
    else:
        assert not (hidden & (drivable | (grid.state == FREE))).any()
        assert not (t.traversability[hidden] > 0.5).any()
    assert np.isin(t.terrain_class[drivable & ~hidden], [int(s) for s in DRIVABLE]).all()
    assert (t.traversability[drivable] > 0.0).all()
    assert drivable.any()
    x, y = np.meshgrid(*grid.grid.bev.centers())
    for center, size, yaw in zip(truth.objects.center, truth.objects.size, truth.objects.yaw, strict=True):
        local = np.abs(np.stack([x - center[0], y - center[1]], -1) @ geometry.rotation_z(float(yaw))[:2, :2])
        inside = (local[..., 0] < 0.5 * size[0] - 0.05) & (local[..., 1] < 0.5 * size[1] - 0.05)
        assert not drivable[inside].any()
    own = geometry.transform_points(geometry.invert(truth.T_odom_base), np.stack([x, y, 0 * x], -1).reshape(-1, 3))
    near = np.linalg.norm(own[:, :2], axis=1).reshape(x.shape) < 2.0
    assert np.isfinite(t.elevation[near]).all()


def test_nothing_is_passable_inside_a_solid(moment):
    drive, sample = moment
    truth = sample.truth
    x, y = np.meshgrid(*truth.grid.grid.bev.centers())
    ok = passable(truth.grid, truth.terrain)
    points = np.column_stack([x[ok], y[ok], truth.terrain.elevation[ok] + 0.2])
    T_world_odom = geometry.invert(truth.T_odom_world)
    assert not inside_structures(drive.world, geometry.transform_points(T_world_odom, points)).any()
