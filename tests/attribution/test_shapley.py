"""Kernel SHAP against Shapley values from their definition, and its error bars against what fresh draws do."""

from __future__ import annotations

from itertools import permutations

import pytest
import torch
from torch import Tensor, nn

from tests.attribution.test_gradient_methods import random_network
from tests.zoo import ZOO, images
from xai.attribution.shapley import kernel_shap
from xai.base.coalitions import coalitions, solve
from xai.base.errors import InputError
from xai.inputs.image import ImageInput
from xai.inputs.series import SequenceInput
from xai.model.model import Model


def by_orders(function: object, row: Tensor, background: Tensor) -> Tensor:
    """Return the mean effect of showing each number, over all orders, from the background's mean answers."""
    values = torch.zeros(len(row), dtype=torch.float64)
    orders = list(permutations(range(len(row))))
    for order in orders:
        batch = background.clone()
        before = function(batch).mean()
        for part in order:
            batch[:, part] = row[part]
            after = function(batch).mean()
            values[part] += (after - before) / len(orders)
            before = after
    return values


@pytest.mark.parametrize("seed", range(4))
def test_enumerated_coalitions_give_shapley_values(seed: int) -> None:
    network = random_network(seed, 8, nn.Tanh)
    generator = torch.Generator().manual_seed(seed)
    rows, behind = (torch.randn(count, 5, generator=generator, dtype=torch.float64) for count in (2, 3))
    made = kernel_shap(Model(network), rows, 1, background=behind)
    with torch.no_grad():
        truth = torch.stack([by_orders(lambda x: network(x)[:, 1], row, behind) for row in rows])
        difference = network(rows)[:, 1] - network(behind)[:, 1].mean()
    assert torch.allclose(torch.stack(made.values), truth, atol=1e-5)
    assert torch.allclose(torch.stack(made.values).sum(1), difference, atol=1e-9)
    assert all(row["enumerated"] for row in made.diagnostics)
    assert torch.stack(made.standard_error).max() == 0


def test_known_values_and_pairs() -> None:
    class Product(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x[:, 0] * x[:, 1]

    made = kernel_shap(Model(Product(), task="regression"), [[2.0, 3.0]])
    assert made.values[0].tolist() == pytest.approx([3.0, 3.0])
    assert made.over == "features"
    linear = nn.Linear(12, 2).double()
    rows = torch.randn(2, 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    drawn = kernel_shap(Model(linear), rows, (0, 1), samples=100)
    weight = (linear.weight[0] - linear.weight[1]).detach()
    assert torch.allclose(torch.stack(drawn.values), weight * rows, atol=1e-6)  # drawn, and exact, since it is linear
    assert not drawn.diagnostics[0]["enumerated"]


def test_error_bars_cover_the_truth() -> None:
    """Of 95 % intervals over 60 seeds, about 95 % hold the Shapley value, which all 4,096 coalitions give."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        network = nn.Sequential(nn.Linear(12, 8), nn.Tanh(), nn.Linear(8, 2)).double()
    row = torch.randn(1, 12, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * 2
    truth = kernel_shap(Model(network), row, 0, samples=5000).values[0]
    inside = []
    for seed in range(60):
        low, high = kernel_shap(Model(network), row, 0, samples=200, seed=seed).interval()[0]
        inside.append(((low <= truth) & (truth <= high)).double())
    assert 0.9 <= torch.stack(inside).mean() <= 0.99


def test_images_have_segments_and_series_have_steps() -> None:
    model, batch = ZOO["plain"](), images()
    labels = torch.arange(4).view(2, 2).repeat_interleave(4, 0).repeat_interleave(4, 1)
    made = kernel_shap(model, batch, 1, segments=labels)
    assert made.over == "segments"
    assert made.heatmap().shape == (3, 8, 8)
    network = nn.Sequential(nn.Flatten(), nn.Linear(10, 2)).double()
    series = torch.ones(1, 3, 2)
    steps = kernel_shap(Model(network, input=SequenceInput(["a", "b"], 5)), series, 1, background=0.5)
    weight = network[1].weight[1].detach().view(5, 2).sum(1)
    assert torch.allclose(steps.values[0], torch.cat([0.5 * weight[:3], torch.zeros(2)]).to(steps.values[0]), atol=1e-6)
    assert steps.values[0][3:].abs().max() == 0  # padding is no part


def test_few_samples_and_wrong_segments_are_named() -> None:
    with pytest.raises(InputError, match="at least 26 for 12 parts"):
        kernel_shap(Model(nn.Linear(12, 2)), torch.zeros(1, 12), samples=20)
    with pytest.raises(InputError, match="only images have them"):
        kernel_shap(Model(nn.Linear(12, 2)), torch.zeros(1, 12), segments="grid")
    one = kernel_shap(Model(nn.Conv2d(1, 1, 2), task="regression", input=ImageInput((1, 2, 2)),
                            forward=lambda network, x: network(x).flatten(1)), torch.ones(1, 1, 2, 2),
                      segments=torch.zeros(2, 2, dtype=torch.int64))  # fmt: skip
    assert len(one.values[0]) == 1


def test_coalitions_come_in_pairs_by_their_weight() -> None:
    drawn = coalitions(6, 40, torch.Generator().manual_seed(0))
    assert torch.equal(drawn.shown[::2], ~drawn.shown[1::2])
    sizes = coalitions(6, 20_000, torch.Generator().manual_seed(0)).shown.sum(1) if 2**6 > 20_000 else None
    assert sizes is None  # few parts are enumerated
    many = coalitions(15, 20_000, torch.Generator().manual_seed(0)).shown.sum(1).bincount(minlength=16)[1:15]
    weight = torch.tensor([1 / (size * (15 - size)) for size in range(1, 15)])
    assert torch.allclose(many / many.sum(), weight / weight.sum(), atol=0.01)
    values, errors = solve(drawn, drawn.shown.double().sum(1)[None], torch.tensor([6.0]).double())
    assert torch.allclose(values, torch.ones(1, 6).double())
    assert errors.max() < 1e-9
