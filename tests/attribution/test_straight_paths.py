"""DeepLIFT through softmax, attention, normalization, products and quotients: sums, sizes and what must not matter."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from tests.attribution.test_rules import Function, regression
from xai.attribution.deeplift import deeplift
from xai.attribution.gradient_methods import integrated_gradients
from xai.model.model import Model

MIXED = torch.tensor([1.0, -2.0, 0.5, 3.0], dtype=torch.float64)


def numbers(*shape: int, seed: int = 0, size: float = 1.0) -> Tensor:
    return size * torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def model_of(operation: Callable) -> Model:
    return regression(lambda x: operation(x) @ MIXED)


def behind_a_map(operation: Callable, row: Tensor, base: Tensor, seed: int = 5) -> tuple[Tensor, Tensor]:
    """Return DeepLIFT of an operation behind a linear map, and the integral of its gradient by quadrature."""
    weight, bias = numbers(4, 4, seed=seed), numbers(4, seed=seed + 1)

    def function(x: Tensor) -> Tensor:
        return operation(x @ weight + bias) @ MIXED

    made = deeplift(regression(function), row, baseline=base)
    assert abs(float(made.values.sum() - (function(row) - function(base)))) < 1e-9
    return made.values[0], integral(function, row, base)


def integral(function: Callable, row: Tensor, base: Tensor, fineness: int = 20) -> Tensor:
    """Return integrated gradients to rounding: Gauss-Legendre on pieces that are fine near both ends."""
    nodes, weights = np.polynomial.legendre.leggauss(fineness)
    fine = np.logspace(-7, 0, fineness) / 2
    edges = np.unique(np.concatenate([[0.0, 1.0], fine, 1 - fine, np.linspace(0, 1, 1 + 3 * fineness)]))
    width = (edges[1:] - edges[:-1])[:, None] / 2
    shape = (-1, *(1,) * (row.ndim - 1))
    where = torch.from_numpy((width * (nodes + 1) + edges[:-1, None]).ravel()).view(shape)
    path = (base + where * (row - base)).requires_grad_()
    (gradient,) = torch.autograd.grad(function(path).sum(), path)
    return (torch.from_numpy((width * weights).ravel()).view(shape) * gradient).sum(0) * (row - base)[0]


SIZED = nn.Sequential(nn.Linear(2, 3, bias=False), nn.Softmax(1)).double()
with torch.no_grad():
    SIZED[0].weight.copy_(torch.tensor([[1.0, 1.0], [1.0, 1.1], [1.0, 0.9]]))


@pytest.mark.parametrize("size", [1.0, 4.0, 16.0, 60.0, 1000.0])
def test_a_probability_has_parts_of_its_own_size(size: float) -> None:
    """The first input raises all logits alike, so it gets nothing; the second gets the difference."""
    batch = torch.tensor([[size, size]], dtype=torch.float64)
    made = deeplift(Model(SIZED, output="probabilities", classes=["a", "b", "c"]), batch, "b").values[0]
    with torch.no_grad():
        difference = SIZED(batch)[0, 1] - 1 / 3
    assert torch.allclose(made, torch.stack([torch.zeros_like(difference), difference]), atol=1e-12)
    if size == 16:
        assert float(made[1]) == pytest.approx(0.471393, abs=1e-6)


@given(st.integers(0, 10**6), st.sampled_from([0.1, 3.0, 60.0, 1000.0]), st.sampled_from(["softmax", "log_softmax"]))
@settings(max_examples=40, deadline=None)
def test_softmax_adds_up_is_bounded_and_ignores_a_constant(seed: int, size: float, kind: str) -> None:
    weight, row, base = numbers(3, 4, seed=seed, size=size), numbers(1, 3, seed=seed + 1), numbers(1, 3, seed=seed + 2)
    act = getattr(torch, kind)

    def parts(shift: float) -> Tensor:
        function = lambda x: act(x @ weight + shift * x.sum(1, keepdim=True), 1)[:, 0]  # noqa: E731
        made = deeplift(regression(function), row, baseline=base).values[0]
        assert abs(float(made.sum() - (function(row) - function(base)))) < 1e-9
        return made

    plain = parts(0.0)
    assert torch.allclose(parts(7.0), plain, atol=1e-9)
    # No multiplier of a softmax is above 1 (of its logarithm: 2 in sum), so no part above what moved the logits.
    reach = ((row - base).abs() * weight.abs().max(1).values)[0]
    assert bool((plain.abs() <= (2 if kind == "log_softmax" else 1) * reach + 1e-9).all())


def test_of_two_classes_softmax_is_integrated_gradients() -> None:
    function = lambda x: functional.pad((x[:, :2] @ MIXED.view(2, 2)).softmax(1), (0, 2))  # noqa: E731
    ours, exact = behind_a_map(function, numbers(1, 4, size=3), numbers(1, 4, seed=1))
    assert torch.allclose(ours, exact, atol=1e-9)


EXACT = {
    "product": lambda x: x * x.flip(1), "matmul": lambda x: (x[:, :, None] @ x[:, None]).sum(2),
    "einsum": lambda x: torch.einsum("ni,nj->nj", x, x), "variance": lambda x: x * 0 + x.var(1, keepdim=True),
    "addcmul": lambda x: torch.addcmul(x, x, x.flip(1)), "quotient": lambda x: x / (x.flip(1) + 30),
    "inverse": lambda x: x * (x.flip(1) + 30).reciprocal(), "relu": torch.relu, "tanh": torch.tanh,
}  # fmt: skip


@pytest.mark.parametrize("name", EXACT)
def test_one_operation_behind_a_linear_map_is_integrated_gradients(name: str) -> None:
    for seed in range(3):
        row, base = numbers(1, 4, seed=seed, size=2), numbers(1, 4, seed=seed + 9)
        ours, exact = behind_a_map(EXACT[name], row, base, seed)
        bends = name == "relu"  # quadrature steps over a bend
        assert torch.allclose(ours, exact, atol=1e-2 if bends else 1e-9)


def test_a_product_of_linear_parts_is_integrated_gradients_of_the_library() -> None:
    batch, weight = numbers(3, 4), numbers(4, 4, seed=1)
    model = regression(lambda x: ((x @ weight) * x).sum(1))
    assert torch.allclose(deeplift(model, batch).values, integrated_gradients(model, batch).values, atol=1e-9)


NORMS = {
    "layer_norm": lambda x: functional.layer_norm(x, (4,)),
    "layer_norm_by_hand": lambda x: (x - x.mean(1, True)) / (x.var(1, correction=0, keepdim=True) + 1e-5).sqrt(),
    "rms_norm": lambda x: functional.rms_norm(x, (4,), eps=1e-5),
    "rms_norm_by_hand": lambda x: x * torch.rsqrt(x.pow(2).mean(-1)[:, None] + 1e-5),
    "group_norm": lambda x: functional.group_norm(x[:, :, None], 1)[:, :, 0],
    "instance_norm": lambda x: functional.instance_norm(x[:, None])[:, 0],
    "over_deviation": lambda x: (x - x.mean(1, keepdim=True)) / (x.std(1, keepdim=True) + 1e-5),
}  # fmt: skip


@pytest.mark.parametrize("name", NORMS)
@pytest.mark.parametrize("blank", [True, False])
def test_normalization_is_of_the_size_of_integrated_gradients(name: str, blank: bool) -> None:
    """From a blank baseline as well, where the spread rises from almost nothing."""
    for seed in range(4):
        row, base = numbers(1, 4, seed=seed), torch.zeros(1, 4).double() if blank else numbers(1, 4, seed=seed + 9)
        weight = numbers(4, 4, seed=seed + 20)
        function = lambda x: NORMS[name](x @ weight) @ MIXED  # noqa: B023, E731
        made = deeplift(regression(function), row, baseline=base)
        assert made.diagnostics[0]["completeness_error"] < 1e-9
        ours, exact = made.values[0], integral(function, row, base)
        assert 0.2 <= float(ours.abs().max() / exact.abs().max()) <= 1.5
        assert float(ours @ exact) >= 0.5 * float(ours.norm() * exact.norm())


@pytest.mark.parametrize(("kind", "hand"), [("layer_norm", "layer_norm_by_hand"), ("rms_norm", "rms_norm_by_hand")])
def test_normalization_by_hand_is_that_of_torch(kind: str, hand: str) -> None:
    batch, base = numbers(3, 4), numbers(1, 4, seed=1)
    one, other = (deeplift(model_of(NORMS[name]), batch, baseline=base).values for name in (kind, hand))
    assert torch.allclose(one, other, atol=1e-9)


@pytest.mark.parametrize("name", ["layer_norm", "group_norm", "instance_norm", "over_deviation"])
def test_a_constant_in_front_of_a_centered_norm_gets_nothing(name: str) -> None:
    """A feature that is added to all units alike, or to none, is no cause: the axiom of the dummy."""
    batch, base, weight = numbers(2, 4), numbers(1, 4, seed=1), numbers(4, 4, seed=2)
    weight[1], weight[2] = 3.0, 0.0
    made = deeplift(regression(lambda x: NORMS[name](x @ weight) @ MIXED), batch, baseline=base).values
    assert float(made[:, 1:3].abs().max()) < 1e-12
    assert float(made.abs().max()) > 0.01


@given(st.integers(0, 10**6), st.sampled_from([1e-8, 1e-3, 1.0, 1e3]), st.sampled_from([1e-8, 1.0, 1e3]))
@settings(max_examples=40, deadline=None)
def test_norms_and_quotients_add_up_at_every_scale(seed: int, size: float, other: float) -> None:
    row, base = numbers(1, 4, seed=seed, size=size), numbers(1, 4, seed=seed + 1, size=other)
    for base in (base, row * (1 + 1e-9), -row):  # noqa: B020
        for act in (NORMS["layer_norm"], NORMS["rms_norm"], lambda x: x / (x.square().sum(1, keepdim=True) + 1e-3)):
            function = lambda x: act(x) @ MIXED  # noqa: B023, E731
            made = deeplift(regression(function), row, baseline=base).values.sum()
            assert abs(float(made - (function(row) - function(base)))) < 1e-9


def test_a_quotient_through_zero_still_adds_up() -> None:
    made = deeplift(regression(lambda x: x[:, 0] / x[:, 1]), numbers(1, 2).abs(), baseline=-numbers(1, 2, seed=1).abs())
    assert made.diagnostics[0]["completeness_error"] < 1e-9


MASK = torch.ones(5, 5, dtype=torch.bool).tril()


def attention(kind: str) -> Callable:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        whole = nn.MultiheadAttention(4, 2, batch_first=True).double().eval().requires_grad_(False)
        query = torch.randn(1, 3, 4).double()
    scaled = functional.scaled_dot_product_attention
    return {
        "module": lambda x: whole(x, x, x)[0], "no_weights": lambda x: whole(x, x, x, need_weights=False)[0],
        "module_masked": lambda x: whole(x, x, x, attn_mask=~MASK)[0],
        "padding": lambda x: whole(x, x, x, key_padding_mask=torch.arange(5).expand(len(x), 5) > 3)[0],
        "plain": lambda x: scaled(x, x.tanh(), x), "causal": lambda x: scaled(x, x.tanh(), x, is_causal=True),
        "boolean": lambda x: scaled(x, x.tanh(), x, MASK), "scale": lambda x: scaled(x, x, x, scale=2.0),
        "all_masked": lambda x: scaled(x, x, x, MASK & (torch.arange(5) > 1)),
        "own_queries": lambda x: scaled(query.expand(len(x), 3, 4), x, x),
        "own_values": lambda x: scaled(x, x, x.detach() * 0 + 1 + torch.arange(5.0).double()[:, None]),
        "own_mask": lambda x: scaled(x, x, x, x @ x.mT),
        "grouped": lambda x: scaled(torch.stack([x, 2 * x], 1), x[:, None], x[:, None], enable_gqa=True)[:, 1],
        "by_hand": lambda x: (x @ x.mT * 0.5).softmax(-1) @ x,
    }[kind]  # fmt: skip


@pytest.mark.parametrize("kind", [
    "module", "no_weights", "module_masked", "padding", "plain", "causal", "boolean", "scale", "all_masked",
    "own_queries", "own_values", "own_mask", "grouped", "by_hand",
])  # fmt: skip
def test_attention_adds_up_and_stays_small(kind: str) -> None:
    act, batch, base = attention(kind), numbers(2, 5, 4), numbers(1, 5, 4, seed=1)
    function = lambda x: (act(x) @ MIXED).sum(1)  # noqa: E731
    made = deeplift(regression(function), batch, baseline=base)
    assert torch.allclose(made.values.sum((1, 2)), function(batch) - function(base), atol=1e-9)
    exact = torch.stack([integral(function, row[None], base) for row in batch])
    assert float(made.values.abs().max()) <= 2 * float(exact.abs().max())


@pytest.mark.parametrize("sharp", [3.0, 10.0, 25.0])
def test_sharp_attention_has_parts_of_its_own_size(sharp: float) -> None:
    """Where exponentials and their sum were split apart, this was 4e26."""
    batch = torch.rand(1, 5, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    model = regression(lambda x: (torch.softmax(sharp * x @ x.mT, -1) @ x).mean((1, 2)))
    made = deeplift(model, batch)
    assert made.diagnostics[0]["completeness_error"] < 1e-9
    exact = integrated_gradients(model, batch, steps=500).values
    assert float(made.values.abs().max()) <= 1.2 * float(exact.abs().max())


class Encoder(nn.Module):
    def __init__(self, depth: int, first: bool) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True, norm_first=first)
        self.body = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.head = nn.Linear(16, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x).mean(1))[:, :1]


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
@pytest.mark.parametrize("first", [False, True])
def test_a_fresh_transformer_stays_near_integrated_gradients(depth: int, first: bool) -> None:
    """Neither three times as large nor a tenth, from a blank baseline and from another row."""
    for seed in range(2):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = Encoder(depth, first).double().eval()
        batch = numbers(1, 10, 16, seed=seed)
        for base in (torch.zeros_like(batch), numbers(1, 10, 16, seed=seed + 50)):
            made = deeplift(Model(network, task="regression"), batch, baseline=base)
            assert made.diagnostics[0]["completeness_error"] < 1e-9
            ratio = made.values.abs().max() / integral(network, batch, base, 8).abs().max()
            assert 0.1 < float(ratio) < 3


def test_normalization_of_pictures_adds_up() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        parts = [nn.GroupNorm(2, 4), nn.InstanceNorm2d(4, affine=True), nn.LayerNorm([4, 6, 6]), nn.RMSNorm([6, 6])]
        for part in parts:
            for item in part.parameters():
                item.data.normal_()
    for part in parts:
        function = Function(part.double().eval())
        batch, base = numbers(3, 4, 6, 6), numbers(1, 4, 6, 6, seed=1)
        made = deeplift(Model(lambda_of(function), task="regression"), batch, baseline=base)
        assert max(row["completeness_error"] for row in made.diagnostics) < 1e-9


def lambda_of(function: nn.Module) -> nn.Module:
    return nn.Sequential(function, nn.Flatten(), nn.Linear(144, 1, bias=False, dtype=torch.float64))


def test_halves_and_bfloat16_stay_finite() -> None:
    for kind in (torch.bfloat16, torch.float32):
        network = nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4), nn.Linear(4, 3), nn.Softmax(1)).to(kind)
        made = deeplift(Model(network, output="probabilities"), numbers(2, 4, size=30).to(kind), 0)
        assert float(made.values.float().abs().max()) < 10


def test_a_baseline_without_a_score_is_no_sum_that_adds_up() -> None:
    class Quotient(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x[:, 1:] / x[:, :1]

    made = integrated_gradients(Model(Quotient()), torch.tensor([[1.0, 2.0, 3.0]]), 0, steps=4)
    assert made.diagnostics[0]["incomplete"] is True
