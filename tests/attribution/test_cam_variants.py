"""The family of Grad-CAM against derivations of its own: derivatives by autograd, loops, captum and a linear head."""

from __future__ import annotations

import pytest
import torch
from captum.attr import LayerGradientXActivation
from torch import Tensor, nn
from torch.nn.functional import interpolate

import xai
from tests.evidence.planted import SIDE, Planted, planted_image
from xai.base.errors import InputError, LayerError
from xai.evidence.recompute import recompute

VARIANTS = ("gradcam_plus_plus", "layercam", "hirescam", "scorecam")


class Small(nn.Module):
    """Maps of 4 x 4 for images of 8 x 8, and a linear head."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(4)
        self.early, self.act = nn.Conv2d(1, 2, 3, padding=1), nn.ReLU()
        self.conv, self.late = nn.Conv2d(2, 3, 2, stride=2), nn.ReLU()
        self.head = nn.Linear(48, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.late(self.conv(self.act(self.early(x)))).flatten(1))


IMAGES = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0)).double()


@pytest.fixture
def model() -> xai.Model:
    return xai.Model(Small().double(), input=xai.ImageInput((1, 8, 8)))


def maps_of(network: Small) -> Tensor:
    return network.late(network.conv(network.act(network.early(IMAGES)))).detach()


def wide(coarse: Tensor) -> Tensor:
    return interpolate(coarse.relu()[:, None], size=(8, 8), mode="bilinear", align_corners=False)[:, 0]


def test_plus_plus_has_the_weights_of_the_derivatives_of_the_exponential(model: xai.Model) -> None:
    maps = maps_of(model.network)
    expected = torch.zeros(2, 4, 4).double()
    for row in range(2):
        flat = maps[row].flatten()

        def exponential(values: Tensor) -> Tensor:
            return model.network.head(values[None])[0, 1].exp()

        places = torch.arange(48)
        for channel in range(3):
            weight = torch.zeros(()).double()
            for place in places[channel * 16 : channel * 16 + 16].tolist():

                def along(value: Tensor, place: int = place, flat: Tensor = flat) -> Tensor:
                    moved = flat.clone()
                    moved[place] = value
                    return exponential(moved)

                at = flat[place].clone().requires_grad_()
                (first,) = torch.autograd.grad(along(at), at, create_graph=True)
                (second,) = torch.autograd.grad(first, at, create_graph=True)
                (third,) = torch.autograd.grad(second, at)
                share = second / (2 * second + maps[row, channel].sum() * third)
                weight = weight + share.detach() * (first / along(at)).detach().relu()
            expected[row] += weight * maps[row, channel]
    e = xai.gradcam_plus_plus(model, IMAGES, 1, layer="late")
    assert torch.allclose(e.values, wide(expected), atol=1e-5)


def test_products_place_by_place_are_those_of_captum_and_of_a_linear_head(model: xai.Model) -> None:
    theirs = LayerGradientXActivation(model.network, model.network.late).attribute(IMAGES, target=1).detach()
    assert torch.allclose(xai.hirescam(model, IMAGES, 1, layer="late").values, wide(theirs.sum(1)), atol=1e-9)
    weight = model.network.head.weight[1].view(3, 4, 4).detach()
    parts = maps_of(model.network) * weight
    assert torch.allclose(theirs, parts)
    positive = maps_of(model.network) * weight.relu()
    assert torch.allclose(xai.layercam(model, IMAGES, 1, layer="late").values, wide(positive.sum(1)), atol=1e-9)


def test_scores_of_masked_inputs_one_by_one(model: xai.Model) -> None:
    maps = maps_of(model.network)
    expected = []
    for row in range(2):
        scores = []
        for channel in range(3):
            one = maps[row, channel]
            mask = (one - one.min()) / (one.max() - one.min()).clamp_min(1e-300)  # one is 0 everywhere
            mask = interpolate(mask[None, None], size=(8, 8), mode="bilinear", align_corners=False)[0]
            scores.append(model.network((IMAGES[row] * mask)[None])[0, 1])
        weights = torch.stack(scores).detach().softmax(0)
        expected.append((weights[:, None, None] * maps[row]).sum(0))
    e = xai.scorecam(model, IMAGES, 1, layer="late")
    assert torch.allclose(e.values, wide(torch.stack(expected)), atol=1e-9)
    assert torch.allclose(xai.scorecam(model, IMAGES, 1, layer="late", batch_size=2).values, e.values, atol=1e-12)
    assert (e.baseline, e.options["baseline"]) == ("zero", "zero")


@pytest.mark.parametrize("name", ["gradcam", *VARIANTS])
def test_several_layers_are_the_mean_of_maps_of_one_height(model: xai.Model, name: str) -> None:
    method = getattr(xai, name)
    both = method(model, IMAGES, 1, layer=["act", "late"])
    parts = [method(model, IMAGES, 1, layer=layer).values for layer in ("act", "late")]
    expected = sum(part / part.amax((1, 2), keepdim=True) for part in parts) / 2
    assert torch.allclose(both.values, expected, atol=1e-9)
    assert both.options["layer"] == ["act", "late"]
    assert both.options["run"]["grids"] == {"act": [8, 8], "late": [4, 4]}
    assert torch.equal(recompute(model, both).values, both.values)


def test_guided_by_several_layers_is_the_guided_gradient_times_their_mean(model: xai.Model) -> None:
    e = xai.guided_gradcam(model, IMAGES, 1, layer=["act", "late"])
    guided = xai.guided_backprop(model, IMAGES, 1).values
    assert torch.allclose(e.values, guided * xai.gradcam(model, IMAGES, 1, layer=["act", "late"]).values[:, None])
    assert e.options["layer"] == ["act", "late"]


class Along(nn.Module):
    """Maps along one or three axes, and a linear head."""

    def __init__(self, conv: nn.Module, size: int) -> None:
        super().__init__()
        self.conv, self.act, self.head = conv, nn.ReLU(), nn.Linear(size, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.act(self.conv(x)).flatten(1))


@pytest.mark.parametrize("name", ["gradcam", *VARIANTS])
@pytest.mark.parametrize(("conv", "shape", "size"), [(nn.Conv1d, (2, 3, 6), 8), (nn.Conv3d, (2, 3, 4, 4, 4), 16)])
def test_series_and_volumes_have_maps_of_a_linear_head(
    name: str, conv: type[nn.Module], shape: tuple[int, ...], size: int
) -> None:
    torch.manual_seed(10)  # maps that the mean gradient does not turn against the class
    network = Along(conv(3, 2, 3), size).double()
    x = torch.rand(shape, generator=torch.Generator().manual_seed(2)).double()
    e = getattr(xai, name)(xai.Model(network), x, 1, layer="act")
    maps = network.act(network.conv(x)).detach()
    weight = network.head.weight[1].view(maps.shape[1:]).detach()
    sides = tuple(range(2, maps.ndim))
    mode = {1: "linear", 3: "trilinear"}[len(sides)]

    def fit(coarse: Tensor) -> Tensor:
        return interpolate(coarse, size=shape[2:], mode=mode, align_corners=False)

    if name == "gradcam":
        coarse = (weight.mean([side - 1 for side in sides], keepdim=True) * maps).sum(1)
    elif name == "layercam":
        coarse = (weight.relu() * maps).sum(1)
    elif name == "hirescam":
        coarse = (weight * maps).sum(1)
    elif name == "gradcam_plus_plus":
        below = 2 * weight**2 + maps.sum(sides, keepdim=True) * weight**3
        coarse = ((weight**2 / below * weight.relu()).sum(sides, keepdim=True) * maps).sum(1)
    else:
        low, high = maps.amin(sides, keepdim=True), maps.amax(sides, keepdim=True)
        masks = fit((maps - low) / (high - low).clamp_min(1e-300))
        scores = torch.stack([network(x * masks[:, channel : channel + 1])[:, 1] for channel in range(2)], 1)
        coarse = (scores.detach().softmax(1).view(2, 2, *[1] * len(sides)) * maps).sum(1)
    expected = fit(coarse.relu()[:, None])
    expected = expected.expand(shape) if len(sides) == 1 else expected[:, 0]
    assert torch.allclose(e.values, expected, atol=1e-9)
    assert expected.amax() > 0.01


@pytest.mark.parametrize("name", VARIANTS)
def test_a_planted_place_is_found_and_verified(name: str) -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 1, bias=False), nn.ReLU(), nn.Conv2d(2, 1, 1, bias=False), Planted())
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([1.0, -1.0]).view(2, 1, 1, 1))
        network[2].weight.copy_(torch.tensor([1.0, -1.0]).view(1, 2, 1, 1))
    model = xai.Model(network, input=xai.ImageInput((1, SIDE, SIDE)))
    e = xai.verify(model, getattr(xai, name)(model, planted_image(), 1, layer="1"), ["randomization", "deletion"])
    assert "untestable" not in {item.status for item in e.evidence[0]}


@pytest.mark.parametrize("name", ["gradcam", "guided_gradcam", *VARIANTS])
def test_wrong_layers_are_named(model: xai.Model, name: str) -> None:
    method = getattr(xai, name)
    for layer in ([], [1], 5):
        with pytest.raises((InputError, LayerError), match=f"{name}: layer: expected"):
            method(model, IMAGES, 1, layer=layer)
    with pytest.raises(LayerError, match=f"{name}: layer: expected one that puts out"):
        method(model, IMAGES, 1, layer=["late", "head"])
    with pytest.raises(LayerError, match=f"{name}: layer: expected a network with"):
        method(xai.Model(nn.Linear(3, 2)), torch.rand(2, 3))
