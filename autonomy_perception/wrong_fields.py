"""What is wrong with the fields of a configuration, in words (floor 0): the one place that reads pydantic's complaints."""

from __future__ import annotations

import reprlib
from difflib import get_close_matches
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

Path = tuple[int | str, ...]


def sentences(error: ValidationError, model: type[BaseModel], at_most: int | None = None) -> list[str]:
    """One for each wrong field of ``model``: its path, what was expected and what came.

    Of a field that does not exist it says the names most like it and, once for each section, all names that there are.
    """
    out, listed = [], set[Path]()
    for item in error.errors()[:at_most]:
        path, text = item["loc"], item["msg"]
        if item["type"] == "extra_forbidden":
            names, section = _names(model, path), path[:-1]
            near = get_close_matches(str(path[-1]), names)
            text = f"no such field (did you mean {' or '.join(near)}?)" if near else "no such field"
            if section not in listed:
                text += f", expected one of {', '.join(names)}"
            listed.add(section)
        out.append(f"{'.'.join(map(str, path)) or '(top)'}: {text}, got {reprlib.repr(item['input'])}")
    return out


def _names(schema: Any, path: Path) -> list[str]:
    """Names of the fields beside the one that ``path`` leads to, in a type made of models, dicts, lists and options."""
    if isinstance(schema, type) and issubclass(schema, BaseModel):
        field = schema.model_fields.get(str(path[0]))
        return list(schema.model_fields) if len(path) == 1 else _names(field.annotation, path[1:]) if field else []
    inner = path[1:] if get_origin(schema) in (dict, list) else path
    return next((names for part in get_args(schema) if inner and (names := _names(part, inner))), [])
