"""The checks behind ``doctor``: each looks at one thing and says what it found and how to mend it."""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from autonomy_perception import __version__, paths, topics
from autonomy_perception.inference import choose, manifest, opening
from autonomy_perception.inference.errors import InferenceError
from autonomy_perception.live import transport_probe
from autonomy_perception.nodes import environment, shared_memory
from autonomy_perception.ops.library import LIB_DIR, CpuLibrary, KernelError

SHM_NEEDED = 512 << 20
"""Bytes of /dev/shm for the nodes of a graph and a few sensor drivers."""

SLOW_MS = 40.0
"""A 6 MB message that takes longer did not go through shared memory."""


@dataclass(frozen=True)
class Finding:
    """What one check found: ``ok``, ``absent`` (works without it) or ``failed``; the remedy is empty when all is well."""

    check: str
    state: Literal["ok", "absent", "failed"]
    text: str
    remedy: str = ""


def package() -> Iterator[Finding]:
    """The suite itself and its files."""
    try:
        where = f"{__version__} in {paths.share()}, Python {sys.version.split()[0]}"
        yield Finding("package", "ok", where)
    except FileNotFoundError as error:
        yield Finding("package", "failed", str(error), "make setup, or colcon build")


def ros() -> Iterator[Finding]:
    """rclpy and the middleware."""
    try:
        importlib.import_module("rclpy")
    except ImportError as error:
        yield Finding(
            "ROS 2", "failed", f"rclpy cannot be imported: {error}", "make setup, or source /opt/ros/DISTRO/setup.bash"
        )
        return
    wheels = environment.wheels_prefix()
    origin = (
        f"wheels in {wheels}"
        if wheels
        else f"{os.environ.get('ROS_DISTRO', 'installation')} in {os.environ.get('AMENT_PREFIX_PATH', '')}"
    )
    rmw = os.environ.get("RMW_IMPLEMENTATION", "rmw_fastrtps_cpp")
    yield Finding("ROS 2", "ok", f"{origin}, {rmw}")


def interfaces() -> Iterator[Finding]:
    """Every message package that the topics of the suite need."""
    needed = sorted({t.msgtype.split("/")[0] for t in (*topics.OUTPUTS, *topics.INPUTS)})
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        mend = (
            ".venv/bin/python tools/build_interfaces.py"
            if environment.wheels_prefix()
            else "rosdep install --from-paths . -y"
        )
        yield Finding("interfaces", "failed", f"not installed: {', '.join(missing)}", mend)
    else:
        yield Finding("interfaces", "ok", f"{len(needed)} packages")


def kernels() -> Iterator[Finding]:
    """The compiled kernels: there, loadable, and not older than their sources."""
    try:
        CpuLibrary()
    except (KernelError, OSError) as error:
        yield Finding("kernels", "failed", str(error), "make kernels")
        return
    library = LIB_DIR / "libap_cpu.so"
    folder = paths.share() / "kernels"
    newer = [
        p.name
        for p in (*folder.glob("*.cuh"), *folder.glob("*.h"), *folder.glob("cpu/*.cpp"))
        if p.stat().st_mtime > library.stat().st_mtime
    ]
    if newer:
        yield Finding(
            "kernels", "failed", f"{library.name} is older than {', '.join(sorted(newer)[:3])}", "make kernels"
        )
    else:
        yield Finding("kernels", "ok", f"{library} ({library.stat().st_size >> 10} KB)")


def gpu() -> Iterator[Finding]:
    """NVIDIA driver, devices and our CUDA library."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        yield Finding("GPU", "absent", "no NVIDIA driver (libcuda.so.1): everything runs on the CPU")
        return
    count = ctypes.c_int()
    code = driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count))
    if code or not count.value:
        yield Finding(
            "GPU", "failed", f"the driver is installed and finds no device (CUDA error {code})", "nvidia-smi says why"
        )
        return
    name = ctypes.create_string_buffer(128)
    driver.cuDeviceGetName(name, 128, 0)
    library = LIB_DIR / "libap_cuda.so"
    if library.exists():
        yield Finding("GPU", "ok", f"{name.value.decode()}, {library.name}")
    else:
        yield Finding(
            "GPU", "absent", f"{name.value.decode()}; {library.name} is not built: the CPU is used", "make kernels-cuda"
        )


def runtimes() -> Iterator[Finding]:
    """Runtimes of networks, in the order in which the suite takes them."""
    probes = choose.probe_all()
    for runtime, probe in probes.items():
        yield Finding(runtime, "ok" if probe.usable else "absent", probe.text)
    best = next((runtime for runtime, probe in probes.items() if probe.usable), None)
    rule = (
        f"the first of these that is usable, has a file in the model and gives its golden output: {', '.join(probes)}"
    )
    if best is None:
        yield Finding("networks", "absent", f"run on {rule}; none is usable: mode GEOMETRIC", "make setup")
    else:
        yield Finding("networks", "ok", f"run on {rule}; here: {best}")


def models() -> Iterator[Finding]:
    """Networks that came with the package: whether they are whole, which runtime takes each, and why."""
    shipped = manifest.shipped()
    if not shipped:
        folder = paths.share() / "models"
        text = f"none in {folder}: mode GEOMETRIC (ground, clusters, tracks and grid without a network)"
        yield Finding("models", "absent", text)
    for name in shipped:
        try:
            opened = opening.open_engine(name)
            yield Finding(f"model {name}", "ok", str(opened))
        except InferenceError as error:
            yield Finding(f"model {name}", "failed", str(error), "make setup; a damaged file: git checkout models")


def shm() -> Iterator[Finding]:
    """Room in /dev/shm, and what killed processes left there."""
    folder = shared_memory.SHM
    if not folder.is_dir():
        yield Finding("shared memory", "failed", f"{folder} is missing", "mount a tmpfs there (Docker: --ipc=host)")
        return
    usage = shutil.disk_usage(folder)
    left = list(shared_memory.leaked(folder))
    if usage.free < SHM_NEEDED:
        mend = "mount -o remount,size=2G /dev/shm (Docker: --shm-size=2g)"
        yield Finding("shared memory", "failed", f"{usage.free >> 20} MB free, {SHM_NEEDED >> 20} MB needed", mend)
    elif left:
        size = sum(map(shared_memory.size, left)) >> 20
        mend = "autonomy-perception up cleans when it ends; now: fastdds shm clean"
        yield Finding("shared memory", "ok", f"{usage.free >> 20} MB free; {size} MB left by killed processes", mend)
    else:
        yield Finding("shared memory", "ok", f"{usage.free >> 20} MB free")


def transport() -> Iterator[Finding]:
    """Large messages between two processes, with the transport profile that the nodes get."""
    try:
        result = transport_probe.measure()
        if (
            result.arrived < result.sent or result.median_ms > SLOW_MS
        ):  # once more: another program may have had the cores
            result = transport_probe.measure()
    except transport_probe.ProbeError as error:
        yield Finding(
            "transport", "failed", str(error), "see the lines above; a firewall on the loopback also does this"
        )
        return
    text = f"{result.arrived} of {result.sent} messages of {transport_probe.MEGABYTES} MB, median {result.median_ms:.1f} ms"
    profile = next(
        (os.environ[v] for v in environment.PROFILE_VARIABLES if v in os.environ), str(environment.profile())
    )
    if result.arrived < result.sent:
        yield Finding("transport", "failed", text, f"is shared memory usable? profile: {profile}")
    elif result.median_ms > SLOW_MS:
        yield Finding(
            "transport", "failed", f"{text}: not through shared memory", f"check the profile {profile} and /dev/shm"
        )
    else:
        yield Finding("transport", "ok", text)


CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    package, ros, interfaces, kernels, gpu, runtimes, models, shm, transport,
)  # fmt: skip


def all_findings() -> list[Finding]:
    """Run every check; the transport is not tried where ROS is missing."""
    findings: list[Finding] = []
    for check in CHECKS:
        if check is transport and any(f.state == "failed" and f.check in ("ROS 2", "interfaces") for f in findings):
            findings.append(
                Finding("transport", "failed", "not tried: ROS or messages are missing", "mend those first")
            )
        else:
            findings += list(check())
    return findings
