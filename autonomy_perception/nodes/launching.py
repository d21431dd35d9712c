"""The table of nodes as launch actions; imported by launch/*.launch.py only, where a ROS installation has `launch`."""

from __future__ import annotations

import os
from collections.abc import Sequence

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction, Shutdown
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node as NodeAction

from autonomy_perception.nodes import environment, graph


def description(names: Sequence[str]) -> LaunchDescription:
    """Launch description that takes these arguments; ``vehicle`` (and ``bag`` where it is taken) has no default."""
    declared = []
    for name in names:
        default = getattr(graph.Arguments(), name)
        text = str(default).lower() if isinstance(default, bool) else str(default)
        declared.append(
            DeclareLaunchArgument(
                name,
                default_value=None if name in ("vehicle", "bag") else text,
                description=graph.HELP[name],
                choices={"mode": list(graph.MODES), "stages": list(graph.STAGES)}.get(name),
            )
        )
    return LaunchDescription([*declared, OpaqueFunction(function=_actions, args=[tuple(names)])])


def _actions(context: LaunchContext, names: Sequence[str]) -> list[NodeAction]:
    given = {name: LaunchConfiguration(name).perform(context) for name in names}
    arguments = graph.checked(graph.parsed(given))
    extra = environment.additions(os.environ)
    return [
        NodeAction(
            package=node.package,
            executable=node.executable,
            name=node.name,
            arguments=list(node.options()),
            parameters=[parameters],
            output="screen",
            emulate_tty=True,
            additional_env=extra,
            on_exit=Shutdown(reason=f"{node.name} has ended") if node.ends_graph else None,
        )
        for node, parameters in graph.nodes_for(arguments)
    ]
