"""Stands in for `attribute` of captum's classes, so that whoever calls them gets this library's values."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import captum.attr
import torch
from torch import Tensor, nn

import xai
from tests.peers.captum_call import NotSaid, Said
from tests.peers.captum_methods import METHODS
from xai import targets
from xai.base.errors import XaiError

__all__ = ["Account", "through_attribute", "through_methods", "through_xai"]

PACKED = ("FeatureAblation", "ShapleyValues", "ShapleyValueSampling", "KernelShap", "Lime", "NeuronFeatureAblation")


class Account:
    """What happened since it was last cleared: how many calls were said, and why others were not."""

    def __init__(self) -> None:
        self.said = 0
        self.not_said: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()

    def clear(self) -> None:
        self.__init__()  # type: ignore[misc]


def _function(made: Any) -> Any:
    for name in ("forward_func", "model"):
        if getattr(made, name, None) is not None:
            return getattr(made, name)
    return _function(made.attribution_method)


def through_methods(made: Any, original: Callable, asked: dict[str, Any]) -> Any:
    """Return the values of our own method of the same name."""
    name = type(made).__name__
    if type(made).__module__.split(".")[0] != "captum" or name not in METHODS:
        raise NotSaid(f"no {name} here")
    if asked.get("show_progress"):
        raise NotSaid("progress in captum's words")
    if asked.get("custom_attribution_func") is not None or asked.get("grad_kwargs"):
        raise NotSaid("a function that combines multipliers, or arguments of autograd")
    layer = getattr(made, "layer", None)
    if isinstance(layer, list):
        made_of = [_at(made, one, original, asked, name) for one in layer]
        return made_of if not asked.get("return_convergence_delta") else tuple(map(list, zip(*made_of, strict=True)))
    return _at(made, layer, original, asked, name)


def _at(made: Any, layer: Any, original: Callable, asked: dict[str, Any], name: str) -> Any:
    """Return the values of one method, at one layer where it has one."""
    entering = bool(asked.get("attribute_to_layer_input") or asked.get("attribute_to_neuron_input"))
    with _read_at(made, layer, entering):
        said = Said(_function(made), asked["inputs"], asked.get("additional_forward_args"), _target(made, asked),
                    packed=name in PACKED)  # fmt: skip
        if layer is not None:
            _one_output(made.layer, said)
        values = METHODS[name](made, said, asked)
    if not asked.get("return_convergence_delta"):
        return values
    extra, target, inputs = asked.get("additional_forward_args"), asked.get("target"), asked["inputs"]
    if name in ("LRP", "LayerLRP"):
        return values, made.compute_convergence_delta(values, inputs, extra, target)
    if name not in ("IntegratedGradients", "DeepLift", "LayerIntegratedGradients", "LayerDeepLift", "LayerConductance"):
        raise NotSaid("by how much each sample misses its sum")
    starts = asked.get("baselines")
    starts = 0 if starts is None else starts
    starts = tuple(starts for _ in said.inputs) if not said.single and not isinstance(starts, tuple) else starts
    return values, made.compute_convergence_delta(values, starts, inputs, additional_forward_args=extra, target=target)


@contextmanager
def _read_at(made: Any, layer: Any, entering: bool) -> Generator[None]:
    """Let an object stand at a layer; what enters one is what an identity before it puts out."""
    if layer is None:
        yield
        return
    network, before = made.forward_func, made.layer
    name = next((name for name, one in network.named_modules() if one is layer), "") if entering else ""
    parent, _, last = name.rpartition(".")
    made.layer = layer
    try:
        if entering:
            if not name:
                raise NotSaid("what enters the network itself")
            made.layer = nn.Identity()
            setattr(network.get_submodule(parent), last, nn.Sequential(made.layer, layer))
        yield
    finally:
        made.layer = before
        if name:
            setattr(network.get_submodule(parent), last, layer)


def _one_output(layer: nn.Module, said: Said) -> None:
    """Raise NotSaid where a layer puts out several tensors, or is called with several where it should be one."""
    found: list[object] = []
    handle = layer.register_forward_hook(lambda module, inputs, output: found.append(output))
    try:
        with torch.no_grad():
            said.model.answer(said.model.network, said.batch)
    except XaiError as reason:
        if isinstance(layer, nn.Identity):
            raise NotSaid("what enters a layer with several inputs") from reason
        raise
    finally:
        handle.remove()
    if found and not isinstance(found[-1], Tensor):
        raise NotSaid("a layer that puts out several tensors")


def through_attribute(made: Any, original: Callable, asked: dict[str, Any]) -> Any:
    """Return what `xai.attribute` gives for captum's own object."""
    inner = getattr(made, "attribution_method", made)
    if isinstance(getattr(inner, "layer", None), list):
        raise NotSaid("several layers at once")
    said = Said(_function(made), asked["inputs"], asked.get("additional_forward_args"), _target(made, asked))
    settings = {name: value for name, value in asked.items() if name not in ("inputs", "target")}
    explained = xai.attribute(said.model, made, said.batch, target=said.target, **settings)
    values = explained.values if isinstance(explained.values, Tensor) else torch.stack(list(explained.values))
    values = said.given_back(values) if explained.over == "input" else values
    if settings.get("return_convergence_delta"):
        return values, torch.tensor([row["convergence_delta"] for row in explained.diagnostics])
    return values


def _target(made: Any, asked: dict[str, Any]) -> Any:
    named = type(getattr(made, "attribution_method", made)).__name__
    if named.startswith("Neuron") or named == "LayerActivation":  # which asks for no output; any will do
        return targets.function(lambda output: output.flatten(1)[:, 0], "the first output")
    return asked.get("target")


@contextmanager
def through_xai(way: Callable[[Any, Callable, dict[str, Any]], Any]) -> Generator[Account]:
    """Lend an account while `attribute` of each class of captum.attr goes one of the two ways."""
    account, inside, before = Account(), [False], {}

    def stand_in(original: Callable) -> Callable:
        takes = inspect.signature(original)

        @wraps(original)
        def attribute(self: Any, *given: Any, **named: Any) -> Any:
            if inside[0]:  # captum's own classes use each other
                return original(self, *given, **named)
            inside[0] = True
            try:
                asked = takes.bind(self, *given, **named)
                asked.apply_defaults()
                arguments = {name: value for name, value in asked.arguments.items() if name not in ("self", "kwargs")}
                made = way(self, original, arguments | asked.arguments.get("kwargs", {}))
            except NotSaid as reason:
                account.not_said[str(reason)] += 1
                raise
            except XaiError as reason:
                account.refused[str(reason)] += 1
                raise AssertionError(str(reason)) from reason  # which is what captum raises for wrong arguments
            finally:
                inside[0] = False
            account.said += 1
            return made

        return attribute

    classes = [kind for kind in vars(captum.attr).values() if isinstance(kind, type) and "attribute" in vars(kind)]
    try:
        for kind in classes:
            before[kind] = vars(kind)["attribute"]
            if not getattr(before[kind], "__isabstractmethod__", False):
                kind.attribute = stand_in(before[kind])
        yield account
    finally:
        for kind, own in before.items():
            kind.attribute = own
