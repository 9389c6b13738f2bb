"""Exact Shapley values and those of permutations, against the sum over all orders and against shap."""

from __future__ import annotations

from itertools import permutations

import pytest
import torch
from torch import Tensor, nn

import xai
from xai.base.errors import InputError
from xai.evidence.recompute import recompute


def network() -> nn.Module:
    torch.manual_seed(2)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2)).double()


MODEL, ROWS = xai.Model(network()), torch.randn(3, 4, generator=torch.Generator().manual_seed(3)).double()


def over_all_orders(model: xai.Model, row: Tensor, target: int) -> Tensor:
    values = torch.zeros(4).double()
    orders = list(permutations(range(4)))
    for order in orders:
        shown, before = torch.zeros(4).double(), model.network(torch.zeros(1, 4).double())[0, target]
        for part in order:
            shown[part] = row[part]
            after = model.network(shown[None])[0, target]
            values[part] += (after - before).detach() / len(orders)
            before = after
    return values


def test_exact_values_are_the_mean_over_all_orders() -> None:
    e = xai.kernel_shap(MODEL, ROWS, 1, algorithm="exact", samples=2)
    for row in range(3):
        assert torch.allclose(e.values[row], over_all_orders(MODEL, ROWS[row], 1), atol=1e-9)
        assert e.diagnostics[row]["enumerated"]
    assert torch.equal(recompute(MODEL, e).values[0], e.values[0])


def test_permutations_come_near_with_errors_that_say_how_near() -> None:
    exact = torch.stack([over_all_orders(MODEL, row, 1) for row in ROWS])
    misses = []
    for seed in range(16):
        e = xai.kernel_shap(MODEL, ROWS, 1, algorithm="permutation", samples=60, seed=seed)
        values = torch.stack(list(e.values))
        full, empty = MODEL.network(ROWS)[:, 1], MODEL.network(torch.zeros_like(ROWS))[:, 1]
        assert torch.allclose(values.sum(1), full - empty, atol=1e-9)
        ends = torch.stack(e.interval())
        misses.append(((exact < ends[:, 0]) | (exact > ends[:, 1])).double().mean())
    assert 0.0 < float(torch.stack(misses).mean()) < 0.15  # of intervals that should miss 5 %
    many = xai.kernel_shap(MODEL, ROWS, 1, algorithm="permutation", samples=20000)
    assert torch.allclose(torch.stack(list(many.values)), exact, atol=0.01)
    assert many.options["algorithm"] == "permutation"
    assert torch.equal(recompute(MODEL, many).values[1], many.values[1])


def test_a_product_and_one_part_alone() -> None:
    class Product(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.prod(1)

    model = xai.Model(Product(), task="regression")
    for algorithm in ("kernel", "permutation", "exact"):
        assert xai.kernel_shap(model, [[2.0, 3.0]], algorithm=algorithm).values[0].tolist() == [3.0, 3.0]
        assert xai.kernel_shap(model, [[2.0]], algorithm=algorithm).values[0].tolist() == [2.0]


@pytest.mark.filterwarnings("ignore")
def test_shap_agrees() -> None:
    shap = pytest.importorskip("shap")
    background = torch.randn(5, 4, generator=torch.Generator().manual_seed(4)).double()

    def scores(rows: object) -> object:
        with torch.no_grad():
            return MODEL.network(torch.as_tensor(rows).double())[:, 1].numpy()

    theirs = shap.explainers.Exact(scores, background.numpy())(ROWS.numpy()).values
    ours = xai.kernel_shap(MODEL, ROWS, 1, algorithm="exact", background=background)
    assert torch.allclose(torch.stack(list(ours.values)), torch.from_numpy(theirs), atol=1e-5)


def test_what_cannot_be_is_named() -> None:
    with pytest.raises(InputError, match="kernel_shap: algorithm: expected one of kernel, permutation, exact"):
        xai.kernel_shap(MODEL, ROWS, 1, algorithm="all")
    with pytest.raises(
        InputError, match="kernel_shap: samples: expected at least 12 for permutations of 4 parts, got 11"
    ):
        xai.kernel_shap(MODEL, ROWS, 1, algorithm="permutation", samples=11)
    wide = xai.Model(nn.Linear(21, 2))
    with pytest.raises(InputError, match="kernel_shap: algorithm: expected 'kernel' or 'permutation' for 21 parts"):
        xai.kernel_shap(wide, torch.rand(1, 21), algorithm="exact")
