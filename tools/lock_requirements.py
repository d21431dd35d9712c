#!/usr/bin/env python3
"""Write requirements/*.txt from requirements/*.in: exact pins of the whole closure, one marker per Python version.

Maintainers run ``tools/lock_requirements.py python3.10 python3.11 python3.12 python3.13`` when a dependency changes.
Each interpreter resolves with its own pip (nothing is installed); versions that agree need no marker. Names come from
pip's report, never from ``pip freeze``: the ROS wheels bring metadata of names that nobody owns on the index.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "requirements"
GROUPS = ("run", "ros", "dev", "bench", "infer")
"""Can be installed together; a package is listed in the first group that needs it."""

SETS = {
    GROUPS: ("3.10", "3.11", "3.12", "3.13"),
    ("train",): ("3.10", "3.11", "3.12", "3.13"),
    ("ros_install",): ("3.10", "3.11", "3.12"),
}
"""What is resolved together, and for which Python versions."""

CUDA_ONLY = ("nvidia-", "cuda-", "triton")
"""Needed by the CUDA build of torch only; which build is installed is decided by TORCH_INDEX at set-up."""

UNUSED = ("opencv-python", "pycocotools", "tabulate")
"""Asked for by TrackEval for masks and tables; its metrics, which are what we use, need numpy and scipy alone (and opencv-python
would write over the cv2 of opencv-python-headless)."""

Pins = dict[str, dict[str, str]]
"""Distribution name -> Python version -> version."""


def canonical(name: str) -> str:
    """Normalised distribution name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def names_of(path: Path) -> list[str]:
    """Distribution names of an .in file."""
    lines = (line.split("#")[0].strip() for line in path.read_text().splitlines())
    return [canonical(re.split(r"[<>=!~\[; ]", line)[0]) for line in lines if line]


def version_of(python: str) -> str:
    """``major.minor`` of an interpreter."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    return subprocess.run([python, "-c", code], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def resolve(python: str, groups: tuple[str, ...]) -> tuple[str, dict[str, str], dict[str, list[str]]]:
    """Python version, pins and requirement names per distribution that ``python`` resolves for the groups."""
    command = [python, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--report", "-"]
    for group in groups:
        command += ["-r", str(FOLDER / f"{group}.in")]
    report = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    version = report["environment"]["python_version"]
    pins, needs = {}, {}
    for item in report["install"]:
        meta = item["metadata"]
        name = canonical(meta["name"])
        pins[name] = meta["version"].split("+")[0]
        plain = (r for r in meta.get("requires_dist", []) if "extra ==" not in r)
        wanted = (re.split(r"[^A-Za-z0-9._-]", r)[0] for r in plain)
        needs[name] = [canonical(w) for w in wanted]
    return version, pins, needs


def closure(roots: list[str], needs: dict[str, list[str]]) -> set[str]:
    """Everything the roots need, within the resolved set."""
    seen: set[str] = set()
    todo = [r for r in roots if r in needs]
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += [n for n in needs[name] if n in needs]
    return seen


def lines_of(pins: Pins, versions: list[str]) -> list[str]:
    """Requirement lines, sorted; a marker only where the Python versions disagree."""
    lines = []
    for name in sorted(pins):
        by_pin: dict[str, list[str]] = {}
        for version in versions:
            if version in pins[name]:
                by_pin.setdefault(pins[name][version], []).append(version)
        for pin, pythons in by_pin.items():
            if pythons == versions:
                lines.append(f"{name}=={pin}")
            else:
                lines.append(f"{name}=={pin} ; " + " or ".join(f'python_version == "{v}"' for v in pythons))
    return lines


def main() -> None:
    """Resolve with every interpreter given and write the files."""
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    for groups, wanted in SETS.items():
        files: dict[str, Pins] = {g: {} for g in groups}
        versions = []
        for python in (p for p in sys.argv[1:] if version_of(p) in wanted):
            version, pins, needs = resolve(python, groups)
            versions.append(version)
            listed: set[str] = set()
            for group in groups:
                members = closure(names_of(FOLDER / f"{group}.in"), needs) - listed
                listed |= members
                for name in members:
                    if name.startswith(CUDA_ONLY) or name in UNUSED:
                        continue
                    files[group].setdefault(name, {})[version] = pins[name]
            print(f"{'+'.join(groups)}: {len(pins)} packages with Python {version}")
        for group, table in files.items():
            head = [f"# Written by tools/lock_requirements.py from {group}.in: change that file, not this one."]
            (FOLDER / f"{group}.txt").write_text("\n".join([*head, *lines_of(table, versions)]) + "\n")


if __name__ == "__main__":
    main()
