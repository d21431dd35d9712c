"""How fast this machine is just now: a small fixed piece of work, timed between the frames of a replay.

The work is made of NumPy and Python alone, in about the mix of a scan (sort, gather, count, elementwise arithmetic, a loop
over objects), so that a faster or slower suite does not move it. Latency divided by this figure is what two machines, or
two hours of one busy machine, have in common.
"""

from __future__ import annotations

import time

import numpy as np

WORKLOAD = 1
"""Number of the workload; a change of it makes older baselines unfit."""
_POINTS, _CELLS, _LOOPS = 60_000, 300, 4_000


class Machine:
    """Times the workload; :attr:`ms` is the median of all samples."""

    def __init__(self) -> None:
        rng = np.random.default_rng(WORKLOAD)
        self._xyz = rng.normal(0.0, 20.0, (_POINTS, 3)).astype(np.float32)
        self._odds = rng.normal(0.0, 1.0, (_CELLS, _CELLS)).astype(np.float32)
        self._samples: list[float] = []
        self._work()  # first touch of the memory

    def sample(self) -> None:
        """Do the work once more and note how long it took."""
        start = time.perf_counter_ns()
        self._work()
        self._samples.append((time.perf_counter_ns() - start) * 1e-6)

    @property
    def ms(self) -> float:
        """Median [ms]; NaN before the first sample."""
        return float(np.median(self._samples)) if self._samples else float("nan")

    def _work(self) -> float:
        cells = np.floor(self._xyz[:, :2] / np.float32(0.5)).astype(np.int64) + _CELLS // 2
        index = np.clip(cells[:, 1] * _CELLS + cells[:, 0], 0, _CELLS * _CELLS - 1)
        order = np.argsort(index, kind="stable")
        gathered = self._xyz[order]
        counts = np.bincount(index, minlength=_CELLS * _CELLS)
        p = 1.0 / (1.0 + np.exp(-self._odds))
        total = float(gathered[:, 2].sum()) + float(p.sum()) + float(counts.max())
        seen: dict[int, float] = {}
        for k in range(_LOOPS):
            seen[k % 97] = seen.get(k % 97, 0.0) + 0.5 * k
        return total + seen[0]
