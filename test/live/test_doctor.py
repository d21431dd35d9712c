"""Doctor: each failure is found and comes with its remedy; the transport is proved with real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from autonomy_perception.inference.choose import Probe
from autonomy_perception.live import checkup, transport_probe
from autonomy_perception.nodes import environment, shared_memory

ROOT = Path(__file__).resolve().parents[2]
Usage = namedtuple("Usage", "total used free")


def test_missing_kernels_are_told_with_the_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from autonomy_perception.ops.library import CpuLibrary

    monkeypatch.setattr(checkup, "CpuLibrary", lambda: CpuLibrary(tmp_path / "libap_cpu.so"))
    (finding,) = checkup.kernels()
    assert (finding.state, finding.remedy) == ("failed", "make kernels") and "libap_cpu.so is missing" in finding.text


def test_missing_interfaces_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkup.importlib.util, "find_spec", lambda name: None if name == "grid_map_msgs" else name)
    (finding,) = checkup.interfaces()
    assert finding.state == "failed" and finding.text == "not installed: grid_map_msgs" and finding.remedy


def test_small_shared_memory_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shared_memory, "SHM", tmp_path)
    monkeypatch.setattr(checkup.shutil, "disk_usage", lambda folder: Usage(64 << 20, 0, 64 << 20))
    (finding,) = checkup.shm()
    assert finding.state == "failed" and "64 MB free" in finding.text and "--shm-size" in finding.remedy


def test_the_rule_for_runtimes_is_printed_and_what_it_takes_here(monkeypatch: pytest.MonkeyPatch) -> None:
    probes = dict.fromkeys(checkup.choose.RUNTIMES, Probe(False, "not installed"))
    monkeypatch.setattr(checkup.choose, "probe_all", lambda: probes)
    *each, last = checkup.runtimes()
    assert [f.text for f in each] == ["not installed"] * 4 and (last.state, last.remedy) == ("absent", "make setup")
    probes["onnxruntime"] = Probe(True, "1 on the CPU")
    *each, last = checkup.runtimes()
    assert each[2].state == "ok" and last.text.endswith(
        "tensorrt, tensorrt_rtx, onnxruntime, openvino; here: onnxruntime"
    )


def test_a_model_that_is_refused_fails_with_its_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    monkeypatch.setattr(checkup.paths, "share", lambda: tmp_path)
    (finding,) = checkup.models()
    assert finding.state == "absent" and "mode GEOMETRIC" in finding.text
    (tmp_path / "models" / "net.yaml").write_text("name: net")
    (finding,) = checkup.models()
    assert (finding.check, finding.state) == ("model net", "failed") and "licence" in finding.text


@pytest.mark.parametrize(
    ("result", "state"),
    [((20, 20, 6.0, 9.0), "ok"), ((20, 3, 6.0, 9.0), "failed"), ((20, 20, 90.0, 120.0), "failed")],
)
def test_transport_verdicts(monkeypatch: pytest.MonkeyPatch, result: tuple[float, ...], state: str) -> None:
    monkeypatch.setattr(transport_probe, "measure", lambda: transport_probe.ProbeResult(*result))  # type: ignore[arg-type] # ints
    (finding,) = checkup.transport()
    assert finding.state == state and bool(finding.remedy) == (state == "failed")


def test_transport_is_not_tried_without_ros(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkup, "CHECKS", (checkup.ros, checkup.transport))
    monkeypatch.setitem(sys.modules, "rclpy", None)
    ros, transport = checkup.all_findings()
    assert ros.state == "failed" and "setup.bash" in ros.remedy
    assert transport.state == "failed" and transport.text.startswith("not tried")


def test_what_the_user_has_set_stays() -> None:
    mine = {"FASTRTPS_DEFAULT_PROFILES_FILE": "/mine.xml", "MALLOC_TOP_PAD_": "1", "AMENT_PREFIX_PATH": "/opt/ros/x"}
    env = environment.of_node(mine)
    assert mine.items() <= env.items() and "FASTDDS_DEFAULT_PROFILES_FILE" not in env
    assert "FASTDDS_DEFAULT_PROFILES_FILE" not in environment.of_node({"RMW_IMPLEMENTATION": "rmw_cyclonedds_cpp"})


@pytest.mark.parametrize(
    ("distro", "variable"), [("", "FASTDDS"), ("kilted", "FASTDDS"), ("jazzy", "FASTRTPS"), ("humble", "FASTRTPS")]
)
def test_profile_variable_of_the_distribution(distro: str, variable: str) -> None:
    added = environment.additions({"ROS_DISTRO": distro})
    assert Path(added[f"{variable}_DEFAULT_PROFILES_FILE"]).read_text().startswith("<?xml")
    assert sum(name.endswith("_PROFILES_FILE") for name in added) == 1


@pytest.mark.live
def test_doctor_on_this_machine(live_env: dict[str, str]) -> None:
    command = [sys.executable, "-m", "autonomy_perception.cli.main", "doctor", "--json"]
    done = subprocess.run(command, env=live_env, cwd=ROOT, capture_output=True, text=True, timeout=100)
    findings = {f["check"]: f for f in json.loads(done.stdout.splitlines()[-1])}
    assert list(findings) == [
        "package",
        "ROS 2",
        "interfaces",
        "kernels",
        "GPU",
        *checkup.choose.RUNTIMES,
        "networks",
        "models",
        "shared memory",
        "transport",
    ]
    assert findings["ROS 2"]["state"] == findings["interfaces"]["state"] == "ok"
    assert findings["transport"]["text"].startswith("20 of 20 messages of 6 MB"), findings["transport"]
    assert done.returncode == any(f["state"] == "failed" for f in findings.values())


@pytest.mark.live
def test_probe_without_a_partner_says_so(live_env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    code = "from autonomy_perception.live import transport_probe as t; import sys; t.TIMEOUT_S = 2.5; sys.exit(t.main('receive'))"
    done = subprocess.run([sys.executable, "-c", code], env=live_env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "the other process was not found" in done.stdout
