"""LRP's rules by layer against zennit, and what they hand to an input that is 0."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import xai
from tests.optional import torchvision
from xai.base.errors import InputError
from xai.evidence.recompute import recompute

EPSILON = 1e-4
KIND = xai.ImageInput((2, 6, 6), mean=[0.4, 0.5], std=[0.3, 0.2])
MIXED = {"0": "zbox", "2": "gamma", "4": "zplus", "7": "alpha_beta", "9": "epsilon"}


def network() -> nn.Sequential:
    torch.manual_seed(5)
    layers = [nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 3, 3), nn.ReLU(), nn.Conv2d(3, 4, 2, stride=2)]
    layers += [nn.ReLU(), nn.Flatten(), nn.Linear(16, 5), nn.ReLU(), nn.Linear(5, 3)]
    return nn.Sequential(*layers).double()


def images() -> Tensor:
    made = torch.rand(3, 2, 6, 6, generator=torch.Generator().manual_seed(1)).double()
    made[:, 0, :2] = 0.4  # what the network sees as 0
    return made


def zennit() -> tuple[ModuleType, ModuleType]:
    torchvision()  # which zennit imports
    return pytest.importorskip("zennit.rules"), pytest.importorskip("zennit.core")


def by_zennit(net: nn.Module, batch: Tensor, rules: dict[str, str], target: int) -> Tensor:
    """Return the relevance of what the network sees, by zennit's rules of the same names."""
    made, core = zennit()
    low, high = (KIND.feed(torch.full((1, 2, 6, 6), end).double()) for end in (0.0, 1.0))
    kinds: dict[str, Any] = {
        "epsilon": made.Epsilon(epsilon=EPSILON), "gamma": made.Gamma(gamma=0.25, stabilizer=EPSILON),
        "zplus": made.ZPlus(stabilizer=EPSILON), "alpha_beta": made.AlphaBeta(alpha=2, beta=1, stabilizer=EPSILON),
        "zbox": made.ZBox(low, high, stabilizer=EPSILON), "flat": made.Flat(stabilizer=EPSILON),
        "wsquare": made.WSquare(stabilizer=EPSILON),
    }  # fmt: skip

    def of(context: object, name: str, layer: nn.Module) -> object:
        if isinstance(layer, nn.ReLU):
            return made.Pass()
        return kinds[rules[name]].copy() if name in rules else None

    source = KIND.feed(batch).clone().requires_grad_()
    with core.Composite(module_map=of).context(net) as changed:
        output = changed(source)
        (relevance,) = torch.autograd.grad(output, source, output.detach() * torch.eye(3)[target].double())
    return relevance


@pytest.mark.parametrize("first", ["zbox", "flat", "wsquare"])
@pytest.mark.parametrize("others", ["epsilon", "gamma", "zplus", "alpha_beta", None])
def test_zennit_agrees(first: str, others: str | None) -> None:
    rules = {**(MIXED if others is None else dict.fromkeys(MIXED, others)), "0": first}
    theirs = by_zennit(network(), images(), rules, 1)
    model = xai.Model(network(), input=KIND)
    e = xai.lrp(model, images(), 1, rules=rules, epsilon=EPSILON)
    assert torch.allclose(e.values, theirs, atol=1e-5, rtol=1e-5)
    assert bool((e.values[:, 0, :2] != 0).any())  # which no rule with activations would reach
    kept = sum(e.diagnostics[0][f"absorbed_by_{cause}"] for cause in ("biases", "epsilon"))
    total = float(e.values[0].sum()) + kept + e.diagnostics[0]["absorbed_elsewhere"]
    assert total == pytest.approx(e.diagnostics[0]["score"])
    assert abs(e.diagnostics[0]["absorbed_elsewhere"]) < 1e-9
    assert torch.equal(recompute(model, e).values, e.values)


def test_a_name_stands_for_all_layers_inside_and_the_innermost_counts() -> None:
    net = nn.Sequential(nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 4), nn.ReLU()), nn.Linear(4, 2)).double()
    model, rows = xai.Model(net), torch.randn(2, 3).double()
    outer = xai.lrp(model, rows, 1, rules={"0": "gamma"})
    each = xai.lrp(model, rows, 1, rules={"0.0": "gamma", "0.2": "gamma"})
    assert torch.equal(outer.values, each.values)
    inner = xai.lrp(model, rows, 1, rules={"0": "gamma", "0.0": "epsilon"})
    assert torch.equal(inner.values, xai.lrp(model, rows, 1, rules={"0.2": "gamma"}).values)
    assert inner.options["run"]["rules"]["0.2"] == {"linear": "gamma"}
    behind = xai.lrp(model, rows, 1, layer="0.1", rules={"0.0": "epsilon", "0.2": "gamma"})  # one lies before the layer
    assert torch.equal(behind.values, xai.lrp(model, rows, 1, layer="0.1", rules={"0.2": "gamma"}).values)


def test_batch_norm_is_folded_under_the_name_of_its_convolution() -> None:
    torch.manual_seed(0)
    net = (
        nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 2)).double().eval()
    )
    net[1].running_mean.normal_()
    e = xai.lrp(xai.Model(net, input=KIND), images(), 1, rules={"0": "wsquare"})
    scale = (net[1].weight / (net[1].running_var + net[1].eps).sqrt()).detach()
    folded = nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 2)).double()
    with torch.no_grad():
        folded[0].weight.copy_(net[0].weight * scale[:, None, None, None])
        folded[0].bias.copy_((net[0].bias - net[1].running_mean) * scale + net[1].bias)
        folded[3].load_state_dict(net[4].state_dict())
    other = xai.lrp(xai.Model(folded, input=KIND), images(), 1, rules={"0": "wsquare"})
    assert torch.allclose(e.values, other.values, atol=1e-8)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"11": "flat"}, "rules: expected names of layers, such as 0, 1"),
        ({"0": "delta"}, "rules: expected one of epsilon, gamma, zplus"),
        ({"2": "zbox"}, "rules: expected 'zbox' at a layer that reads the network's input, got '2'"),
        ({"1": "gamma"}, "rules: expected linear layers or convolutions that the forward pass reaches, got '1'"),
        ("flat", "rules: expected a dictionary"),
    ],
)
def test_rules_that_cannot_be(rules: object, message: str) -> None:
    with pytest.raises(InputError, match=f"lrp: {message}"):
        xai.lrp(xai.Model(network(), input=KIND), images(), 1, rules=rules)


def test_zbox_needs_a_range() -> None:
    with pytest.raises(InputError, match="lrp: rules: expected inputs with a range, for 'zbox'"):
        xai.lrp(xai.Model(nn.Sequential(nn.Linear(3, 2))), torch.rand(1, 3), 1, rules={"0": "zbox"})
