"""Every package says what it is for and what a stranger may import, and what it names exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "autonomy_perception"
FILES = sorted(PACKAGE.rglob("*.py"))
ROOMS = sorted(p.parent for p in PACKAGE.glob("*/__init__.py"))


def test_every_module_says_what_it_is() -> None:
    said = {file: ast.get_docstring(ast.parse(file.read_text())) or "" for file in FILES}
    assert [file for file, text in said.items() if len(text.split()) < 3] == []


@pytest.mark.parametrize("room", [r for r in ROOMS if r.name != "cli"], ids=lambda p: p.name)
def test_a_room_names_what_a_stranger_imports_and_it_is_there(room: Path) -> None:
    said = ast.get_docstring(ast.parse((room / "__init__.py").read_text())) or ""
    assert "What a stranger imports" in said and "(floor" in said
    names = re.findall(r"``([a-z_]+)(?:\.([A-Za-z_]+))?(?:``|\.)", said.partition("What a stranger imports")[2])
    assert names
    for module, attribute in names:
        paths = [room / f"{module}.py", room / module / "__init__.py", room / module / f"{attribute}.py"]
        if module in {p.name for p in [PACKAGE, *ROOMS]} or (not attribute and not any(p.exists() for p in paths)):
            continue  # another room, or a word of prose in code font
        file = next((p for p in paths if p.exists()), None)
        assert file is not None, f"{room.name}: {module} is named and does not exist"
        if attribute and file.stem == module:
            assert re.search(rf"^(class|def) {attribute}\b|^{attribute}\b", file.read_text(), re.M), (
                f"{module}.{attribute}"
            )
