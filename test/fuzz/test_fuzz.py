"""Every decoder of bytes from outside, with broken inputs: it raises its own error or nothing, soon."""

from __future__ import annotations

import hashlib
import time
from random import Random

import pytest
from fuzz.mutation import mutated
from fuzz.targets import CORPUS, TARGETS, seeds

SHORT_S, LONG_S, SLOW_S = 2.5, 120.0, 5.0
"""Seconds of fuzzing per target in the short and the long run; seconds of CPU that one input may take."""


def attack(target: str, seconds: float, seed: int) -> int:
    """Fuzz for a while; an input that escapes is kept in the corpus and named. Returns the number of inputs tried."""
    random, corpus, tried = Random(seed), seeds(target), 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        kind, data = random.choice(corpus)
        broken = mutated(data, random.choice(corpus)[1], random, target in ("yaml", "metadata"))
        start = time.process_time()
        try:
            TARGETS[target](broken, kind)
            took = time.process_time() - start
            assert took < SLOW_S, f"took {took:.1f} s"
        except Exception as e:
            name = f"{kind}-{hashlib.sha256(broken).hexdigest()[:12]}.bin"
            (CORPUS / target / name).write_bytes(broken)
            raise AssertionError(f"{target}/{name}: {type(e).__name__}: {e}") from e
        tried += 1
    return tried


@pytest.mark.parametrize("target", TARGETS)
def test_the_corpus_is_decoded_or_refused(target: str) -> None:
    assert seeds(target)
    for kind, data in seeds(target):
        TARGETS[target](data, kind)


@pytest.mark.parametrize("target", TARGETS)
def test_broken_inputs_short(target: str) -> None:
    assert attack(target, SHORT_S, seed=0) > 0


@pytest.mark.long
@pytest.mark.timeout(LONG_S + 60)
@pytest.mark.parametrize("target", TARGETS)
def test_broken_inputs_long(target: str) -> None:
    print(target, attack(target, LONG_S, seed=int(time.time())))
