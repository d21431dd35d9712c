"""Samples become scenes: classes, own vehicle, objects; what is broken is named."""

from pathlib import Path

import numpy as np
import pytest
from training.worlds import arrays, write_samples

from autonomy_perception.config import ConfigError
from autonomy_perception.networks.layout import DETECTED, TERRAIN
from autonomy_perception.road_users import ObjectClass
from autonomy_perception.simulation.io.dataset import DatasetSetup, SampleMaker, manifest
from autonomy_perception.simulation.sensors.rig import default_rig
from autonomy_perception.simulation.world.materials import GROUND, Semantic
from autonomy_perception.training.samples import _OF_SEMANTIC, SampleStore, _scene


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_samples(tmp_path / "samples", range(3))


def test_points_objects_and_layers(folder: Path) -> None:
    store = SampleStore([folder])
    assert len(store) == 3
    scene, raw = store[1], arrays(1)
    assert scene.name == "samples/1"
    assert scene.group == "plain"
    np.testing.assert_array_equal(scene.points.xyz, raw["xyz"][:4200])  # not those on the own vehicle
    np.testing.assert_allclose(scene.points.origins, [(0, 0, 2)])
    assert [DETECTED[k] for k in scene.objects.kind] == [ObjectClass.CAR, ObjectClass.PEDESTRIAN, ObjectClass.UNKNOWN]
    np.testing.assert_allclose(scene.objects.center[2], (8, -5, 0.4))
    assert scene.objects.points.tolist() == [200, 0, 6]
    layers = scene.layers
    blocked = raw["bev_state"] == 100
    assert (layers.terrain[blocked] == TERRAIN.index("obstacle")).all()
    assert (layers.terrain[(raw["bev_class"] == Semantic.ROAD) & ~blocked] == TERRAIN.index("asphalt")).all()
    assert not layers.observed[~raw["bev_visible"]].all()
    cells = layers.grid.cells(scene.points.xyz)
    cells = cells[layers.grid.inside(cells)]
    assert layers.observed[cells[:, 1], cells[:, 0]].all()


class Arrays(dict):
    """Arrays by name, as an opened file gives them."""

    @property
    def files(self) -> list[str]:
        return list(self)


def test_boxes_lie_where_their_returns_are_and_origins_are_the_samples_own() -> None:
    a, n = Arrays(arrays(1)), 2
    a["sweep"] = (np.arange(len(a["xyz"])) % 2).astype(np.uint8)
    a["T_ego_lidar"] = np.tile(np.eye(4), (1, 1, 1))
    a["T_ego_lidar"][0, :3, 3] = (1.0, 0.5, 2.5)
    a["object_yaw_rate"] = np.zeros(n, np.float32)
    a["object_scan_points"] = np.array([[[30, 170]], [[0, 0]]], np.int32)
    a["object_scan_time"] = np.array([[[-0.1, -0.05]], [[np.nan, np.nan]]], np.float32)
    setup = {"grid_side": 25.6, "grid_resolution": 0.8}
    scene = _scene(a, {"lidars": ["top"]}, setup, "one")
    assert len(scene.points.xyz) == 2100  # past frames and the own vehicle are left out
    np.testing.assert_allclose(scene.points.origins, [(1.0, 0.5, 2.5)])
    away = scene.objects.center[:2] - a["object_center"]
    np.testing.assert_allclose(away, [(-0.15, -0.05, 0.0), (0.0, 0.0, 0.0)], atol=1e-6)


def test_every_kind_of_ground_has_one_class() -> None:
    named = [s for members in _OF_SEMANTIC.values() for s in members]
    assert len(named) == len(set(named))
    assert set(named) == {*GROUND, Semantic.STRUCTURE, Semantic.OBJECT}
    assert set(_OF_SEMANTIC) == set(TERRAIN)


def test_what_is_broken_is_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere: expected a folder of simulate --dataset"):
        SampleStore([tmp_path / "nowhere"])
    store = SampleStore([folder])
    shard = folder / "shard-000000.tar"
    data = bytearray(shard.read_bytes())
    data[600:2000] = b"\0" * 1400
    shard.write_bytes(bytes(data))
    with pytest.raises(ConfigError, match=r"shard-000000.tar: sample 0 is broken"):
        store[0]
    for path in folder.glob("shard-*"):
        path.unlink()
    with pytest.raises(ConfigError, match="expected shards, found none"):
        SampleStore([folder])


def test_the_simulator_s_samples_are_read() -> None:
    setup = DatasetSetup(
        samples=1, scenario="yard", weather="clear", time_of_day="noon", rig=default_rig(), drive_s=1.0, cameras=False,
        grid_side=51.2, grid_resolution=0.8,
    )  # fmt: skip
    sample = SampleMaker(setup).make(3)

    class Arrays(dict):
        files = tuple(sample.arrays)

    scene = _scene(Arrays(sample.arrays), dict(sample.info), manifest(setup)["setup"], "one")
    assert len(scene.points.xyz) == np.count_nonzero(sample.arrays["semantic"] != Semantic.EGO) > 10_000
    assert scene.layers.terrain.shape == (64, 64)
    assert 0.1 < scene.layers.observed.mean() < 1.0
    assert (scene.layers.terrain[scene.layers.observed] == TERRAIN.index("asphalt")).mean() > 0.5
    assert len(scene.objects.kind) == len(sample.arrays["object_label"]) - np.count_nonzero(
        sample.arrays["object_label"] == ObjectClass.UNKNOWN
    ) + np.count_nonzero(np.isin(sample.arrays["structure_kind"], (8, 9)))
