#!/usr/bin/env python3
"""Set up ``.venv``: pinned packages, interface packages, the CPU kernel library, the package itself.

``make setup`` calls it with the system's Python; standard library only. Nothing outside the checkout is touched and no
root is needed. What was set up is remembered by a hash of everything that decides the result, so a second run only
compares. With a sourced ROS installation the environment sees the system's packages and gets what rosdep lacks;
without one it gets ROS 2 from wheels.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOG = ROOT / "build" / "setup.log"
STAMP = VENV / "autonomy_perception_setup"
MIN_PYTHON, MIN_CMAKE = (3, 10), (3, 21)
TORCH_INDEX = "https://download.pytorch.org/whl/cpu"
ROS_INSTALLED = any(
    Path(entry, "share", "rclpy").exists() and Path(entry).resolve() != VENV
    for entry in filter(None, os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep))
)


class SetupError(RuntimeError):
    """Set-up cannot go on; the message says what is missing and how to get it."""


def missing_tools() -> list[str]:
    """One line per missing tool, naming the apt package."""
    lines = [
        f"{tool} not found: sudo apt install {tool}" for tool in ("g++", "cmake", "make") if not shutil.which(tool)
    ]
    if sys.version_info < MIN_PYTHON:
        lines.append(
            f"Python {sys.version.split()[0]} is too old: 3.10 or newer is needed (make setup PYTHON=python3.11)"
        )
    if shutil.which("cmake"):
        out = subprocess.run(["cmake", "--version"], capture_output=True, text=True).stdout
        found = re.search(r"(\d+)\.(\d+)", out)
        if found and tuple(map(int, found.groups())) < MIN_CMAKE:
            lines.append(f"cmake {found[0]} is older than 3.21: sudo apt install cmake (or pip install cmake)")
    if not VENV.exists() and not (importlib.util.find_spec("ensurepip") and importlib.util.find_spec("venv")):
        lines.append("the Python modules venv and ensurepip are missing: sudo apt install python3-venv")
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        lines.append("Python.h not found: sudo apt install python3-dev")
    return lines


def setup_key(extras: list[str]) -> str:
    """Hash of everything that decides what set-up installs (kernels keep their own)."""
    parts = [sys.implementation.cache_tag or "", str(ROOT), str(ROS_INSTALLED), *extras]
    digest = hashlib.sha256("\n".join(parts).encode())
    patterns = ("requirements/*.txt", "setup.*", "pyproject.toml", "tools/*.py", "tools/cmake/*", "interfaces/*/msg/*.msg",
                "autonomy_perception_msgs/*", "autonomy_perception_msgs/msg/*.msg")  # fmt: skip
    for path in (p for pattern in patterns for p in sorted(ROOT.glob(pattern))):
        if path.is_file():
            digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()


def child_environment() -> dict[str, str]:
    """Environment for tools of the venv: nothing of another virtual environment leaks in."""
    drop = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV") if not ROS_INSTALLED else ("PYTHONHOME", "VIRTUAL_ENV")
    return {k: v for k, v in os.environ.items() if k not in drop}


def run(title: str, command: list[str], progress: Callable[[], str] | None = None, silent: bool = False) -> None:
    """Run one step: output into the log, progress onto the terminal (``silent``: only if slow). Raises SetupError."""
    start, tty, last = time.monotonic(), sys.stdout.isatty(), ""
    LOG.parent.mkdir(parents=True, exist_ok=True)
    with LOG.open("a") as log:
        log.write(f"\n$ {' '.join(command)}\n")
        log.flush()
        offset = log.tell()
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=ROOT, env=child_environment())
        while process.poll() is None:
            time.sleep(0.05 if time.monotonic() - start < 1 else 0.5)
            if time.monotonic() - start < 1:
                continue
            text = f"{title} {progress() if progress else ''}"
            if tty:
                print(f"\r{text} {time.monotonic() - start:.0f} s \033[K", end="", flush=True)
            elif text != last:
                print(f"{text} {time.monotonic() - start:.0f} s", flush=True)
            last = text
    if silent and not last and not process.returncode:
        return
    print(
        f"{chr(13) if tty else ''}{title} done in {time.monotonic() - start:.0f} s" + ("\033[K" if tty else ""),
        flush=True,
    )
    if process.returncode:
        with LOG.open() as log:
            log.seek(offset)
            tail = "".join(line for line in log.readlines()[-25:] if "is ignored: it is neither" not in line)
        raise SetupError(f"{tail}\n{title} failed (exit code {process.returncode}); the whole log is {LOG}")


def package_files(extras: list[str]) -> list[Path]:
    """Requirement files to install, all of them locked."""
    names = ["ros_install"] if ROS_INSTALLED else ["run", "ros", "dev", "bench"]
    return [ROOT / "requirements" / f"{n}.txt" for n in names + [e for e in extras if e != "train"]]


def torch_pin(lock: Path) -> str:
    """The requirement of torch in a lock: which build of it is installed (CPU, CUDA) is decided by TORCH_INDEX."""
    return next(line for line in lock.read_text().splitlines() if line.startswith("torch=="))


def counted(files: list[Path]) -> Callable[[], str]:
    """Progress of pip: how many of the pinned packages are fetched and installed."""
    version = f'"{sys.version_info[0]}.{sys.version_info[1]}"'
    lines = [line for f in files for line in f.read_text().splitlines() if "==" in line and not line.startswith("#")]
    total = sum(1 for line in lines if ";" not in line or version in line)
    site = VENV / "lib"
    offset = LOG.stat().st_size if LOG.exists() else 0

    def progress() -> str:
        with LOG.open() as log:
            log.seek(offset)
            text = log.read()
        if "Installing collected packages" not in text:
            fetched = text.count("\nCollecting ") + text.count("\nRequirement already")
            return f"fetched {fetched // 10 * 10} of {total}"
        installed = min(len(list(site.glob("python3*/site-packages/*.dist-info"))), total)
        return f"installed {installed // 10 * 10} of {total}"

    return progress


def set_up(extras: list[str]) -> None:
    """All steps, each of which does nothing where nothing has changed. Raises SetupError."""
    if missing := missing_tools():
        raise SetupError("\n".join(missing))
    key = setup_key(extras)
    fresh = not (STAMP.exists() and STAMP.read_text() == key)
    pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "--no-input"]
    if fresh:
        LOG.unlink(missing_ok=True)
        if not PYTHON.exists():
            site = ["--system-site-packages"] if ROS_INSTALLED else []
            run("[1/5] virtual environment .venv", [sys.executable, "-m", "venv", *site, str(VENV)])
        files = package_files(extras)
        requirements = [word for f in files for word in ("-r", str(f))]
        run("[2/5] Python packages", [*pip, "install", "--no-deps", *requirements], counted(files))
        if "train" in extras:
            lock = ROOT / "requirements" / "train.txt"
            index = os.environ.get("TORCH_INDEX") or TORCH_INDEX
            # first and by itself: only torch is asked for at that index, and what is installed satisfies the lock
            run(
                f"[2/5] torch from {index}", [*pip, "install", "--no-deps", torch_pin(lock), "--extra-index-url", index]
            )
            run("[2/5] extra train", [*pip, "install", "-r", str(lock)])
        if not ROS_INSTALLED:  # there colcon builds ours, and apt has the others
            run("[3/5] ROS interface packages", [str(PYTHON), "tools/build_interfaces.py"])
    run("[4/5] CPU kernels", [str(PYTHON), "kernels/build.py", "cpu"], silent=not fresh)
    if fresh:
        editable = [*pip, "install", "--no-deps", "--no-build-isolation", "--force-reinstall", "-e", str(ROOT)]
        run("[5/5] autonomy_perception", editable)
        STAMP.write_text(key)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--extras", default="", help="further requirement files, comma-separated (train, infer)")
    args = parser.parse_args()
    extras = sorted(filter(None, args.extras.split(",")))
    if unknown := [e for e in extras if not (ROOT / "requirements" / f"{e}.txt").exists()]:
        parser.error(f"unknown extra {unknown[0]}: known are train, infer")
    lock_file = ROOT / "build" / "setup.lock"
    lock_file.parent.mkdir(exist_ok=True)
    with lock_file.open("w") as lock:  # two set-ups at once would install over each other
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            set_up(extras)
        except SetupError as error:
            sys.exit(str(error))


if __name__ == "__main__":
    main()
