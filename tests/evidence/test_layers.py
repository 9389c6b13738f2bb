"""Checks of explanations of a layer: they are put to the test where they are, at that layer."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from xai.attribution.activation_maps import gradcam
from xai.attribution.gradient_methods import input_x_gradient, integrated_gradients, saliency
from xai.attribution.occlusion import occlusion
from xai.attribution.shapley import kernel_shap
from xai.base.errors import InputError
from xai.evidence.agreement import agreement
from xai.evidence.controls import edge_filter
from xai.evidence.deletion import deletion
from xai.evidence.insertion import insertion
from xai.evidence.map_scores import explained_layer, rivals_of, unit_scores
from xai.evidence.verify import verify
from xai.inputs.image import ImageInput
from xai.inputs.series import SequenceInput
from xai.inputs.table import TabularInput
from xai.methods import CHECKS
from xai.model.model import Model
from xai.reports.page import Report

BOTH = pytest.mark.parametrize("check", [deletion, insertion])


def table() -> tuple[Model, torch.Tensor, nn.Linear]:
    torch.manual_seed(0)
    last = nn.Linear(8, 2)
    model = Model(nn.Sequential(nn.Linear(10, 8), nn.Tanh(), last), input=TabularInput([f"f{i}" for i in range(10)]))
    return model, torch.randn(3, 10), last


def image() -> tuple[Model, torch.Tensor]:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(3 * 144, 2))
    return Model(network, input=ImageInput((1, 14, 14))), torch.rand(2, 1, 14, 14)


def series() -> tuple[Model, torch.Tensor]:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(24, 9), nn.ReLU(), nn.Linear(9, 2))
    return Model(network, input=SequenceInput(["a", "b"], 12)), torch.randn(2, 12, 2)


@BOTH
def test_units_of_the_layer_are_hidden(check: object) -> None:
    """Above the layer the network is linear: its weights times its units are the truth, and give the curve by hand."""
    model, rows, last = table()
    made = integrated_gradients(model, rows, 1, layer="1")
    units = model.network[:2](rows).detach()
    truth = units * last.weight[1].detach()
    assert torch.allclose(made.values, truth, atol=1e-5)
    regression = Model(model.network, task="regression", input=model.input)
    made = integrated_gradients(regression, rows, 1, layer="1")
    for row, finding in enumerate(check(regression, made)):
        assert finding.status == "pass"
        best = truth[row].sort(descending=True).values.cumsum(0)
        nothing = float(last.bias[1].detach())
        whole = nothing + float(truth[row].sum())
        curve = [whole, *(whole - best)] if check is deletion else [nothing, *(nothing + best)]
        assert finding.details["curve"] == pytest.approx([float(value) for value in curve[:-1]], abs=1e-4)
    assert [item.status for item in check(regression, replace(made, values=-made.values))] == ["fail"] * 3


@BOTH
def test_what_a_layers_explanation_took_for_absent_is_what_hides(check: object) -> None:
    model, rows, _ = table()
    made = kernel_shap(model, rows, 1, layer="1", background=torch.full((4, 8), 0.25))
    (finding, *_) = check(model, made)
    assert finding.details["fill"] == "the middle of 4 rows of data"
    assert insertion(model, saliency(model, rows, 1, layer="1"))[0].details["fill"] == "zero"


@pytest.mark.parametrize("method", [saliency, integrated_gradients, occlusion, kernel_shap])
@pytest.mark.parametrize("layer", ["0", "1", "2"])
def test_every_check_of_every_layer_gives_a_finding(method: object, layer: str) -> None:
    for model, batch in (table()[:2], image(), series()):
        if model.input.kind == "sequence" and layer == "0":
            continue  # the flattened series itself
        many = {"samples": 900} if method is kernel_shap and model.input.kind == "image" else {}
        explanation = method(model, batch[:1], 1, layer=layer, **many)
        assert explained_layer(explanation) == layer
        quick = {"deletion": {"controls": 19}, "insertion": {"controls": 19}, "agreement": {"controls": 19}}
        found = verify(model, explanation, **quick)
        assert [finding.check for finding in found.evidence[0]] == list(CHECKS)
        explanation.plot()
        assert explanation._repr_html_()
        assert explanation.target_name() in Report("t", [found]).html()


def test_places_of_feature_maps_are_units() -> None:
    model, batch = image()
    made = integrated_gradients(model, batch, 1, layer="1")
    scores = unit_scores(made, 0)
    assert torch.allclose(scores, made.values[0].sum(0))
    (finding,) = deletion(model, made[0])
    assert finding.details["fill"] == "zero"
    assert finding.status == "pass"  # the network is linear from there on
    # At half of the places: their summed channels are what the score loses, as a difference of logits.
    with model.explaining("test", batch, 1, layer="1") as session:
        (rival,) = [part for name, part in rivals_of(session, 0, scores).items() if "edge" in name]
    resized = nn.functional.interpolate(batch[:1], size=(12, 12), mode="bilinear", align_corners=False)
    assert torch.allclose(rival, edge_filter(resized[0]))


def test_other_methods_are_compared_at_the_same_layer() -> None:
    model, rows, _ = table()
    made = input_x_gradient(model, rows, 1, layer="1")
    (finding, *_) = agreement(model, made)
    assert finding.details["with"].keys() == {"saliency", "integrated_gradients", "occlusion"}
    assert finding.details["with"]["occlusion"] == pytest.approx(1.0)  # the rest of the network is linear
    at_the_input = saliency(model, rows, 1)
    assert agreement(model, made, others=[at_the_input])[0].status == "untestable"


def test_gradcam_is_a_map_of_the_input() -> None:
    model, batch = image()
    made = gradcam(model, batch)
    assert explained_layer(made) is None
    assert unit_scores(made, 0).shape == (14, 14)
    assert deletion(model, made, controls=19)[0].details["fill"] == "blur"


def test_the_heatmap_of_a_layer_is_one_of_feature_maps_or_a_named_error() -> None:
    """Not a picture of hidden units by steps, stretched over an image."""

    class Steps(nn.Module):
        def forward(self, batch: torch.Tensor) -> torch.Tensor:
            return batch.flatten(2).transpose(1, 2)  # (N, positions, channels)

    network = nn.Sequential(nn.Conv2d(1, 3, 3, padding=1), Steps(), nn.Linear(3, 2), nn.Flatten(), nn.Linear(128, 2))
    model = Model(network, input=ImageInput((1, 8, 8)))
    images = torch.rand(2, 1, 8, 8)
    assert saliency(model, images, layer="0").heatmap().shape == (2, 8, 8)
    for layer in ("1", "2", "3"):
        with pytest.raises(InputError, match="heatmap: explanation: expected "):
            saliency(model, images, layer=layer).heatmap()
