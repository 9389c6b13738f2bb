"""What there is to know of a class or object of captum before it runs: its layer, its claim, what it is called with.

Nothing here imports captum: who hands one of its objects over has done so.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from xai.attribution.captum_inputs import Handed, Scores, handed, with_function
from xai.base.errors import InputError, LayerError, describe
from xai.model.model import Model
from xai.model.session import Session
from xai.network.hooks import find_layer

__all__ = ["Call", "bound", "check_settings", "class_claim", "is_captum"]

SENSITIVITY = ("Saliency", "GuidedBackprop", "Deconvolution", "GuidedGradCam", "NeuronGradient",
               "NeuronGuidedBackprop", "NeuronDeconvolution")  # fmt: skip
REGION = ("LayerGradCam", "LayerActivation", "NeuronConductance")
NO_MAP = ("DataLoaderAttribution", "LLMAttribution", "LLMGradientAttribution", "RemoteLLMAttribution")


@dataclass(frozen=True)
class Call:
    """One attribution of captum: `kind` its class, `method_object` the one that the caller made, `layer` by name."""

    model: Model
    kind: type
    method_object: Any
    layer: str | None

    @property
    def name(self) -> str:
        """Return the class as captum calls it; noise around another one says whose."""
        inner = getattr(self.method_object, "attribution_method", None)
        return self.kind.__name__ if inner is None else f"{self.kind.__name__} {type(inner).__name__}"

    @property
    def inner(self) -> type:
        """Return the class that makes the values."""
        method = getattr(self.method_object, "attribution_method", None)
        return self.kind if method is None else type(method)

    @property
    def of_neuron(self) -> bool:
        """Say whether a unit is explained, not an output."""
        return self.inner.__name__.startswith("Neuron") and not self.takes_target

    @property
    def over_layer(self) -> bool:
        """Say whether the values are those of a layer's output; Grad-CAM's are a map over the input."""
        name = self.inner.__name__
        return self.layer is not None and not name.startswith(("Neuron", "Guided")) and name != "LayerGradCam"

    @cached_property
    def parameters(self) -> dict[str, inspect.Parameter]:
        """Return what its `attribute` takes beside the inputs; noise hands on what the inner one takes."""
        kinds: list[Any] = list(dict.fromkeys((self.inner, self.kind)))
        found = {name: item for kind in kinds for name, item in inspect.signature(kind.attribute).parameters.items()}
        return {name: item for name, item in found.items() if name not in ("self", "inputs")}

    @property
    def takes_target(self) -> bool:
        """Say whether it explains an output that is chosen."""
        return "target" in self.parameters

    @property
    def function(self) -> Any:
        """Return the forward function of the object that the caller made."""
        return self.method_object.forward_func

    @property
    def own_networks(self) -> list[nn.Module]:
        """Return the module that the object calls, where it is not the model's network itself."""
        function = None if self.method_object is None else self.function
        return [function] if isinstance(function, nn.Module) and function is not self.model.network else []

    @property
    def own_function(self) -> bool:
        """Say whether the forward function of the caller's object is run: it gives no target that is a function."""
        return self.method_object is not None and (self.model.aim is None or self.of_neuron)

    def make(self, model: Model) -> Any:
        """Return the object to run: the caller's, that with the model's targets for outputs, or one of the class."""
        if self.method_object is not None:
            return (
                self.method_object
                if self.own_function
                else with_function(self.method_object, Scores(self.model, False))
            )
        scores = Scores(model, self.of_neuron)
        return self.kind(scores) if self.layer is None else self.kind(scores, find_layer(model.network, self.layer))

    @contextmanager
    def with_weights_of(self, other: Model) -> Generator[None]:
        """Lend the caller's object the weights of another network of the same build; a class is made anew instead."""
        ours = self.model.network
        if self.method_object is None or other.network is ours:
            yield
            return
        pairs = _tensors(ours), _tensors(other.network)
        if {name: item.shape for name, item in pairs[0].items()} != {
            name: item.shape for name, item in pairs[1].items()
        }:
            raise InputError("model", expected="a network built as the one that captum's object is of", got=other.name)
        before = {name: item.data for name, item in pairs[0].items()}
        modes = {module: module.training for module in ours.modules()}
        try:
            ours.eval()
            for name, item in pairs[0].items():
                item.data = pairs[1][name].data
            yield
        finally:
            for name, item in pairs[0].items():
                item.data = before[name]
            for module, mode in modes.items():
                module.training = mode

    def fed(self, session: Session, settings: dict[str, Any]) -> Handed:
        """Return what captum is handed: an object gets what its forward function was made for."""
        raw, kind = session.raw_inputs, session.model.input
        if not self.own_function:
            if not raw.is_floating_point():
                wanted = "inputs of numbers (for words, make the object yourself: captum.attr.X(network, layer))"
                raise InputError("inputs", expected=wanted, got=describe(raw))
            return handed(kind, raw, {})
        seen = self.model._seen(raw)
        choices = [part for part in (seen, raw) if isinstance(part, Tensor)]
        if not choices:
            raise InputError("inputs", expected="what the network reads as numbers", got="strings")
        for part in choices:
            candidate = handed(kind, part, settings)
            if _answers_as(self.function, candidate, session):
                return candidate
        wanted = "an object of captum whose forward function gives this model's scores"
        raise InputError("methods", expected=wanted, got=f"{self.name} of another network or of other inputs")

    def outputs(self, session: Session, batch: Handed) -> Tensor:
        """Return what the forward function gives for what it is handed."""
        function = self.function if self.own_function else Scores(session.model, False)
        with torch.no_grad():
            return function(*batch.all())

    def baseline(self, session: Session, batch: Handed, settings: dict[str, Any]) -> object:
        """Return what the values are compared with, in the caller's units; None where that cannot be told."""
        if "baselines" not in self.parameters or not batch.floating:
            return None
        start = batch.start(settings.get("baselines"))
        if start is None:
            return None
        found = start if not self.own_function else _in_units(session, start)
        if found is None or self.over_layer:
            return found
        return "zero" if not bool(found.any()) and "zero" in session.kind.baselines(session.inputs) else found


def _tensors(network: nn.Module) -> dict[str, Tensor]:
    return dict(network.named_parameters()) | dict(network.named_buffers())


def _answers_as(function: Callable, batch: Handed, session: Session) -> bool:
    """Does a forward function give the model's own scores for what it is handed?"""
    ours = session.model.forward_on(session.plan.network, session.raw_inputs).detach()
    try:
        with torch.no_grad():
            theirs = function(*batch.all())
    except Exception:
        return False
    if not isinstance(theirs, Tensor) or theirs.shape not in (ours.shape, ours.shape[:1]):
        other = session.model.aim is not None or session.model.forward is not None  # scores made of what it puts out
        return other and isinstance(theirs, Tensor) and theirs.shape[:1] == ours.shape[:1]
    return torch.allclose(theirs.reshape(ours.shape).to(ours), ours, rtol=1e-4, atol=1e-5)


def _in_units(session: Session, start: Tensor) -> Tensor | None:
    """Return the baseline whose network input is `start`, where the network's input is a scaled and moved copy."""
    kind, inputs = session.kind, session.raw_inputs
    zero, one = kind.feed(torch.zeros_like(inputs)), kind.feed(torch.ones_like(inputs))
    if not isinstance(zero, Tensor) or not isinstance(one, Tensor) or zero.shape != start.shape:
        return None
    found = (start - zero) / (one - zero)
    again = kind.feed(found)
    return found if isinstance(again, Tensor) and torch.allclose(again, start, atol=1e-4) else None


def is_captum(method: object) -> bool:
    """Say whether a value is a class or an object of captum, or of a class made from one of its own."""
    kind = method if isinstance(method, type) else type(method)
    return any(base.__module__.split(".")[0] == "captum" for base in kind.__mro__)


def bound(model: Model, method: Any, layer: str | None) -> Call:
    """Return the call that a class or object of captum stands for; raises InputError for one that makes no map."""
    kind = method if isinstance(method, type) else type(method)
    names = [base.__name__ for base in kind.__mro__]
    if "Attribution" not in names or kind.__name__ in NO_MAP or not callable(getattr(kind, "attribute", None)):
        wanted = "an attribution method of captum.attr (a class, or an object of this model's network)"
        raise InputError("methods", expected=wanted, got=kind.__name__)
    needed = list(inspect.signature(kind.__init__).parameters.values())[1:]
    if isinstance(method, type):
        return _of_class(model, kind, layer, needed)
    inner = getattr(method, "attribution_method", method)
    module = getattr(inner, "layer", None)
    if module is None:
        _no_layer(layer, kind)
        return Call(model, kind, method, None)
    if not isinstance(module, nn.Module):
        raise LayerError("layer", expected="one layer of captum's object", got=describe(module))
    found = next((name for name, one in model.network.named_modules() if one is module and name), None)
    if found is None:
        raise LayerError("layer", expected="a layer of this model's network", got=type(module).__name__)
    if layer not in (None, found):
        raise LayerError("layer", expected=f"{found!r}, that of captum's object", got=repr(layer))
    return Call(model, kind, method, found)


def _of_class(model: Model, kind: type, layer: str | None, needed: list[inspect.Parameter]) -> Call:
    required = [item.name for item in needed if item.default is item.empty and item.kind is item.POSITIONAL_OR_KEYWORD]
    if [name for name in required if name not in ("forward_func", "model", "layer")]:
        wanted = f"an object, since a {kind.__name__} is made with {', '.join(required)}"
        raise InputError("methods", expected=wanted, got="the class")
    if "layer" not in required:
        _no_layer(layer, kind)
        return Call(model, kind, None, None)
    if layer is None:
        raise LayerError("layer", expected=f"the name of a layer, for {kind.__name__}", got="none")
    find_layer(model.network, layer)
    return Call(model, kind, None, layer)


def _no_layer(layer: str | None, kind: type) -> None:
    if layer is not None:
        raise LayerError("layer", expected=f"none, since {kind.__name__} explains the input", got=repr(layer))


def check_settings(call: Call, settings: dict[str, Any]) -> None:
    """Raise InputError for a keyword argument that captum's method has none of, or that is missing."""
    known = call.parameters
    several = any(item.kind is item.VAR_KEYWORD for item in known.values()) and call.inner is call.kind
    names = [name for name, item in known.items() if item.kind is not item.VAR_KEYWORD]
    for name in settings:
        if name not in names and not several:
            wanted = f"an argument that captum's {call.name} takes ({', '.join(names)})"
            raise InputError(name, expected=wanted, got="an unknown one")
    if settings.get("attribute_to_layer_input"):
        raise InputError("attribute_to_layer_input", expected="False (name the layer before)", got=True)
    for name, item in known.items():
        if item.default is item.empty and name not in settings and name != "target" and item.kind not in (
            item.VAR_KEYWORD, item.VAR_POSITIONAL,
        ):  # fmt: skip
            raise InputError(name, expected=f"a value, for captum's {call.name}", got="none")


def class_claim(call: Call, settings: dict[str, Any]) -> str:
    """Return what the values of captum's class claim; squares and variances of noisy maps only say where."""
    if call.inner is not call.kind and settings.get("nt_type", "smoothgrad") != "smoothgrad":
        return "region"
    name = call.inner.__name__
    return "sensitivity" if name in SENSITIVITY else "region" if name in REGION else "additive"
