"""Environment that ROS processes need: where the wheels lie, the tuned transport, the allocator (no rclpy here).

The stock settings are unfit for images and clouds: Fast DDS sends them in UDP fragments, and glibc gives every large
buffer back to the kernel after each message, so that each copy pays for page faults anew.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from autonomy_perception import paths

MALLOC = {
    "MALLOC_MMAP_THRESHOLD_": str(1 << 25),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 31),
    "MALLOC_TOP_PAD_": str(1 << 24),
    "MALLOC_ARENA_MAX": "1",
    "NUMPY_MADVISE_HUGEPAGE": "0",
}
"""glibc keeps large buffers for the next message, but those of no ordinary message (32 MB) go back at once: kept, they would
scatter over the heap and hold it for good. One arena: of others glibc gives nothing back from behind the last block in use. No
huge pages: the system would fill up whole ones where memory was given back."""

PROFILE_VARIABLES = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE")
"""Names that Fast DDS 3 (kilted and later) and Fast DDS 2 read; the old one makes the new version complain."""

QOS_VARIABLE = "RMW_FASTRTPS_USE_QOS_FROM_XML"
"""Lets the profile decide on memory; the quality of service of every topic stays that of its ROS publisher or subscriber."""

SEGMENT_BYTES = 64 << 20
"""Shared memory that each process asks for: ``segment_size`` of the transport profile."""

TRANSPORT_VARIABLE = "AUTONOMY_PERCEPTION_TRANSPORT"
"""Set to ``stock`` it leaves transport and allocator as ROS has them (for comparison)."""

FAST_DDS_2 = ("humble", "iron", "jazzy")


def wheels_prefix() -> Path | None:
    """Prefix of the virtual environment if its ROS comes from wheels, else None."""
    prefix = Path(sys.prefix)
    return prefix if (prefix / "share" / "ament_index" / "resource_index" / "packages" / "rclpy").exists() else None


def profile() -> Path:
    """The transport profile that travels with the package."""
    return paths.share() / "config" / "fastdds_shm.xml"


def prepare() -> None:
    """Let this process find the ROS wheels of its virtual environment; where ROS is sourced nothing is changed."""
    prefix = wheels_prefix()
    if prefix is not None:
        os.environ.setdefault("AMENT_PREFIX_PATH", str(prefix))


def additions(base: Mapping[str, str]) -> dict[str, str]:
    """Variables that a node process should get on top of ``base``; what the user has set stays."""
    stock = base.get(TRANSPORT_VARIABLE) == "stock"
    out = {} if stock else {k: v for k, v in MALLOC.items() if k not in base}
    if base.get("RMW_IMPLEMENTATION", "rmw_fastrtps_cpp") == "rmw_fastrtps_cpp":
        out.setdefault("RMW_IMPLEMENTATION", "rmw_fastrtps_cpp")
        if not stock and not any(v in base for v in PROFILE_VARIABLES):
            out[PROFILE_VARIABLES[base.get("ROS_DISTRO") in FAST_DDS_2]] = str(profile())
            if QOS_VARIABLE not in base:
                out[QOS_VARIABLE] = "1"
    prefix = wheels_prefix()
    if prefix is not None and not base.get("AMENT_PREFIX_PATH"):
        out["AMENT_PREFIX_PATH"] = str(prefix)
    # waiting threads must not spin: the nodes share few cores
    out |= {k: v for k, v in {"OMP_WAIT_POLICY": "passive", "PYTHONUNBUFFERED": "1"}.items() if k not in base}
    return out


def of_node(base: Mapping[str, str] | None = None) -> dict[str, str]:
    """Whole environment of a node process."""
    given = dict(os.environ if base is None else base)
    return given | additions(given)
