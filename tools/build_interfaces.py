#!/usr/bin/env python3
"""Build the ROS interface packages that this environment lacks into its prefix.

``VENV/bin/python tools/build_interfaces.py`` needs no activation. It works against the ROS wheels in that virtual
environment, or against a sourced ROS installation (``AMENT_PREFIX_PATH``), where packages that are already installed
are left alone. What was built is remembered by a hash of its sources and tools: a second run does nothing.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CMAKE_INCLUDE = ROOT / "tools" / "cmake" / "drop_missing_includes.cmake"
HAS_WHEELS = Path(sysconfig.get_path("purelib"), "ros_wheels_bootstrapper.pth").exists()

PACKAGES: dict[str, Path | None] = {
    "autonomy_perception_msgs": ROOT / "autonomy_perception_msgs",
    "grid_map_msgs": ROOT / "interfaces" / "grid_map_msgs",
    "tf2_msgs": None,
    "autoware_perception_msgs": ROOT / "interfaces" / "autoware_perception_msgs",
    "vision_msgs": ROOT / "interfaces" / "vision_msgs",
}
"""Package name -> folder with msg/ (None: definitions come from the rosbags type store)."""

FOREIGN = ("autoware_perception_msgs", "vision_msgs")
"""Only what the converter needs of them: built for the wheels, never beside a ROS installation, whose packages are whole."""


class InterfaceError(RuntimeError):
    """An interface package could not be built; the message names the package, the log and the remedy."""


def definitions(name: str) -> dict[str, str]:
    """Text of every message of a package, by message name."""
    folder = PACKAGES[name]
    if folder is not None:
        return {p.stem: p.read_text() for p in sorted(folder.glob("msg/*.msg"))}
    from rosbags.typesys import Stores, get_typestore

    store, texts = get_typestore(Stores.ROS2_KILTED), {}
    for full in sorted(store.fielddefs):
        package, kind, message = full.split("/")
        if (package, kind) == (name, "msg") and not message.endswith(("_Request", "_Response", "_Event")):
            texts[message] = store.generate_msgdef(full, ros_version=2)[0].split("=" * 80)[0]
    return texts


def dependencies(name: str, texts: dict[str, str]) -> list[str]:
    """Other packages whose messages the definitions use, sorted."""
    lines = (line.split("#")[0].split() for text in texts.values() for line in text.splitlines())
    types = {words[0] for words in lines if words and "/" in words[0]}
    return sorted({t.split("/")[0] for t in types} - {name})


def write_package(target: Path, name: str) -> None:
    """Lay out a package at ``target``: ours as it is, the others with a generated package.xml and CMakeLists.txt."""
    folder = PACKAGES[name]
    if folder is not None and (folder / "package.xml").exists():
        shutil.copytree(folder, target)
        return
    texts = definitions(name)
    deps = dependencies(name, texts)
    (target / "msg").mkdir(parents=True)
    for message, text in texts.items():
        (target / "msg" / f"{message}.msg").write_text(text)
    depends = "".join(f"  <depend>{d}</depend>\n" for d in deps)
    (target / "package.xml").write_text(
        f'<?xml version="1.0"?>\n<package format="3">\n  <name>{name}</name>\n  <version>0.1.0</version>\n'
        f'  <description>{name}</description>\n  <maintainer email="maintainers@autonomy-perception.invalid">m</maintainer>\n'
        "  <license>Apache-2.0</license>\n  <buildtool_depend>ament_cmake</buildtool_depend>\n"
        "  <buildtool_depend>rosidl_default_generators</buildtool_depend>\n"
        f"{depends}  <exec_depend>rosidl_default_runtime</exec_depend>\n"
        "  <member_of_group>rosidl_interface_packages</member_of_group>\n"
        "  <export><build_type>ament_cmake</build_type></export>\n</package>\n"
    )
    finds = "".join(f"find_package({d} REQUIRED)\n" for d in ("ament_cmake", "rosidl_default_generators", *deps))
    files = "".join(f'  "msg/{m}.msg"\n' for m in texts)
    (target / "CMakeLists.txt").write_text(
        f"cmake_minimum_required(VERSION 3.8)\nproject({name})\n{finds}"
        f"rosidl_generate_interfaces(${{PROJECT_NAME}}\n{files}  DEPENDENCIES {' '.join(deps)}\n)\n"
        "ament_export_dependencies(rosidl_default_runtime)\nament_package()\n"
    )


def installed_elsewhere(name: str, prefix: Path) -> Path | None:
    """Prefix of a ROS installation (not ``prefix``) that already has the package."""
    for entry in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep):
        marker = Path(entry) / "share" / "ament_index" / "resource_index" / "packages" / name
        if entry and Path(entry).resolve() != prefix and marker.exists():
            return Path(entry)
    return None


def content_key(name: str) -> str:
    """Hash of everything that decides the result: sources, this tool, Python and the generators' version."""
    digest = hashlib.sha256(f"{sys.implementation.cache_tag} {sys.prefix}".encode())
    folder = PACKAGES[name]
    sources = sorted(p for p in folder.rglob("*") if p.is_file()) if folder else []
    for path in (*sources, Path(__file__), CMAKE_INCLUDE):
        digest.update(path.name.encode() + path.read_bytes())
    for package in ("ros-rosidl-generator-py", "rosbags"):
        try:
            digest.update(metadata.version(package).encode())
        except metadata.PackageNotFoundError:
            digest.update(b"-")
    return digest.hexdigest()


def environment(prefix: Path) -> dict[str, str]:
    """Environment for CMake: the venv's tools and libraries with the wheels, else the sourced ROS as it is."""
    if not HAS_WHEELS:
        return dict(os.environ)
    drop = ("PYTHONPATH", "PYTHONHOME", "CMAKE_PREFIX_PATH", "AMENT_PREFIX_PATH", "LD_LIBRARY_PATH")
    env = {k: v for k, v in os.environ.items() if k not in drop}
    bundled = map(str, sorted(Path(sysconfig.get_path("purelib")).glob("ros_*.libs")))
    env["PATH"] = f"{sys.prefix}/bin:{env.get('PATH', '/usr/bin:/bin')}"
    env["AMENT_PREFIX_PATH"] = f"{prefix}:{sys.prefix}"
    env["LD_LIBRARY_PATH"] = ":".join([f"{prefix}/lib", f"{sys.prefix}/lib", *bundled])
    env["_ROS_WHEELS_BOOTSTRAP_COMPLETE"] = "1"  # the library path above is complete: no re-execution needed
    return env


def build(name: str, prefix: Path, work: Path) -> str:
    """Configure, build and install one package; returns a line for the user. Raises InterfaceError."""
    start = time.monotonic()
    source, binary, log = work / "src" / name, work / "build" / name, work / f"{name}.log"
    for folder in (source, binary):
        shutil.rmtree(folder, ignore_errors=True)
    source.parent.mkdir(parents=True, exist_ok=True)
    write_package(source, name)
    configure = ["cmake", "-S", str(source), "-B", str(binary), "-DCMAKE_BUILD_TYPE=Release", "-DBUILD_TESTING=OFF",
                 f"-DCMAKE_INSTALL_PREFIX={prefix}", f"-DPython3_EXECUTABLE={sys.executable}"]  # fmt: skip
    if HAS_WHEELS:
        configure += [f"-DCMAKE_PREFIX_PATH={prefix};{sys.prefix}", f"-DPython3_ROOT_DIR={sys.prefix}",
                      "-DPython3_FIND_VIRTUALENV=ONLY", "-DCMAKE_INSTALL_RPATH=$ORIGIN",
                      f"-DCMAKE_PROJECT_INCLUDE={CMAKE_INCLUDE}"]  # fmt: skip
    jobs = str(os.cpu_count() or 1)
    with log.open("w") as out:
        for command in (configure, ["cmake", "--build", str(binary), "-j", jobs], ["cmake", "--install", str(binary)]):
            done = subprocess.run(command, env=environment(prefix), stdout=out, stderr=subprocess.STDOUT)
            if done.returncode:
                out.flush()
                tail = "\n".join(log.read_text().splitlines()[-30:])
                raise InterfaceError(f"{name}: {' '.join(command[:2])} failed, whole log in {log}\n{tail}")
    return f"{name}: built in {time.monotonic() - start:.0f} s"


def ensure(names: list[str], prefix: Path, work: Path, force: bool = False) -> None:
    """Build what is missing or out of date, two packages at a time. Raises InterfaceError."""
    stamps = prefix / "share" / "autonomy_perception" / "interfaces"
    stamps.mkdir(parents=True, exist_ok=True)
    with (stamps / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = []
        for name in names:
            stamp = stamps / name
            if (found := installed_elsewhere(name, prefix)) and not force:
                print(f"{name}: comes with {found}")
            elif force or not stamp.exists() or stamp.read_text() != content_key(name):
                wanted.append(name)
        if wanted and not shutil.which("cmake"):
            raise InterfaceError("cmake not found: apt install cmake")

        def one(name: str) -> None:
            print(build(name, prefix, work), flush=True)
            (stamps / name).write_text(content_key(name))

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(one, wanted))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help=f"packages (default: all of {', '.join(PACKAGES)})")
    parser.add_argument("--prefix", type=Path, default=Path(sys.prefix), help="where to install (default: this venv)")
    parser.add_argument(
        "--work", type=Path, default=ROOT / "build" / "interfaces", help="folder for build files and logs"
    )
    parser.add_argument("--force", action="store_true", help="build even if nothing changed")
    args = parser.parse_args()
    if unknown := set(args.names) - set(PACKAGES):
        parser.error(f"unknown package {', '.join(sorted(unknown))}; known: {', '.join(PACKAGES)}")
    try:
        wanted = [name for name in PACKAGES if HAS_WHEELS or name not in FOREIGN]
        ensure(args.names or wanted, args.prefix.resolve(), args.work, args.force)
    except InterfaceError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
