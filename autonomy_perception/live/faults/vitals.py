"""Memory, threads and file descriptors of a process over time, and whether they grow (no rclpy here)."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np
import psutil

PERIOD_S = 2.0
WARM_UP_S = 120.0
"""A process that has just begun still takes what it will need: growth is judged from this age on."""
LEAST_MIN = 3.0
"""A shorter stretch says nothing about threads and files [min]."""
LEAST_GROWTH_MIN = 12.0
"""Nor a shorter one about memory: under torture the least of a minute varies by 5 MB, so that nine minutes of the same program
say -0.2 one day and +1.1 MB/min the next."""
MAX_MB_PER_MIN = 1.0
MAX_MORE_THREADS, MAX_MORE_FILES = 1, 4
"""Between the first and the last quarter of a stretch; discovery comes and goes with other processes."""


@dataclass
class Vitals:
    """Samples of one process since it was settled: minutes, PSS [MB], threads, file descriptors."""

    pid: int
    rows: list[tuple[float, float, int, int]] = field(default_factory=list)
    _began: float = field(default_factory=time.monotonic)
    _due: float = 0.0
    _from_min: float = 0.0

    def sample(self) -> None:
        """Take a sample if it is time for one and the process lives."""
        now = time.monotonic()
        if now < self._due:
            return
        self._due = now + PERIOD_S
        try:
            process = psutil.Process(self.pid)
            if not self.rows:
                self._from_min = (now - self._began + WARM_UP_S - (time.time() - process.create_time())) / 60.0
            pss = process.memory_full_info().pss * 1e-6
            row = (now - self._began) / 60.0, pss, process.num_threads(), process.num_fds()
        except psutil.Error:
            return
        if pss > 0:  # a process that has ended and is not yet collected has no memory
            self.rows.append(row)

    @property
    def settled(self) -> list[tuple[float, float, int, int]]:
        """The samples that growth is judged by."""
        return [row for row in self.rows if row[0] >= self._from_min]

    @property
    def minutes(self) -> float:
        """Length of the stretch that is judged [min]."""
        rows = self.settled
        return rows[-1][0] - rows[0][0] if rows else 0.0

    def slope_mb_per_min(self) -> float:
        """Growth of the PSS: least squares through the least of each minute (a huge message is held for a while)."""
        rows = np.array(self.settled)
        least = [rows[rows[:, 0].astype(int) == k, 1].min() for k in np.unique(rows[:, 0].astype(int))]
        return float(np.polyfit(np.arange(len(least)), least, 1)[0])

    def more(self, column: int) -> float:
        """Median of the last quarter less that of the first, of threads (2) or file descriptors (3)."""
        rows = np.array(self.settled)[:, column]
        quarter = max(1, len(rows) // 4)
        return float(np.median(rows[-quarter:]) - np.median(rows[:quarter]))

    def summary(self) -> str:
        """One line of figures."""
        if not self.rows:
            return "no sample"
        _, pss, threads, files = self.rows[-1]
        text = f"{pss:.0f} MB, {threads} threads, {files} file descriptors after {self.minutes:.1f} min"
        if self.minutes < LEAST_MIN:
            return f"{text}; too short to tell growth"
        short = "" if self.minutes >= LEAST_GROWTH_MIN else " (too short to judge)"
        memory = f"{self.slope_mb_per_min():+.2f} MB/min{short}"
        return f"{text}; {memory}, {self.more(2):+.0f} threads, {self.more(3):+.0f} file descriptors"

    def wrong(self) -> list[str]:
        """What grows beyond its bound, as far as the stretch is long enough to say."""
        if self.minutes < LEAST_MIN:
            return []
        slope, threads, files = self.slope_mb_per_min(), self.more(2), self.more(3)
        grows = self.minutes >= LEAST_GROWTH_MIN and slope > MAX_MB_PER_MIN
        found = [f"memory grows by {slope:.2f} MB/min, allowed {MAX_MB_PER_MIN:g}"] if grows else []
        found += [f"{threads:.0f} more threads"] if threads > MAX_MORE_THREADS else []
        return found + ([f"{files:.0f} more file descriptors"] if files > MAX_MORE_FILES else [])
