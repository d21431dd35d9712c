"""The drive that the repository gates itself with: made once per session, by the command that `make gate` runs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from autonomy_perception.cli.main import app

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def junction(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bag of the drive; its vehicle file lies beside it."""
    command = re.search(r"autonomy-perception (simulate .*) -o", (ROOT / "Makefile").read_text())
    assert command is not None
    bag = tmp_path_factory.mktemp("gate") / "junction"
    made = CliRunner().invoke(app, [*shlex.split(command[1]), "-o", str(bag)])
    assert made.exit_code == 0, made.output
    return bag
