"""Every head can be taught one batch by heart; every loss is zero, or lowest, where the answer is right."""

import pytest

torch = pytest.importorskip("torch", reason="make setup EXTRAS=train")

from training.worlds import TINY, write_samples

from autonomy_perception.networks.bev_net import BevNet
from autonomy_perception.networks.layout import Layout
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.training.batches import collate, prepared, unchanged
from autonomy_perception.training.canvas import CanvasMaker
from autonomy_perception.training.decode import decoded
from autonomy_perception.training.losses import TASKS, Balance, focal, losses, nll
from autonomy_perception.training.samples import SampleStore
from autonomy_perception.training.targets import coarse_grid

CELL = coarse_grid(Layout(TINY)).resolution


@pytest.fixture(scope="module")
def batch(tmp_path_factory):
    store = SampleStore([write_samples(tmp_path_factory.mktemp("learning") / "samples", range(2))])
    layout, maker = Layout(TINY), CanvasMaker(TINY.grid.bev, CpuLibrary())
    return collate([prepared(unchanged(scene, layout), layout, maker) for scene in store])


@pytest.mark.parametrize("task", TASKS)
def test_one_batch_is_learnt_by_heart(task: str, batch) -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    net = BevNet(TINY).train()
    optimiser = torch.optim.Adam(net.parameters(), 1e-2)
    first = last = None
    for _ in range(100):
        out = net.named(batch["canvas"])
        last = losses(out, batch, CELL)[task]
        first = last.detach() if first is None else first
        optimiser.zero_grad()
        last.backward()
        optimiser.step()
    if task in ("elevation", "box"):  # likelihoods: what counts is how far off the answer is
        error = losses({**out, "elevation": torch.cat([out["elevation"][:, :1], torch.zeros_like(out["elevation"][:, :1])], 1),
                        "box_log_variance": torch.zeros_like(out["box_log_variance"])}, batch, CELL)[task]  # fmt: skip
        assert float(error.detach()) < 0.02
    else:
        assert float(last.detach()) < 0.25 * float(first)


def test_what_is_learnt_is_decoded(batch) -> None:
    torch.manual_seed(0)
    net = BevNet(TINY).train()
    optimiser, balance = torch.optim.Adam(net.parameters(), 1e-2), Balance()
    for _ in range(120):
        total = balance(losses(net.named(batch["canvas"]), batch, CELL))
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
    with torch.no_grad():
        out = net.named(batch["canvas"])
    boxes = decoded(out["heatmap"][0].numpy(), out["box"][0].numpy(), net.layout, least=0.4)
    assert boxes.kind.tolist().count(0) == 1  # the car; the person without a return is not demanded
    car = boxes.kind.tolist().index(0)
    truth = batch["box"][0].numpy()
    assert abs(boxes.center[car, 0] - 5.0) < 0.5 and abs(boxes.velocity[car, 0] - truth[8]) < 0.7


def test_losses_are_lowest_where_right(batch) -> None:
    logits = torch.where(batch["heatmap"] == 1, 12.0, -12.0)
    assert float(focal(logits, batch["heatmap"], batch["unseen"])) < 1e-3
    assert float(focal(-logits, batch["heatmap"], batch["unseen"])) > 10
    everywhere = torch.ones_like(batch["unseen"])
    assert float(focal(-logits, batch["heatmap"] * 0, everywhere)) == 0
    error2 = torch.full((200,), 0.25)
    at = torch.linspace(-6, 4, 201)
    gradient = torch.autograd.functional.jacobian(lambda s: nll(error2[0], s), at[100])
    assert float(gradient) > 0  # a variance of 0.37 explains errors of 0.5: less would do
    best = min(at.tolist(), key=lambda s: float(0.5 * (0.25 * torch.exp(torch.tensor(-s)) + s)))
    assert abs(best - float(torch.log(torch.tensor(0.25)))) < 0.05


def test_cells_that_nobody_could_judge_teach_nothing(batch) -> None:
    net = BevNet(TINY).eval()
    with torch.no_grad():
        out = net.named(batch["canvas"])
        blind = ~batch["visibility"].bool()
        assert blind.any() and not blind.all()
        spoiled = {**out, "terrain": out["terrain"] + 9.0 * blind[:, None] * torch.randn_like(out["terrain"]),
                   "drivable": out["drivable"] + 9.0 * blind[:, None], "elevation": out["elevation"] + 3.0 * blind[:, None]}  # fmt: skip
        one, other = losses(out, batch, CELL), losses(spoiled, batch, CELL)
    for task in ("terrain", "drivable", "elevation"):
        torch.testing.assert_close(one[task], other[task])


def test_balance_settles_where_its_weights_fit_the_losses() -> None:
    balance = Balance()
    optimiser = torch.optim.Adam(balance.parameters(), 0.1)
    fixed = {task: torch.tensor(0.1 * (k + 1)) for k, task in enumerate(TASKS)}
    for _ in range(200):
        optimiser.zero_grad()
        balance(fixed).backward()
        optimiser.step()
    torch.testing.assert_close(balance.s.exp().detach(), torch.stack(list(fixed.values())), rtol=0.05, atol=0.0)
