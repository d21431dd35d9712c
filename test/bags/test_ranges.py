"""Reading part of a bag: exact borders, by the index, with what was said once before; replay from the middle."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nodes import drive
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer, storage_mcap
from typer.testing import CliRunner

from autonomy_perception.bags import messages as m
from autonomy_perception.bags.errors import BagError
from autonomy_perception.bags.events import events
from autonomy_perception.bags.reader import BagReader
from autonomy_perception.bags.replay import replay_offline
from autonomy_perception.bags.typestore import typestore
from autonomy_perception.bags.writer import BagWriter
from autonomy_perception.cli.main import app
from autonomy_perception.config import PerceptionConfig, VehicleConfig, load_vehicle
from autonomy_perception.messages.events import CameraInfoMsg, CloudMsg, ImageMsg, TfMsg
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.pipeline.build import make_pipeline
from autonomy_perception.pipeline.digest import step_digest
from autonomy_perception.runtime.runner import Output

MS = 1_000_000
FRAMES = 30
KINDS = ("plain", "split", "storage", "message", "file", "sqlite")


def compressed(source: Path, target: Path, kind: str) -> Path:
    """The bag once more, as another recorder would have written it."""
    plugin = StoragePlugin.SQLITE3 if kind == "sqlite" else StoragePlugin.MCAP
    writer = Writer(target, version=9, storage_plugin=plugin)
    if kind != "sqlite":
        writer.set_compression(CompressionMode[kind.upper()], CompressionFormat.ZSTD)
    with writer, BagReader(source) as bag:
        connections = {t: writer.add_connection(t, kind, typestore=typestore()) for t, kind in bag.topics.items()}
        for message in bag.raw():
            writer.write(connections[message.topic], message.receive_ns, message.data)
    return target


def split(source: Path, target: Path) -> Path:
    """The bag in two files, as ``ros2 bag record --max-bag-size`` writes it: all of /tf_static is in the first."""
    with BagReader(source) as bag:
        everything, topics = list(bag.raw()), bag.topics
    cut = len(everything) // 2
    for number, part in enumerate((everything[:cut], everything[cut:])):
        with BagWriter(target.parent / f"part_{number}") as out:
            for topic, msgtype in topics.items():
                out.add_topic(topic, msgtype)
            for message in part:
                out.write_raw(message.topic, message.msgtype, message.receive_ns, message.data)
    shutil.copytree(source, target)
    (target / f"{source.name}.mcap").unlink()
    for number in (0, 1):
        (target.parent / f"part_{number}" / f"part_{number}.mcap").rename(target / f"part_{number}.mcap")
    about = yaml.safe_load((target / "metadata.yaml").read_text())
    information = about["rosbag2_bagfile_information"]
    (file,) = information["files"]
    information["relative_file_paths"] = ["part_0.mcap", "part_1.mcap"]
    information["files"] = [{**file, "path": name} for name in information["relative_file_paths"]]
    (target / "metadata.yaml").write_text(yaml.safe_dump(about))
    return target


@pytest.fixture(scope="module")
def bags(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("ranges")
    out = {"plain": drive.write_drive(folder / "plain", FRAMES)}
    out["split"] = split(out["plain"], folder / "split")
    return out | {kind: compressed(out["plain"], folder / kind, kind) for kind in KINDS[2:]}


@pytest.fixture(scope="module")
def vehicle(bags: dict[str, Path]) -> VehicleConfig:
    return load_vehicle(drive.write_vehicle(bags["plain"].parent / "test.yaml"))


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(borders=st.tuples(*[st.one_of(st.none(), st.integers(-300, 100 * FRAMES + 300))] * 2), topics=st.sets(
    st.sampled_from([drive.CLOUD, drive.ODOM, "/tf_static", "/nowhere"])))  # fmt: skip
def test_a_range_is_the_part_of_the_whole(bags: dict[str, Path], kind: str, borders: Any, topics: set[str]) -> None:
    start, stop = (None if b is None else drive.START_NS + b * MS for b in borders)
    with BagReader(bags[kind]) as bag:
        whole = [(r.topic, r.receive_ns, r.data) for r in bag.raw(topics)]
        part = [(r.topic, r.receive_ns, r.data) for r in bag.raw(topics, start, stop)]
        decoded = [r.receive_ns for r, _ in bag.messages(topics, start, stop)]
    wanted = [r for r in whole if (start is None or r[1] >= start) and (stop is None or r[1] < stop)]
    assert part == wanted and decoded == [r[1] for r in wanted]


def test_the_index_leads_to_the_range(tmp_path: Path, vehicle: VehicleConfig, monkeypatch: Any) -> None:
    points = np.zeros(20_000, drive.DTYPE)
    with BagWriter(tmp_path / "b") as out:
        out.write("/tf_static", m.TF, 0, m.transforms(0, [("base_link", "lidar", np.eye(4))]))
        for k in range(60):  # two or three in a chunk
            t = k * 100 * MS
            out.write(drive.INFO, m.CAMERA_INFO, t, m.camera_info("camera", t, (160, 120), np.eye(3)))
            out.write(drive.CLOUD, m.CLOUD, t, m.cloud("lidar", t, points))
    unpacked, decompress = [], storage_mcap.decompress

    def counted(*arguments: Any) -> bytes:
        unpacked.append(arguments[2])
        return decompress(*arguments)

    monkeypatch.setattr(storage_mcap, "decompress", counted)
    assert sum(isinstance(e, CloudMsg) for e in events(tmp_path / "b", vehicle)) == 60
    whole = len(unpacked)
    unpacked.clear()
    part = list(events(tmp_path / "b", vehicle, 5800 * MS))
    assert [type(e) for e in part] == [TfMsg, CameraInfoMsg, *[CameraInfoMsg, CloudMsg] * 2]
    assert whole >= 20 and len(unpacked) <= 5, "one chunk for /tf_static, two for the range, two before it"


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_said_once_is_told_at_the_start(bags: dict[str, Path], vehicle: VehicleConfig, kind: str) -> None:
    start = drive.START_NS + 2003 * MS  # the image comes now; its CameraInfo came one millisecond ago
    found = list(events(bags[kind], vehicle, start, start + 100 * MS))
    tf, info, first = found[:3]
    assert isinstance(tf, TfMsg) and tf.static and {t.child for t in tf.transforms} == {"lidar", "camera"}
    assert isinstance(info, CameraInfoMsg) and info.stamp_ns == drive.START_NS + 2000 * MS
    assert tf.receive_ns == info.receive_ns == start
    assert isinstance(first, ImageMsg) and first.receive_ns == start
    assert [sum(isinstance(e, kind) for e in found) for kind in (TfMsg, CameraInfoMsg, CloudMsg)] == [1, 2, 1]


def test_a_camera_info_that_came_once_is_found_far_back(tmp_path: Path, vehicle: VehicleConfig) -> None:
    K = np.eye(3)
    with BagWriter(tmp_path / "b") as out:
        for second in (0, 1):
            out.write(drive.INFO, m.CAMERA_INFO, second * 10**9, m.camera_info("camera", second, (160, 120), K))
        for second in range(2, 300):
            out.write("/tf", m.TF, second * 10**9, m.transforms(second, []))
    (info,) = [e for e in events(tmp_path / "b", vehicle, 299 * 10**9) if isinstance(e, CameraInfoMsg)]
    assert info.stamp_ns == 1
    with BagReader(tmp_path / "b") as bag:
        assert bag.newest_before([drive.INFO, "/nowhere"], 0) == []


def replayed(bag: Path, vehicle: VehicleConfig, **options: Any) -> list[Output]:
    return list(replay_offline(bag, vehicle, PerceptionConfig(), CpuLibrary(), **options))


@pytest.mark.parametrize("where", [{"start_s": 1.6}, {}], ids=["said", "behind the state"])
def test_two_parts_are_the_whole_where_the_second_begins_with_the_saved_state(
    bags: dict[str, Path], vehicle: VehicleConfig, tmp_path: Path, where: dict[str, float]
) -> None:
    whole = replayed(bags["plain"], vehicle)
    first, second = (make_pipeline(PerceptionConfig(), vehicle, CpuLibrary()) for _ in range(2))
    parts = replayed(bags["plain"], vehicle, duration_s=1.6, pipeline=first)
    n = len(parts)
    first.save(tmp_path / "state")
    second.load(tmp_path / "state")
    parts += replayed(bags["split"], vehicle, **where, pipeline=second)
    assert 0 < n < len(parts) == len(whole)
    assert [step_digest(s.result) for s in parts] == [step_digest(s.result) for s in whole]


def test_a_part_begins_with_everything_known(bags: dict[str, Path], vehicle: VehicleConfig) -> None:
    steps = replayed(bags["plain"], vehicle, start_s=2.0, duration_s=0.5)
    frames = [s for s in steps if s.frame is not None]
    assert len(frames) == 5
    first = frames[0]
    assert first.frame is not None and first.frame.cameras and first.result.has_ego_motion
    assert first.result.data_stamp_ns == drive.START_NS + 1800 * MS  # the bag begins 200 ms before the first sweep


@pytest.mark.parametrize(("options", "message"), [
    ({"start_s": 1e4}, r"plain: start: expected 0 to 3\.\d+ s, which the bag is long, found 10000\.0 s"),
    ({"start_s": -1.0}, "start: expected 0 to"),
    ({"duration_s": 0.0}, "duration: expected more than 0 s, found 0.0 s"),
])  # fmt: skip
def test_a_range_outside_the_bag_says_so(
    bags: dict[str, Path], vehicle: VehicleConfig, options: dict[str, float], message: str
) -> None:
    with pytest.raises(BagError, match=message):
        replayed(bags["plain"], vehicle, **options)


def test_the_verb_replays_a_range(bags: dict[str, Path], vehicle: VehicleConfig) -> None:
    file, bag = str(bags["plain"].parent / "test.yaml"), str(bags["storage"])
    done = CliRunner().invoke(
        app, ["replay", bag, "--offline", "--vehicle", file, "--start", "1", "--duration", "1", "--json"]
    )
    assert done.exit_code == 0, done.output
    assert '"frames": 10' in done.stdout
    late = CliRunner().invoke(app, ["replay", bag, "--offline", "--vehicle", file, "--start", "99"])
    assert late.exit_code == 2 and "which the bag is long, found 99.0 s" in late.output
    live = CliRunner().invoke(app, ["replay", bag, "--ros", "--vehicle", file, "--start", "1"])
    assert live.exit_code == 2 and "--start, --duration" in live.output


def test_the_command_goes_on_from_a_state_and_refuses_one_of_nothing(bags: dict[str, Path], tmp_path: Path) -> None:
    car = str(drive.write_vehicle(tmp_path / "test.yaml"))
    words = ["replay", str(bags["plain"]), "--offline", "--vehicle", car, "--json"]
    first = CliRunner().invoke(app, [*words, "--duration", "1.6", "--save-state", str(tmp_path / "state.npz")])
    rest = CliRunner().invoke(app, [*words, "--load-state", str(tmp_path / "state.npz")])
    assert first.exit_code == rest.exit_code == 0, rest.output
    frames = [json.loads(next(t for t in r.output.splitlines() if t.startswith("{")))["frames"] for r in (first, rest)]
    assert sum(frames) == FRAMES and all(frames)
    wrong = CliRunner().invoke(app, [*words, "--load-state", car])
    assert wrong.exit_code == 2 and "not the saved state of a pipeline" in wrong.output
