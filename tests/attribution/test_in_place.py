"""Activations that work in place give the same explanation as those that do not."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from tests.backbones import backbone
from tests.zoo import images
from xai.attribution.deeplift import deeplift
from xai.attribution.gradient_rules import deconvolution, guided_backprop
from xai.inputs.image import ImageInput
from xai.model.model import Model

IN_PLACE = (nn.ReLU, nn.ReLU6, nn.SiLU, nn.Hardswish)


class Residual(nn.Module):
    """What the activation puts out in place is read twice behind it."""

    def __init__(self, act: nn.Module) -> None:
        super().__init__()
        self.conv, self.norm, self.act = nn.Conv2d(2, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), act
        self.depth, self.out = nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.Linear(8, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.act(self.norm(self.conv(x)))
        return self.out((x + self.depth(x)).mean((2, 3)))


def _networks() -> dict[str, nn.Module]:
    made = {name: backbone(name) for name in ("mobilenet_v2", "mobilenet_v3", "efficientnet", "resnext")}
    return made | {act.__name__: Residual(act(inplace=True)).eval() for act in IN_PLACE}


@pytest.mark.parametrize("name", _networks())
@pytest.mark.parametrize("method", [guided_backprop, deconvolution, deeplift])
def test_in_place_or_not_is_the_same(method: object, name: str) -> None:
    network = _networks()[name]
    other = copy.deepcopy(network)
    for module in other.modules():
        if isinstance(module, IN_PLACE):
            module.inplace = False
    ours, theirs = (method(Model(net, input=ImageInput((2, 8, 8))), images(), 1) for net in (network, other))
    assert torch.allclose(ours.values, theirs.values, atol=1e-7)
    assert float(ours.values.abs().max()) > 0
    assert ours.options["run"].get("relus") == theirs.options["run"].get("relus")
