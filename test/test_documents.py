"""README, contributing and architecture: what they name exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize("page", [p for p in PAGES if p.name != "CHANGELOG.md"], ids=lambda p: p.name)
def test_make_targets_and_verbs_exist(page: Path) -> None:
    from typer.main import get_command

    from autonomy_perception.cli.main import app

    verbs = set(get_command(app).commands)  # type: ignore[attr-defined] # a group
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    text = page.read_text()
    assert set(re.findall(r"^ *(?:`)?make ([a-z-]+)", text, re.M)) <= targets
    assert set(re.findall(r"autonomy-perception ([a-z][a-z-]*)", text)) <= verbs | {"verb"}


def test_every_room_has_its_paragraph() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    rooms = {p.parent.name for p in (ROOT / "autonomy_perception").glob("*/__init__.py")}
    assert {room for room in rooms if f"**{room}/**" not in text} == set()


def test_readme_says_what_never_ran() -> None:
    rows = re.findall(r"^\| (.+?) \|.*?\| (.+?) \|$", (ROOT / "README.md").read_text(), re.M)
    tensorrt = [state for what, state in rows if "TensorRT" in what]
    assert len(tensorrt) == 1 and tensorrt[0].startswith("never")


def test_apt_line_names_what_setup_asks_for() -> None:
    line = re.search(r"sudo apt install (.+)", (ROOT / "README.md").read_text())
    assert line is not None
    asked = (ROOT / "tools" / "setup_env.py").read_text()
    assert set(re.findall(r"sudo apt install (python3-[a-z]+|cmake)", asked)) | {"g++", "make"} == set(line[1].split())
