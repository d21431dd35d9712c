"""The README's table of what was verified: one row per Python, from the outcome of the tests, equal to what is kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tools.test_setup_tools import ROOT, tool

verified = tool("verified")
JUNIT = (
    """<testsuites><testsuite name="pytest" errors="1" failures="2" skipped="3" tests="10" time="1.5"/></testsuites>"""
)


def row(python: str, what: str = "quick tests", **values: object) -> dict[str, object]:
    known = {"system": "Debian 12, x86_64", "packages": {"numpy": "2.2.6"}, "passed": 7, "failed": 0, "skipped": 1}
    return {"what": what, "python": python, **known, "on": "2026-01-02", **values}


def test_the_readme_holds_what_was_kept() -> None:
    text, rows = verified.README.read_text(), json.loads(verified.ROWS.read_text())
    assert verified.with_table(text, rows) == text, "run tools/verified.py"
    assert {r["python"].rpartition(".")[0] for r in rows} >= {"3.10"}, "the oldest Python that is supported"


def test_outcomes_are_counted(tmp_path: Path) -> None:
    (tmp_path / "junit.xml").write_text(JUNIT)
    assert verified.outcome(tmp_path / "junit.xml") == {"passed": 4, "failed": 3, "skipped": 3}


def test_a_row_takes_the_place_of_the_last_one_of_its_python() -> None:
    rows = [row("3.9.1"), row("3.10.13"), row("3.10.13", "old packages")]
    after = verified.with_row(rows, row("3.10.14", failed=2))
    assert [(r["what"], r["python"], r["failed"]) for r in after] == [
        ("old packages", "3.10.13", 0), ("quick tests", "3.9.1", 0), ("quick tests", "3.10.14", 2)]  # fmt: skip


def test_failures_are_shown() -> None:
    (line,) = verified.table([row("3.10.13", failed=2)]).splitlines()[2:]
    assert line == "| quick tests | Debian 12, x86_64, Python 3.10.13, numpy 2.2.6 | 7 | 2 | 1 | 2026-01-02 |"


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="found the first only"):
        verified.with_table(f"a\n{verified.BEGIN}\n", [])
    with pytest.raises(ValueError, match="found no such line"):
        verified.with_table("a\n", [])


def test_a_failed_run_is_kept_and_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "junit.xml").write_text(JUNIT)
    (tmp_path / "page.md").write_text(f"before\n{verified.BEGIN}\nold\n{verified.END}\nafter\n")
    monkeypatch.setattr(verified, "ROWS", tmp_path / "rows.json")
    monkeypatch.setattr(verified, "README", tmp_path / "page.md")
    monkeypatch.setattr("sys.argv", ["verified.py", "quick tests", str(tmp_path / "junit.xml")])
    with pytest.raises(SystemExit, match="quick tests: 3 tests failed"):
        verified.main()
    (kept,) = json.loads((tmp_path / "rows.json").read_text())
    assert (kept["passed"], kept["failed"]) == (4, 3) and kept["python"] in (tmp_path / "page.md").read_text()
    assert "old" not in (tmp_path / "page.md").read_text()


def test_the_interpreters_are_those_of_the_locks() -> None:
    text, lock = (ROOT / "noxfile.py").read_text(), tool("lock_requirements")
    names = dict.fromkeys(v for versions in lock.SETS.values() for v in versions)
    assert f"PYTHONS = ({', '.join(json.dumps(v) for v in names)})" in text
