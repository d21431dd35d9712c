"""Imports every module of the package; packages that are not installed are stood in for: those of ROS under nodes/ and live/, torch
under networks/ and training/."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

import autonomy_perception as package

ROS = ("ament_index_python", "autonomy_perception_msgs.msg", "autoware_perception_msgs.msg", "builtin_interfaces.msg",
       "diagnostic_msgs.msg", "geometry_msgs.msg", "grid_map_msgs.msg", "launch.actions", "launch_ros", "lifecycle_msgs.msg",
       "nav_msgs.msg", "rcl_interfaces.msg", "rclpy", "rosgraph_msgs.msg", "sensor_msgs.msg", "std_msgs.msg", "std_srvs.srv",
       "tf2_msgs.msg", "unique_identifier_msgs.msg", "vision_msgs.msg", "visualization_msgs.msg")  # fmt: skip
TORCH = ("torch", "torch.utils.tensorboard")
APART = tuple(f"{package.__name__}.{room}." for room in ("nodes", "live", "networks", "training"))


class StandIn(MagicMock):
    """A module, and whatever is imported from it; a class that derives from it derives from object."""

    __path__: list[str] = []  # noqa: RUF012 - what makes a module a package

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        return (object,)


class Finder:
    """Finds stand-ins for the packages that are absent."""

    def __init__(self) -> None:
        self._absent = {name.partition(".")[0] for name in (*ROS, *TORCH) if not self._installed(name)}
        for name in [name for name in sys.modules if name.partition(".")[0] in self._absent]:
            del sys.modules[name]

    @staticmethod
    def _installed(name: str) -> bool:
        try:  # a folder of the checkout that is called like the package is none
            return importlib.import_module(name).__file__ is not None
        except ImportError:
            return False

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """As ``importlib.abc.MetaPathFinder`` has it."""
        return importlib.util.spec_from_loader(name, self) if name.partition(".")[0] in self._absent else None  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """A stand-in."""
        return StandIn(name=spec.name)  # type: ignore[return-value]

    def exec_module(self, module: ModuleType) -> None:
        """Nothing to do."""


def main() -> None:
    """Import all; the number of modules is printed."""
    names = [module.name for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
    for name in (name for name in names if not name.startswith(APART)):
        importlib.import_module(name)  # without ROS and torch
    sys.meta_path.insert(0, Finder())  # type: ignore[arg-type]
    for name in names:
        importlib.import_module(name)
    print(len(names))


if __name__ == "__main__":
    main()
