"""Faults of processes, parameters, files and resources, each held to its row in faults/processes.py."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

pytest.importorskip("rclpy", reason="ROS is not installed: make setup")

from bags import import_folders
from live import fault_drive
from live.faults_common import SLACK, open_session
from nodes import drive

from autonomy_perception.bags.reader import BagReader
from autonomy_perception.bags.writer import BagWriter
from autonomy_perception.cli.main import app
from autonomy_perception.faults.processes import ENDS, FILES, LIVE, TESTED_ONLY, row
from autonomy_perception.live.faults.acts import Acts
from autonomy_perception.nodes import graph

HERE = Path(__file__)
ELSEWHERE = {"SIGKILL of the starter": HERE.parents[1] / "nodes" / "test_supervisor.py"}
"""Rows that another file's test covers, by its text."""


def holds(name: str, text: str) -> None:
    """The text has all words of a row."""
    text = " ".join(text.split())  # a console may wrap its lines
    missing = [word for word in row(name).says if word not in text]
    assert not missing, f"{name}: {missing} not in {text[-3000:]!r}"


def test_every_row_has_its_test() -> None:
    here = HERE.read_text()
    for fault in (*ENDS, *FILES):
        text = ELSEWHERE[fault.name].read_text() if fault.name in ELSEWHERE else here
        assert fault.name in ELSEWHERE or text.count(f'"{fault.name}"') >= 1, f"{fault.name}: no test names it"
    assert "test_nodes_end_when_the_supervisor_is_killed" in ELSEWHERE["SIGKILL of the starter"].read_text()


# ---------------------------------------------------------------------------------------------------- in a live graph


@pytest.mark.live
@pytest.mark.timeout(300)
def test_faults_of_processes_in_one_graph(tmp_path: Path, live_env: dict[str, str]) -> None:
    session, lines = open_session(tmp_path, live_env, ("health_monitor",))
    with session:
        acts = Acts(session, lines, tmp_path, SLACK)
        assert set(acts.by_name) == {fault.name for fault in LIVE} - {TESTED_ONLY}
        for name in acts.by_name:
            acts.run(name)
    codes = session.supervisor.codes()
    assert codes["perception"] == 0 and codes["health_monitor"] == 0, codes
    assert not any("Traceback" in line for line in lines), "\n".join(lines[-60:])


SHARED_MEMORY = """
import sys
from pathlib import Path
from autonomy_perception.live.live_run import LiveOptions, run_live
bag, vehicle, record = map(Path, sys.argv[1:])
result = run_live(LiveOptions(bag, vehicle, record=record))
print(result.code, result.frames, result.errors)
"""


@pytest.mark.live
@pytest.mark.long
def test_full_shared_memory_slows_the_graph_and_is_said(tmp_path: Path, live_env: dict[str, str]) -> None:
    bag, vehicle = fault_drive.write_drive(tmp_path), fault_drive.write_vehicle(tmp_path / "test.yaml")
    own = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    mount = "mount -t tmpfs -o size=100k tmpfs /dev/shm"
    if subprocess.run([*own, mount], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody mount a /dev/shm of their own")
    words = [sys.executable, "-c", SHARED_MEMORY, str(bag), str(vehicle), str(tmp_path / "outputs")]
    done = subprocess.run([*own, f'{mount} && exec "$0" "$@"', *words], env=live_env, capture_output=True, text=True,
                          timeout=60, check=False)  # fmt: skip
    code, frames, errors = map(int, done.stdout.split()[-3:])
    assert (code, errors) == (0, 0) and frames >= 5, done.stdout + done.stderr
    with BagReader(tmp_path / "outputs") as reader:
        said = "\n".join(s.message for _, m in reader.messages(("/diagnostics",)) for s in m.status)
    holds("/dev/shm full", said)


# ------------------------------------------------------------------------------------------------------------ the end


def start(module: str, env: dict[str, str], *parameters: str) -> subprocess.Popen[str]:
    """A node as a process of its own."""
    words = [word for p in parameters for word in ("-p", p)]
    return subprocess.Popen(
        [sys.executable, "-m", f"autonomy_perception.nodes.{module}", "--ros-args", *words], env=env, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


@pytest.mark.live
@pytest.mark.timeout(180)
def test_signals_at_any_moment_end_a_node_cleanly(tmp_path: Path, live_env: dict[str, str]) -> None:
    name = "SIGINT or SIGTERM at any moment"
    bag, vehicle = fault_drive.write_drive(tmp_path), fault_drive.write_vehicle(tmp_path / "test.yaml")
    given = f"vehicle_file:={vehicle}"
    groups = [
        [("perception_node", given), ("recorder_node", f"output:={tmp_path / 'recorded'}"), ("player_node", f"bag:={bag}"),
         ("health_node", ""), ("markers_node", "")],
        [("detector_node", given), ("tracker_node", given), ("occupancy_node", given), ("terrain_node", given), ("converter_node", "")],
    ]  # fmt: skip
    assert {f"autonomy_perception.nodes.{module}" for nodes in groups for module, _ in nodes} == {n.module for n in graph.NODES if n.module}  # fmt: skip
    moments = ((0.3, signal.SIGINT), (0.8, signal.SIGTERM), (1.6, signal.SIGINT))
    for k, (nodes, (after_s, number)) in enumerate(itertools.product(groups, moments)):
        running = [start(module, live_env, *filter(None, [given.replace("recorded", f"recorded{k}")])) for module, given in nodes]  # fmt: skip
        try:
            time.sleep(after_s)
            for process in running:
                process.send_signal(number)
            for (module, _), process in zip(nodes, running, strict=True):
                text = process.communicate(timeout=5.0 * SLACK)[0]
                if "init_import_site" in text:  # the signal came before the interpreter could run a line of ours
                    continue
                assert process.returncode in (0, -number), (
                    f"{name}: {module} after {after_s} s: {process.returncode}\n{text}"
                )
                assert "Traceback" not in text or process.returncode, f"{name}: {module} after {after_s} s:\n{text}"
        finally:
            for process in running:  # one that is left would disturb every test after this
                process.kill()
    assert not list(tmp_path.glob(".recorded*")), "no half of a recording is left"


@pytest.mark.live
def test_wrong_parameters_and_vehicles_end_a_node_with_one_line(tmp_path: Path, live_env: dict[str, str]) -> None:
    vehicle = fault_drive.write_vehicle(tmp_path / "test.yaml")
    broken = tmp_path / "broken.yaml"
    broken.write_text(vehicle.read_text().replace("intensity_max: 1.0", "intensity_max: 1.0, extrinsics: {xyz: [0, 0, 1], rpy: [.nan, 0, 0]}"))  # fmt: skip
    stages = tmp_path / "stages.yaml"
    stages.write_text("sensors: {max_points: -5}\n")
    given = f"vehicle_file:={vehicle}"
    cases = [
        ("parameter out of range at start", given, f"config_file:={stages}"),
        ("override out of range or type", given, "sensors.max_points:=-5"),
        ("override out of range or type", given, "sensors.max_points:=many"),
        ("extrinsics that are no rotation", f"vehicle_file:={broken}"),
    ]
    running = [(name, start("perception_node", live_env, *words)) for name, *words in cases]
    for name, process in running:
        text = process.communicate(timeout=20.0 * SLACK)[0]
        assert process.returncode == 2 and "Traceback" not in text, text
        holds(name, text)


# -------------------------------------------------------------------------------------------------------------- files


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return drive.write_drive(tmp_path_factory.mktemp("source") / "drive", 5)


def replay(bag: Path, folder: Path, *more: str) -> tuple[int, str]:
    vehicle = drive.write_vehicle(folder / "test.yaml")
    done = CliRunner().invoke(app, ["replay", str(bag), "--offline", "--vehicle", str(vehicle), *more])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def refused(name: str, bag: Path, folder: Path) -> None:
    """`replay` and `info` end with code 2 and the words of a row."""
    info = CliRunner().invoke(app, ["info", str(bag)])
    for code, text in (replay(bag, folder), (info.exit_code, info.output)):
        assert code == 2, text
        holds(name, text)


def copy(source: Path, folder: Path) -> tuple[Path, Path]:
    bag = Path(shutil.copytree(source, folder / "bag"))
    return bag, next(bag.glob("*.mcap"))


def test_bag_cut_off(source: Path, tmp_path: Path) -> None:
    bag, file = copy(source, tmp_path)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    refused("bag cut off", bag, tmp_path)
    (bag / "metadata.yaml").unlink()
    refused("bag without metadata", bag, tmp_path)


def test_bag_without_index_is_read(source: Path, tmp_path: Path) -> None:
    bag, file = copy(source, tmp_path)
    data = file.read_bytes()
    end = data.rfind(b"\x0f" + struct.pack("<Q", 4)) + 13  # behind the record DataEnd
    file.write_bytes(data[:end] + b"\x02" + struct.pack("<QQQI", 20, 0, 0, 0) + b"\x89MCAP0\r\n")
    code, text = replay(bag, tmp_path)
    assert code == 0 and "5 frames" in text
    holds("bag without index", text)


def test_bag_without_lidar(source: Path, tmp_path: Path) -> None:
    with BagReader(source) as reader, BagWriter(tmp_path / "blind") as writer:
        for raw in reader.raw((drive.ODOM, drive.IMAGE, drive.INFO, "/tf_static")):
            writer.write_raw(raw.topic, raw.msgtype, raw.receive_ns, raw.data)
    code, text = replay(tmp_path / "blind", tmp_path)
    assert code == 0
    holds("bag without lidar", text)


def test_not_a_bag(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").write_text("nothing of the kind")
    refused("not a bag", tmp_path, tmp_path)
    (tmp_path / "noise.mcap").write_bytes(b"\x89MCAP0\r\n" + os.urandom(5000))
    refused("noise instead of a bag", tmp_path / "noise.mcap", tmp_path)


def test_second_start_on_the_same_output(source: Path, tmp_path: Path) -> None:
    mine = tmp_path / "out"
    mine.mkdir()
    (mine / "precious.txt").write_text("mine")
    code, text = replay(source, tmp_path, "-o", str(mine))
    assert code == 2 and [p.name for p in mine.iterdir()] == ["precious.txt"]
    holds("second start on the same output", text)
    words = ["import", "kitti-object", str(import_folders.kitti_object(tmp_path / "source")), "--derive-stamps", "-o"]
    done = CliRunner().invoke(app, [*words, str(mine)])
    assert done.exit_code == 2 and [p.name for p in mine.iterdir()] == ["precious.txt"]
    holds("second start on the same output", done.output)
    assert CliRunner().invoke(app, [*words, str(tmp_path / "other")]).exit_code == 0, "the source itself is sound"
