"""ament_python package `autonomy_perception`; pip installs it without ROS as well.

Metadata and tools are in pyproject.toml; here is what needs code: the kernel library is compiled first, and launch,
configuration and RViz files go to ``share/autonomy_perception`` where ``ros2 launch`` looks for them.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.develop import develop

if sys.version_info < (3, 10):  # noqa: UP036 - colcon cannot read python_requires
    raise SystemExit(f"autonomy_perception needs Python 3.10 or newer, this is {sys.version.split()[0]}")

NAME = "autonomy_perception"
HERE = Path(__file__).resolve().parent
SHARE = f"share/{NAME}"


def build_kernels() -> None:
    """Compile libap_cpu.so into the package."""
    spec = importlib.util.spec_from_file_location("kernel_build", HERE / "kernels" / "build.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    try:
        module.build("cpu")
    except module.BuildError as error:
        raise SystemExit(str(error)) from None


class BuildWithKernels(build_py):
    """build_py that compiles the kernels before it collects the package's files."""

    def run(self) -> None:
        build_kernels()
        super().run()


class DevelopWithKernels(develop):
    """develop (colcon --symlink-install) that compiles the kernels as well."""

    def run(self) -> None:
        build_kernels()
        super().run()


def files(pattern: str) -> list[str]:
    """Paths relative to this folder, as data_files wants them."""
    return sorted(str(p.relative_to(HERE)) for p in HERE.glob(pattern))


setup(
    cmdclass={"build_py": BuildWithKernels, "develop": DevelopWithKernels},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (SHARE, ["package.xml"]),
        (f"{SHARE}/launch", files("launch/*.launch.py")),
        (f"{SHARE}/config", files("config/*.yaml") + files("config/*.xml") + files("config/*.json")),
        (f"{SHARE}/config/rigs", files("config/rigs/*.yaml")),
        (f"{SHARE}/rviz", files("rviz/*.rviz")),
        (
            f"{SHARE}/models",
            files("models/*.yaml") + files("models/*.onnx") + files("models/*.npz") + files("models/*.md"),
        ),
    ],
)
