"""``kernels/launchers.h`` from the table: ``python -m autonomy_perception.ops.signatures.header`` writes it."""

from __future__ import annotations

import hashlib
import struct
from functools import cache
from pathlib import Path

from autonomy_perception.ops.signatures import CUDA_ERROR, REFUSALS, SIGNATURES
from autonomy_perception.ops.signatures.model import TYPES, Array, Field, Record, Signature

PATH = Path(__file__).parents[3] / "kernels" / "launchers.h"

TOP = """\
// Made by `python -m autonomy_perception.ops.signatures.header` from the table in that folder: change the table, not this.
// port.h includes it, so a launcher that differs from the table does not compile.
#pragma once
#include <cstdint>

#define AP_API extern "C" __attribute__((visibility("default")))
"""

PLAIN = """\
AP_API const char* ap_border();                    // AP_BORDER of the header that the library was built with
AP_API const char* ap_cuda_error_name(int32_t);    // of the CUDA build
AP_API const char* ap_cuda_error_string(int32_t);  // of the CUDA build
AP_API void ap_spread(int32_t on);                 // of the CPU build
AP_API void ap_release();                          // of the CPU build
"""


def header() -> str:
    """The text of ``launchers.h``."""
    records: dict[str, Record] = {}
    for signature in SIGNATURES.values():
        for field in signature.params:
            if isinstance(field.type, Record):
                records.setdefault(field.type.name, field.type)
    blocks = [_refusals(), *(_record(r) for r in records.values()), *(_structs(s) for s in SIGNATURES.values())]
    prototypes = "".join(
        f"AP_API int32_t {s.name}(const ap::{s.struct}Args&, void* stream);\n" for s in SIGNATURES.values()
    )
    body = "\n".join(["namespace ap {\n", *blocks, "}  // namespace ap\n", prototypes + PLAIN])
    return f'{TOP}#define AP_BORDER "{hashlib.sha256(body.encode()).hexdigest()[:16]}"\n\n{body}'


@cache
def border() -> str:
    """Fingerprint of the table, as a library built with this header gives it from ``ap_border``."""
    return header().split('#define AP_BORDER "')[1].split('"')[0]


def _refusals() -> str:
    rows = "".join(f"  k{name} = {-code},  // {why}\n" for code, (name, why) in enumerate(REFUSALS, 1))
    return f"// What a launcher returns instead of 0 or a count.\nenum Refusal : int32_t {{\n{rows}  kCudaError = {CUDA_ERROR},  // minus the cudaError_t\n}};\n"  # fmt: skip


def _record(record: Record) -> str:
    return f"// {record.about}\nstruct {record.name} {{\n{''.join(map(_field, record.fields))}}};\n"


def _structs(s: Signature) -> str:
    sizes = "".join(f"  int32_t {name};  // axis {axis} of {array}\n" for name, (array, axis) in s.sizes.items())
    params = f"struct {s.struct}Params {{\n{sizes}{''.join(map(_field, s.params))}}};\n"
    args = f"struct {s.struct}Args {{\n{''.join(map(_array, s.arrays))}  {s.struct}Params p;\n}};\n"
    size = f'static_assert(sizeof({s.struct}Args) == {struct.calcsize(s.format)}, "the compiler pads another way than Python");\n'
    return f"// {s.about}\n{params}{args}{size}"


def _field(field: Field) -> str:
    kind = field.type.name if isinstance(field.type, Record) else TYPES[field.type][0]
    return f"  {kind} {field.name}{f'[{field.count}]' if field.count > 1 else ''};{_remark(field.about)}\n"


def _array(array: Array) -> str:
    kind = TYPES[array.dtype][0]
    about = f"({array.shape}) {array.about}" + (f"; may be null with {array.with_}" if array.with_ else "")
    return f"  {'' if array.written else 'const '}{kind}* {array.name};{_remark(about)}\n"


def _remark(about: str) -> str:
    return f"  // {about.strip()}" if about else ""


if __name__ == "__main__":
    PATH.write_text(header())
