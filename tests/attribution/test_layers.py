"""Attribution to a layer: the layer's output takes the place of the inputs."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.zoo import ZOO, images
from xai.attribution.gradient_methods import input_x_gradient, integrated_gradients, saliency
from xai.attribution.sampled_gradients import gradient_shap
from xai.attribution.smooth_gradients import smoothgrad
from xai.base.errors import LayerError
from xai.model.model import Model

METHODS = [saliency, input_x_gradient, integrated_gradients, smoothgrad, gradient_shap]


def two_layers() -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3)).double()


@pytest.mark.parametrize("method", METHODS)
def test_a_layer_is_explained_as_the_input_of_what_follows(method: object) -> None:
    """The same numbers as explaining the rest of the network at what the first part puts out."""
    network = two_layers()
    rows = torch.randn(3, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    whole = method(Model(network), rows, 1, layer="1")
    hidden = network[:2](rows).detach()
    settings = {"seed": whole.seed} if whole.seed is not None else {}
    rest = method(Model(network[2:]), hidden, 1, **settings)
    tolerance = 1e-12
    if whole.seed is not None:  # a row's draws come from its content, which is another one
        tolerance = 6 * float(torch.stack([*whole.standard_error, *rest.standard_error]).max())
    assert torch.allclose(whole.values, rest.values, atol=tolerance)
    assert whole.over == "layer"
    assert whole.options["layer"] == "1"
    assert torch.equal(whole.inputs, rows)


def test_integrated_gradients_at_a_layer_agree_with_captum() -> None:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from captum.attr import LayerIntegratedGradients

    network = two_layers()
    rows = torch.randn(3, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    # captum starts at what the layer puts out for a baseline input.
    start = network[:2](torch.zeros(1, 4, dtype=torch.float64)).detach()
    ours = integrated_gradients(Model(network), rows, 1, layer="1", baseline=start, steps=40)
    theirs = LayerIntegratedGradients(network, network[1]).attribute(
        rows, torch.zeros_like(rows), 1, n_steps=40, method="gausslegendre"
    )
    assert torch.allclose(ours.values, theirs, atol=1e-6)


def test_a_layers_map_has_the_size_of_the_image() -> None:
    made = saliency(ZOO["plain"](), images(), layer="conv1")
    assert made.values.shape == (3, 4, 8, 8)
    assert made.heatmap().shape == (3, 8, 8)


@pytest.mark.parametrize(("network", "layer", "words"), [
    ("plain", "conv9", "one like"), ("shared_module", "conv2", "once in a forward pass"),
    ("mixed_modes", "", "one like"),
])  # fmt: skip
def test_layers_that_cannot_be(network: str, layer: str, words: str) -> None:
    with pytest.raises(LayerError, match=words):
        input_x_gradient(ZOO[network](), images(), layer=layer)
