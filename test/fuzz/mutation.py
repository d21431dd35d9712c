"""Bytes from bytes: what a broken disk, a cut cable or a malicious sender makes of a message."""

from __future__ import annotations

import struct
from random import Random

INTERESTING = [struct.pack(f, v) for f, values in (
    ("<B", (0, 1, 0x7F, 0x80, 0xFF)), ("<H", (0, 0x7FFF, 0x8000, 0xFFFF)), ("<I", (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)),
    (">I", (1, 0x7FFFFFFF)), ("<Q", (2**63, 2**64 - 1)), ("<f", (float("nan"), float("inf"), -1e30)), ("<d", (float("nan"), 1e300)),
) for v in values]  # fmt: skip
TEXT = [b"{", b"[", b": ", b"\n", b"- ", b"&a ", b"*a", b"!!python/object:os.system ", b"\x00", b"\xff\xfe", b"'", b"1e999",
        b".nan", b".inf", b"2001-99-99", b"0x", b"null", b"%YAML 9.9\n", b"[" * 500]  # fmt: skip


def mutated(data: bytes, other: bytes, random: Random, text: bool = False) -> bytes:
    """One to six changes: flips, overwrites, insertions, deletions, repetitions, cuts, and parts of another input."""
    out = bytearray(data)
    for _ in range(random.randint(1, 6)):
        at, how = random.randint(0, len(out)), random.randrange(8)
        end = min(len(out), at + random.choice((1, 2, 4, 8, 40, 400)))
        if how == 0 and at < len(out):
            out[at] ^= 1 << random.randrange(8)
        elif how == 1:
            value = random.choice(TEXT if text else INTERESTING)
            out[at : at + len(value)] = value
        elif how == 2:
            out[at:at] = random.choice(TEXT if text else INTERESTING)
        elif how == 3:
            del out[at:end]
        elif how == 4:
            out[at:at] = out[at:end] * random.choice((1, 2, 30))
        elif how == 5:
            del out[at:]
        elif how == 6 and other:
            start = random.randrange(len(other))
            out[at:end] = other[start : start + random.choice((1, 4, 16, 100))]
        elif how == 7:
            out[at:end] = random.randbytes(end - at)
    return bytes(out)
