"""LRP against its definition: tables of contributions in float64, dense layers, and the gradient in the limit."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.attribution.test_rules import Function, regression, rows
from tests.zoo import ZOO, images
from xai.attribution.backward_rules import Operation
from xai.attribution.gradient_methods import input_x_gradient
from xai.attribution.lrp import lrp
from xai.attribution.lrp_rules import Split, shares
from xai.base.errors import InputError, NetworkError
from xai.model.model import Model


def dense(
    network: nn.Sequential, x: Tensor, target: int, rule: str, epsilon: float, gamma: float, alpha: float
) -> tuple[Tensor, Tensor]:
    """Return LRP by its definition, through tables of contributions (N, in, out), and what the biases keep."""
    states = [x]
    for layer in network:
        states.append(layer(states[-1]))
    relevance = torch.zeros_like(states[-1])
    relevance[:, target] = states[-1][:, target]
    biases = torch.zeros(len(x), dtype=torch.float64)
    for layer, before, after in reversed(list(zip(network, states[:-1], states[1:], strict=True))):
        if not isinstance(layer, nn.Linear):
            continue
        table = torch.cat(
            [before[:, :, None] * layer.weight.T, layer.bias.expand(len(x), 1, -1)], 1
        )  # the bias is a row
        up, down = table.clamp_min(0), table.clamp_max(0)
        if rule == "alpha_beta":
            share = alpha * up / (up.sum(1, keepdim=True) + epsilon)
            share = share - (alpha - 1) * down / (down.sum(1, keepdim=True) - epsilon)
        else:
            if rule == "gamma":
                table = table + gamma * torch.where(after[:, None] >= 0, up, down)
            total = table.sum(1, keepdim=True)
            share = table / (total + epsilon * total.sign())
        shares = share * relevance[:, None]
        biases += shares[:, -1].sum(1)
        relevance = shares[:, :-1].sum(2)
    return relevance, biases


@pytest.mark.parametrize("rule", ["epsilon", "gamma", "alpha_beta"])
@pytest.mark.parametrize("activation", [nn.ReLU, nn.Tanh])
def test_lrp_is_its_definition(rule: str, activation: type[nn.Module]) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        network = nn.Sequential(nn.Linear(4, 6), activation(), nn.Linear(6, 5), activation(), nn.Linear(5, 3)).double()
    batch, numbers = rows(6), {"epsilon": 0.01, "gamma": 0.4, "alpha": 1.5}
    made = lrp(Model(network), batch, 1, rule=rule, **numbers)
    with torch.no_grad():
        relevance, biases = dense(network, batch, 1, rule, **numbers)
        score = network(batch)[:, 1]
    assert torch.allclose(made.values, relevance, atol=1e-9)
    keys = [key for key in made.diagnostics[0] if key.startswith("absorbed")]
    noted = {key: torch.tensor([row[key] for row in made.diagnostics], dtype=torch.float64) for key in keys}
    assert torch.allclose(noted["absorbed_by_biases"], biases, atol=1e-9)
    # What is missing is what epsilon keeps: nothing else is lost in a network of layers with rules.
    assert torch.allclose(noted["absorbed_by_epsilon"], score - relevance.sum(1) - biases, atol=1e-9)
    assert noted["absorbed_elsewhere"].abs().max() < 1e-9


def test_lrp_of_convolutions_is_that_of_the_same_dense_layer() -> None:
    """A convolution as a table of contributions, unrolled by probing it with every unit of its input."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        body = nn.Conv2d(2, 3, 3, stride=2, padding=1).double()
        head = nn.Linear(27, 2).double()
    network = nn.Sequential(body, nn.ReLU(), nn.Flatten(), head)
    batch = torch.randn(3, 2, 5, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    units = torch.eye(50, dtype=torch.float64).view(50, 2, 5, 5)
    unrolled = nn.Linear(50, 27).double()
    with torch.no_grad():
        empty = body(torch.zeros_like(units[:1])).flatten()
        unrolled.weight.copy_((body(units).flatten(1) - empty).T)
        unrolled.bias.copy_(empty)
    for rule in ("epsilon", "gamma", "alpha_beta"):
        expected = lrp(Model(nn.Sequential(nn.Flatten(), unrolled, nn.ReLU(), head)), batch, 1, rule=rule)
        assert torch.allclose(lrp(Model(network), batch, 1, rule=rule).values, expected.values, atol=1e-9)


@pytest.mark.parametrize("form", ["residual", "padding", "one_dimension", "norm", "average"])
def test_lrp_with_a_tiny_epsilon_is_gradient_times_input_of_a_rectified_network(form: str) -> None:
    """For ReLU networks, the epsilon rule in the limit: a statement about residual sums, padding, pooling and norms."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        conv = nn.Conv1d(2, 2, 3, padding=1) if form == "one_dimension" else nn.Conv2d(2, 2, 3, padding=1)
        norm, last = nn.BatchNorm2d(2), nn.LazyLinear(3)
        norm.running_mean.normal_(), norm.running_var.uniform_(0.5, 2)
        shape = (3, 2, 8) if form == "one_dimension" else (3, 2, 8, 8)
        batch = torch.randn(shape)

        def forward(x: Tensor) -> Tensor:
            hidden = torch.relu(norm(conv(x)) if form == "norm" else conv(x))
            hidden = hidden + torch.relu(conv(hidden)) if form == "residual" else hidden
            hidden = functional.pad(hidden, (1, 2, 0, 1), mode="reflect") if form == "padding" else hidden
            return last((functional.avg_pool2d(hidden, 2) if form == "average" else hidden).flatten(1))

        forward(batch)
    network = Function(forward)
    network.parts = nn.ModuleList([conv, norm, last])
    network.double().eval()
    batch = batch.double()
    made = lrp(Model(network), batch, 1, rule="epsilon", epsilon=1e-12)
    assert torch.allclose(made.values, input_x_gradient(Model(network), batch, 1).values, atol=1e-7)


def test_folding_a_batch_norm_is_one_layer() -> None:
    """conv, norm with the gamma rule is the convolution of merged weights; unfolded (exact) it is not."""
    model, batch = ZOO["float64"](), images().double()
    made = lrp(model, batch, 1)
    assert made.options["run"]["plan"]["folded"] == 1
    with torch.no_grad():
        network = model.network.eval()
        merged = torch.nn.utils.fusion.fuse_conv_bn_eval(network.conv1, network.norm)
    network.conv1, network.norm = merged, nn.Identity()
    assert torch.allclose(lrp(Model(network, input=model.input), batch, 1, exact=True).values, made.values, atol=1e-9)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda x: functional.bilinear(x, x, torch.ones(1, 4, 4).double())[:, 0], "no rule .Trilinear"),
        (lambda x: x.sigmoid().sum(1), "no rule .Sigmoid"),
        (lambda x: functional.softplus(x).sum(1), "no rule .Softplus"),
        (lambda x: (x.sigmoid() * x.sigmoid()).sum(1), "no rule .Sigmoid"),
        (lambda x: torch.div(torch.ones(1).double(), x + 9).sum(1), "Div"), (lambda x: x.exp().sum(1), "no rule .Exp"),
    ],
)  # fmt: skip
def test_what_lrp_has_no_rule_for_is_named(function: object, words: str) -> None:
    with pytest.raises(NetworkError, match=words):
        lrp(regression(function), rows())


@pytest.mark.parametrize(
    "settings", [{"rule": "zeta"}, {"epsilon": 0}, {"gamma": -1}, {"alpha": 0.5}, {"epsilon": "no"}]
)
def test_settings_that_cannot_be(settings: dict) -> None:
    with pytest.raises(InputError, match="lrp"):
        lrp(Model(nn.Linear(4, 2).double()), rows(), **settings)


@pytest.mark.parametrize(
    ("function", "source", "weight", "settings"),
    [
        (functional.linear, (2, 5), (4, 5), {}),
        (functional.conv1d, (2, 4, 9), (6, 2, 3), {"groups": 2, "padding": 1}),
        (functional.conv2d, (2, 4, 9, 8), (6, 4, 3, 2), {"stride": (2, 1), "padding": (1, 0), "dilation": 2}),
        (functional.conv2d, (2, 4, 9, 8), (6, 4, 3, 3), {"padding": "same"}),
        (functional.conv3d, (2, 2, 5, 5, 5), (3, 2, 2, 2, 2), {"stride": 2}),
        (functional.conv_transpose2d, (2, 4, 5, 5), (4, 3, 3, 3), {"stride": 2, "output_padding": 1, "groups": 2}),
    ],
)
def test_a_layer_hands_back_what_its_gradient_would(function, source, weight, settings) -> None:
    generator = torch.Generator().manual_seed(0)
    source, weight = (torch.randn(shape, generator=generator, dtype=torch.float64) for shape in (source, weight))
    source.requires_grad_()
    output = function(source, weight, None, **settings)
    relevance = torch.randn(output.shape, generator=generator, dtype=torch.float64)
    layer = Operation(function.__name__, function, (source, weight, None), settings, (0,))
    reached = output.detach() + (output == 0)  # what no input reaches would divide by 0
    (expected,) = torch.autograd.grad(output, source, relevance / reached)
    made, kept = shares("epsilon", Split(0.0, 0.0, 1.0), layer, source.detach(), reached, relevance)
    assert torch.allclose(made, expected, rtol=1e-9, atol=1e-9 * float(expected.abs().max()))
    assert not kept.any()


@pytest.mark.parametrize("rule", ["gamma", "alpha_beta"])
def test_contributions_of_each_sign_get_their_share(rule: str) -> None:
    """Entry by entry: every contribution a_i w_ij, of inputs of both signs, by its own sign and that of the output."""
    generator = torch.Generator().manual_seed(1)
    source, weight, relevance = (
        torch.randn(shape, generator=generator, dtype=torch.float64) for shape in ((3, 6), (4, 6), (3, 4))
    )
    bias = torch.randn(4, generator=generator, dtype=torch.float64)
    output = functional.linear(source, weight, bias)
    layer = Operation("linear", functional.linear, (source, weight, bias), {}, (0,))
    made, kept = shares(rule, Split(0.0, 0.25, 2.0), layer, source, output, relevance)
    for row in range(3):
        handed, biases = torch.zeros(6, dtype=torch.float64), torch.zeros(4, dtype=torch.float64)
        for unit in range(4):
            parts = torch.cat([source[row] * weight[unit], bias[unit : unit + 1]])
            if rule == "gamma":
                favored = torch.where(parts.sign() == output[row, unit].sign(), 1.25 * parts, parts)
                given = relevance[row, unit] * favored / favored.sum()
            else:
                above, below = parts.clamp_min(0), parts.clamp_max(0)
                given = relevance[row, unit] * (2 * above / above.sum() - below / below.sum())
            handed += given[:-1]
            biases[unit] = given[-1]
        assert torch.allclose(made[row] * source[row], handed)
        assert torch.allclose(kept[row], biases)
