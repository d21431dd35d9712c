"""Mistakes by field: what was expected, what was found, what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Level(IntEnum):
    """NOTE: could not be judged; WARNING: works, but is probably not meant; ERROR: the vehicle file is wrong."""

    NOTE = 0
    WARNING = 1
    ERROR = 2


@dataclass(frozen=True)
class Finding:
    """One mistake: the field of the vehicle file (or the topic or frame), expected, found, and the remedy."""

    level: Level
    field: str
    expected: str
    found: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.level.name.lower():7s} {self.field}: expected {self.expected}, found {self.found}; {self.remedy}"


def error(field: str, expected: str, found: str, remedy: str) -> Finding:
    """A mistake."""
    return Finding(Level.ERROR, field, expected, found, remedy)


def warning(field: str, expected: str, found: str, remedy: str) -> Finding:
    """Something odd."""
    return Finding(Level.WARNING, field, expected, found, remedy)


def note(field: str, expected: str, found: str, remedy: str) -> Finding:
    """Something that this recording cannot tell."""
    return Finding(Level.NOTE, field, expected, found, remedy)
