"""Every module can be imported by this Python, with or without ROS."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_every_module_can_be_imported() -> None:
    program = Path(__file__).with_name("every_module.py")
    done = subprocess.run([sys.executable, "-W", "error", str(program)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 300
