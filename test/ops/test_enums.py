"""The header of shared enums, held equal to the Python enums it is made from."""

from enum import IntEnum

import pytest

from autonomy_perception.ops import enums


def test_the_header_checked_in_is_the_one_the_enums_give() -> None:
    assert enums.PATH.read_text(encoding="utf-8") == enums.header(), "run `python -m autonomy_perception.ops.enums`"


def test_a_changed_enum_changes_the_header(monkeypatch: pytest.MonkeyPatch) -> None:
    larger = IntEnum("ObjectClass", ["UNKNOWN", "CAR", "E_SCOOTER"], start=0)  # type: ignore[misc]
    monkeypatch.setattr(enums, "SHARED", (enums.Shared(larger, "int", "kClass", "kClasses"),))
    assert "  kClassEScooter = 2,\n" in enums.header() and "constexpr int kClasses = 3;" in enums.header()


def test_names_of_all_enums_differ_in_the_one_namespace_they_share() -> None:
    names = [s.prefix + enums._camel(m.name) for s in enums.SHARED for m in s.enum] + [s.number for s in enums.SHARED]
    assert len(names) == len(set(names))
