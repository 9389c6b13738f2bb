"""What grows faster than the work, and what depends on company."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import xai
from xai.base.quadrature import BY_EIGENVALUES, gauss_legendre
from xai.global_explanations import neighbors as module


@pytest.mark.parametrize("count", [1, 2, 7, BY_EIGENVALUES, BY_EIGENVALUES + 1, 500, 1001])
def test_points_and_weights_integrate_exactly(count: int) -> None:
    points, weights = gauss_legendre(count)
    known, shares = np.polynomial.legendre.leggauss(count)
    assert np.abs(points - known).max() < 1e-14
    assert np.abs(weights - shares).max() < 1e-13
    assert abs(weights.sum() - 2) < 1e-13


def test_five_thousand_points_take_no_minutes() -> None:
    started = time.process_time()
    points, weights = gauss_legendre(5000)
    assert time.process_time() - started < 10  # eigenvalues take more than 90 seconds
    assert abs(weights @ np.exp(points) - (np.e - 1 / np.e)) < 1e-13


def near(rows: Tensor, train: Tensor, count: int) -> tuple[Tensor, Tensor]:
    lengths, order = torch.cdist(rows, train).sort(dim=1, stable=True)
    return lengths[:, :count], order[:, :count]


def test_nearest_rows_are_those_of_a_full_sort(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(0)
    train = torch.randint(0, 4, (300, 3), generator=generator).double()  # many are equally far
    rows = torch.randint(0, 4, (20, 3), generator=generator).double()
    monkeypatch.setattr(module, "AT_ONCE", 1000)
    for count in (1, 5, 40):
        lengths, order = module._nearest(rows, train, count, "euclidean")
        assert torch.allclose(lengths, near(rows, train, count)[0])
        assert torch.equal(order, near(rows, train, count)[1])


def test_nearest_examples_do_not_grow_with_the_square() -> None:
    train = torch.randn(30_000, 4, generator=torch.Generator().manual_seed(0))
    model = xai.Model(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)), input=xai.TabularInput(list("abcd")))
    started = time.process_time()
    found = xai.nearest_examples(model, train[:3], train, layer="0", count=1)
    assert time.process_time() - started < 20  # all against all would be 900 million distances
    assert found.indices.flatten().tolist() == [0, 1, 2]


def test_a_table_of_many_rows_is_made_at_once() -> None:
    model = xai.Model(nn.Linear(5, 3), input=xai.TabularInput(list("abcde")))
    rows = torch.randn(2000, 5, generator=torch.Generator().manual_seed(0))
    explanation = xai.smoothgrad(model, rows, 1, samples=2)
    started = time.process_time()
    table = explanation.to_frame()
    assert time.process_time() - started < 2
    low, high = explanation[7].interval()[0]
    of_one = table[table["row"] == 7]
    assert np.allclose(of_one[["low", "high"]].to_numpy(), torch.stack([low.flatten(), high.flatten()], 1).numpy())
    assert of_one["name"].tolist() == list("abcde")


class Bag(nn.Module):
    """The mean of words that are no padding: what the longest text is changes nothing."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.table, self.linear = nn.Embedding(12, 4, padding_idx=0), nn.Linear(4, 2)

    def forward(self, words: Tensor) -> Tensor:
        present = (words != 0)[:, :, None]
        return self.linear((self.table(words).tanh() * present).sum(1) / present.sum(1).clamp_min(1))


@pytest.mark.parametrize(
    ("method", "settings"),
    [("smoothgrad", {}), ("gradient_shap", {}), ("gradient_shap", {"background": ["zero", "noise"]})],
)
def test_a_text_has_the_same_numbers_beside_a_longer_one(method: str, settings: dict) -> None:
    model = xai.Model(Bag(), input=xai.TextInput([f"w{number}" for number in range(10)]))
    alone = getattr(xai, method)(model, ["w1 w2"], 0, samples=8, **settings)
    beside = getattr(xai, method)(model, ["w1 w2", "w1 w2 w3 w4 w5 w6"], 0, samples=8, **settings)
    assert torch.equal(alone.values[0], beside.values[0])
    assert torch.equal(alone.standard_error[0], beside.standard_error[0])
