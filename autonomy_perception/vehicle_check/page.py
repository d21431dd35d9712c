"""The findings and pictures of a vehicle check as one self-contained HTML page."""

from __future__ import annotations

from pathlib import Path

from autonomy_perception.calibration.report import Verdict
from autonomy_perception.report.checks import Check
from autonomy_perception.report.page import Report, write_report
from autonomy_perception.vehicle_check.check import Outcome
from autonomy_perception.vehicle_check.findings import Level


def write_page(outcome: Outcome, path: Path) -> Path:
    """Write ``path``; returns it."""
    checks = [
        Check(f"{f.level.name.lower()}: {f.field}", f.found, f"{f.expected}; {f.remedy}", f.level < Level.ERROR)
        for f in outcome.findings
    ]
    checks += [Check(c.name, c.text, c.verdict.name, c.verdict != Verdict.WRONG) for c in outcome.calibration.checks]
    report = Report(f"Vehicle check: {outcome.summary['vehicle']}", outcome.summary, checks, pictures=outcome.pictures)
    return write_report(report, path)
