"""What a network is, without torch: shapes follow from the configuration, wrong ones are refused."""

import subprocess
import sys

import pytest
from pydantic import ValidationError

from autonomy_perception.networks.config import SIZES, GridConfig, NetworkConfig
from autonomy_perception.networks.layout import DETECTED, TERRAIN, Layout
from autonomy_perception.ops.canvas import CANVAS
from autonomy_perception.road_users import ObjectClass


def test_shapes_follow_from_the_grid() -> None:
    layout = Layout(SIZES["edge-cpu"])
    assert layout.inputs == {"canvas": (1, len(CANVAS), 256, 256)}
    assert layout.outputs["terrain"] == (1, 7, 256, 256)
    assert layout.outputs["heatmap"] == (1, 9, 128, 128)
    fusion = Layout(NetworkConfig(variant="fusion", camera_channels=20))
    assert fusion.inputs == {"canvas": (1, len(CANVAS), 256, 256), "camera_bev": (1, 20, 128, 128), "present": (1, 2)}
    assert list(Layout(NetworkConfig(variant="camera")).inputs) == ["camera_bev"]
    wide = SIZES["vehicle"].grid
    assert min(wide.x_max, wide.y_max, -wide.x_min, -wide.y_min) >= 75.0


def test_described_names_every_channel() -> None:
    said = Layout(SIZES["edge-cpu"]).described()
    for tensor, names in (
        ("terrain", "terrain"),
        ("heatmap", "detected"),
        ("box", "box"),
        ("box_log_variance", "box_log_variance"),
    ):
        assert said["outputs"][tensor][1] == len(said[names])
    assert said["inputs"]["canvas"][1] == len(said["canvas"]) == len(set(said["canvas"]))
    assert len(set(TERRAIN)) == 7
    assert set(DETECTED) == set(ObjectClass)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: GridConfig(x_min=-51.2, x_max=51.6, y_min=-51.2, y_max=51.2, resolution=0.4),
        lambda: NetworkConfig(widths=(0, 1, 1)),
        lambda: NetworkConfig(variant="radar"),  # type: ignore[arg-type]
        lambda: NetworkConfig(neck=0),
    ],
)
def test_what_cannot_be_is_refused(wrong) -> None:
    with pytest.raises(ValidationError):
        wrong()


def test_neither_the_drive_nor_the_command_line_imports_torch() -> None:
    program = """
import sys
import autonomy_perception.cli.main, autonomy_perception.runtime.runner, autonomy_perception.pipeline.build
import autonomy_perception.networks.layout, autonomy_perception.training.config, autonomy_perception.training.samples
assert "torch" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
