"""Averaged gradients against closed forms, and their error bars against what fresh draws do."""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from tests.attribution.test_gradient_methods import random_network
from xai.attribution.gradient_methods import integrated_gradients
from xai.attribution.sampled_gradients import gradient_shap
from xai.attribution.smooth_gradients import smoothgrad
from xai.base.errors import InputError
from xai.model.model import Model


class Cubic(nn.Module):
    """Σ x³: the gradient 3 x² has the mean 3 x² + 3 σ² under normal noise."""

    def forward(self, x: Tensor) -> Tensor:
        return x.pow(3).sum(1)


def test_smoothgrad_has_the_mean_of_its_noise() -> None:
    rows = torch.tensor([[1.0, -2.0, 0.5]], dtype=torch.float64)
    made = smoothgrad(Model(Cubic(), task="regression"), rows, noise=0.1, samples=4000, seed=3)
    truth = 3 * rows**2 + 3 * (0.1 * 3.0) ** 2  # the range is 3
    assert ((made.values - truth).abs() <= 4 * made.standard_error[0]).all()
    # Var(3 (x + e)²) = 9 (4 x² σ² + 2 σ⁴)
    spread = (9 * (4 * rows**2 * 0.09 + 2 * 0.0081)).sqrt() / math.sqrt(4000)
    assert torch.allclose(made.standard_error[0], spread[0], rtol=0.1)


def test_linear_networks_are_exact() -> None:
    network = nn.Linear(5, 3).double()
    rows = torch.randn(2, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    background = torch.randn(7, 5, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    weight = network.weight.detach()
    assert torch.allclose(smoothgrad(Model(network), rows, 1).values, weight[1].expand(2, 5), atol=1e-12)
    assert torch.allclose(gradient_shap(Model(network), rows, 1).values, weight[1] * rows, atol=1e-12)
    truth = (weight[1] - weight[2]) * (rows - background.mean(0))
    for samples in (7, 10, 14, 64):  # chance is in the points between, and a linear network has the same slope at all
        made = gradient_shap(Model(network), rows, (1, 2), background=background, samples=samples)
        assert torch.allclose(made.values, truth, atol=1e-12)
        assert max(row["completeness_error"] for row in made.diagnostics) < 1e-9
        assert samples < 14 or float(torch.stack(made.standard_error).max()) < 1e-6
    assert made.baseline == "data"
    part = gradient_shap(Model(network), rows, (1, 2), background=background, samples=4)
    assert ((part.values - truth).abs() <= 6 * torch.stack(part.standard_error)).all()


def test_gradient_shap_comes_to_integrated_gradients() -> None:
    """With one background row, expected gradients are integrated gradients; with two, their mean."""
    model = Model(random_network(4, 8, nn.Tanh))
    rows = torch.randn(2, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    behind = torch.randn(2, 5, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    exact = [integrated_gradients(model, rows, 0, baseline=row, steps=100).values for row in behind]
    made = gradient_shap(model, rows, 0, background=behind, samples=4000)
    assert ((made.values - sum(exact) / 2).abs() <= 4.5 * torch.stack(made.standard_error) + 1e-9).all()
    assert max(row["completeness_error"] for row in made.diagnostics) < 0.2
    several = gradient_shap(model, rows, 0, background=["zero", 1.0], samples=16)
    assert several.baseline == "zero, 1.0"


def test_error_bars_cover_the_truth() -> None:
    """Of 95 % intervals over 60 seeds, about 95 % hold the exact value; of three standard errors, nearly all."""
    model = Model(random_network(4, 8, nn.Tanh))
    row = torch.randn(1, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    truth = integrated_gradients(model, row, 0, steps=200).values
    inside = []
    for seed in range(60):
        low, high = gradient_shap(model, row, 0, samples=64, seed=seed).interval()[0]
        inside.append(((low <= truth[0]) & (truth[0] <= high)).double())
    assert 0.88 <= torch.stack(inside).mean() <= 0.99


@pytest.mark.parametrize(("samples", "least", "most"), [(64, 0.9, 1.1), (37, 0.9, 1.1), (16, 1.0, 8.0), (6, 1.0, 1.3)])
def test_the_error_is_that_of_the_design(samples: int, least: float, most: float) -> None:
    """Over 150 seeds, of 16 rows: as large as the misses from two samples per row on, never smaller with fewer."""
    model = Model(random_network(4, 8, nn.Tanh))
    row = torch.randn(1, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    behind = torch.randn(16, 5, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    several = [integrated_gradients(model, row, 0, baseline=other, steps=100).values for other in behind]
    truth, misses, errors, inside = torch.cat(several).mean(0), [], [], []
    for seed in range(150):
        made = gradient_shap(model, row, 0, background=behind, samples=samples, seed=seed)
        misses.append((made.values[0] - truth).square())
        errors.append(made.standard_error[0].square())
        low, high = made.interval()[0]
        inside.append(((low <= truth) & (truth <= high)).double())
    ratio = (torch.stack(errors).mean() / torch.stack(misses).mean()).sqrt()
    assert least <= float(ratio) <= most
    assert float(torch.stack(inside).mean()) >= 0.9


def test_the_batch_size_does_not_change_the_draws() -> None:
    model = Model(random_network(4, 8, nn.Tanh))
    rows = torch.randn(3, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    behind = torch.randn(4, 5, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    for method in (smoothgrad, gradient_shap, partial(gradient_shap, background=behind)):
        whole, parts = method(model, rows, 0, samples=9), method(model, rows, 0, samples=9, batch_size=4)
        assert torch.allclose(whole.values, parts.values, atol=1e-12)
        assert torch.allclose(torch.stack(whole.standard_error), torch.stack(parts.standard_error), atol=1e-12)
        assert not torch.allclose(whole.values, method(model, rows, 0, samples=9, seed=1).values, atol=1e-4)
        assert whole.to_frame()["low"].notna().all()


@pytest.mark.parametrize("background", ["black", torch.zeros(2, 4), [], ["zero", "black"], None])
def test_backgrounds_that_cannot_be(background: object) -> None:
    with pytest.raises(InputError, match="expected"):
        gradient_shap(Model(nn.Linear(5, 3)), torch.zeros(1, 5), background=background)


@pytest.mark.parametrize("settings", [{"samples": 1}, {"noise": -1}, {"noise": "much"}, {"samples": 2.5}])
def test_settings_that_cannot_be(settings: dict) -> None:
    with pytest.raises(InputError, match="smoothgrad"):
        smoothgrad(Model(nn.Linear(5, 3)), torch.zeros(1, 5), **settings)
