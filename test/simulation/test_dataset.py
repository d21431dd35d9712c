"""Training samples: the same from their seed alone, whole shards only, gone on with after a kill."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from autonomy_perception.config import ConfigError
from autonomy_perception.geometry import rotation_z
from autonomy_perception.simulation.drive import SyntheticDrive
from autonomy_perception.simulation.io import dataset
from autonomy_perception.simulation.io.claim import MANIFEST, shard_path
from autonomy_perception.simulation.io.dataset import DatasetSetup, SampleMaker, manifest, read_shard, write_dataset
from autonomy_perception.simulation.io.make_sample import make_sample
from autonomy_perception.simulation.io.sample import ARRAYS, PIXEL
from autonomy_perception.simulation.io.source import libraries
from autonomy_perception.simulation.sensors.rig import Rig, default_rig, load_rig
from autonomy_perception.simulation.truth.truth import OCCUPIED
from autonomy_perception.simulation.world.materials import Semantic


def setup_of(**fields):
    given = {
        "scenario": "highway",
        "weather": "clear",
        "time_of_day": "noon",
        "drive_s": 2.0,
        "cameras": False,
        "shard_samples": 2,
    }
    return DatasetSetup(**(given | {"samples": 3, "rig": default_rig()} | fields))


def digests(folder):
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("set") / "samples"
    seen = []
    assert write_dataset(setup_of(), folder, 2, seen.append) == 3
    assert seen[0] == 0
    assert seen[-1] == 3
    assert seen == sorted(seen)
    return folder


def test_shards_and_manifest(made):
    assert sorted(p.name for p in made.iterdir()) == [MANIFEST, *(f"shard-{k:06d}.tar" for k in range(2))]
    samples = [s for k in range(2) for s in read_shard(shard_path(made, k))]
    assert [s.info["seed"] for s in samples] == [0, 1, 2]
    stated = json.loads((made / MANIFEST).read_text())
    assert stated["setup"]["samples"] == 3
    assert stated["classes"]["object"]["PEDESTRIAN"] == 7
    first = samples[0].arrays
    assert set(first) <= set(ARRAYS)
    n = len(first["xyz"])
    assert n > 30_000
    assert all(len(first[k]) == n for k in ("intensity", "time", "ring", "lidar", "sweep", "semantic", "instance"))
    assert first["bev_state"].shape == (200, 200)


def test_what_a_sample_says_agrees_with_itself(made):
    """Ground returns lie on the elevation of their cell; boxes hold their returns; nothing blocked is drivable."""
    world = SyntheticDrive(0, 2.0, scenario="highway", cameras=False).world
    for sample in read_shard(shard_path(made, 0)):
        a = sample.arrays
        cells = np.floor(a["xyz"][:, :2] / 0.5 + 100).astype(int)
        ok = ((cells >= 0) & (cells < 200)).all(1)
        road = ok & (a["semantic"] == 1)
        iy, ix = cells[road, 1], cells[road, 0]
        assert np.mean(a["bev_class"][iy, ix] == 1) > 0.9
        assert np.nanpercentile(np.abs(a["xyz"][road, 2] - a["bev_elevation"][iy, ix]), 95) < 0.12
        blocked = a["bev_state"] == OCCUPIED
        assert blocked.any()
        assert (a["bev_drivable"][blocked] == 0).all()
        assert (a["bev_traversability"][blocked] == 0).all()
        assert (a["bev_traversability"][a["bev_ditch"]] == 0).all()
        for k, number in enumerate(a["object_number"]):
            mine = a["xyz"][a["instance"] == number]
            assert len(mine) == a["object_points"][k]
            if a["object_points"][k] >= 30 and np.hypot(*a["object_velocity"][k]) < 0.1:
                away = np.abs(mine - a["object_center"][k]).max(0)
                assert np.linalg.norm(away[:2]) < 0.5 * np.linalg.norm(a["object_size"][k][:2]) + 0.3
        numbers = a["structure_number"]
        assert set(np.unique(a["instance"][a["semantic"] == Semantic.STRUCTURE]).tolist()) <= set(numbers.tolist())
        for k, number in enumerate(numbers):
            assert a["structure_kind"][k] == world.structure(int(number)).kind
            mine = a["xyz"][a["instance"] == number]
            assert len(mine) == a["structure_points"][k]
            turn = rotation_z(float(a["structure_yaw"][k]))
            away = np.abs((mine - a["structure_center"][k]) @ turn)
            assert (away < 0.5 * a["structure_size"][k] + 0.3).all()  # odometry and range are as measured
        assert len(np.unique(a["structure_kind"])) > 3
        assert ((a["object_visibility"] >= 0) & (a["object_visibility"] <= 1)).all()
        assert (a["object_points"][a["object_visibility"] == 0] == 0).all()


def test_a_sample_follows_from_its_seed_alone(made):
    alone = SampleMaker(setup_of()).make(1)
    among = list(read_shard(shard_path(made, 0)))[1]
    assert among.info == alone.info
    assert alone.files("k") == among.files("k")


def small_rig():
    """That of nuScenes with few pixels."""
    rig = load_rig("nuscenes")
    cameras = {n: c.model_copy(update={"width": 160, "height": 90, "K": None}) for n, c in rig.setup.cameras.items()}
    return Rig.of("small", rig.setup.model_copy(update={"cameras": cameras}), rig.stated)


def test_without_the_labels_of_pixels():
    setup = setup_of(cameras=True, pixel_labels=False, scenario="yard", drive_s=0.5, rig=small_rig())
    sample = SampleMaker(setup).make(0)
    assert sample.images["cam_front"]
    assert {k[10:] for k in sample.arrays if k.startswith("cam_front_")} == {"K", "D", "T_ego_camera"}


def test_with_camera():
    sample = SampleMaker(setup_of(cameras=True)).make(16)
    image = cv2.imdecode(np.frombuffer(sample.images["front"], np.uint8), cv2.IMREAD_COLOR)
    a = sample.arrays
    seen = np.concatenate([a["instance"], a["front_instance"].ravel()])
    assert set(np.unique(seen[seen >= 1000]).tolist()) <= set(a["structure_number"].tolist())
    for layer in ("semantic", "instance", "depth"):
        assert sample.arrays[f"front_{layer}"].shape == image.shape[:2]
    assert set(sample.info["cameras"]) == {"front"}
    assert {k.replace("front_", "CAMERA_") for k in sample.arrays} == set(ARRAYS)
    sky = a["front_semantic"] == PIXEL["SKY"]
    assert (sky == np.isinf(a["front_depth"])).all()
    assert 0.05 < sky.mean() < 0.9
    assert a["bev_pixels"].sum() > 0.1 * np.count_nonzero(~sky)


SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, {here!r})
from test_dataset import setup_of
from autonomy_perception.simulation.io.dataset import write_dataset
if __name__ == "__main__":
    write_dataset(setup_of(), Path({folder!r}), 1)
"""


def test_a_killed_run_is_gone_on_with(made, tmp_path):
    folder, script = tmp_path / "killed", tmp_path / "run.py"
    script.write_text(SCRIPT.format(here=str(Path(__file__).parent), folder=str(folder)))
    run = subprocess.Popen([sys.executable, str(script)], start_new_session=True)
    deadline = time.monotonic() + 120
    while not shard_path(folder, 0).exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    whole = [p.name for p in folder.glob("shard-*.tar")]
    assert whole
    assert len(whole) < 2
    left = digests(folder)
    done = []
    again = write_dataset(setup_of(), folder, 1, done.append)
    assert again == 1
    assert done[0] == 2
    assert digests(folder) == digests(made)
    assert all(left[name] == digests(folder)[name] for name in whole)
    assert write_dataset(setup_of(), folder, 2) == 0


@pytest.mark.parametrize(
    "whom",
    [
        pytest.param(os.killpg, id="all processes"),
        pytest.param(os.kill, id="the first", marks=pytest.mark.long),
    ],
)
def test_an_interrupt_ends_the_run(tmp_path, whom):
    """Ctrl-C reaches every process, a supervisor's signal only the first: nothing that is queued is made any more."""
    heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"  # whatever runs the tests ignores
    folder, main = tmp_path / "stopped", f"{heard}; from autonomy_perception.cli.main import main; main()"
    words = f"simulate --dataset {folder} --scenario yard --duration 2 --no-cameras --samples 640 --workers 2"
    command = [sys.executable, "-c", main, *words.split()]
    run = subprocess.Popen(command, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not [*folder.glob(".shard-*")] and time.monotonic() < deadline:
        time.sleep(0.02)
    whom(run.pid, signal.SIGINT)
    out, err = run.communicate(timeout=80)  # until the last process that has the streams is gone
    assert run.returncode == 130, err
    assert out.strip() == ""
    assert err.splitlines() == [
        f"simulate: stopped; the shards in {folder} are whole, the same command goes on with the rest"
    ]
    assert [p.name for p in folder.iterdir()] == [MANIFEST]


@pytest.mark.parametrize("ignored", [False, True])
def test_workers_end_on_an_interrupt_unless_the_run_ignores_it(ignored):
    """A run in the background of a script ignores the terminal's Ctrl-C, and so must its workers."""
    kind = "SIG_IGN" if ignored else "SIG_DFL"
    words = (
        f"import os, signal; signal.signal(signal.SIGINT, signal.{kind})\n"
        "from autonomy_perception.simulation.io.workers import end_on_interrupt\n"
        "end_on_interrupt(); os.kill(os.getpid(), signal.SIGINT); print('on')"
    )
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == ((0, "on\n") if ignored else (-signal.SIGINT, "")), done.stderr


def test_samples_of_an_older_format_are_refused_with_a_sentence(tmp_path):
    older = manifest(setup_of()) | {"format": dataset.FORMAT.replace("version 2", "version 1")}
    (tmp_path / MANIFEST).write_text(json.dumps(older))
    with pytest.raises(ConfigError, match=r"dataset\.json.*another format.*version 1.*version 2.*another folder"):
        write_dataset(setup_of(), tmp_path, 1)


def test_another_setup_is_refused(made):
    with pytest.raises(ConfigError, match=r"setup\.seed.*0.*now asked for 7"):
        write_dataset(setup_of(seed=7), made, 1)


def test_another_version_of_a_library_is_refused(made, monkeypatch):
    monkeypatch.setattr(dataset, "libraries", lambda: libraries() | {"numpy": "0.0"})
    with pytest.raises(ConfigError, match=r"libraries\.numpy.*now asked for '0\.0'"):
        write_dataset(setup_of(), made, 1)


class Enough(Exception):
    """Ends a run before its processes start."""


def test_a_manifest_without_shards_binds_nobody_but_while_a_run_goes_on(tmp_path):
    """A rig that turns out wrong in the first world can be corrected; two runs never mix their shards."""
    (tmp_path / MANIFEST).write_text(json.dumps(manifest(setup_of(seed=7))))

    def at_work(done):
        with pytest.raises(ConfigError, match=r"setup\.seed.*with 0.*now asked for 7"):
            write_dataset(setup_of(seed=7), tmp_path, 1)
        raise Enough

    with pytest.raises(Enough):
        write_dataset(setup_of(), tmp_path, 1, at_work)
    assert json.loads((tmp_path / MANIFEST).read_text())["setup"]["seed"] == 0
    for foreign in ('{"format": "of somebody else"}', "3", "{"):
        (tmp_path / MANIFEST).write_text(foreign)
        with pytest.raises(ConfigError, match=MANIFEST):
            write_dataset(setup_of(), tmp_path, 1, at_work)
        assert (tmp_path / MANIFEST).read_text() == foreign


def test_every_sample_has_the_newest_image_of_a_slow_camera():
    """The camera of this rig gives an image every 83 ms, the lidar a sweep every 50 ms."""
    drive = SyntheticDrive(0, 0.5, scenario="yard", rig=small_rig(), grid=(20.0, 0.5), pixel_labels=True)
    for index, image_t in ((0, 0.0), (1, 0.083333), (2, 0.083333)):
        sample = make_sample(drive, index, {})
        assert sample.info["cameras"]["cam_front"]["time"] == pytest.approx(image_t - 0.05 * (index + 1), abs=1e-9)
        assert sample.images["cam_front"]
        assert sample.arrays["cam_front_depth"].shape == (90, 160)
    assert [len(drive.sample(index).shots) for index in range(3)] == [0, 1, 0]  # a bag has each image once
    assert bytes(drive.sample(1).shots[0].data.frame.encoded) == sample.images["cam_front"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"grid_side": 50.5}, "even number of cells of 0.5 m.*50.5 m"),
        ({"grid_ahead": 10.2}, "offset of whole ones.*10.2 m"),
        ({"past": 20}, r"past frames: expected at most 1 s of a drive of 2 s, found 2 s"),
    ],
)
def test_what_cannot_be_made_is_said_before_anything_is(tmp_path, fields, words):
    with pytest.raises(ValueError, match=words):
        write_dataset(setup_of(**fields), tmp_path / "x", 1)
    assert not (tmp_path / "x").exists()


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match="expected an empty folder"):
        write_dataset(setup_of(), tmp_path, 1)
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(("field", "allowed"), [("scenario", "demo"), ("weather", "fog"), ("time_of_day", "dusk")])
def test_names_are_checked_before_anything_is_made(tmp_path, field, allowed):
    with pytest.raises(ValueError, match=f"'nonsense'.*{allowed}"):
        write_dataset(setup_of(**{field: "nonsense"}), tmp_path / "x", 1)
    assert not (tmp_path / "x").exists()


def test_a_broken_shard_is_named(tmp_path):
    path = tmp_path / "shard-000000.tar"
    path.write_bytes(b"nothing" * 200)
    with pytest.raises(ValueError, match="shard-000000"):
        list(read_shard(path))
