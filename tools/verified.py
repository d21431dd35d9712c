#!/usr/bin/env python3
"""The README's table of what was verified where: written from docs/verified.json, never by hand.

``tools/verified.py ROW JUNIT.xml``, run by the interpreter that ran the tests, takes their outcome in, good or bad, as the
row ROW of this Python; without arguments the table is only written again. The noxfile calls it.
"""

from __future__ import annotations

import argparse
import datetime
import json
import platform
import sys
import xml.etree.ElementTree as ElementTree
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ROWS = ROOT / "docs" / "verified.json"
README = ROOT / "README.md"
BEGIN, END = "<!-- verified:begin (written by make verify) -->", "<!-- verified:end -->"
PACKAGES = {"numpy": "numpy", "opencv-python-headless": "OpenCV", "ros-rclpy": "ROS 2 from wheels, rclpy"}
"""Distributions that a row names where they are installed, and how it calls them."""
HEAD = "| what | where | passed | failed | skipped | on |\n|---|---|---|---|---|---|"

Row = dict[str, Any]


def outcome(junit: Path) -> Row:
    """Counts of a JUnit file: passed, failed (errors too), skipped."""
    suites = list(ElementTree.parse(junit).getroot().iter("testsuite"))
    total, failures, errors, skipped = (
        sum(int(suite.get(name, 0)) for suite in suites) for name in ("tests", "failures", "errors", "skipped")
    )
    return {"passed": total - failures - errors - skipped, "failed": failures + errors, "skipped": skipped}


def here() -> Row:
    """This interpreter, the system it runs on, and the packages that decide results."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        release = {}
    system = f"{release.get('NAME', platform.system()).split()[0]} {release.get('VERSION_ID', '')}".strip()
    installed = {d.name: d.version for d in metadata.distributions()}
    packages = {title: installed[name] for name, title in PACKAGES.items() if name in installed}
    return {"python": platform.python_version(), "system": f"{system}, {platform.machine()}", "packages": packages}


def order(row: Row) -> tuple[str, list[int]]:
    """Rows of one kind stand together, by version of Python."""
    return row["what"], [int(part) for part in row["python"].split(".")]


def with_row(rows: list[Row], new: Row) -> list[Row]:
    """The rows with ``new`` in place of the one of the same kind and minor version of Python."""
    kept = [r for r in rows if (r["what"], order(r)[1][:2]) != (new["what"], order(new)[1][:2])]
    return sorted([*kept, new], key=order)


def table(rows: list[Row]) -> str:
    """The rows in Markdown."""
    lines = [HEAD]
    for r in rows:
        where = ", ".join([r["system"], f"Python {r['python']}", *(f"{k} {v}" for k, v in r["packages"].items())])
        lines.append(f"| {r['what']} | {where} | {r['passed']} | {r['failed']} | {r['skipped']} | {r['on']} |")
    return "\n".join(lines)


def with_table(text: str, rows: list[Row]) -> str:
    """A page with the table between its marks renewed. Raises ValueError if they are not there."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"expected the lines {BEGIN} and {END}, found {'the first only' if begin else 'no such line'}")
    return f"{before}{BEGIN}\n\n{table(rows)}\n\n{END}{after}"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("row", nargs="?", help="what was run")
    parser.add_argument("junit", nargs="?", type=Path, help="its JUnit file")
    args = parser.parse_args()
    rows: list[Row] = json.loads(ROWS.read_text()) if ROWS.exists() else []
    failed = 0
    if args.row:
        if args.junit is None:
            parser.error("ROW needs its JUNIT.xml")
        new = {"what": args.row, **here(), **outcome(args.junit), "on": datetime.date.today().isoformat()}
        rows, failed = with_row(rows, new), new["failed"]
        ROWS.write_text(json.dumps(rows, indent=1) + "\n")
    README.write_text(with_table(README.read_text(), rows))
    if failed:
        sys.exit(f"{args.row}: {failed} tests failed")


if __name__ == "__main__":
    main()
