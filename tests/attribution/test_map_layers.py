"""Which layer Grad-CAM reads by default, and how it finds the rows and columns in what a layer puts out."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from tests.backbones import backbone
from tests.zoo import ZOO, images
from xai.attribution.activation_maps import gradcam, guided_gradcam
from xai.base.errors import XaiError
from xai.inputs.image import ImageInput
from xai.model.model import Model


class Auxiliary(nn.Module):
    """Scores, and behind their layers a second head on other maps, as in training with deep supervision."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm, self.act = nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU()
        self.head, self.auxiliary = nn.Linear(4, 3), nn.Conv2d(4, 3, 1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        maps = self.act(self.norm(self.conv(x)))
        return self.head(maps.mean((2, 3))), self.auxiliary(maps)


def _model(network: nn.Module, channels: int = 2, side: int = 8) -> Model:
    return Model(network.eval(), input=ImageInput((channels, side, side)))


DEFAULTS = {
    "auxiliary": (Auxiliary, "act"),
    "norm_and_activation": (lambda: ZOO["plain"]().network, "other_relu"),
    "residual_sum": (lambda: backbone("resnext"), "4"),
    "branches": (lambda: backbone("inception"), "3"),
    "before_the_pool": (lambda: backbone("vgg_bn"), "6"),
    "channels_last": (lambda: backbone("swin"), "11"),
    "squeeze_excite": (lambda: backbone("efficientnet"), "6"),
    "tokens_before_the_last_attention": (lambda: backbone("vit"), "2.body.0"),
    "grid_behind_tokens": (lambda: backbone("coatnet"), "10"),
}


@pytest.mark.parametrize("name", DEFAULTS)
@pytest.mark.parametrize("method", [gradcam, guided_gradcam])
def test_the_default_layer_is_the_last_grid_that_scores_depend_on(method: object, name: str) -> None:
    make, layer = DEFAULTS[name]
    model = _model(make())
    made = method(model, images(), 0)
    assert made.options["layer"] == layer
    again = method(model, images(), 0, layer=layer)
    assert torch.equal(made.values, again.values)


def test_a_head_that_scores_do_not_depend_on_is_named() -> None:
    with pytest.raises(XaiError, match="gradcam: layer: expected one that the scores depend on"):
        gradcam(_model(Auxiliary()), images(), 0, layer="auxiliary")


class ChannelsLast(nn.Module):
    """Ends in (N, H, W, C), where C is as long as H and W, if asked for."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv, self.norm, self.head = nn.Conv2d(3, channels, 8, 8), nn.LayerNorm(channels), nn.Linear(channels, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.norm(self.conv(x).permute(0, 2, 3, 1)).mean((1, 2)))


@pytest.mark.parametrize("channels", [24, 4])
def test_a_layer_with_channels_last_is_read_as_such(channels: int) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = ChannelsLast(channels).eval()
    batch = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    made = gradcam(_model(network, 3, 32), batch, 1)
    assert made.options["layer"] == "norm"
    assert made.options["run"]["axes"] == [1, 2]
    maps = network.norm(network.conv(batch).permute(0, 2, 3, 1)).detach()  # (N, 4, 4, C)
    weights = network.head.weight[1] / 16  # the gradient at each position of a mean over 16
    cam = (maps * weights).sum(-1).relu()[:, None]
    right = nn.functional.interpolate(cam, size=(32, 32), mode="bilinear")[:, 0]
    assert torch.allclose(made.values, right, atol=1e-6)


def test_axes_that_cannot_be_told_are_refused() -> None:
    class Odd(torch.autograd.Function):
        """An operation that nothing is known of."""

        @staticmethod
        def forward(ctx: object, x: torch.Tensor) -> torch.Tensor:
            return x.clone()

        @staticmethod
        def backward(ctx: object, gradient: torch.Tensor) -> torch.Tensor:
            return gradient

    class Own(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return Odd.apply(x)

    def model(channels: int) -> Model:
        layers = [nn.Conv2d(2, channels, 1), Own(), nn.Flatten(), nn.Linear(channels * 64, 3)]
        return _model(nn.Sequential(*layers))

    with pytest.raises(XaiError, match="gradcam: layer: expected one whose rows and columns can be told"):
        gradcam(model(8), images(), 0, layer="1")
    made = gradcam(model(3), images(), 0, layer="1")  # two axes of one length, and one of another
    assert made.options["run"]["grid"] == [8, 8]
    assert gradcam(model(8), images(), 0).options["layer"] == "0"


def test_a_layer_that_runs_twice_says_which_call_was_read() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(8)
        block = nn.Sequential(nn.Conv2d(2, 2, 3, padding=1), nn.ReLU())
        head = [nn.Flatten(), nn.Linear(128, 3)]
    shared = _model(nn.Sequential(block, block, *head))
    apart = _model(nn.Sequential(block, copy.deepcopy(block), *head))
    assert gradcam(apart, images(), 0).options["layer"] == "1.1"
    for layer, copied in (("0.0", "1.0"), (None, "1.1")):
        made = gradcam(shared, images(), 0, layer=layer)
        assert made.options["run"]["call"] == "2 of 2"
        assert torch.equal(made.values, gradcam(apart, images(), 0, layer=copied).values)
    assert "call" not in gradcam(apart, images(), 0).options["run"]
