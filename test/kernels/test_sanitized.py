"""The C++ kernels under AddressSanitizer and UBSan: their property tests, every case, and clouds of any bytes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "kernels"))
import build

CASES = HERE / "sanitized" / "sanitized_cases.py"
PROPERTIES = (
    "unpack",
    "cells",
    "pillarise",
    "pillar_net",
    "lift",
    "canvas",
    "decode",
    "iou",
    "camera",
    "tracks",
    "imm",
    "pairs",
)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a process of its own with the sanitizers in front and the sanitized kernels named."""
    library = build.build("sanitize")
    runtime = subprocess.run(
        ["g++", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True
    ).stdout.strip()
    env = {
        **os.environ, "LD_PRELOAD": runtime, "AP_SANITIZED_LIBRARY": str(library), "PYTHONMALLOC": "malloc",
        "PYTHONPATH": os.pathsep.join([str(HERE / "sanitized"), str(ROOT), str(ROOT / "test")]),
        "ASAN_OPTIONS": "detect_leaks=0:exitcode=99", "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
        "OMP_NUM_THREADS": "2", "_ROS_WHEELS_BOOTSTRAP_COMPLETE": "1",
    }  # fmt: skip
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, env=env, capture_output=True, text=True)


def assert_clean(*arguments: str) -> None:
    """The tests named by the arguments pass with the sanitized kernels."""
    done = run("-m", "pytest", "-q", "-x", "-s", "-p", "sanitized_library", "-p", "no:cacheprovider",
               "-o", "addopts=--import-mode=importlib", *arguments)  # fmt: skip
    assert done.returncode == 0 and " passed" in done.stdout, done.stdout[-6000:] + done.stderr[-6000:]


def test_kernels_are_clean_on_every_case_and_on_any_bytes() -> None:
    assert_clean(str(CASES))


def test_the_sanitizer_is_there() -> None:
    done = run(str(HERE / "sanitized" / "overrun.py"))
    assert done.returncode == 99 and "heap-buffer-overflow" in done.stderr and "fill_pillar" in done.stderr


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", PROPERTIES)
def test_property_tests_are_clean(name: str) -> None:
    assert_clean(f"test/ops/test_{name}.py", "-m", "not long")
