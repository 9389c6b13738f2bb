"""Gradients against closed forms, known values, finite differences, and captum on random networks."""

from __future__ import annotations

import warnings

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from tests.zoo import ZOO, images
from xai.attribution.gradient_methods import input_x_gradient, integrated_gradients, saliency
from xai.base.errors import InputError
from xai.evidence.verify import verify
from xai.model.model import Model


class Kink(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(torch.relu(x[:, 0]) - 1 - torch.relu(x[:, 1]))


class Product(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, 0] * x[:, 1]


def random_network(seed: int, width: int, activation: type[nn.Module]) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Linear(5, width), activation(), nn.Linear(width, width), activation(), nn.Linear(width, 3)
        ).double()


def test_known_values() -> None:
    kink = integrated_gradients(Model(Kink(), task="regression"), torch.tensor([[3.0, 1.0]]).double(), steps=1000)
    assert torch.allclose(kink.values, torch.tensor([[1.5, -0.5]]).double(), atol=2e-3)
    product = integrated_gradients(Model(Product(), task="regression"), torch.tensor([[2.0, 3.0]]).double())
    assert torch.allclose(product.values, torch.tensor([[3.0, 3.0]]).double(), atol=1e-9)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_a_linear_network_is_exact(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(3, 4, generator=generator, dtype=torch.float64)
    network = nn.Linear(4, 3).double()
    with torch.no_grad():
        network.weight.copy_(weight)
    rows = torch.randn(2, 4, generator=generator, dtype=torch.float64)
    base = torch.randn(4, generator=generator, dtype=torch.float64)
    model = Model(network)
    assert torch.allclose(saliency(model, rows, 1).values, weight[1].abs().expand(2, 4), atol=1e-12)
    exact = integrated_gradients(model, rows, 2, baseline=base, steps=3)
    assert torch.allclose(exact.values, weight[2] * (rows - base), atol=1e-12)
    assert exact.diagnostics[0]["completeness_error"] < 1e-9
    pair = integrated_gradients(model, rows, (0, 1), baseline=base, steps=3)
    assert torch.allclose(pair.values, (weight[0] - weight[1]) * (rows - base), atol=1e-12)


@given(
    seed=st.integers(0, 10_000),
    width=st.integers(2, 20),
    activation=st.sampled_from([nn.ReLU, nn.Tanh, nn.GELU, nn.ReLU6]),
)
@settings(max_examples=40, deadline=None)
def test_random_networks_agree_with_captum(seed: int, width: int, activation: type[nn.Module]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from captum.attr import IntegratedGradients, Saliency

    network = random_network(seed, width, activation)
    generator = torch.Generator().manual_seed(seed + 1)
    rows = torch.randn(3, 5, generator=generator, dtype=torch.float64)
    base = torch.randn(1, 5, generator=generator, dtype=torch.float64)
    model = Model(network)
    ours = saliency(model, rows, [0, 1, 2], exact=True)
    theirs = Saliency(network).attribute(rows.clone().requires_grad_(), torch.tensor([0, 1, 2]))
    assert torch.allclose(ours.values, theirs, atol=1e-10)
    ours = integrated_gradients(model, rows, 1, baseline=base, steps=20, exact=True)
    theirs = IntegratedGradients(network).attribute(rows, base, 1, n_steps=20, method="gausslegendre")
    assert torch.allclose(ours.values, theirs, atol=1e-8)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_input_x_gradient_agrees_with_captum(seed: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from captum.attr import InputXGradient

    network = random_network(seed, 7, nn.GELU)
    rows = torch.randn(3, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    theirs = InputXGradient(network).attribute(rows.clone().requires_grad_(), torch.tensor([2, 0, 1]))
    assert torch.allclose(input_x_gradient(Model(network), rows, [2, 0, 1]).values, theirs, atol=1e-12)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_saliency_is_the_finite_difference(seed: int) -> None:
    model = Model(random_network(seed, 6, nn.Tanh))
    row = torch.randn(1, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    step = 1e-6
    moved = torch.cat([row + step * torch.eye(5), row - step * torch.eye(5)])
    scores = model.network(moved)[:, 0].detach()
    assert torch.allclose(saliency(model, row, 0).values[0], ((scores[:5] - scores[5:]) / (2 * step)).abs(), atol=1e-7)


def test_gradients_are_per_pixel_not_per_normalized_value() -> None:
    """The normalization is part of the function: with a standard deviation of 0.5, a pixel counts twice as much."""
    from xai.inputs.image import ImageInput

    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 2, bias=False))
    pixels = torch.rand(1, 1, 2, 2)
    plain = saliency(Model(network, input=ImageInput((1, 2, 2))), pixels, 0)
    scaled = saliency(Model(network, input=ImageInput((1, 2, 2), mean=[0.3], std=[0.5])), pixels, 0)
    assert torch.allclose(scaled.values, 2 * plain.values)


def test_the_completeness_error_is_what_is_missing() -> None:
    model, batch = ZOO["plain"](), images()
    explanation = integrated_gradients(model, batch, 0, steps=3)
    full = model.network.eval()(model.input.feed(batch))[:, 0]
    empty = model.network(model.input.feed(torch.zeros_like(batch)))[:, 0]
    missing = (explanation.values.flatten(1).sum(1) - (full - empty)).abs() / (full - empty).abs()
    measured = [row["completeness_error"] for row in explanation.diagnostics]
    assert measured == pytest.approx(missing.tolist(), rel=1e-3, abs=1e-6)
    assert [row["incomplete"] for row in explanation.diagnostics] == [error > 0.01 for error in measured]
    finer = integrated_gradients(model, batch, 0, steps=1000)
    assert max(row["completeness_error"] for row in finer.diagnostics) < 0.05 * max(measured)


def test_automatic_steps_are_doubled_for_the_rows_that_need_it() -> None:
    """A step at .61 of the path needs many points; a straight path needs 50, whatever its neighbor takes."""

    class Steep(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.sigmoid(900 * (x[:, 0] - 0.61)) + x[:, 1]

    model, rows = Model(Steep(), task="regression"), torch.tensor([[0.0, 1.0], [1.0, 0.0]]).double()
    few, found = (integrated_gradients(model, rows, steps=steps) for steps in (50, "auto"))
    assert few.diagnostics[1]["incomplete"]
    assert not found.diagnostics[1]["incomplete"]
    assert torch.equal(found.values[0], few.values[0])
    taken = [row["steps"] for row in found.diagnostics]
    assert taken[0] == 50
    assert taken[1] in (100, 200, 400, 800, 1600)
    assert torch.equal(found.values[1], integrated_gradients(model, rows, steps=taken[1]).values[1])
    before = integrated_gradients(model, rows, steps=taken[1] // 2)
    assert before.diagnostics[1]["incomplete"], "half as many steps would have done"
    assert 'steps="auto"' in verify(model, few, ["completeness"]).evidence[1][0].text


@pytest.mark.parametrize("steps", [0, -1, 2.5, True, "many"])
def test_steps_that_cannot_be(steps: object) -> None:
    with pytest.raises(InputError, match="steps: expected a whole number from 1"):
        integrated_gradients(ZOO["plain"](), images(), steps=steps)


@pytest.mark.parametrize("baseline", ["black", torch.zeros(3, 3), "data"])
def test_baselines_that_cannot_be(baseline: object) -> None:
    with pytest.raises(InputError, match="baseline: expected"):
        integrated_gradients(ZOO["plain"](), images(), baseline=baseline)


def test_named_baselines() -> None:
    from xai.inputs.tensor import TensorInput

    batch = images(2)
    assert TensorInput().baseline("zero", batch)[0].abs().max() == 0
    mean, name = TensorInput().baseline("mean", batch)
    assert name == "mean"
    assert torch.allclose(mean, batch.mean((2, 3), keepdim=True).expand_as(batch))
    noise, _ = TensorInput().baseline("noise", batch)
    assert torch.equal(noise[1], TensorInput().baseline("noise", batch[1:])[0][0])  # of the content, not of the place
    assert torch.allclose(noise.mean((2, 3)), batch.mean((2, 3)), atol=0.2)
    blurred, _ = TensorInput().baseline("blur", batch)
    assert blurred.var() < batch.var()
    assert torch.allclose(TensorInput().baseline("blur", torch.full_like(batch, 0.3))[0], torch.tensor(0.3), atol=1e-6)
    assert TensorInput().baseline(0.25, batch)[1] == 0.25
