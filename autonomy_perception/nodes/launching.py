"""The table of nodes as launch actions; imported by launch/*.launch.py only, where a ROS installation has `launch`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import MISSING, fields
from typing import Any

from launch.actions import DeclareLaunchArgument, OpaqueFunction, Shutdown
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node as NodeAction

from autonomy_perception import paths
from autonomy_perception.nodes import environment, graph
from launch import LaunchContext, LaunchDescription

_DEFAULTS = {f.name: "" if f.default is MISSING else f.default for f in fields(graph.Arguments)}
_BOOLS = {"true": True, "1": True, "false": False, "0": False}


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def description(names: Sequence[str]) -> LaunchDescription:
    """Launch description that takes these arguments; ``vehicle`` (and ``bag`` where it is taken) has no default."""
    declared = []
    for name in names:
        required = name in ("vehicle", "bag")
        default = None if required else _text(_DEFAULTS[name])
        choices = list(graph.MODES) if name == "mode" else None
        declared.append(
            DeclareLaunchArgument(name, default_value=default, description=graph.HELP[name], choices=choices)
        )
    return LaunchDescription([*declared, OpaqueFunction(function=_actions, args=[tuple(names)])])


def arguments_of(context: LaunchContext, names: Sequence[str]) -> graph.Arguments:
    """The arguments that the user gave, in their types.

    Raises:
        graph.GraphError: a value has the wrong type, or names a file that is not there.
    """
    values: dict[str, Any] = {}
    for name in names:
        text, default = LaunchConfiguration(name).perform(context), _DEFAULTS[name]
        if isinstance(default, bool):
            if text.lower() not in _BOOLS:
                raise graph.GraphError(f"{name}: expected true or false, got {text!r}")
            values[name] = _BOOLS[text.lower()]
        elif isinstance(default, float):
            try:
                values[name] = float(text)
            except ValueError:
                raise graph.GraphError(f"{name}: expected a number, got {text!r}") from None
        else:
            values[name] = text
    return graph.checked(graph.Arguments(**values))


def _actions(context: LaunchContext, names: Sequence[str]) -> list[NodeAction]:
    arguments = arguments_of(context, names)
    extra = environment.additions(os.environ)
    actions = [
        NodeAction(
            package=paths.PACKAGE,
            executable=node.executable,
            name=node.name,
            parameters=[parameters] if parameters else [],
            output="screen",
            emulate_tty=True,
            additional_env=extra,
            on_exit=Shutdown(reason=f"{node.name} has ended") if node.ends_graph else None,
        )
        for node, parameters in graph.nodes_for(arguments)
    ]
    if arguments.rviz:
        actions.append(
            NodeAction(
                package="rviz2",
                executable="rviz2",
                arguments=["-d", str(paths.share() / "rviz" / "perception.rviz")],
                parameters=[{"use_sim_time": arguments.use_sim_time}],
                additional_env=extra,
            )
        )
    return actions
