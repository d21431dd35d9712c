"""Calibration health beside the worker: a thread that takes the newest frame whenever it is free.

Its priority is that of the worker: a thread that waits for the processor while it holds the interpreter's lock would hold up
the worker for seconds on a busy machine.
"""

from __future__ import annotations

import threading

from autonomy_perception.calibration.monitor import CalibrationMonitor
from autonomy_perception.calibration.report import CalibrationReport
from autonomy_perception.config import PerceptionConfig, VehicleConfig
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.types import SensorFrame


class CalibrationThread:
    """Runs until :meth:`stop`. Frames that come while it is busy replace each other: it never delays the worker.

    Frames are offered when their outputs are out, so its work falls into the time until the next sweep.
    """

    def __init__(self, config: PerceptionConfig, vehicle: VehicleConfig) -> None:
        self.report = CalibrationReport("")
        self.failures = 0
        self._monitor = CalibrationMonitor(config.calibration, vehicle, CpuLibrary())
        self._fresh = threading.Condition()
        self._frame: SensorFrame | None = None
        self._reset: str | None = None
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="calibration", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def offer(self, frame: SensorFrame) -> None:
        """A frame whose outputs are out."""
        with self._fresh:
            self._frame, self._reset = frame, frame.reset_reason or self._reset
            self._fresh.notify()

    def stop(self) -> None:
        """Finish the current frame and end the thread."""
        with self._fresh:
            self._stopping = True
            self._fresh.notify()
        if self._thread.is_alive():
            self._thread.join(timeout=5.0)

    def _run(self) -> None:
        while True:
            with self._fresh:
                self._fresh.wait_for(lambda: self._stopping or self._frame is not None)
                frame, reset, self._frame, self._reset = self._frame, self._reset, None, None
            if self._stopping or frame is None:
                return
            try:
                self.report = self._monitor.observe(frame, reset=reset is not None)
            except Exception:  # a check must not end the others, whatever the data contains
                self.failures += 1
