"""One table of nodes. The launch files and ``autonomy-perception up`` both start what it says (no rclpy here)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from autonomy_perception import paths

MODES = ("auto", "geometric")
STAGES = ("composed", "split")

Value = bool | int | float | str | list[str]
"""A ROS parameter value."""


class GraphError(ValueError):
    """Arguments of a graph are wrong; the message names the argument, what was expected and what came."""


@dataclass(frozen=True)
class Arguments:
    """What launch files and ``up`` take; every field is a launch argument of the same name.

    Attributes:
        vehicle: vehicle YAML, or the bare name of one that is installed.
        params_file: YAML of stage parameters; empty: defaults.
        mode: ``auto`` (the best mode that sensors and models allow) or ``geometric`` (no network).
        stages: ``composed`` (one process runs all, nothing is copied) or ``split`` (a node for each stage).
        detector: split only: start the suite's own detector; false where another node publishes the detections.
        convert: publish the tracks as other suites' messages too.
        use_sim_time: time comes from ``/clock``.
        rviz: start RViz with the suite's displays.
        record: folder of a new bag with the outputs; empty: nothing is recorded.
        bag: what the player plays; empty: no player (live sensors).
        rate: bag seconds per second; loop: begin again at the end.
    """

    vehicle: str = ""
    params_file: str = ""
    mode: str = "auto"
    stages: str = "composed"
    detector: bool = True
    convert: bool = False
    use_sim_time: bool = False
    rviz: bool = False
    record: str = ""
    bag: str = ""
    rate: float = 1.0
    loop: bool = False


HELP: Mapping[str, str] = {
    "vehicle": "vehicle YAML, or the name of one under config/",
    "params_file": "YAML of stage parameters (config/perception.yaml has them all); empty: defaults",
    "mode": "auto: the best mode that sensors and models allow; geometric: no network",
    "stages": "composed: one process runs all stages; split: a node for each (detector, tracker, occupancy_grid, terrain)",
    "detector": "split only: start the suite's own detector; false: another node publishes /perception/detected_objects",
    "convert": "publish tracks as autoware_perception_msgs and vision_msgs too, where these are installed",
    "use_sim_time": "time comes from /clock",
    "rviz": "start RViz with the suite's displays",
    "record": "new folder for a bag of the outputs; empty: nothing is recorded",
    "bag": "rosbag2 folder or .mcap file to play",
    "rate": "speed of playing, bag seconds per second",
    "loop": "begin again at the end of the bag",
}
"""One line for each argument: the help of the launch files and of ``up``."""

_COMMON = ("vehicle", "params_file", "mode", "stages", "detector", "convert")
LIVE = (*_COMMON, "use_sim_time", "rviz", "record")
REPLAY = ("bag", "rate", "loop", *_COMMON, "rviz", "record")
"""Arguments of perception.launch.py and of replay.launch.py."""


@dataclass(frozen=True)
class Node:
    """One row of the table.

    Attributes:
        name: node name in the graph.
        executable: console script (``ros2 run <package> <executable>``).
        module: Python module with ``main()``, which ``up`` starts with ``python -m``; empty: a program on the PATH.
        parameters: ROS parameters from the arguments; every node gets ``use_sim_time`` as well.
        when: whether it is started.
        ends_graph: the graph ends with it (a player whose bag is over, a perception that died).
        options: command-line options before the ROS arguments.
    """

    name: str
    executable: str
    module: str
    parameters: Callable[[Arguments], Mapping[str, Value]] = field(default=lambda a: {})
    when: Callable[[Arguments], bool] = field(default=lambda a: True)
    ends_graph: bool = False
    package: str = paths.PACKAGE
    options: Callable[[], tuple[str, ...]] = tuple


def _perception(a: Arguments) -> Mapping[str, Value]:
    return {"vehicle_file": a.vehicle, "config_file": a.params_file, "mode": a.mode}


def _stage(name: str, module: str, when: Callable[[Arguments], bool] = lambda a: True) -> Node:
    path = f"autonomy_perception.nodes.{module}"
    return Node(name, name, path, _perception, when=lambda a: a.stages == "split" and when(a), ends_graph=True)


NODES: tuple[Node, ...] = (
    Node(
        "perception",
        "perception",
        "autonomy_perception.nodes.perception_node",
        _perception,
        when=lambda a: a.stages == "composed",
        ends_graph=True,
    ),
    _stage("detector", "detector_node", lambda a: a.detector),
    _stage("tracker", "tracker_node"),
    _stage("occupancy_grid", "occupancy_node"),
    _stage("terrain", "terrain_node"),
    Node("converter", "converter", "autonomy_perception.nodes.converter_node", when=lambda a: a.convert),
    Node("health_monitor", "health_monitor", "autonomy_perception.nodes.health_node"),
    Node("markers", "markers", "autonomy_perception.nodes.markers_node", lambda a: {"vehicle_file": a.vehicle}),
    Node(
        "bag_recorder",
        "bag_recorder",
        "autonomy_perception.nodes.recorder_node",
        lambda a: {"output": a.record},
        when=lambda a: bool(a.record),
    ),
    Node(
        "rviz2",
        "rviz2",
        "",
        when=lambda a: a.rviz,
        package="rviz2",
        options=lambda: ("-d", str(paths.share() / "rviz" / "perception.rviz")),
    ),
    Node(
        "bag_player",
        "bag_player",
        "autonomy_perception.nodes.player_node",
        lambda a: {
            "bag": a.bag,
            "rate": a.rate,
            "loop": a.loop,
            "wait_for_nodes": [*working(a), *(["bag_recorder"] if a.record else [])],
        },
        when=lambda a: bool(a.bag),
        ends_graph=True,
    ),
)
"""Every node of the suite, in order of start."""


def working(arguments: Arguments) -> list[str]:
    """Names of the nodes that take in clouds."""
    return [n.name for n in NODES if n.parameters is _perception and n.when(arguments)]


def nodes_for(arguments: Arguments) -> list[tuple[Node, dict[str, Value]]]:
    """The nodes that these (checked) arguments start, each with its ROS parameters.

    Empty texts are left out: they are the defaults, and launch refuses them as values.
    """
    out = []
    for node in (n for n in NODES if n.when(arguments)):
        parameters = {k: v for k, v in node.parameters(arguments).items() if v != ""}
        if node.name != "bag_player":  # it makes the clock and must not wait for it
            parameters["use_sim_time"] = arguments.use_sim_time
        out.append((node, parameters))
    return out


_BOOLS = {"true": True, "1": True, "false": False, "0": False}


def texts_of(words: Sequence[str]) -> dict[str, str]:
    """``name:=value`` words by name.

    Raises:
        GraphError: a word has another form.
    """
    texts = {}
    for word in words:
        name, mark, value = word.partition(":=")
        if not mark:
            raise GraphError(f"{word}: expected name:=value")
        texts[name] = value
    return texts


def parsed(texts: Mapping[str, str], base: Arguments | None = None) -> Arguments:
    """Arguments from texts as a launch file gets them; what is not there comes from ``base`` (or the defaults).

    Raises:
        GraphError: an unknown name, or a text that does not fit its type.
    """
    base = base or Arguments()
    values: dict[str, Any] = {}
    for name, text in texts.items():
        if name not in HELP:
            raise GraphError(f"{name}: no such argument; known are {', '.join(HELP)}")
        default = getattr(base, name)
        if isinstance(default, bool):
            if text.lower() not in _BOOLS:
                raise GraphError(f"{name}: expected true or false, got {text!r}")
            values[name] = _BOOLS[text.lower()]
        elif isinstance(default, float):
            try:
                values[name] = float(text)
            except ValueError:
                raise GraphError(f"{name}: expected a number, got {text!r}") from None
        else:
            values[name] = text
    return replace(base, **values)


def checked(arguments: Arguments) -> Arguments:
    """The same with absolute paths, sim time where a bag is played, and everything verified.

    Raises:
        GraphError: a file is missing or a value is not allowed; the message names the argument.
    """
    if arguments.mode not in MODES:
        raise GraphError(f"mode: expected {' or '.join(MODES)}, got {arguments.mode!r}")
    if arguments.stages not in STAGES:
        raise GraphError(f"stages: expected {' or '.join(STAGES)}, got {arguments.stages!r}")
    if not arguments.rate > 0:
        raise GraphError(f"rate: expected a number above 0, got {arguments.rate}")
    try:
        vehicle = str(paths.vehicle_file(arguments.vehicle))
    except FileNotFoundError as error:
        raise GraphError(str(error)) from error
    for name in ("params_file", "bag"):
        given = getattr(arguments, name)
        if given and not Path(given).expanduser().exists():
            raise GraphError(f"{name}: {given} does not exist")
    if arguments.record and Path(arguments.record).expanduser().exists():
        raise GraphError(f"record: {arguments.record} exists already; bags are never overwritten")
    absolute: dict[str, Any] = {}
    for name in ("params_file", "bag", "record"):
        given = getattr(arguments, name)
        absolute[name] = str(Path(given).expanduser().resolve()) if given else ""
    return replace(arguments, vehicle=vehicle, use_sim_time=arguments.use_sim_time or bool(arguments.bag), **absolute)
