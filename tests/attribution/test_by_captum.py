"""Methods of captum under our guard: its own numbers to the bit, evidence, and a named error for what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import captum.attr as captum
import numpy as np
import pytest
import torch
from torch import Tensor, nn

import xai
from tests.evidence.planted import SIDE, Planted, planted_image
from tests.trace_state import differences, state_of
from xai.base.errors import InputError, LayerError, TargetError, XaiError
from xai.evidence.claims import claim_of

SHAPE = (2, 6, 6)
ROWS = torch.rand(2, *SHAPE, generator=torch.Generator().manual_seed(1))


class Network(nn.Module):
    """What captum's LRP takes as well: it has no rule for a layer that flattens."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.act, self.pool = nn.Conv2d(2, 3, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)
        self.hidden, self.other, self.out = nn.Linear(27, 4), nn.ReLU(), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.other(self.hidden(self.pool(self.act(self.conv(x))).flatten(1))))


def network() -> Network:
    torch.manual_seed(3)
    return Network()


@pytest.fixture
def model() -> xai.Model:
    return xai.Model(network(), input=xai.ImageInput(SHAPE))


def seeded(run: Callable[[], Any]) -> Tensor:
    torch.manual_seed(7)
    np.random.seed(7)  # noqa: NPY002 - as captum draws
    return run()


PLAIN: dict[str, dict[str, Any]] = {
    "Saliency": {}, "InputXGradient": {}, "IntegratedGradients": {"n_steps": 4}, "DeepLift": {},
    "DeepLiftShap": {"baselines": torch.zeros(2, *SHAPE)}, "GradientShap": {"baselines": torch.zeros(1, *SHAPE)},
    "LRP": {}, "GuidedBackprop": {}, "Deconvolution": {}, "Occlusion": {"sliding_window_shapes": (2, 3, 3)},
    "FeatureAblation": {"feature_mask": torch.arange(72).view(1, *SHAPE) // 12},
    "FeaturePermutation": {"feature_mask": torch.arange(72).view(1, *SHAPE) // 12},
    "ShapleyValueSampling": {"feature_mask": torch.arange(72).view(1, *SHAPE) // 24, "n_samples": 2},
    "ShapleyValues": {"feature_mask": torch.arange(72).view(1, *SHAPE) // 24},
    "KernelShap": {"feature_mask": torch.arange(72).view(1, *SHAPE) // 24, "n_samples": 8},
    "Lime": {"feature_mask": torch.arange(72).view(1, *SHAPE) // 24, "n_samples": 8},
}  # fmt: skip
LAYERS: dict[str, dict[str, Any]] = {
    "LayerConductance": {"n_steps": 4}, "LayerActivation": {}, "InternalInfluence": {"n_steps": 4},
    "LayerGradientXActivation": {}, "LayerDeepLift": {}, "LayerIntegratedGradients": {"n_steps": 4},
    "LayerFeatureAblation": {}, "LayerGradCam": {}, "LayerGradientShap": {"baselines": torch.zeros(1, *SHAPE)},
    "LayerLRP": {}, "GuidedGradCam": {}, "LayerDeepLiftShap": {"baselines": torch.zeros(2, *SHAPE)},
}  # fmt: skip
NEURONS: dict[str, dict[str, Any]] = {
    "NeuronGradient": {}, "NeuronIntegratedGradients": {"n_steps": 4}, "NeuronDeepLift": {},
    "NeuronGuidedBackprop": {}, "NeuronDeconvolution": {}, "NeuronFeatureAblation": {},
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
class TestItsOwnNumbers:
    """Of an object and of a class, to the bit; nothing of the network is changed."""

    @pytest.mark.parametrize("name", PLAIN)
    def test_of_the_input(self, model: xai.Model, name: str) -> None:
        made = getattr(captum, name)(network().eval())
        targets = [2, 0]
        theirs = seeded(lambda: made.attribute(ROWS.clone(), target=torch.tensor(targets), **PLAIN[name]))
        before = state_of(model.network)
        for method in (getattr(captum, name)(model.network), getattr(captum, name)):
            e = xai.attribute(model, method, ROWS, target=targets, seed=7, **PLAIN[name])
            assert torch.equal(e.values, theirs.detach())
            assert (e.over, e.method, e.target) == ("input", f"captum {name}", (2, 0))
        assert differences(before, state_of(model.network)) == []

    @pytest.mark.parametrize("name", LAYERS)
    def test_of_a_layer(self, model: xai.Model, name: str) -> None:
        net = network().eval()
        asked = {} if name == "LayerActivation" else {"target": 1}
        theirs = seeded(lambda: getattr(captum, name)(net, net.conv).attribute(ROWS.clone(), **asked, **LAYERS[name]))
        made = getattr(captum, name)(model.network, model.network.conv)
        for method, layer in ((made, None), (getattr(captum, name), "conv")):
            e = xai.attribute(model, method, ROWS, target=1, layer=layer, seed=7, **LAYERS[name])
            expected = theirs[:, 0] if name == "LayerGradCam" else theirs
            assert torch.equal(e.values, expected.detach())
            if name not in ("LayerGradCam", "GuidedGradCam"):
                assert (e.over, e.options["layer"]) == ("layer", "conv")
                assert list(e.to_frame()[["channel", "y", "x"]].iloc[-1]) == [2, 5, 5]
            assert e.heatmap().shape == (2, 6, 6)

    @pytest.mark.parametrize("name", NEURONS)
    def test_of_a_unit(self, model: xai.Model, name: str) -> None:
        net = network().eval()
        theirs = getattr(captum, name)(net, net.conv).attribute(ROWS.clone(), (1, 2, 3), **NEURONS[name])
        made = getattr(captum, name)(model.network, model.network.conv)
        for method, layer in ((made, None), (getattr(captum, name), "conv")):
            e = xai.attribute(model, method, ROWS, layer=layer, neuron_selector=(1, 2, 3), **NEURONS[name])
            assert torch.equal(e.values, theirs.detach())
            assert torch.allclose(e.prediction[:, 0], net.conv(ROWS)[:, 1, 2, 3])

    @pytest.mark.parametrize("kind", ["smoothgrad", "smoothgrad_sq", "vargrad"])
    def test_of_noise_around_a_method(self, model: xai.Model, kind: str) -> None:
        asked: dict[str, Any] = {"nt_type": kind, "nt_samples": 3, "stdevs": 0.1}
        net = network().eval()
        theirs = seeded(lambda: captum.NoiseTunnel(captum.Saliency(net)).attribute(ROWS.clone(), target=1, **asked))
        e = xai.attribute(model, captum.NoiseTunnel(captum.Saliency(model.network)), ROWS, target=1, seed=7, **asked)
        assert torch.equal(e.values, theirs)
        assert claim_of(e) == ("sensitivity" if kind == "smoothgrad" else "region")


def test_pixels_and_what_the_network_sees_are_told_apart() -> None:
    """An object of the network explains what it is handed; its baseline of 0 is the mean color of a picture."""
    kind = xai.ImageInput(SHAPE, mean=[0.4, 0.5], std=[0.2, 0.25])
    model = xai.Model(network(), input=kind)
    e = xai.attribute(model, captum.IntegratedGradients(model.network), ROWS, target=1, n_steps=40)
    assert torch.allclose(e.background[0, 0, :, 0, 0], torch.tensor([0.4, 0.5]))
    ours = xai.integrated_gradients(model, ROWS, 1, steps=40, baseline=e.background[0])
    assert torch.allclose(e.values, ours.values, atol=1e-5)
    of_pixels = xai.attribute(model, captum.Saliency, ROWS, target=1)
    assert torch.allclose(of_pixels.values, xai.saliency(model, ROWS, 1).values, atol=1e-6)
    of_seen = xai.attribute(model, captum.Saliency(model.network), ROWS, target=1)
    scale = torch.tensor([0.2, 0.25]).view(1, 2, 1, 1)
    assert torch.allclose(of_seen.values, of_pixels.values * scale, atol=1e-6)
    around = nn.Sequential(nn.Identity(), model.network)
    assert torch.equal(xai.attribute(model, captum.Saliency(around), ROWS, target=1).values, of_seen.values)


class TestEvidence:
    def test_it_is_drawn_and_reported(self, model: xai.Model, tmp_path: Path) -> None:
        made = [
            xai.attribute(model, captum.InputXGradient, ROWS, target=1),
            xai.attribute(model, captum.LayerConductance, ROWS, target=1, layer="conv", n_steps=4),
        ]
        assert all(e.plot() is not None for e in made)
        page = xai.Report("By captum", made).save(tmp_path / "page.html").read_text()
        assert "captum InputXGradient" in page
        assert "captum LayerConductance" in page

    @pytest.mark.parametrize("as_object", [True, False])
    def test_a_map_by_captum_has_the_findings_of_our_own(self, as_object: bool) -> None:
        planted = xai.Model(Planted(), input=xai.ImageInput((1, SIDE, SIDE)))
        image = planted_image()
        method = captum.InputXGradient(planted.network) if as_object else captum.InputXGradient
        theirs = xai.verify(planted, xai.attribute(planted, method, image, target=1))
        ours = xai.verify(planted, xai.input_x_gradient(planted, image, 1))
        for one, other in zip(ours.evidence[0], theirs.evidence[0], strict=True):
            if one.check not in ("agreement", "completeness"):
                assert (one.check, one.status, one.text) == (other.check, other.status, other.text)

    def test_a_layer_is_verified_and_made_again(self, model: xai.Model) -> None:
        for method in (captum.LayerConductance(model.network, model.network.conv), captum.LayerConductance):
            layer = None if isinstance(method, captum.LayerConductance) else "conv"
            e = xai.attribute(model, method, ROWS, target=1, layer=layer, n_steps=4)
            found = xai.verify(model, e, ["randomization", "faithfulness", "stability"])
            assert {item.check: item.status for item in found.evidence[0]}["randomization"] != "untestable"
            assert "faithfulness" in [item.check for item in found.evidence[0] if item.status != "untestable"]
            with model.explaining("test", torch.zeros_like(ROWS), 1, layer="conv") as session:
                assert torch.allclose(e.background[0], session.inputs)

    @pytest.mark.filterwarnings("ignore")
    def test_what_a_sum_misses_is_said(self, model: xai.Model) -> None:
        e = xai.attribute(model, captum.DeepLift, ROWS, target=1, return_convergence_delta=True)
        (finding,) = xai.verify(model, e, ["completeness"]).evidence[0]
        assert finding.score == pytest.approx(e.diagnostics[0]["completeness_error"])
        full, empty = model.network(ROWS)[:, 1], model.network(torch.zeros_like(ROWS))[:, 1]
        missed = e.values.sum((1, 2, 3)) - (full - empty)
        assert e.diagnostics[1]["convergence_delta"] == pytest.approx(float(missed[1]), abs=1e-5)

    def test_a_unit_is_verified_as_the_model_of_it(self, model: xai.Model) -> None:
        e = xai.attribute(model, captum.NeuronGradient, ROWS, layer="conv", neuron_selector=(1, 2, 3))
        found = xai.verify(model.unit("conv", (1, 2, 3), before=False), e, ["randomization", "faithfulness"])
        assert [item.status for item in found.evidence[0]] == ["pass", "pass"]
        unit = model.unit("act", (1, 2, 3), before=False)
        assert torch.equal(unit.predict(ROWS), model.unit("act", (1, 2, 3)).predict(ROWS).relu())

    def test_the_claim_is_that_of_the_class_or_the_caller(self, model: xai.Model) -> None:
        assert claim_of(xai.attribute(model, captum.Saliency, ROWS, target=1)) == "sensitivity"
        assert claim_of(xai.attribute(model, captum.LayerGradCam, ROWS, target=1, layer="conv")) == "region"
        assert claim_of(xai.attribute(model, captum.InputXGradient, ROWS, target=1)) == "additive"
        assert claim_of(xai.attribute(model, captum.InputXGradient, ROWS, target=1, claim="region")) == "region"


def test_words_at_their_embedding() -> None:
    """Of a text classifier, layer integrated gradients at the embedding: a value for each number of each word."""

    class Words(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding, self.out = nn.Embedding(5, 4), nn.Linear(4, 2)

        def forward(self, numbers: Tensor) -> Tensor:
            return self.out(torch.tanh(self.embedding(numbers)).mean(1))

    model = xai.Model(Words(), input=xai.TextInput(vocabulary=["good", "bad", "film"]))
    net = model.network
    for made in (
        captum.LayerIntegratedGradients(net, net.embedding),
        captum.LayerGradientXActivation(net, net.embedding),
    ):
        e = xai.attribute(model, made, ["good film", "bad film"], target=1)
        numbers = torch.tensor([[2, 4], [3, 4]])
        assert torch.allclose(e.values, made.attribute(numbers, target=1), atol=1e-7)
        assert (e.over, e.values.shape) == ("layer", (2, 2, 4))


class TestWrongThingsAreNamed:
    def test_of_the_method(self, model: xai.Model) -> None:
        other = nn.Sequential(nn.Flatten(), nn.Linear(72, 3))
        with pytest.raises(
            InputError, match=r"attribute: methods: expected .*forward function gives this model's scores"
        ):
            xai.attribute(model, captum.Saliency(other), ROWS, target=1)
        with pytest.raises(InputError, match=r"methods: expected an attribution method of captum.attr"):
            xai.attribute(model, captum.LLMAttribution, ROWS)
        with pytest.raises(InputError, match="methods: expected an object, since a NoiseTunnel is made with"):
            xai.attribute(model, captum.NoiseTunnel, ROWS)
        with pytest.raises(
            InputError, match="methods: expected a call that captum's Occlusion can make, got AssertionError"
        ):
            xai.attribute(model, captum.Occlusion, ROWS, sliding_window_shapes=(9,))

    def test_of_the_layer(self, model: xai.Model) -> None:
        with pytest.raises(LayerError, match="layer: expected the name of a layer, for LayerConductance"):
            xai.attribute(model, captum.LayerConductance, ROWS)
        with pytest.raises(LayerError, match="layer: expected one like"):
            xai.attribute(model, captum.LayerConductance, ROWS, layer="cnv")
        with pytest.raises(LayerError, match="layer: expected a layer of this model's network"):
            xai.attribute(model, captum.LayerConductance(model.network, nn.Conv2d(2, 3, 3)), ROWS)
        with pytest.raises(LayerError, match="layer: expected none, since Saliency explains the input"):
            xai.attribute(model, captum.Saliency, ROWS, layer="conv")

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"steps": 3}, "steps: expected an argument that captum's IntegratedGradients takes"),
            ({"targets": [1]}, "targets: expected none, since captum's method has target="),
            ({"claim": "true"}, "claim: expected one of"),
            ({"seed": "x"}, "seed: expected a whole number"),
            ({"n_steps": "x"}, "methods: expected a call"),
        ],
    )
    def test_of_an_argument(self, model: xai.Model, settings: dict, message: str) -> None:
        with pytest.raises(XaiError, match=f"attribute: {message}"):
            xai.attribute(model, captum.IntegratedGradients, ROWS, **settings)

    def test_of_the_target_and_of_the_other_form(self, model: xai.Model) -> None:
        with pytest.raises(TargetError, match="target: expected one class"):
            xai.attribute(model, captum.Saliency, ROWS, target=(0, 1))
        with pytest.raises(TargetError, match="target: expected a class from 0 to 2"):
            xai.attribute(model, captum.Saliency, ROWS, target=3)
        with pytest.raises(InputError, match="neuron_selector: expected a unit"):
            xai.attribute(model, captum.NeuronGradient, ROWS, layer="conv", neuron_selector="x")
        with pytest.raises(InputError, match="target: expected none, since methods by name take options="):
            xai.attribute(model, ROWS, ["saliency"], target=1)
        with pytest.raises(InputError, match="steps: expected an argument among model, inputs"):
            xai.attribute(model, ROWS, ["saliency"], steps=1)
