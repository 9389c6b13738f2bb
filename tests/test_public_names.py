"""Public functions name what is wrong with a call: the argument, what was expected and what came."""

from __future__ import annotations

import inspect

import pytest
import torch
from torch import nn

import xai
from xai.base.errors import InputError, XaiError, names_errors

FUNCTIONS = {name: getattr(xai, name) for name in sorted(xai.__all__) if inspect.isfunction(getattr(xai, name, None))}
OF_MODELS = [name for name, item in FUNCTIONS.items() if next(iter(inspect.signature(item).parameters)) == "model"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_says_its_name_in_its_errors(name: str) -> None:
    wanted = "a kind of numbers" if name == "Inputs" else "an argument among"  # those of Inputs are the caller's own
    with pytest.raises(XaiError, match=f"^{name}: no_such_argument: expected {wanted}"):
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
        ((10**400,), {}, "number: expected a number that is finite and not so large"),
        ((1,), {"length": 2}, "length: expected an argument among number, names, scale, exact"),
    ],
)
def test_bare_errors_of_wrong_arguments_are_named(arguments: tuple, settings: dict, message: str) -> None:
    with pytest.raises(InputError, match=f"^halve: {message}"):
        halve(*arguments, **settings)


def test_other_errors_stay_what_they_are() -> None:
    """An error that no argument explains is a fault of the library or of the caller's own code, and is not hidden."""
    with pytest.raises(ZeroDivisionError):
        halve(1, scale=0)

    @names_errors("broken")
    def broken(number: int) -> int:
        return {}[number]

    with pytest.raises(KeyError):
        broken(1)
