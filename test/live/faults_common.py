"""What the fault tests share: a drive, a session, and a record of the rows that were tried."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

from live import fault_drive

from autonomy_perception.live.faults.session import Session
from autonomy_perception.live.faults.trial import Verdict

SLACK = float(os.environ.get("AUTONOMY_PERCEPTION_SLACK", "2.0"))
"""Factor on the times of the table: the tests run on machines that do other work as well."""


def complaints(verdicts: list[Verdict]) -> str:
    """What was wrong, a line for each trial."""
    return "\n".join(f"{' + '.join(v.faults)}: {'; '.join(v.wrong)}" for v in verdicts if not v.passed)


def open_session(
    folder: Path, env: dict[str, str], nodes: Collection[str] = (), **options: Any
) -> tuple[Session, list[str]]:
    """A session on the fault drive, and the lines that its nodes print."""
    lines: list[str] = []
    vehicle = fault_drive.write_vehicle(folder / "test.yaml")
    return Session(fault_drive.write_drive(folder), vehicle, nodes, env=env, say=lines.append, **options), lines
