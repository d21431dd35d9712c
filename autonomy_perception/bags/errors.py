"""The one error of this room."""

from __future__ import annotations


class BagError(RuntimeError):
    """A bag or a data set cannot be read or written; the message is one line: path, what was expected, what was found."""
