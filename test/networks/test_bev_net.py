"""The module: shapes and dtypes for every variant and size, sensors that are absent, no data-dependent graph."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="make setup EXTRAS=train")

from training.worlds import TINY

from autonomy_perception.networks.bev_net import BevNet
from autonomy_perception.networks.config import SIZES
from autonomy_perception.networks.export import example
from autonomy_perception.networks.layout import LOG_VARIANCE


def made(variant: str = "lidar") -> BevNet:
    torch.manual_seed(0)
    return BevNet(TINY.model_copy(update={"variant": variant})).eval()


def inputs_of(net: BevNet, seed: int = 0) -> list:
    return [torch.from_numpy(array) for array in example(net, seed).values()]


@pytest.mark.parametrize("variant", ["lidar", "camera", "fusion"])
def test_outputs_are_as_the_layout_says(variant: str) -> None:
    net = made(variant)
    with torch.no_grad():
        out = net.named(*inputs_of(net))
    assert {name: tuple(value.shape) for name, value in out.items()} == dict(net.layout.outputs)
    assert {value.dtype for value in out.values()} == {torch.float32}
    for value in (out["elevation"][:, 1], out["box_log_variance"]):
        assert value.min() >= LOG_VARIANCE[0] and value.max() <= LOG_VARIANCE[1]


@pytest.mark.parametrize("size", list(SIZES))
def test_sizes_have_the_weights_they_are_meant_to(size: str) -> None:
    with torch.device("meta"):
        net = BevNet(SIZES[size])
        out = net.named(*(torch.empty(shape) for shape in net.layout.inputs.values()))
    weights = sum(p.numel() for p in net.parameters())
    assert {name: tuple(v.shape) for name, v in out.items()} == dict(net.layout.outputs)
    assert weights < {"edge-cpu": 1.2e6, "vehicle": 6e6}[size]


def test_a_batch_is_its_samples_side_by_side() -> None:
    net = made()
    one, other = (inputs_of(net, seed)[0] for seed in (1, 2))
    with torch.no_grad():
        both = net(torch.cat([one, other]))
        apart = [torch.cat(pair) for pair in zip(net(one), net(other), strict=True)]
    for a, b in zip(both, apart, strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-5)


def test_an_absent_sensor_does_not_matter_and_a_present_one_does() -> None:
    net = made("fusion")
    canvas, camera, _ = inputs_of(net)

    def heat(canvas, camera, lidar_here: float, camera_here: float):
        with torch.no_grad():
            return net.named(canvas, camera, torch.tensor([[lidar_here, camera_here]]))["terrain"]

    nan = torch.full_like(camera, float("nan"))
    torch.testing.assert_close(heat(canvas, nan, 1, 0), heat(canvas, camera, 1, 0))
    torch.testing.assert_close(heat(torch.full_like(canvas, float("nan")), camera, 0, 1), heat(canvas, camera, 0, 1))
    both = heat(canvas, camera, 1, 1)
    assert not torch.allclose(both, heat(canvas, camera, 1, 0)) and not torch.allclose(both, heat(canvas, camera, 0, 1))


def test_a_fresh_network_claims_few_objects() -> None:
    net = made()
    with torch.no_grad():
        share = net.named(*inputs_of(net))["heatmap"].sigmoid().mean()
    assert 0.005 < float(share) < 0.05
    assert np.isfinite(float(share))
