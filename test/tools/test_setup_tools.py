"""Set-up, interface builder, locks and the package.xml check: what can be said without a network."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


def tool(name: str) -> ModuleType:
    """A script of tools/ as a module."""
    spec = importlib.util.spec_from_file_location(f"ap_tool_{name}", ROOT / "tools" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_missing_tools_name_their_apt_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    setup_env = tool("setup_env")
    assert setup_env.missing_tools() == []
    monkeypatch.setenv("PATH", str(tmp_path))
    lines = setup_env.missing_tools()
    assert [line.split()[0] for line in lines] == ["g++", "cmake", "make"]
    assert all(re.search(r"sudo apt install \S+$", line) for line in lines)


def test_an_old_cmake_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "cmake").write_text("#!/bin/sh\necho cmake version 3.18.4\n")
    (tmp_path / "cmake").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert any("3.18 is older than 3.21" in line for line in tool("setup_env").missing_tools())


def test_setup_key_follows_requirements_and_extras() -> None:
    setup_env = tool("setup_env")
    assert setup_env.setup_key([]) == setup_env.setup_key([]) != setup_env.setup_key(["train"])


def test_interface_builder_lays_out_packages(tmp_path: Path) -> None:
    build = tool("build_interfaces")
    for name, needs in (("grid_map_msgs", ["geometry_msgs", "std_msgs"]), ("tf2_msgs", ["geometry_msgs"])):
        assert build.dependencies(name, build.definitions(name)) == needs
        build.write_package(tmp_path / name, name)
        cmake = (tmp_path / name / "CMakeLists.txt").read_text()
        assert f"DEPENDENCIES {' '.join(needs)}" in cmake
        for message in (tmp_path / name / "msg").iterdir():
            assert f'"msg/{message.name}"' in cmake


def test_interfaces_of_a_ros_installation_are_left_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    build = tool("build_interfaces")
    marker = tmp_path / "ros" / "share" / "ament_index" / "resource_index" / "packages" / "grid_map_msgs"
    marker.parent.mkdir(parents=True)
    marker.touch()
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path / "ros"))
    assert build.installed_elsewhere("grid_map_msgs", tmp_path / "venv") == tmp_path / "ros"
    assert build.installed_elsewhere("tf2_msgs", tmp_path / "venv") is None
    assert build.installed_elsewhere("grid_map_msgs", tmp_path / "ros") is None, "its own prefix is not another one"


def test_locks_are_exact_and_hold_what_the_in_files_ask_for() -> None:
    lock = tool("lock_requirements")
    pinned: set[str] = set()
    for path in sorted((ROOT / "requirements").glob("*.txt")):
        for line in path.read_text().splitlines():
            if line and not line.startswith("#"):
                assert re.fullmatch(
                    r'[a-z0-9.-]+==[^ ;+]+( ; python_version == "3\.\d+"( or python_version == "3\.\d+")*)?', line
                )
                pinned.add(line.split("==")[0])
    for path in sorted((ROOT / "requirements").glob("*.in")):
        assert set(lock.names_of(path)) <= pinned, f"{path.name}: run tools/lock_requirements.py"


def test_lock_lines_have_markers_only_where_pythons_differ() -> None:
    lock = tool("lock_requirements")
    pins = {
        "numpy": {"3.10": "2.2.6", "3.11": "2.4.6", "3.12": "2.4.6"},
        "rich": dict.fromkeys(("3.10", "3.11", "3.12"), "15"),
    }
    assert lock.lines_of(pins, ["3.10", "3.11", "3.12"]) == [
        'numpy==2.2.6 ; python_version == "3.10"',
        'numpy==2.4.6 ; python_version == "3.11" or python_version == "3.12"',
        "rich==15",
    ]
    needs = {"a": ["b", "x"], "b": ["a"], "c": []}
    assert lock.closure(["a"], needs) == {"a", "b"}


def test_package_xml_holds() -> None:
    pytest.importorskip("catkin_pkg", reason="comes with ROS")
    done = subprocess.run([sys.executable, "tools/check_package_xml.py"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_package_xml_check_finds_wrong_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("catkin_pkg", reason="comes with ROS")
    check = tool("check_package_xml")
    monkeypatch.setattr(check, "ROOT", tmp_path)
    problems: list[str] = []
    (tmp_path / "package.xml").write_text('<package format="3"><name>Bad Name</name><colour>red</colour></package>')
    assert check.parsed(tmp_path / "package.xml", problems) is None and len(problems) == 1


def test_make_help_lists_every_target() -> None:
    text = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.+)$", text, re.M)
    assert phony is not None
    shown = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert [line.split()[1] for line in shown.splitlines()] == phony[1].split()


def test_torch_is_one_version_whose_build_is_chosen_at_setup() -> None:
    lock = ROOT / "requirements" / "train.txt"
    assert tool("setup_env").torch_pin(lock) == "torch==2.13.0"
    assert not [line for line in lock.read_text().splitlines() if line.startswith(("nvidia", "cuda", "triton"))]
