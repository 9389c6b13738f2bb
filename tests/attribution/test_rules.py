"""Methods that change the backward pass, against dense derivations in float64, sums and known values."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.zoo import ZOO, images
from xai.attribution.deeplift import deeplift
from xai.attribution.gradient_methods import integrated_gradients
from xai.attribution.gradient_rules import deconvolution, guided_backprop
from xai.attribution.lrp import lrp
from xai.base.errors import NetworkError
from xai.model.model import Model


class Function(nn.Module):
    """A function as a network, with a weight so that it has a type."""

    def __init__(self, function: object) -> None:
        super().__init__()
        self.function, self.weight = function, nn.Parameter(torch.ones(1, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def regression(function: object) -> Model:
    return Model(Function(function), task="regression")


def rows(count: int = 3, width: int = 4, seed: int = 0) -> Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


SLOPES = nn.PReLU(dtype=torch.float64).requires_grad_(False)
ACTIVATIONS = {
    "relu": torch.relu, "relu6": functional.relu6, "leaky_relu": functional.leaky_relu, "elu": functional.elu,
    "selu": functional.selu, "celu": functional.celu, "gelu": functional.gelu, "silu": functional.silu,
    "mish": functional.mish, "softplus": functional.softplus, "hardswish": functional.hardswish,
    "hardtanh": functional.hardtanh, "sigmoid": torch.sigmoid, "tanh": torch.tanh, "prelu": SLOPES,
    "hardsigmoid": functional.hardsigmoid, "logsigmoid": functional.logsigmoid, "softsign": functional.softsign,
    "tanhshrink": functional.tanhshrink, "square": torch.square, "power": lambda x: x**3, "exp": torch.exp,
    "abs": torch.abs, "clamp": lambda x: x.clamp(-1, 1), "root": lambda x: (x**2 + 1).sqrt(),
    "in_place": lambda x: (3 * x).relu_(), "fraction": lambda x: 1 / (2 + x.tanh()),
    "log_softmax": lambda x: x.log_softmax(1), "softmax": lambda x: x.softmax(1),
    "layer_norm": lambda x: functional.layer_norm(x, (4,)), "product": lambda x: x * x.tanh(),
    "length": lambda x: x * (x[:, :3] + 1).norm(dim=1, keepdim=True), "glu": lambda x: functional.glu(x, 1),
    "unit_length": lambda x: functional.normalize(x + 1),
    "scaled_addition": lambda x: torch.addcmul(torch.ones(4).double(), x, torch.arange(4).double()),
    "quotient": lambda x: x / (x.exp() + 1), "matmul": lambda x: (x[:, :, None] @ x[:, None].tanh()).sum(2),
    "max_pool": lambda x: functional.max_pool1d(x[:, None], 2)[:, 0],
    "adaptive": lambda x: functional.adaptive_max_pool1d(x[:, None], 2)[:, 0],
}  # fmt: skip


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_deeplift_adds_up_for_every_operation_with_a_rule(name: str) -> None:
    """The sum is the difference of the outputs, computed without the library."""
    mixed = torch.tensor([[1.0, -2.0, 0.5, 3.0]], dtype=torch.float64)
    act = ACTIVATIONS[name]
    function = lambda x: (act(2 * x) * mixed[:, : act(x).shape[1]]).sum(1)  # noqa: E731
    batch, base = rows(), rows(1, seed=1)
    made = deeplift(regression(function), batch, baseline=base)
    with torch.no_grad():
        difference = function(batch) - function(base)
    assert torch.allclose(made.values.sum(1), difference, atol=1e-9)
    assert max(row["completeness_error"] for row in made.diagnostics) < 1e-9
    if name in ("relu", "tanh", "exp", "gelu", "square"):  # one number to one number: all of it is its own
        each = (ACTIVATIONS[name](2 * batch) - ACTIVATIONS[name](2 * base)) * mixed
        assert torch.allclose(made.values, each, atol=1e-9)


def test_known_values() -> None:
    product = deeplift(regression(lambda x: x[:, 0] * x[:, 1]), torch.tensor([[2.0, 3.0]]).double())
    assert torch.allclose(product.values, torch.tensor([[3.0, 3.0]]).double())
    # The maximum of (3, 1) from (0, 2): up to 3 the first is responsible, and the 2 that is no more counts for nothing.
    pooled = deeplift(
        regression(lambda x: functional.max_pool1d(x[:, None], 2)[:, 0, 0]),
        torch.tensor([[3.0, 1.0]]).double(), baseline=torch.tensor([[0.0, 2.0]]).double(),
    )  # fmt: skip
    assert torch.allclose(pooled.values, torch.tensor([[1.0, 0.0]]).double())


@pytest.mark.parametrize("style", ["reused_relu", "functional_relu", "inplace"])
def test_however_a_relu_is_written_the_result_is_the_same(style: str) -> None:
    plain, other = ZOO["plain"](), ZOO[style]()
    other.network.load_state_dict(plain.network.state_dict())
    for method in (guided_backprop, deconvolution, deeplift, lrp):
        expected = method(plain, images(), 1, exact=True).values
        assert torch.allclose(method(other, images(), 1, exact=True).values, expected, atol=1e-6)


def test_one_row_of_baseline_stands_for_all() -> None:
    model, batch = ZOO["transformer_encoder"](), images()
    shared = deeplift(model, batch, 0)
    each = deeplift(model, batch, 0, baseline=torch.zeros_like(batch) + torch.arange(3).view(3, 1, 1, 1) * 1e-12)
    assert torch.allclose(shared.values, each.values, atol=1e-5)


def test_what_deeplift_has_no_rule_for_is_named() -> None:
    with pytest.raises(NetworkError, match=r"no rule .Sort"):
        deeplift(regression(lambda x: x.sort(1).values[:, 0]), rows())
    with pytest.raises(NetworkError, match=r"no rule .LinalgVectorNorm"):
        deeplift(regression(lambda x: x.norm(1, 1)), rows())
    with pytest.raises(NetworkError, match="same operations for the baseline"):
        deeplift(
            regression(lambda x: (x.relu() if float(x.detach().sum()) > 0 else x.tanh()).sum(1)),
            rows().abs() + 1,
            baseline=-1,
        )
    hidden = deeplift(
        regression(lambda x: torch.where(x > 0.5, x, torch.zeros_like(x)).sum(1)), torch.ones(1, 2).double()
    )
    assert hidden.diagnostics[0]["incomplete"] is False
    jump = deeplift(regression(lambda x: torch.where(x > 0.5, x + 1, -x).sum(1)), torch.ones(1, 2).double())
    assert jump.diagnostics[0]["incomplete"] is True  # a choice that no rule sees is said by the missing sum


def test_linear_networks_are_exact_for_every_rule() -> None:
    network = nn.Linear(4, 3).double()
    batch, weight = rows(), network.weight.detach()[1]
    assert torch.allclose(guided_backprop(Model(network), batch, 1).values, weight.expand(3, 4), atol=1e-12)
    assert torch.allclose(deconvolution(Model(network), batch, 1).values, weight.expand(3, 4), atol=1e-12)
    assert torch.allclose(deeplift(Model(network), batch, 1, baseline=1.0).values, weight * (batch - 1), atol=1e-12)
    assert torch.allclose(
        lrp(Model(network), batch, 1, rule="epsilon", epsilon=1e-12).values, weight * batch, atol=1e-9
    )


def test_deeplift_at_a_layer_is_that_of_the_rest() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        network = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3)).double()
    hidden = network[:2](rows()).detach()
    for method in (deeplift, lrp, guided_backprop):
        assert torch.allclose(
            method(Model(network), rows(), 1, layer="1").values, method(Model(network[2:]), hidden, 1).values
        )


def test_products_are_shared_as_integrated_gradients_share_them() -> None:
    """For polynomials of degree two, halfway is the mean of the path."""
    function = lambda x: (x @ torch.arange(16.0).view(4, 4).double() * x).sum(1)  # noqa: E731
    ours, theirs = deeplift(regression(function), rows()), integrated_gradients(regression(function), rows())
    assert torch.allclose(ours.values, theirs.values, atol=1e-9)
