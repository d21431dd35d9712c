"""Worker processes: one thread of linear algebra each, and an end on Ctrl-C at once and without a word."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

ON_ITS_WAY_S = 0.3


@contextmanager
def single_threaded() -> Iterator[None]:
    """Keeps the linear algebra of child processes to one thread each: they are the parallelism."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    before = {n: os.environ.get(n) for n in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


@contextmanager
def interrupt_held() -> Iterator[None]:
    """Ctrl-C waits until the end of the block; processes started in it hold it until :func:`end_on_interrupt`."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_on_interrupt() -> None:
    """From here on Ctrl-C ends this process.

    As an exception it would end only the piece of work at hand: the pool hands it on and takes the next piece.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


@contextmanager
def interrupt_first() -> Iterator[None]:
    """Ctrl-C reaches the processes of a group one after the other: where a pool is found broken in the block, this process's
    own may still be on its way, and then that is what happened."""
    try:
        yield
    except BrokenProcessPool:
        time.sleep(ON_ITS_WAY_S)
        raise
