#!/usr/bin/env python3
"""On a machine with an NVIDIA GPU: build every kernel, hold it against the CPU build, and time it.

Needs the driver, nvcc, g++ and NumPy; PyCUDA is used where installed, else the driver library by ctypes. Writes
docs/benchmarks/gpu-<name>.json. Exit code 0: all kernels agree; 1: one does not or is missing; 2: no GPU here.
"""

from __future__ import annotations

import datetime
import json
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "kernels")]

import numpy as np  # noqa: E402

import build  # noqa: E402
from autonomy_perception.ops.cuda import CudaLibrary  # noqa: E402
from autonomy_perception.ops.cuda_memory import Memory, open_memory  # noqa: E402
from autonomy_perception.ops.library import CpuLibrary, KernelError, Library  # noqa: E402

SCALES = {"120k": 1875, "960k": 15000}  # columns of 64 points


def differences(cpu: dict[str, Any], gpu: dict[str, Any], tolerance: float) -> tuple[float, float]:
    """Largest difference, and share of values that differ by more than ``tolerance`` (1.0 when shapes differ)."""
    largest, worst = 0.0, 0.0
    for name, reference in cpu.items():
        a, b = np.asarray(reference, np.float64), np.asarray(gpu[name], np.float64)
        if a.shape != b.shape:
            return float("inf"), 1.0
        if a.size == 0:
            continue
        apart = np.where(np.isnan(a) & np.isnan(b), 0.0, np.abs(a - b))
        apart[np.isnan(apart)] = np.inf
        largest = max(largest, float(apart.max()))
        worst = max(worst, float(np.mean(apart > tolerance * np.maximum(1.0, np.abs(np.nan_to_num(a))))))
    return largest, worst


def median_ms(run: Callable[[], object], repeats: int = 15) -> float:
    """Median time of one call on the host clock [ms]."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter_ns()
        run()
        times.append((time.perf_counter_ns() - start) * 1e-6)
    return float(np.median(times))


def device_ms(memory: Memory, run: Callable[[], object], batch: int = 20, repeats: int = 7) -> float:
    """Median over batches of the time per call on the device clock, launches included [ms]."""
    times = []
    for _ in range(repeats):
        start = memory.event()
        for _ in range(batch):
            run()
        times.append(memory.elapsed_ms(start, memory.event()) / batch)
    return float(np.median(times))


def copy_gb_s(library: CudaLibrary, n_bytes: int = 1 << 28) -> float:
    """Copy bandwidth of the GPU [GB/s], reading plus writing."""
    a, b = library.empty(n_bytes, np.uint8), library.empty(n_bytes, np.uint8)
    copy = lambda: library.memory.copy_on_device(b.address, a.address, n_bytes)  # noqa: E731
    copy()
    return 2 * n_bytes / device_ms(library.memory, copy) * 1e-6


def check_case(make: Callable[[Library, Any], Any], scene: Any, cpu: Library, gpu: Library) -> dict[str, Any]:
    """Results of one kernel on both devices compared: ``ok``, ``max_difference``, ``outliers``, or ``error``."""
    try:
        on_cpu, on_gpu = make(cpu, scene), make(gpu, scene)
        ours = {k: gpu.to_host(v) for k, v in on_gpu.run().items() if v is not None}
        largest, outliers = differences(
            {k: v for k, v in on_cpu.run().items() if v is not None}, ours, on_cpu.tolerance
        )
    except KernelError as e:
        return {"ok": False, "error": str(e)}
    return {"ok": outliers <= on_cpu.outliers, "max_difference": largest, "outliers": outliers,
            "tolerance": on_cpu.tolerance, "outliers_allowed": on_cpu.outliers}  # fmt: skip


def time_case(
    make: Callable[[Library, Any], Any], scene: Any, cpu: Library, gpu: CudaLibrary, copy: float
) -> dict[str, float]:
    """Times on both devices and the share of the copy bandwidth that the kernel's own traffic reaches."""
    on_cpu, on_gpu = make(cpu, scene), make(gpu, scene)
    gpu_ms = device_ms(gpu.memory, on_gpu.run)
    gb_s = on_gpu.n_bytes / gpu_ms * 1e-6
    return {"cpu_ms": median_ms(on_cpu.run, 5), "gpu_ms": gpu_ms, "gb_s": gb_s, "of_copy": gb_s / copy}


def measure(cpu: Library, gpu: CudaLibrary) -> dict[str, Any]:
    """All kernels at all sizes, one line printed for each."""
    from autonomy_perception.bench.kernel_cases import CASES
    from autonomy_perception.bench.kernel_scene import kernel_scene

    copy = copy_gb_s(gpu)
    print(f"{gpu.memory.device_name}: copy {copy:.0f} GB/s, memory by {gpu.memory.name}")
    kernels: dict[str, Any] = {}
    for size, columns in SCALES.items():
        scene = kernel_scene(columns)
        for name, make in CASES.items():
            entry = check_case(make, scene, cpu, gpu)
            if "error" not in entry:
                entry |= time_case(make, scene, cpu, gpu, copy)
                print(f"{size} {name:18} {'ok  ' if entry['ok'] else 'DIFF'} max {entry['max_difference']:.2g} "
                      f"cpu {entry['cpu_ms']:.3f} ms gpu {entry['gpu_ms']:.3f} ms "
                      f"{100 * entry['of_copy']:.1f} % of copy")  # fmt: skip
            else:
                print(f"{size} {name:18} FAIL {entry['error']}")
            kernels.setdefault(name, {})[size] = entry
    return {"copy_gb_s": copy, "kernels": kernels}


def hardware(memory: Memory) -> dict[str, str]:
    """What the figures were measured on."""
    nvcc = subprocess.run([build.find_nvcc() or "nvcc", "--version"], capture_output=True, text=True).stdout
    info = Path("/proc/cpuinfo")
    cpu = re.findall(r"model name\s*:\s*(.+)", info.read_text()) if info.exists() else []
    driver = Path("/proc/driver/nvidia/version")
    return {
        "gpu": memory.device_name,
        "memory_by": memory.name,
        "driver": driver.read_text().splitlines()[0] if driver.exists() else "unknown",
        "nvcc": "".join(re.findall(r"release ([\d.]+)", nvcc)),
        "cpu": cpu[0] if cpu else platform.processor() or platform.machine(),
    }


def main(output: Path = ROOT / "docs" / "benchmarks") -> int:
    """Run the check; returns the exit code."""
    try:
        memory = open_memory()
    except KernelError as e:
        print(f"gpu-check: {e}")
        return 2
    try:
        cpu, gpu = CpuLibrary(build.build("cpu")), CudaLibrary(build.build("cuda"), memory)
    except build.BuildError as e:
        print(f"gpu-check: {e}")
        return 1
    date = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    report = {"date": date, "command": "make gpu-check", "hardware": hardware(memory), **measure(cpu, gpu)}
    output.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^a-z0-9]+", "-", memory.device_name.lower()).strip("-")
    path = output / f"gpu-{name}.json"
    path.write_text(json.dumps(report, indent=1) + "\n")
    print(f"written: {path}")
    wrong = [f"{k} at {s}" for k, sizes in report["kernels"].items() for s, e in sizes.items() if not e["ok"]]
    print(f"differ or are missing: {', '.join(wrong)}" if wrong else "all kernels agree with the CPU build")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
