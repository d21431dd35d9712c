#!/usr/bin/env python3
"""Check both package.xml files: the rules of format 3, equal versions, and a dependency for every ROS package used."""

from __future__ import annotations

import configparser
import re
import sys
from pathlib import Path

from catkin_pkg.package import InvalidPackage, Package, parse_package

ROOT = Path(__file__).resolve().parent.parent
ROS_IMPORT = re.compile(
    r"^\s*(?:from|import) ((?:[a-z_0-9]+_(?:msgs|srvs|interfaces))|rclpy|launch_ros|launch)\b", re.M
)


def parsed(path: Path, problems: list[str]) -> Package | None:
    """The package, its rule violations and warnings added to ``problems``."""
    warnings: list[str] = []
    try:
        package = parse_package(str(path), warnings=warnings)
        package.validate(warnings=warnings)
    except InvalidPackage as error:
        problems.append(f"{path.relative_to(ROOT)}: {error}")
        return None
    problems += [f"{path.relative_to(ROOT)}: {w}" for w in warnings]
    return package


def main() -> None:
    """Print every problem; exit code 1 if there is one."""
    problems: list[str] = []
    suite = parsed(ROOT / "package.xml", problems)
    messages = parsed(ROOT / "autonomy_perception_msgs" / "package.xml", problems)
    if suite and messages:
        config = configparser.ConfigParser()
        config.read(ROOT / "setup.cfg")
        source = (ROOT / "autonomy_perception" / "__init__.py").read_text()
        versions = {suite.version, messages.version, config["metadata"]["version"]}
        if len(versions | set(re.findall(r'__version__ = "(.+)"', source))) != 1:
            problems.append(f"versions differ in package.xml, setup.cfg and __init__.py: {sorted(versions)}")
        declared = {d.name for d in suite.exec_depends}
        for path in sorted(
            [
                *ROOT.glob("autonomy_perception/nodes/**/*.py"),
                *ROOT.glob("autonomy_perception/live/**/*.py"),
                *ROOT.glob("launch/*.py"),
            ]
        ):
            for used in sorted(set(ROS_IMPORT.findall(path.read_text())) - declared):
                problems.append(f"package.xml: {used} is imported by {path.relative_to(ROOT)} and not an exec_depend")
    print("\n".join(problems) or "package.xml: ok")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
