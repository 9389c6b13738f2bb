"""LRP through attention, gates and normalization: closed forms, and a network that detaches what takes no relevance."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.attribution.test_rules import Function, regression, rows
from tests.optional import torchvision
from xai.attribution.deeplift import deeplift
from xai.attribution.lrp import lrp
from xai.model.model import Model

TINY = {"rule": "epsilon", "epsilon": 1e-12}
A, B, C, D = (
    torch.randn(4, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) for seed in range(4)
)


def halves(first: Tensor, second: Tensor) -> Tensor:
    """A product whose gradient is half to each factor."""
    return (first.detach() * second + first * second.detach()) / 2


def over(values: Tensor, spread: Tensor) -> Tensor:
    return values / spread.detach()


def ratio(values: Tensor, function: Callable) -> Tensor:
    """An activation whose gradient is what came out over what came in."""
    return values * (function(values) / values).detach()


def centered(x: Tensor) -> Tensor:
    return x - x.mean(-1, keepdim=True)


def spread(x: Tensor) -> Tensor:
    return (centered(x).square().mean(-1, keepdim=True) + 1e-5).sqrt()


# What a network computes, and the same with what takes no relevance detached: gradient times input of the second.
OPERATIONS: dict[str, tuple[Callable, Callable]] = {
    "product": (lambda x: (x @ A) * (x @ B), lambda x: halves(x @ A, x @ B)),
    "in_place": (lambda x: (x @ A).mul_(x @ B), lambda x: halves(x @ A, x @ B)),
    "addcmul": (lambda x: torch.addcmul(x, x @ A, x @ B), lambda x: x + halves(x @ A, x @ B)),
    "matmul": (
        lambda x: ((x @ A)[:, :, None] @ (x @ B)[:, None]).sum(2),
        lambda x: halves((x @ A)[:, :, None], (x @ B)[:, None]).sum(2),
    ),
    "einsum": (
        lambda x: torch.einsum("ni,nj->nj", x @ A, x @ B),
        lambda x: halves((x @ A).sum(1, keepdim=True), x @ B),
    ),
    "dynamic_weights": (
        lambda x: torch.stack([functional.linear(row @ A, torch.outer(row @ B, C[0]), row @ C) for row in x]),
        lambda x: halves(x @ B, (x @ A @ C[0])[:, None]) + x @ C,
    ),
    "sigmoid_gate": (lambda x: (x @ A) * (x @ B).sigmoid(), lambda x: (x @ A) * (x @ B).sigmoid().detach()),
    "tanh_without_a_constant": (  # it carries a sign, and is no gate
        lambda x: (x @ A).tanh() * (x @ B), lambda x: halves(ratio(x @ A, torch.tanh), x @ B),
    ),
    "tanh_with_one": (
        lambda x: (1 + (x @ A).tanh()) * (x @ B), lambda x: (1 + (x @ A).tanh()).detach() * (x @ B),
    ),
    "glu": (lambda x: functional.glu(torch.cat([x @ A, x @ B], 1)), lambda x: (x @ A) * (x @ B).sigmoid().detach()),
    "update_gate": (
        lambda x: (1 - x.sigmoid()) * (x @ A) + x.sigmoid() * (x @ B),
        lambda x: (1 - x.sigmoid()).detach() * (x @ A) + x.sigmoid().detach() * (x @ B),
    ),
    "silu": (lambda x: functional.silu(x @ A), lambda x: ratio(x @ A, functional.silu)),
    "silu_by_hand": (lambda x: (x @ A) * (x @ A).sigmoid(), lambda x: ratio(x @ A, functional.silu)),
    "gelu": (lambda x: functional.gelu(x @ A), lambda x: ratio(x @ A, functional.gelu)),
    "gelu_by_hand": (
        lambda x: 0.5 * (x @ A) * (1.0 + torch.erf((x @ A) / math.sqrt(2.0))),
        lambda x: ratio(x @ A, functional.gelu),
    ),
    "gelu_new": (
        lambda x: 0.5 * x * (1.0 + torch.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x.pow(3.0)))),
        lambda x: ratio(x, lambda y: functional.gelu(y, approximate="tanh")),
    ),
    "swiglu": (lambda x: functional.silu(x @ A) * (x @ B), lambda x: halves(ratio(x @ A, functional.silu), x @ B)),
    "softmax": (lambda x: (x @ A).softmax(1), lambda x: (x @ A).softmax(1)),
    "layer_norm": (
        lambda x: functional.layer_norm(x @ A, (4,), B[0], B[1]),
        lambda x: over(centered(x @ A), spread(x @ A)) * B[0],
    ),
    "layer_norm_by_hand": (
        lambda x: centered(x @ A) / spread(x @ A) * B[0] + B[1],
        lambda x: over(centered(x @ A), spread(x @ A)) * B[0],
    ),
    "rms_norm": (
        lambda x: functional.rms_norm(x @ A, (4,), B[0], 1e-6),
        lambda x: over(x @ A, ((x @ A).square().mean(1, keepdim=True) + 1e-6).sqrt()) * B[0],
    ),
    "rms_norm_by_hand": (
        lambda x: B[0] * ((x @ A) * torch.rsqrt((x @ A).pow(2).mean(1, keepdim=True) + 1e-6)),
        lambda x: over(x @ A, ((x @ A).square().mean(1, keepdim=True) + 1e-6).sqrt()) * B[0],
    ),
    "group_norm": (
        lambda x: functional.group_norm((x @ A)[:, :, None], 1, B[0], B[1])[:, :, 0],
        lambda x: over(centered(x @ A), spread(x @ A)) * B[0],
    ),
    "instance_norm": (
        lambda x: functional.instance_norm((x @ A)[:, None])[:, 0],
        lambda x: over(centered(x @ A), spread(x @ A)),
    ),
    "unit_length": (
        lambda x: functional.normalize(x @ A),
        lambda x: over(x @ A, (x @ A).norm(dim=1, keepdim=True)),
    ),
    "quotient": (lambda x: (x @ A) / (2 + (x @ B).square()), lambda x: over(x @ A, 2 + (x @ B).square())),
}  # fmt: skip


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_has_the_gradient_of_what_takes_relevance(name: str) -> None:
    network, detached = OPERATIONS[name]
    made = lrp(regression(lambda x: network(x) @ C[0]), rows(), **TINY)
    source = rows().requires_grad_()
    (gradient,) = torch.autograd.grad((detached(source) @ C[0]).sum(), source)
    assert torch.allclose(made.values, gradient * source, atol=1e-8)


def test_known_values() -> None:
    """Two factors share 6 evenly; a gate lets a share of 2 through; (3, 4) by its length is its direction."""
    pair = torch.tensor([[2.0, 3.0]]).double()
    product = lrp(regression(lambda x: x[:, 0] * x[:, 1]), pair).values
    assert torch.allclose(product, torch.tensor([[3.0, 3.0]]).double())
    gate = lrp(regression(lambda x: x[:, 0] * x[:, 1].sigmoid()), pair).values
    assert torch.allclose(gate, torch.tensor([[2 / (1 + math.exp(-3)), 0.0]]).double())
    triple = lrp(regression(lambda x: torch.einsum("n,n,n->n", x[:, 0], x[:, 1], x[:, 0])), pair).values
    assert torch.allclose(triple, torch.tensor([[8.0, 4.0]]).double())
    long = torch.tensor([[3.0, 4.0]]).double()
    unit = lrp(regression(lambda x: functional.normalize(x) @ torch.tensor([1.0, 1.0]).double()), long).values
    assert torch.allclose(unit, long / 5)
    # Softmax of (ln 3, 0) is (3/4, 1/4); its gradient at the first is (3/16, -3/16).
    logits = torch.tensor([[math.log(3), 0.0]]).double()
    soft = lrp(regression(lambda x: x.softmax(1)[:, 0]), logits)
    assert torch.allclose(soft.values, torch.tensor([[3 / 16 * math.log(3), 0.0]]).double())
    assert soft.diagnostics[0]["absorbed_by_softmax"] == pytest.approx(3 / 4 - 3 / 16 * math.log(3))


class Attending(nn.Module):
    """A block as in GPT-2 or ViT over (N, 5, 8): attention written in one of many ways, two norms, a GELU."""

    def __init__(self, style: str, bias: bool = True) -> None:
        super().__init__()
        self.style = style
        self.first, self.second = nn.LayerNorm(8, bias=bias), nn.LayerNorm(8, bias=bias)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True, bias=bias)
        self.wide, self.narrow = nn.Linear(8, 12, bias=bias), nn.Linear(12, 8, bias=bias)
        self.head = nn.Linear(8, 1, bias=bias)
        self.register_buffer("mask", torch.ones(5, 5, dtype=torch.bool).tril())

    def mixed(self, x: Tensor) -> Tensor:
        if self.style in ("module", "module_weights"):
            return self.attention(x, x, x, attn_mask=~self.mask, need_weights=self.style == "module_weights")[0]
        parts = functional.linear(x, self.attention.in_proj_weight, self.attention.in_proj_bias)
        query, key, value = parts.view(len(x), 5, 3, 2, 4).permute(2, 0, 3, 1, 4)
        if self.style == "function":
            out = functional.scaled_dot_product_attention(query, key, value, self.mask)
        elif self.style == "causal":
            out = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        else:
            product = halves_of_matmul if self.style == "detached" else torch.matmul
            fit = product(query, key.mT) / 2
            out = product(fit.masked_fill(~self.mask, -torch.inf).softmax(-1), value)
        return self.attention.out_proj(out.transpose(1, 2).reshape(len(x), 5, 8))

    def normed(self, norm: nn.LayerNorm, x: Tensor) -> Tensor:
        if self.style != "detached":
            return norm(x)
        scaled = over(centered(x), spread(x)) * norm.weight
        return scaled if norm.bias is None else scaled + norm.bias

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.mixed(self.normed(self.first, x))
        wide = self.wide(self.normed(self.second, x))
        wide = ratio(wide, functional.gelu) if self.style == "detached" else functional.gelu(wide)
        return self.head((x + self.narrow(wide)).mean(1))


def halves_of_matmul(first: Tensor, second: Tensor) -> Tensor:
    return (first.detach() @ second + first @ second.detach()) / 2


def attending(style: str, bias: bool = True) -> Attending:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        network = Attending(style, bias).double().eval()
        for parameter in network.parameters():
            nn.init.normal_(parameter, std=0.4)
    return network


def tokens(count: int = 3) -> Tensor:
    return torch.randn(count, 5, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize("style", ["module", "module_weights", "function", "causal", "by_hand"])
def test_attention_however_it_is_written(style: str) -> None:
    made = lrp(Model(attending(style), task="regression"), tokens(), **TINY)
    source = tokens().requires_grad_()
    (gradient,) = torch.autograd.grad(attending("detached")(source).sum(), source)
    assert torch.allclose(made.values, gradient * source, atol=1e-8)


@pytest.mark.parametrize("style", ["module", "module_weights", "function"])
@pytest.mark.parametrize("count", [1, 3, 5])
def test_relevance_is_kept_but_for_softmax_and_biases(style: str, count: int) -> None:
    """Without biases all that is missing is what the softmax is beyond its first order; with them, what they take."""
    for bias in (False, True):
        made = lrp(Model(attending(style, bias), task="regression"), tokens(count), rule="epsilon", epsilon=1e-9)
        for row, diagnosis in zip(made.values, made.diagnostics, strict=True):
            kept = diagnosis["score"] - diagnosis["absorbed_by_softmax"] - diagnosis["absorbed_by_biases"]
            assert float(row.sum()) == pytest.approx(kept, abs=1e-6)
            assert abs(diagnosis["absorbed_elsewhere"]) < 1e-6
            assert bias or diagnosis["absorbed_by_biases"] == 0


def test_which_rule_ran_where_is_said() -> None:
    made = lrp(Model(attending("module"), task="regression"), tokens())
    said = made.options["run"]["rules"]
    assert said["first"] == {"layer_norm": "what it is divided by takes nothing"}
    assert said["wide"] == {"linear": "epsilon"}
    assert said["attention"]["softmax"] == "first order"
    assert said["attention"]["matmul"] == "the same to each factor"
    assert said[""] == {"gelu": "as it is"}


def test_positions_that_see_nothing_get_nothing() -> None:
    """A mask that shuts a whole row: torch's attention puts out 0 there, and so do both methods, without NaN."""
    mask = torch.ones(5, 5, dtype=torch.bool)
    mask[2] = False
    for shut in (mask, torch.zeros(5, 5).double().masked_fill(~mask, -torch.inf)):
        network = Function(lambda x, shut=shut: functional.scaled_dot_product_attention(x, x, x, shut).mean((1, 2)))
        for method in (lrp, deeplift):
            made = method(Model(network, task="regression"), tokens())
            assert bool(made.values.isfinite().all())
        assert max(row["completeness_error"] for row in made.diagnostics) < 1e-9


@pytest.mark.parametrize("method", [lrp, deeplift])
def test_grouped_queries_share_their_keys_and_values(method: Callable) -> None:
    def network(x: Tensor, grouped: bool) -> Tensor:
        query = x.view(len(x), 5, 4, 2).transpose(1, 2)
        rest = query[:, :2] if grouped else query[:, :2].repeat_interleave(2, 1)
        return functional.scaled_dot_product_attention(query, rest, rest, enable_gqa=grouped).mean((1, 2, 3))

    made = [
        method(Model(Function(lambda x, g=grouped: network(x, g)), task="regression"), tokens()).values
        for grouped in (True, False)
    ]
    assert torch.allclose(*made, atol=1e-12)


@pytest.mark.parametrize("sides", [1, 3])
def test_convolutions_along_one_and_three_axes_are_dense_layers(sides: int) -> None:
    """Unrolled by probing the layer with every unit of its input."""
    make = {1: nn.Conv1d, 3: nn.Conv3d}[sides]
    shape = (2, *(4,) * sides)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        body = make(2, 3, 3, stride=2, padding=1).double()
        hidden = 3 * 2**sides
        head = nn.Linear(hidden, 2).double()
    batch = torch.randn(3, *shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    count = math.prod(shape)
    units = torch.eye(count, dtype=torch.float64).view(count, *shape)
    unrolled = nn.Linear(count, hidden).double()
    with torch.no_grad():
        empty = body(torch.zeros_like(units[:1])).flatten()
        unrolled.weight.copy_((body(units).flatten(1) - empty).T)
        unrolled.bias.copy_(empty)
    dense = Model(nn.Sequential(nn.Flatten(), unrolled, nn.ReLU(), head))
    for rule in ("epsilon", "gamma", "alpha_beta"):
        made = lrp(Model(nn.Sequential(body, nn.ReLU(), nn.Flatten(), head)), batch, 1, rule=rule)
        assert torch.allclose(made.values, lrp(dense, batch, 1, rule=rule).values, atol=1e-9)


@pytest.mark.parametrize("sides", [1, 3])
def test_zennit_agrees_on_convolutions_along_one_and_three_axes(sides: int) -> None:
    torchvision()  # which zennit imports
    rules, core = pytest.importorskip("zennit.rules"), pytest.importorskip("zennit.core")
    conv = {1: nn.Conv1d, 3: nn.Conv3d}[sides]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(6)
        layers = [conv(2, 3, 3, padding=1), nn.ReLU(), conv(3, 4, 2, stride=2), nn.ReLU(), nn.Flatten()]
        network = nn.Sequential(*layers, nn.Linear(4 * 3**sides, 2)).double()
        batch = torch.randn(3, 2, *(6,) * sides).double()
    kinds = [rules.Epsilon(epsilon=1e-3), rules.AlphaBeta(alpha=2, beta=1, stabilizer=1e-3)]
    for rule, theirs in zip(("epsilon", "alpha_beta"), kinds, strict=True):
        made = lrp(Model(network), batch, 1, rule=rule, epsilon=1e-3)

        def of(context: object, name: str, layer: nn.Module, theirs: object = theirs) -> object:
            if isinstance(layer, nn.ReLU):
                return rules.Pass()
            return theirs if isinstance(layer, conv | nn.Linear) else None

        source = batch.clone().requires_grad_()
        with core.Composite(module_map=of).context(network) as changed:
            output = changed(source)
            started = output.detach() * torch.tensor([0.0, 1.0]).double()
            (relevance,) = torch.autograd.grad(output, source, started)
        assert torch.allclose(made.values, relevance, atol=1e-5), rule
