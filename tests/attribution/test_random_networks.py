"""Two hundred random networks: every method beside captum where captum is right, and what must not change a result."""

from __future__ import annotations

import copy
import warnings
from itertools import pairwise

import pytest
import torch
from torch import nn

from tests.matrix import ATTENTIVE
from tests.zoo import ZOO, images
from xai.attribution.deeplift import deeplift
from xai.attribution.gradient_methods import input_x_gradient, integrated_gradients, saliency
from xai.attribution.gradient_rules import deconvolution, guided_backprop
from xai.attribution.lrp import lrp
from xai.methods import METHODS
from xai.model.model import Model

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from captum.attr import (
        LRP,
        Deconvolution,
        DeepLift,
        GuidedBackprop,
        InputXGradient,
        IntegratedGradients,
        Saliency,
    )

TOLERANCE = 1e-5


def random_network(seed: int) -> tuple[nn.Sequential, torch.Tensor]:
    """Return a random network of modules, each used once (what captum can follow), and a batch for it; float64."""
    generator = torch.Generator().manual_seed(seed)

    def pick(low: int, high: int) -> int:
        return int(torch.randint(low, high, (), generator=generator))

    smooth = [nn.ReLU, nn.Tanh, nn.ELU, nn.Softplus, nn.LeakyReLU, nn.Sigmoid][pick(0, 6)] if seed % 2 else nn.ReLU
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if seed % 4 < 2:
            sizes = [pick(2, 6), *(pick(2, 9) for _ in range(pick(1, 4)))]
            layers = [part for a, b in pairwise(sizes) for part in (nn.Linear(a, b), smooth())]
            network = nn.Sequential(*layers, nn.Linear(sizes[-1], 3))
            batch = torch.randn(2, sizes[0], generator=generator, dtype=torch.float64)
        else:
            channels = pick(2, 5)
            # Windows that do not overlap: captum's unpooling keeps only one of several gradients for a place.
            pool = [nn.MaxPool2d(2), nn.AvgPool2d(2)][pick(0, 2)]
            network = nn.Sequential(
                nn.Conv2d(2, channels, 3, padding=1), smooth(), pool, nn.Conv2d(channels, 3, 3, padding=pick(0, 2)),
                smooth(), nn.Flatten(), nn.LazyLinear(3),
            )  # fmt: skip
            batch = torch.randn(2, 2, 6, 6, generator=generator, dtype=torch.float64)
            network(batch.float())
    return network.double().eval(), batch


@pytest.mark.parametrize("block", range(8))
def test_two_hundred_random_networks_agree_with_captum(block: int) -> None:
    for seed in range(25 * block, 25 * block + 25):
        network, batch = random_network(seed)
        model, base = Model(network), torch.full_like(batch, 0.1)
        target = torch.tensor([seed % 3, (seed + 1) % 3])
        chosen = {"target": target.tolist(), "exact": True}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            needs = batch.clone().requires_grad_()
            pairs = {
                "saliency": (saliency(model, batch, **chosen), Saliency(network).attribute(needs, target)),
                "input_x_gradient": (
                    input_x_gradient(model, batch, **chosen), InputXGradient(network).attribute(needs, target),
                ),
                "integrated_gradients": (
                    integrated_gradients(model, batch, baseline=base, steps=8, **chosen),
                    IntegratedGradients(network).attribute(batch, base, target, n_steps=8, method="gausslegendre"),
                ),
                "deeplift": (
                    deeplift(model, batch, baseline=base, **chosen), DeepLift(network).attribute(batch, base, target),
                ),
            }  # fmt: skip
            if any(isinstance(module, nn.ReLU) for module in network):
                guided = guided_backprop(model, batch, **chosen)
                pairs["guided_backprop"] = (guided, GuidedBackprop(network).attribute(needs, target))
                projected = deconvolution(model, batch, **chosen)
                pairs["deconvolution"] = (projected, Deconvolution(network).attribute(needs, target))
                if not any(isinstance(module, nn.Flatten) for module in network):  # captum knows no rule for that
                    relevance = lrp(model, batch, rule="epsilon", epsilon=1e-9, **chosen)
                    # On a copy: captum leaves attributes behind.
                    pairs["lrp"] = (relevance, LRP(copy.deepcopy(network)).attribute(batch, target))
            with torch.no_grad():
                difference = (network(batch) - network(base)).gather(1, target[:, None])[:, 0]
            assert torch.allclose(pairs["deeplift"][0].values.flatten(1).sum(1), difference, atol=1e-9)
            if not torch.allclose(pairs["deeplift"][1].detach().flatten(1).sum(1), difference, atol=1e-9):
                assert any(isinstance(module, nn.MaxPool2d) for module in network)  # where captum's parts do not add up
                del pairs["deeplift"]
        for name, (ours, theirs) in pairs.items():
            assert torch.allclose(ours.values, theirs.detach(), atol=TOLERANCE), (name, seed)


LOCAL = [
    name
    for name, spec in METHODS.items()
    if "image" in spec.inputs and spec.kind == "attribution" and name not in ATTENTIVE  # these networks have none
]
QUICK = {"smoothgrad": {"samples": 3}, "gradient_shap": {"samples": 3}, "kernel_shap": {"samples": 100},
         "integrated_gradients": {"steps": 5}}  # fmt: skip


@pytest.mark.parametrize("name", LOCAL)
def test_what_must_not_change_a_result(name: str) -> None:
    """Order and size of the batch, memory layout, and the order of the classes; in float64 to 1e-6."""
    model, batch = ZOO["float64"](), images(5).double()

    def run(model: Model, batch: torch.Tensor, target: object, **settings: object) -> torch.Tensor:
        return METHODS[name].load()(model, batch, target, **QUICK.get(name, {}), **settings).heatmap().double()

    expected = run(model, batch, [0, 1, 2, 0, 1])
    order = [3, 0, 4, 2, 1]
    assert torch.allclose(run(model, batch[order], [0, 0, 1, 2, 1]), expected[order], atol=1e-6)
    assert torch.allclose(run(model, batch, [0, 1, 2, 0, 1], batch_size=2), expected, atol=1e-6)
    layout = batch.to(memory_format=torch.channels_last)
    assert torch.allclose(run(model, layout, [0, 1, 2, 0, 1]), expected, atol=1e-6)
    with torch.no_grad():
        last, turned = model.network.linear, [2, 0, 1]
        last.weight.copy_(last.weight[turned].clone())
        last.bias.copy_(last.bias[turned].clone())
    assert torch.allclose(run(model, batch, [1, 2, 0, 1, 2]), expected, atol=1e-6)
