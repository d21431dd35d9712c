"""The tests on every Python at hand; each session has an environment of its own under .nox, made by uv from the locks.

``make verify`` runs them all and writes what came out, with its date, into the README's table (``RECORD=1``). ``make
test-oldest`` is the one that continuous integration runs. An interpreter that is not here is said to be missing, and its row stays as it was.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nox

PYTHONS = ("3.10", "3.11", "3.12", "3.13")
QUICK = "not live and not long"
FAST = ("test/test_*.py", "test/bags", "test/messages", "test/ops", "test/pipeline", "test/runtime", "test/sensors",
        "test/tracking")  # fmt: skip
"""Rooms whose tests take seconds and reach into every floor."""
OLD_OPENCV = "4.5.5.64"
"""As on Ubuntu 22.04, where ROS humble's packages are compiled for numpy 1."""

PYENV = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))

if versions := sorted(path.name for path in PYENV.glob("versions/3.*")):  # all are at hand, not only the chosen one
    os.environ.update(PYENV_ROOT=str(PYENV), PYENV_VERSION=os.environ.get("PYENV_VERSION", ":".join(versions)))

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv"
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = False
nox.options.sessions = ["fast", "oldest", "tests"]


def alone(session: nox.Session) -> dict[str, str | None]:
    """Environment in which only what the session installed is found, and uv goes where pip is told to go."""
    listed = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True).stdout
    said = dict(re.findall(r"\.([a-z-]+)='(.*)'", listed))
    names = {"index-url": "UV_DEFAULT_INDEX", "cert": "SSL_CERT_FILE"}
    env: dict[str, str | None] = {name: said[key] for key, name in names.items() if key in said}
    return env | {"PYTHONPATH": None, "AMENT_PREFIX_PATH": None}


def install(session: nox.Session, groups: tuple[str, ...], *further: str) -> dict[str, str | None]:
    """What the groups ask for, as the locks pin it, the kernels, and the package itself; returns the environment."""
    env = alone(session)
    wanted = [word for group in groups for word in ("-r", f"requirements/{group}.in")]
    pins = ["ros_install"] if "ros_install" in groups else ["run", "ros", "dev", "bench"]
    limits = [word for pin in pins for word in ("-c", f"requirements/{pin}.txt")]
    session.install(*wanted, *further, *limits, env=env)
    session.run("python", "kernels/build.py", "cpu", env=env)
    session.install("--no-deps", "--no-build-isolation", "-e", ".", env=env)
    return env


def test(session: nox.Session, env: dict[str, str | None], row: str, *tests: str) -> None:
    """Run tests; with ``RECORD`` their outcome becomes the row's, good or bad."""
    result = Path(session.create_tmp()) / "junit.xml"
    result.unlink(missing_ok=True)
    record = "RECORD" in os.environ
    options = ("-q", "-p", "no:cacheprovider", f"--junit-xml={result}", *session.posargs)
    session.run("pytest", *options, *tests, env=env, success_codes=[0, 1] if record else [0])
    if record:
        session.run("python", "tools/verified.py", row, str(result), env=env)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Every quick test but the live ones, with ROS 2 from wheels."""
    env = install(session, ("run", "ros", "dev", "bench"))
    work = Path(session.create_tmp()) / "interfaces"
    session.run("python", "tools/build_interfaces.py", "--work", str(work), env=env)
    shutil.rmtree(work, ignore_errors=True)  # nothing was built where nothing has changed
    test(session, env, "quick tests", "-m", QUICK)


@nox.session(python="3.10")
def oldest(session: nox.Session) -> None:
    """Every quick test with the oldest packages, as beside ROS humble, but without ROS."""
    further = (f"opencv-python-headless=={OLD_OPENCV}", "matplotlib", "PyYAML", "nanoarrow")
    env = install(session, ("ros_install", "bench"), *further)
    session.install("--no-deps", "trackeval", "-c", "requirements/run.txt", env=env)  # it asks for numpy 2 without need
    test(session, env, "quick tests with old packages, without ROS", "-m", QUICK)


@nox.session(python=PYTHONS)
def fast(session: nox.Session) -> None:
    """Two minutes: every module is imported, and the fast tests, without ROS."""
    env = install(session, ("run", "dev", "bench"))
    rooms = [str(path) for pattern in FAST for path in sorted(Path().glob(pattern))]
    test(session, env, "fast tests, without ROS", "-m", f"{QUICK} and not real_data", *rooms)
