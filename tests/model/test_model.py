"""The model: tasks and outputs, warnings about contradictions, targets, errors of the network itself."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import xai
from tests.zoo import ZOO, images
from xai.attribution.activation_maps import gradcam
from xai.attribution.gradient_methods import saliency
from xai.base.errors import InputError, LayerError, NetworkError, TargetError, XaiWarning
from xai.inputs.table import TabularInput
from xai.model.model import Model


class Fixed(nn.Module):
    """Puts out the same scores for every input, plus 0 times the input so that there is a gradient."""

    def __init__(self, scores: list[float]) -> None:
        super().__init__()
        self.scores = nn.Parameter(torch.tensor(scores, dtype=torch.float32))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.scores.expand(len(x), -1) + 0 * x.flatten(1).sum(1, keepdim=True)


ONE = torch.zeros(1, 2)


@pytest.mark.parametrize(
    ("settings", "scores", "probabilities"),
    [
        ({}, [0.0, np.log(3.0)], [0.25, 0.75]),
        ({"output": "probabilities"}, [0.25, 0.75], [0.25, 0.75]),
        ({"output": "log_probabilities"}, [np.log(0.25), np.log(0.75)], [0.25, 0.75]),
        ({"task": "binary"}, [np.log(3.0)], [0.25, 0.75]),
        ({"task": "binary", "output": "probabilities"}, [0.75], [0.25, 0.75]),
        ({"task": "binary", "output": "log_probabilities"}, [np.log(0.75)], [0.25, 0.75]),
        ({"task": "binary"}, [0.0, np.log(3.0)], [0.25, 0.75]),
        ({"task": "multilabel"}, [0.0, np.log(3.0)], [0.5, 0.75]),
        ({"task": "regression"}, [5.0, -7.0], [5.0, -7.0]),
    ],
)
def test_outputs_become_probabilities_as_declared(settings: dict, scores: list, probabilities: list) -> None:
    model = Model(Fixed(scores), **settings)
    assert torch.allclose(model.predict(ONE), torch.tensor([probabilities]), atol=1e-6)


@pytest.mark.parametrize(
    ("output", "scores"),
    [
        ("logits", [0.25, 0.75]),
        ("logits", [float(np.log(0.25)), float(np.log(0.75))]),
        ("probabilities", [2.0, -1.0]),
        ("probabilities", [0.2, 0.2]),
        ("log_probabilities", [1.0, 2.0]),
    ],
)
def test_a_contradicted_output_warns_once(output: str, scores: list[float]) -> None:
    model = Model(Fixed(scores), output=output)
    with pytest.warns(XaiWarning, match="was said to put out"):
        model.predict(ONE)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict(ONE)


@pytest.mark.parametrize("task", ["binary", "multilabel"])
def test_sigmoids_that_are_called_logits_are_doubted(task: str) -> None:
    network = nn.Sequential(nn.Linear(2, 1 if task == "binary" else 3), nn.Sigmoid())
    with pytest.warns(XaiWarning, match="look like probabilities"):
        Model(network, task=task).predict(torch.randn(20, 2))


def test_what_the_caller_does_later_changes_nothing() -> None:
    rows = torch.ones(1, 2)
    explanation = saliency(Model(nn.Linear(2, 2)), rows)
    rows.zero_()
    assert explanation.inputs.tolist() == [[1.0, 1.0]]


def test_log_probabilities_do_not_round_to_a_floor() -> None:
    model = Model(Fixed([0.0, 300.0]))
    with model.explaining("test", ONE, 0, of="log_probability") as session:
        assert float(session.scores(session.inputs, session.rows)) == pytest.approx(-300.0)


def test_two_logits_of_a_binary_network_do_not_round_to_a_floor_either() -> None:
    raw = torch.tensor([[0.0, 200.0]], requires_grad=True)
    logs = Model(nn.Identity(), task="binary").log_probabilities(raw)
    torch.testing.assert_close(logs, torch.tensor([[-200.0, 0.0]]))
    (gradient,) = torch.autograd.grad(logs[0, 0], raw)
    torch.testing.assert_close(gradient, torch.tensor([[1.0, -1.0]]))


def test_a_single_logit_has_two_sides() -> None:
    network = nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        network.weight.copy_(torch.tensor([[2.0, -3.0]]))
    model = Model(network, task="binary", classes=["no", "yes"])
    rows = torch.tensor([[1.0, 1.0]])
    with model.explaining("test", rows, "yes") as session:
        assert session.gradient(session.inputs, session.rows)[1].tolist() == [[2.0, -3.0]]
    with model.explaining("test", rows, "no") as session:
        assert session.gradient(session.inputs, session.rows)[1].tolist() == [[-2.0, 3.0]]
    with model.explaining("test", rows, ("yes", "no")) as session:
        assert session.gradient(session.inputs, session.rows)[1].tolist() == [[2.0, -3.0]]


def test_targets_per_row_pairs_and_names() -> None:
    model = Model(nn.Linear(2, 3), classes=["a", "b", "c"])
    rows = torch.zeros(2, 2)
    assert saliency(model, rows, [0, "c"]).target == (0, 2)
    assert saliency(model, rows, np.array([1, 2])).target == (1, 2)
    assert saliency(model, rows, torch.tensor([1, 2])).target == (1, 2)
    assert saliency(model, rows, [(0, 1), ("c", "a")]).target == ((0, 1), (2, 0))
    assert saliency(model, rows, "1").target == (1, 1)
    assert saliency(model, rows, pd.Series([1, 2], index=[7, 9])).target == (1, 2)
    assert saliency(model, rows, pd.Series(["b", "c"])).target == (1, 2)
    for target, words in (
        (np.True_, "got True"),
        (np.array([True, False]), "got True"),
        (("b", 1), "got 'b' rather than itself"),
        (torch.tensor([[1], [2]]), r"a class or a pair \(a, b\) for every row, got int64 tensor of shape \(2, 1\)"),
    ):
        with pytest.raises(TargetError, match=words):
            saliency(model, rows, target)


@pytest.mark.parametrize(
    ("network", "settings", "message"),
    [
        (nn.Linear(3, 2), {}, "a forward pass"),
        (nn.Linear(2, 1), {}, "at least two outputs"),
        (nn.Linear(2, 3), {"task": "binary"}, "one output or two"),
        (nn.Linear(2, 3), {"classes": ["a", "b"]}, "2 classes"),
        (Fixed([float("nan"), 0.0]), {}, "finite outputs"),
        (nn.Unflatten(1, (1, 2)), {}, r"scores of shape \(1, K\)"),
        (nn.Identity(), {"forward": lambda network, x: None}, "scores of shape"),
        (nn.Identity(), {"forward": lambda network, x: x.long()}, "scores of shape"),
    ],
)
def test_what_the_network_does_wrong_is_named(network: nn.Module, settings: dict, message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        Model(network, **settings).predict(ONE)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"network": "net"}, "a torch.nn.Module"),
        ({"network": nn.Identity(), "task": "guess"}, "task: expected"),
        ({"network": nn.Identity(), "output": "scores"}, "output: expected"),
        ({"network": nn.Identity(), "classes": ["a", "a", "a (0)"]}, "distinct names"),
        ({"network": nn.Identity(), "classes": {0: "a", 2: "b"}}, "a name for each number from 0 to 1"),
        ({"network": nn.Identity(), "classes": "ab"}, "names, in the order"),
        ({"network": nn.Identity(), "output_key": 1.5}, "output_key: expected"),
        ({"network": nn.Identity(), "input": (1, 28, 28)}, "ImageInput, TabularInput"),
    ],
)
def test_impossible_models_are_named(arguments: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Model(**arguments)


def test_any_function_to_probabilities_is_a_model() -> None:
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    from xai.attribution.occlusion import occlusion

    flowers = load_iris()
    classifier = LogisticRegression(max_iter=1000).fit(flowers.data, flowers.target)
    model = Model.from_callable(
        classifier.predict_proba, classes=list(flowers.target_names), input=TabularInput(list(flowers.feature_names))
    )
    rows = flowers.data[::30]
    assert np.allclose(model.predict(rows).numpy(), classifier.predict_proba(rows), atol=1e-5)
    explanation = occlusion(model, rows)
    assert explanation.to_frame()["name"].tolist()[:4] == flowers.feature_names
    with pytest.raises(NetworkError, match="perturbation method"):
        saliency(model, rows)


def test_a_non_deterministic_network_is_said() -> None:
    class Noisy(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return nn.functional.dropout(x, 0.5, training=True)

    model = Model(Noisy())
    for _ in range(2):  # asked once, said each time
        explanation = saliency(model, torch.ones(2, 40))
        assert all(row["non_deterministic"] for row in explanation.diagnostics)


def test_zero_maps_and_saturation_are_said() -> None:
    explanation = saliency(Model(Fixed([0.0, 30.0])), ONE)
    assert explanation.diagnostics[0] == {"zero_map": True, "saturated": True}


def test_the_trace_names_layers_in_order() -> None:
    model = ZOO["plain"]()
    found = model.trace()
    assert [layer.name for layer in found.layers][:2] == ["conv1", "norm"]
    assert found.foldable == (("conv1", "norm"),)
    assert [layer.name for layer in found.units()] == ["norm", "conv2", "linear"]
    assert found.titles() == {"norm": "conv1, read after norm"}


def test_a_convolution_with_modules_of_its_own_is_one() -> None:
    class Padded(nn.Conv2d):
        """As in networks from TensorFlow: a convolution that pads by a module of its own."""

        def __init__(self, *arguments: int) -> None:
            super().__init__(*arguments)
            self.pad = nn.ZeroPad2d(1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(self.pad(x))

    network = nn.Sequential(Padded(2, 3, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2))
    model = Model(network, input=ZOO["plain"]().input)
    found = model.trace()
    assert gradcam(model, images()).options["layer"] == "0"
    assert [layer.name for layer in found.units()] == ["0", "3"]


def test_a_missing_layer_is_named_with_its_neighbors() -> None:
    with pytest.raises(LayerError, match="conv2, conv1"):
        gradcam(ZOO["plain"](), images(), layer="conv")
    with pytest.raises(LayerError, match="puts out"):
        gradcam(ZOO["plain"](), images(), layer="linear")
    with pytest.raises(LayerError, match="reaches"):
        gradcam(ZOO["reused_relu"](), images(), layer="other_relu")


def test_half_precision_is_said_with_the_steps_of_its_outputs() -> None:
    rows = torch.rand(2, 3)
    for network in (nn.Linear(3, 2).bfloat16(), Autocast()):
        model = Model(network)
        steps = [row["output_step"] for row in xai.occlusion(model, rows, 1).diagnostics]
        with torch.no_grad():
            sizes = network(rows.to(model.dtype)).abs().amax(1)
        assert steps == pytest.approx((sizes.float() / 128).tolist(), rel=0.01)  # bfloat16 has 7 bits behind the point
    assert "output_step" not in xai.occlusion(Model(nn.Linear(3, 2)), rows, 1).diagnostics[0]


class Autocast(nn.Module):
    """A network that computes in half precision, with weights in float32."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Unflatten(1, (1, 3)), nn.Conv1d(1, 2, 2), nn.ReLU(), nn.Flatten(), nn.Linear(4, 2)
        )

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return self.layers(rows)


def test_relevance_goes_through_a_network_under_autocast() -> None:
    network, rows = Autocast(), torch.rand(2, 3)
    found, wanted = (xai.lrp(Model(part), rows, 1).values for part in (network, network.layers))
    assert torch.allclose(found, wanted, atol=0.03 * float(wanted.abs().max()))


def test_weights_from_inference_mode_are_named_where_a_gradient_is_wanted() -> None:
    with torch.inference_mode():
        network = nn.Linear(3, 2)
    model, rows = Model(network), torch.rand(1, 3)
    with pytest.raises(NetworkError, match=r"saliency: network: expected weights .* outside torch.inference_mode\(\)"):
        xai.saliency(model, rows, 1)
    weights = network.weight.detach().clone()
    assert torch.allclose(xai.occlusion(model, rows, 1).values, rows * weights[1], atol=1e-6)
