"""The table of nodes: arguments, parameters, and what setup.cfg installs."""

from __future__ import annotations

import configparser
import dataclasses
import importlib.util
from pathlib import Path

import pytest

from autonomy_perception import paths
from autonomy_perception.nodes import graph

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def vehicle(tmp_path: Path) -> str:
    """A file that stands for a vehicle."""
    path = tmp_path / "truck.yaml"
    path.write_text("name: truck\n")
    return str(path)


def names(arguments: graph.Arguments) -> list[str]:
    return [node.name for node, _ in graph.nodes_for(graph.checked(arguments))]


def test_live_graph_has_no_player_and_no_recorder(vehicle: str) -> None:
    assert names(graph.Arguments(vehicle=vehicle)) == ["perception", "health_monitor", "markers"]


def test_split_starts_a_node_for_each_stage_instead_of_the_composed_one(vehicle: str, tmp_path: Path) -> None:
    split = graph.Arguments(vehicle=vehicle, stages="split")
    stages = ["detector", "tracker", "occupancy_grid", "terrain"]
    assert names(split) == [*stages, "health_monitor", "markers"]
    assert names(dataclasses.replace(split, detector=False)) == [*stages[1:], "health_monitor", "markers"]
    assert "converter" in names(dataclasses.replace(split, convert=True)) and "converter" not in names(split)
    (tmp_path / "drive").mkdir()
    arguments = graph.checked(dataclasses.replace(split, bag=str(tmp_path / "drive"), detector=False))
    player = dict(graph.nodes_for(arguments)[-1][1])
    assert player["wait_for_nodes"] == stages[1:]
    composed = dict(graph.nodes_for(graph.checked(graph.Arguments(vehicle=vehicle)))[0][1])
    assert all(p == composed for n, p in graph.nodes_for(graph.checked(split)) if n.name in stages)


def test_bag_adds_player_last_and_sim_time_for_all_but_the_player(vehicle: str, tmp_path: Path) -> None:
    bag = tmp_path / "drive"
    bag.mkdir()
    arguments = graph.checked(graph.Arguments(vehicle=vehicle, bag=str(bag), record=str(tmp_path / "new"), rate=2.0))
    nodes = graph.nodes_for(arguments)
    assert [n.name for n, _ in nodes] == ["perception", "health_monitor", "markers", "bag_recorder", "bag_player"]
    parameters = {n.name: p for n, p in nodes}
    assert parameters["bag_player"] == {
        "bag": str(bag), "rate": 2.0, "loop": False, "wait_for_nodes": ["perception", "bag_recorder"],
    }  # fmt: skip
    assert all(p["use_sim_time"] is True for n, p in parameters.items() if n != "bag_player")
    assert parameters["bag_recorder"]["output"] == str(tmp_path / "new")


def test_empty_texts_are_left_to_the_nodes_defaults(vehicle: str) -> None:
    parameters = dict(graph.nodes_for(graph.checked(graph.Arguments(vehicle=vehicle)))[0][1])
    assert parameters == {"vehicle_file": vehicle, "mode": "auto", "use_sim_time": False}


def test_paths_become_absolute(vehicle: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.yaml").write_text("")
    arguments = graph.checked(graph.Arguments(vehicle="./truck.yaml", params_file="p.yaml", record="out"))
    assert (arguments.vehicle, arguments.params_file, arguments.record) == (
        vehicle,
        str(tmp_path / "p.yaml"),
        str(tmp_path / "out"),
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"vehicle": "no_such_truck"}, "no_such_truck"),
        ({"vehicle": ""}, "neither a file nor one of"),
        ({"params_file": "/nowhere.yaml"}, "params_file: /nowhere.yaml does not exist"),
        ({"bag": "/nowhere"}, "bag: /nowhere does not exist"),
        ({"record": "/"}, "never overwritten"),
        ({"mode": "magic"}, "mode: expected auto or geometric, got 'magic'"),
        ({"stages": "apart"}, "stages: expected composed or split, got 'apart'"),
        ({"rate": 0.0}, "rate: expected a number above 0"),
    ],
)
def test_wrong_arguments_are_named(vehicle: str, change: dict[str, object], says: str) -> None:
    with pytest.raises(graph.GraphError, match=says):
        graph.checked(graph.Arguments(**{"vehicle": vehicle, **change}))


def test_texts_of_a_launch_file() -> None:
    texts = graph.texts_of(["vehicle:=kitti", "rviz:=True", "rate:=0.5", "record:=a:=b"])
    arguments = graph.parsed(texts, graph.Arguments(loop=True))
    assert arguments == graph.Arguments(vehicle="kitti", rviz=True, rate=0.5, record="a:=b", loop=True)


@pytest.mark.parametrize(
    ("word", "says"), [("rviz:=maybe", "true or false"), ("rate:=fast", "a number"), ("vhicle:=x", "known are"), ("x", "name:=value")]
)  # fmt: skip
def test_texts_that_do_not_fit(word: str, says: str) -> None:
    with pytest.raises(graph.GraphError, match=says):
        graph.parsed(graph.texts_of([word]))


def test_executables_are_the_console_scripts_of_setup_cfg() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    lines = config["options.entry_points"]["console_scripts"].split("\n")
    scripts = dict(line.replace(" ", "").split("=") for line in lines if line)
    ours = {n.executable: f"{n.module}:main" for n in graph.NODES if n.module}
    assert scripts == ours | {"autonomy-perception": "autonomy_perception.cli.main:main"}


@pytest.mark.parametrize("node", [n for n in graph.NODES if n.module], ids=lambda n: n.name)
def test_modules_exist_and_can_be_run(node: graph.Node) -> None:
    spec = importlib.util.find_spec(node.module)
    assert spec is not None and spec.origin is not None
    text = Path(spec.origin).read_text()
    assert "def main(" in text and '__name__ == "__main__"' in text


def test_every_argument_has_help_and_a_launch_file() -> None:
    assert set(graph.HELP) == set(graph.Arguments.__dataclass_fields__) == set(graph.LIVE) | set(graph.REPLAY)


def test_a_vehicle_can_be_named() -> None:
    known = sorted(p.stem for p in (paths.share() / "config").glob("*.yaml") if p.stem != "perception")
    assert known and paths.vehicle_file(known[0]).name == f"{known[0]}.yaml"
