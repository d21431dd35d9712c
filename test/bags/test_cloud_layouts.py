"""What a replay says of the clouds in a bag."""

from pathlib import Path

import numpy as np

from autonomy_perception.bags import messages as m
from autonomy_perception.bags.replay import cloud_layouts
from autonomy_perception.bags.writer import BagWriter
from autonomy_perception.config import VehicleConfig

STAMP = 1_700_000_000_000_000_000


def test_the_first_cloud_of_each_lidar_is_described(tmp_path: Path) -> None:
    kind = np.dtype(
        [("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("intensity", "u1"), ("channel", "<u2"), ("time_stamp", "<u4")]
    )
    points = np.zeros(3000, kind)
    points["x"], points["time_stamp"] = 5.0, np.linspace(0, 1e8, 3000)
    bare = np.zeros(10, [("x", "<f8"), ("y", "<f8"), ("z", "<f8")])
    with BagWriter(tmp_path / "bag") as writer:
        for topic, cloud in (("/a", points), ("/b", bare), ("/c", np.zeros(0, kind))):
            writer.write(topic, m.CLOUD, STAMP, m.cloud("lidar", STAMP, cloud))
    body = {"front": 3.5, "rear": 1.0, "width": 1.9, "height": 1.7, "wheelbase": 2.7}
    lidars = {name: {"topic": f"/{name}", "frame": "lidar"} for name in "abcd"}
    vehicle = VehicleConfig.model_validate({"name": "test", "lidars": lidars, "dimensions": body})
    assert cloud_layouts(tmp_path / "bag", vehicle) == {
        "/a": "x y z float32, intensity uint8 up to 255 (by its type), time uint32 ns from the header stamp, ring uint16; "
        "19 bytes a point",
        "/b": "x y z float64, no intensity, no time: points are not deskewed, no ring; 24 bytes a point",
    }
