"""The faster form is used where it reads the same, and only there."""

from __future__ import annotations

import pytest
import torch

from tests.zoo import ZOO
from xai.network.fuse import FastForm
from xai.network.guard import untouched
from xai.visualization import objectives
from xai.visualization.ascent import visualize
from xai.visualization.plan import reader_for


def made(objective: objectives.Objective, **settings: object):
    return visualize(ZOO["plain"](), objective, steps=30, **settings)


@pytest.mark.parametrize(
    "objective", [objectives.channel("norm", 2), objectives.logit(1), objectives.channel("conv2", 0)]
)
def test_a_folded_network_gives_the_same_image(objective: objectives.Objective) -> None:
    fast, plain = made(objective), made(objective, exact=True)
    assert fast.options["folded"]
    assert not plain.options["folded"]
    assert torch.allclose(fast.image, plain.image, atol=2e-3)
    assert torch.allclose(fast.reached, plain.reached, rtol=1e-3, atol=1e-4)


def test_a_convolution_before_its_batch_norm_is_read_off_the_plain_network() -> None:
    assert not made(objectives.channel("conv1", 0)).options["folded"]
    together = visualize(ZOO["plain"](), [objectives.channel("norm", 0), objectives.channel("conv1", 0)], steps=30)
    assert not together.options["folded"]


def test_a_form_that_reads_otherwise_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    from xai.model import plan

    def wrong(network, trace):
        fast, pairs, layout = faster(network, trace)
        with torch.no_grad():
            fast.conv1.weight.mul_(1.001)
        return FastForm(fast, pairs, layout)

    faster = plan.faster_form
    monkeypatch.setattr(plan, "faster_form", wrong)
    assert not made(objectives.channel("norm", 1)).options["folded"]


def test_few_passes_are_not_worth_it() -> None:
    model, objective = ZOO["plain"](), objectives.channel("norm", 1)
    with untouched(model.network):
        blank = torch.zeros(1, 2, 8, 8)
        trace = model.trace_of(blank)
        assert reader_for(model, [objective], trace, blank, False, 15).network is model.network
        assert reader_for(model, [objective], trace, blank, False, 16).network is not model.network


def test_a_form_with_another_gradient_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it puts out is the same, but on its way back a channel counts up to a tenth too much or too little."""
    from xai.model import plan

    class Loses(torch.autograd.Function):
        @staticmethod
        def forward(ctx, maps):
            ctx.save_for_backward(maps)
            return maps.clamp_min(0)

        @staticmethod
        def backward(ctx, gradient):
            gradient = gradient * (ctx.saved_tensors[0] > 0)
            return gradient * torch.linspace(0.9, 1.1, gradient.shape[1]).view(1, -1, 1, 1)

    class Wrong(torch.nn.Module):
        def forward(self, maps):
            return Loses.apply(maps)

    def wrong(network, trace):
        fast, pairs, layout = faster(network, trace)
        fast.relu = Wrong()
        return FastForm(fast, pairs, layout)

    faster = plan.faster_form
    monkeypatch.setattr(plan, "faster_form", wrong)
    assert not made(objectives.channel("norm", 1) + objectives.channel("conv2", 1)).options["folded"]
