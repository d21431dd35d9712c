"""``kernels/enums.h``, the enums that Python and kernels share: ``python -m autonomy_perception.ops.enums`` writes it."""

from __future__ import annotations

import re
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

from autonomy_perception.ops.cluster import Feature
from autonomy_perception.ops.imm import State
from autonomy_perception.road_users import Motion, ObjectClass
from autonomy_perception.types import PointLabel

PATH = Path(__file__).parents[2] / "kernels" / "enums.h"


class Shared(NamedTuple):
    """An enum as C++ knows it: ``kind``, its type; ``prefix`` of every name; ``number``, name of the number of its members."""

    enum: type[IntEnum]
    kind: str
    prefix: str
    number: str


SHARED = (
    Shared(ObjectClass, "int", "kClass", "kClasses"),
    Shared(PointLabel, "uint8_t", "k", "kPointLabels"),
    Shared(Motion, "int", "kMotion", "kModels"),
    Shared(State, "int", "k", "kStates"),
    Shared(Feature, "int", "kBox", "kFeatures"),
)

TOP = """\
// Made by `python -m autonomy_perception.ops.enums` from the Python enums named here: change those, not this.
#pragma once
#include <cstdint>

namespace ap {
"""


def header() -> str:
    """The text of ``enums.h``."""
    return f"{TOP}\n{chr(10).join(map(_block, SHARED))}\n}}  // namespace ap\n"


def _block(shared: Shared) -> str:
    enum = shared.enum
    rows = "".join(f"  {shared.prefix}{_camel(m.name)} = {m.value},\n" for m in enum)
    where = f"// {enum.__module__}.{enum.__name__}\n"
    return f"{where}enum {enum.__name__} : {shared.kind} {{\n{rows}}};\nconstexpr int {shared.number} = {len(enum)};\n"


def _camel(name: str) -> str:
    return re.sub(r"_?([A-Z0-9]+)", lambda m: m[1].capitalize(), name)


if __name__ == "__main__":
    PATH.write_text(header(), encoding="utf-8")
    print(PATH)
