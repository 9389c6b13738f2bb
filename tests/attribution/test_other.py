"""Grad-CAM and occlusion against captum, closed forms and known values."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import nn

from tests.zoo import SHAPE, ZOO, images
from xai.attribution.activation_maps import gradcam
from xai.attribution.occlusion import occlusion
from xai.base.errors import InputError, LayerError
from xai.inputs.image import ImageInput
from xai.model.model import Model


@pytest.mark.parametrize("layer", ["conv1", "conv2", "norm"])
@pytest.mark.parametrize("network", ["plain", "inplace", "residual", "functional_relu"])
def test_gradcam_agrees_with_captum(network: str, layer: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from captum.attr import LayerAttribution, LayerGradCam

    model, batch = ZOO[network](), images()
    if network == "inplace" and layer == "norm":
        pytest.skip("captum reads the layer after the in-place ReLU has overwritten it")
    ours = gradcam(model, batch, [0, 1, 2], layer=layer)
    wrapped = LayerGradCam(lambda x: model.network(model.input.feed(x)), getattr(model.network.eval(), layer))
    theirs = wrapped.attribute(batch.clone(), torch.tensor([0, 1, 2]), relu_attributions=True)
    theirs = LayerAttribution.interpolate(theirs, SHAPE[1:], interpolate_mode="bilinear")[:, 0]
    assert torch.allclose(ours.values, theirs.detach(), atol=1e-6)


def test_an_inplace_relu_does_not_change_what_is_read() -> None:
    """The layer before an in-place ReLU is read as the layer put it out, as in the same network without in-place."""
    inplace, plain = ZOO["inplace"](), ZOO["plain"]()
    plain.network.load_state_dict(inplace.network.state_dict())
    ours = gradcam(inplace, images(), 1, layer="norm")
    assert torch.allclose(ours.values, gradcam(plain, images(), 1, layer="norm").values, atol=1e-6)


def test_gradcam_needs_maps() -> None:
    with pytest.raises(LayerError, match="feature maps"):
        gradcam(
            Model(nn.Sequential(nn.Flatten(), nn.Linear(4, 2)), input=ImageInput((1, 2, 2))), torch.rand(1, 1, 2, 2)
        )


def test_occlusion_agrees_with_captum_where_windows_tile() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from captum.attr import Occlusion

    model, batch = ZOO["plain"](), images()
    model.network.eval()
    ours = occlusion(model, batch, 1, window=2, stride=2, exact=True)
    wrapped = Occlusion(lambda x: model.network(model.input.feed(x)))
    theirs = wrapped.attribute(batch, (2, 2, 2), (2, 2, 2), baselines=0, target=1)
    # Ours spreads the fall over the channels, so that a pixel's channels add up to it.
    assert torch.allclose(ours.values * 2, theirs.detach(), atol=1e-5)


def test_overlapping_windows_are_averaged() -> None:
    """A network that counts one pixel: each of the windows over it falls by its value, so its mean is that value."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 2, bias=False))
    with torch.no_grad():
        network[1].weight.zero_()
        network[1].weight[0, 5] = 1.0
    model = Model(network, input=ImageInput((1, 4, 4)))
    batch = torch.full((1, 1, 4, 4), 0.5)
    values = occlusion(model, batch, 0, window=2, stride=1).values[0, 0]
    # By hand: of the windows covering each pixel, the share that also covers pixel (1, 1), times 0.5.
    expected = torch.zeros(4, 4)
    for row in range(4):
        for column in range(4):
            windows = [(t, l) for t in range(3) for l in range(3) if 0 <= row - t < 2 and 0 <= column - l < 2]  # noqa: E741
            hits = [1 for t, l in windows if 0 <= 1 - t < 2 and 0 <= 1 - l < 2]  # noqa: E741
            expected[row, column] = 0.5 * len(hits) / len(windows)
    assert torch.allclose(values, expected, atol=1e-6)


def test_every_pixel_is_covered_whatever_the_window() -> None:
    model = ZOO["plain"]()
    for window, stride in ((3, 2), (5, 3), (8, 8), ((1, 8), (1, 8)), (3, 3)):
        assert torch.isfinite(occlusion(model, images(1), window=window, stride=stride).values).all()


def test_known_value_and_rows() -> None:
    class Product(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x[:, 0] * x[:, 1]

    explanation = occlusion(Model(Product(), task="regression"), [[2.0, 3.0]])
    assert explanation.values.tolist() == [[6.0, 6.0]]


def test_a_gap_between_windows_is_named() -> None:
    with pytest.raises(InputError, match="no gap is left"):
        occlusion(ZOO["plain"](), images(1), window=3, stride=7)


@pytest.mark.parametrize("window", [0, 9, (1, 2, 3, 4), (3, 2, 2), "wide", 1.5, True])
def test_windows_that_cannot_be(window: object) -> None:
    with pytest.raises(InputError, match="window: expected"):
        occlusion(ZOO["plain"](), images(), window=window)
