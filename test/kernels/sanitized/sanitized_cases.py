"""Every kernel on a small scene, and the unpack kernel on clouds of random bytes; run by test_sanitized.py."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy_perception.bench.kernel_cases import CASES
from autonomy_perception.bench.kernel_scene import KernelScene, kernel_scene
from autonomy_perception.config import LidarConfig
from autonomy_perception.messages.events import CloudMsg, PointField
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.ops.unpack import unpack
from autonomy_perception.sensors.cloud import CloudError, read_layout

LIDAR = LidarConfig(topic="/points", frame="lidar")
IDENTITY = np.eye(4, dtype=np.float32)[None, :3]


@pytest.fixture(scope="module")
def scene() -> KernelScene:
    return kernel_scene(columns=60)


@pytest.mark.parametrize("name", sorted(CASES))
def test_kernel(name: str, scene: KernelScene) -> None:
    assert CASES[name](CpuLibrary(), scene).run()


@given(st.binary(max_size=200), st.integers(0, 40), st.integers(0, 4), st.integers(0, 40), st.integers(0, 90), st.booleans(),
       st.lists(st.tuples(st.sampled_from(["x", "y", "z", "t", "ring", "intensity"]), st.integers(-2, 30), st.integers(0, 11)), max_size=8))  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_clouds_of_any_bytes(data, width, height, step, row, big, fields) -> None:
    named = [PointField("x", 0, 7), PointField("y", 4, 7), PointField("z", 8, 7), *(PointField(*f) for f in fields)]
    exact = np.frombuffer(bytearray(data), np.uint8)  # a block of its own: one byte too far is noticed
    try:
        sweep = read_layout(
            CloudMsg("/p", 0, 0, "lidar", 10**18, height, width, named, big, step, row, exact), LIDAR, 100
        )
    except CloudError:
        return
    unpack(CpuLibrary(), sweep.data, sweep.layout, IDENTITY)
