"""Public functions name what is wrong with a call: the argument, what was expected and what came."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

import xai
from xai.base.errors import InputError, XaiError, names_errors

FUNCTIONS = {name: getattr(xai, name) for name in sorted(xai.__all__) if inspect.isfunction(getattr(xai, name, None))}
OF_MODELS = [name for name, item in FUNCTIONS.items() if next(iter(inspect.signature(item).parameters)) == "model"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_says_its_name_in_its_errors(name: str) -> None:
    wanted = "a kind of numbers" if name == "Inputs" else "an argument among"  # those of Inputs are the caller's own
    message = f"no_such_argument: expected {wanted}"
    more = [item for item in inspect.signature(FUNCTIONS[name]).parameters.values() if item.kind is item.VAR_KEYWORD]
    if name != "Inputs" and any("Unpack" not in str(item.annotation) for item in more):
        message = "[a-z_]+: expected a value, got none"  # any name may be a setting of something that is named later
    with pytest.raises(XaiError, match=f"^{name}: {message}"):
        FUNCTIONS[name](no_such_argument=1)


@pytest.mark.parametrize("name", OF_MODELS)
def test_a_bare_network_in_place_of_a_model_is_named(name: str) -> None:
    needed = [
        item.name for item in inspect.signature(FUNCTIONS[name]).parameters.values() if item.default is item.empty
    ]
    settings = dict.fromkeys((item for item in needed if item not in ("model", "settings")), torch.zeros(2, 4))
    with pytest.raises(XaiError, match=f"^{name}: [a-z]+: expected "):
        FUNCTIONS[name](nn.Linear(4, 3), **settings)


def test_the_way_out_is_said() -> None:
    with pytest.raises(InputError, match=r"saliency: model: expected an xai.Model \(wrap the network: xai.Model"):
        xai.saliency(nn.Linear(4, 3), torch.zeros(2, 4))
    with pytest.raises(InputError, match=r"kernel_widths: model: expected an xai\.Model, got 'm'"):
        xai.kernel_widths(xai.lime_tabular, "m", torch.zeros(2, 4))


WRONG = {
    "smoothgrad": ({"samples": "12"}, "samples: expected a whole number from 2, got '12'"),
    "lrp": ({"rule": 5}, "rule: expected"),
    "saliency": ({"layer": 5}, "layer: expected"),
    "occlusion": ({"window": object()}, "window: expected"),
    "attribute": ({"methods": None}, "methods: expected"),
}


@pytest.mark.parametrize("name", WRONG)
def test_an_argument_of_another_type_is_named(name: str) -> None:
    settings, message = WRONG[name]
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(72, 3))
    model = xai.Model(network, input=xai.ImageInput((1, 8, 8)))
    with pytest.raises(XaiError, match=f"{name}: {message}"):
        FUNCTIONS[name](model, torch.rand(1, 1, 8, 8), **settings)


@names_errors("halve")
def halve(number: int, names: list[str] | None = None, *, scale: float = 1.0, exact: bool = False) -> float:
    names = [name.lower() for name in names or []]
    return round(number / scale) / 2


@pytest.mark.parametrize(
    ("arguments", "settings", "message"),
    [
        (("a",), {}, "number: expected a whole number, got 'a'"),
        ((1,), {"scale": "x"}, "scale: expected a number, got 'x'"),
        ((1,), {"names": 5}, "names: expected a list or None, got 5"),
        ((1,), {"names": [5]}, "names: expected a list, each item a string or None, got list of 1 items"),
        ((1, None, 3), {}, "arguments: expected at most 2 without a name"),
        ((), {}, "number: expected a value, got none"),
        ((1,), {"number": 2}, "number: expected one value, got two: with its name and without"),
        ((10**400,), {}, "number: expected a number that is finite and not so large"),
        ((1,), {"length": 2}, "length: expected an argument among number, names, scale, exact"),
    ],
)
def test_bare_errors_of_wrong_arguments_are_named(arguments: tuple, settings: dict, message: str) -> None:
    with pytest.raises(InputError, match=f"^halve: {message}"):
        halve(*arguments, **settings)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: xai.ImageInput(), "ImageInput: shape: expected a value, got none"),
        (lambda: xai.ImageInput((1, 2, 2), size=3), "ImageInput: size: expected an argument among shape, mean, std"),
        (lambda: xai.ImageInput((1, 2, 2), shape=3), "ImageInput: shape: expected one value, got two"),
        (lambda: xai.ImageInput((1, 2.5, 2)), r"ImageInput: shape: expected \(channels, height, width\)"),
        (lambda: xai.TensorInput((3,)), "TensorInput: arguments: expected at most 0 without a name, got 1"),
        (lambda: xai.TabularInput(name=["a"]), "TabularInput: name: expected an argument among names"),
        (lambda: xai.TrainingSummary(), "TrainingSummary: columns: expected a value, got none"),
        (lambda: xai.AuditData(), "AuditData: inputs: expected a value, got none"),
        (lambda: xai.AuditData(torch.ones(2, 3), label=[0, 1]), "AuditData: label: expected an argument among inputs"),
        (lambda: xai.Finding("deletion"), "Finding: status: expected a value, got none"),
        (lambda: xai.Explanation(), "Explanation: method: expected a value, got none"),
        (lambda: xai.Visualization(), "Visualization: [a-z_]+: expected a value, got none"),
        (
            lambda: xai.Model(lambda x: x),
            r"expected a torch.nn.Module \(of a function: xai.Model.from_callable",
        ),
        (lambda: xai.Model(nn.Linear), "network: expected a torch.nn.Module made of the class"),
        (lambda: xai.Model(nn.Linear(2, 2)).unit(0, 1), "unit: layer: expected the name of a layer, .*got 0"),
        (
            lambda: xai.lime_tabular(xai.Model(nn.Linear(2, 2)), [[1.0, 2.0]], samples=50),
            "background: expected a value",
        ),
        (lambda: xai.lime_tabular(xai.Model(nn.Linear(2, 2)), [[1.0, 2.0]], sample=50), "sample: .*, samples, "),
        (
            lambda: xai.lime_tabular(xai.Model(nn.Linear(2, 2)), [[1.0, 2.0]], background=torch.ones(5, 3)),
            "lime_tabular: background: expected",
        ),
        (
            lambda: xai.audit(xai.Model(nn.Linear(2, 2)), xai.AuditData([[1.0, 2.0]], [0]), data={}),
            "audit: data: .*two",
        ),
        (lambda: xai.audit(xai.Model(nn.Linear(2, 2)), xai.AuditData([[1.0, 2.0]], [0]), "bias"), "a list of names"),
        (
            lambda: xai.audit(
                xai.Model(nn.Linear(2, 2)), xai.AuditData([[1.0, 2.0]] * 30, [0, 1] * 15), bias={"lest": 5}
            ),
            "audit: bias: expected keyword arguments among .*least.*, as a dictionary, got 'lest'",
        ),
        (lambda: xai.audit(xai.Model(nn.Linear(2, 2)), xai.AuditData([[1.0, 2.0]], [0]), bias=5), "bias: .*got 5"),
        (
            lambda: xai.lime_tabular(xai.Model(nn.Linear(2, 2)), [[1.0, 2.0]], background=torch.ones(5, 2), bins="ten"),
            "lime_tabular: bins: expected one of quartile",
        ),
        (
            lambda: xai.submodular_pick(xai.saliency(xai.Model(nn.Linear(2, 2)), [[1.0, 2.0]], 0), budget=1),
            "explanations by parts .*, got saliency over input",
        ),
        (
            lambda: xai.integrated_gradients(xai.Model(nn.Linear(2, 2)), [[1.0, 2.0]], 0, steps="many"),
            "steps: expected a whole number from 1, or 'auto', got 'many'",
        ),
        (lambda: xai.tree_shap(LogisticRegression(), [[1.0]], background=[[1.0]]), r"wrap the estimator: xai.from_skl"),
        (
            lambda: xai.Model.from_callable(LogisticRegression()),
            r"function: .*from_sklearn, or its predict_proba\), got",
        ),
        (
            lambda: xai.Model.from_callable(lambda rows: None).predict([[1.0]]),
            "function: expected numbers .*, got None",
        ),
        (lambda: xai.Model.from_callable(lambda rows: ["a"] * len(rows)).predict([[1.0]]), "got list of 1 items"),
        (
            lambda: xai.saliency(xai.Model(nn.Linear(2, 1), task="regression"), [[1.0, 2.0]], 1),
            "target: expected an output from 0 to 0, got 1",
        ),
        (lambda: xai.save_model(xai.Model(nn.Linear(2, 2)), "m", factory=3), "save_model: factory: expected .*, got 3"),
    ],
)
def test_constructors_and_calls_name_what_does_not_fit(call: Callable[[], object], message: str) -> None:
    with pytest.raises(XaiError, match=message):
        call()


def test_other_errors_stay_what_they_are() -> None:
    """An error that no argument explains is a fault of the library or of the caller's own code, and is not hidden."""
    with pytest.raises(ZeroDivisionError):
        halve(1, scale=0)

    @names_errors("broken")
    def broken(number: int) -> int:
        return {}[number]

    with pytest.raises(KeyError):
        broken(1)
