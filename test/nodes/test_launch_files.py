"""The launch files against stand-ins that have the constructor signatures of launch and launch_ros.

Neither is on PyPI; where they are installed the real ones are used.
"""

from __future__ import annotations

import importlib
import importlib.util
import runpy
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autonomy_perception.nodes import graph

ROOT = Path(__file__).resolve().parents[2]


class Description:
    def __init__(self, initial_entities: list[Any] | None = None) -> None:
        self.entities = initial_entities or []


class DeclareLaunchArgument:
    def __init__(self, name: str, *, default_value: str | None = None, description: str | None = None,
                 choices: list[str] | None = None) -> None:  # fmt: skip
        assert choices is None or default_value is None or default_value in choices
        self.name, self.default_value, self.description, self.choices = name, default_value, description, choices


class OpaqueFunction:
    def __init__(self, *, function: Any, args: Any = None, kwargs: Any = None) -> None:
        self.function, self.args = function, args or []

    def execute(self, context: Any) -> Any:
        return self.function(context, *self.args)


class Shutdown:
    def __init__(self, *, reason: str = "reason") -> None:
        self.reason = reason


class LaunchConfiguration:
    def __init__(self, name: str) -> None:
        self.name = name

    def perform(self, context: dict[str, str]) -> str:
        return context[self.name]


class NodeAction:
    def __init__(self, *, executable: str, package: str | None = None, name: str | None = None, parameters: Any = None,
                 remappings: Any = None, arguments: Any = None, output: str = "log", emulate_tty: bool = False,
                 additional_env: dict[str, str] | None = None, on_exit: Any = None) -> None:  # fmt: skip
        for values in parameters:
            # what launch_ros refuses when it evaluates parameters
            assert all(v != "" and v != [] and isinstance(v, bool | int | float | str | list) for v in values.values())
        assert all(isinstance(k, str) and isinstance(v, str) for k, v in (additional_env or {}).items())
        self.package, self.executable, self.name = package, executable, name
        self.parameters, self.arguments, self.env, self.on_exit = parameters, arguments, additional_env or {}, on_exit


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Modules launch and launch_ros for the duration of a test."""
    contents: dict[str, dict[str, Any]] = {
        "launch": {"LaunchDescription": Description, "LaunchContext": dict},
        "launch.actions": {"DeclareLaunchArgument": DeclareLaunchArgument, "OpaqueFunction": OpaqueFunction, "Shutdown": Shutdown},
        "launch.substitutions": {"LaunchConfiguration": LaunchConfiguration},
        "launch_ros": {},
        "launch_ros.actions": {"Node": NodeAction},
    }  # fmt: skip
    for name, members in contents.items():
        module = types.ModuleType(name)
        module.__dict__.update(members)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.delitem(sys.modules, "autonomy_perception.nodes.launching", raising=False)
    yield
    sys.modules.pop("autonomy_perception.nodes.launching", None)


def entities(name: str) -> tuple[dict[str, DeclareLaunchArgument], OpaqueFunction]:
    made = runpy.run_path(str(ROOT / "launch" / f"{name}.launch.py"))["generate_launch_description"]().entities
    return {e.name: e for e in made[:-1]}, made[-1]


def defaults(declared: dict[str, DeclareLaunchArgument]) -> dict[str, str]:
    return {n: d.default_value for n, d in declared.items() if d.default_value is not None}


@pytest.mark.usefixtures("stand_ins")
def test_vehicle_launch_takes_the_arguments_and_starts_the_table(tmp_path: Path) -> None:
    declared, starter = entities("perception")
    assert tuple(declared) == graph.LIVE and declared["vehicle"].default_value is None
    assert declared["mode"].choices == ["auto", "geometric"]
    (tmp_path / "truck.yaml").write_text("")
    context = defaults(declared) | {
        "vehicle": str(tmp_path / "truck.yaml"),
        "rviz": "true",
        "record": str(tmp_path / "bag"),
    }
    actions = starter.execute(context)
    expected = graph.nodes_for(graph.checked(graph.parsed(context)))
    assert [(a.package, a.executable, a.name, a.parameters) for a in actions] == [
        (n.package, n.executable, n.name, [p]) for n, p in expected
    ]
    assert [a.name for a in actions if a.on_exit] == ["perception"]
    rviz = next(a for a in actions if a.name == "rviz2")
    assert rviz.arguments[0] == "-d" and rviz.arguments[1].endswith("rviz/perception.rviz")
    assert all("MALLOC_MMAP_THRESHOLD_" in a.env for a in actions)


@pytest.mark.usefixtures("stand_ins")
def test_replay_launch_plays_the_bag(tmp_path: Path) -> None:
    declared, starter = entities("replay")
    assert tuple(declared) == graph.REPLAY and declared["bag"].default_value is None
    (tmp_path / "truck.yaml").write_text("")
    context = defaults(declared) | {"vehicle": str(tmp_path / "truck.yaml"), "bag": str(tmp_path), "rate": "0.5"}
    actions = {a.name: a for a in starter.execute(context)}
    expected = {"bag": str(tmp_path), "rate": 0.5, "loop": False, "wait_for_nodes": ["perception"]}
    assert actions["bag_player"].parameters == [expected]
    assert actions["bag_player"].on_exit.reason == "bag_player has ended"
    assert actions["perception"].parameters[0]["use_sim_time"] is True


@pytest.mark.usefixtures("stand_ins")
def test_wrong_argument_stops_the_launch() -> None:
    declared, starter = entities("perception")
    with pytest.raises(graph.GraphError, match="no_such_truck"):
        starter.execute(defaults(declared) | {"vehicle": "no_such_truck"})


@pytest.mark.skipif(importlib.util.find_spec("launch_ros") is None, reason="launch_ros is not installed")
@pytest.mark.parametrize("name", ["perception", "replay"])
def test_real_launch_reads_the_files(name: str) -> None:
    made = runpy.run_path(str(ROOT / "launch" / f"{name}.launch.py"))["generate_launch_description"]()
    assert [a.name for a in made.get_launch_arguments()] == list(graph.LIVE if name == "perception" else graph.REPLAY)
