"""Which units a page shows: those that were named, or an even spread of each layer, and the classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import nn

from xai.core.errors import InputError, TargetError, expected
from xai.core.model import Model
from xai.core.text import FIRST_WORD
from xai.core.trace import Trace
from xai.visualization import objectives
from xai.visualization.objectives import Objective

__all__ = ["LOGITS", "MOST_UNITS", "choose_units", "trace_of_units"]

MOST_UNITS = 32  # per layer; a wider layer shows an even spread
LOGITS = "class logits"  # what the group of the outputs is called


def choose_units(
    model: Model,
    layers: Sequence[str] = (),
    channels: Sequence[int] = (),
    class_name: str | None = None,
    minimize: bool = False,
    most: int = MOST_UNITS,
) -> dict[str, list[Objective]]:
    """Return objectives by layer: the named channels, or an even spread of each layer, or a class, or everything.

    Of a recurrent layer a channel is a unit, whose state after the last step is meant. Raises InputError for a layer
    that has no channels, TargetError for a class that does not exist.
    """
    names = model.classes or []
    groups: dict[str, list[Objective]] = {}
    if class_name is not None:
        number = _class_number(class_name, names)
        groups[LOGITS] = [replace(objectives.logit(number), name=f"class {names[number]}")]
    else:
        trace = trace_of_units(model)
        found = {layer.name: layer for layer in trace.layers}
        own = _unit_layers(model, trace)
        for name in layers or own:
            if name not in found or not found[name].shape:
                raise InputError(expected("visualize", "layer", f"one like {', '.join(own[:8])}", repr(name)))
            recurrent = _is_recurrent(model, name)
            count = found[name].shape[-1 if recurrent else 0]
            numbers = channels or _spread(count, most)
            beyond = [number for number in numbers if not 0 <= number < count]
            if beyond:
                raise InputError(expected("visualize", f"{name}: channel", f"0 to {count - 1}", beyond[0]))
            make = objectives.unit if recurrent else objectives.channel
            groups[name] = [make(name, number) for number in numbers]
        if not layers:
            outputs = names or _unnamed_outputs(model, trace)
            if outputs:
                numbers = _spread(len(outputs), most)
                words = "class {}" if names else "{}"
                groups[LOGITS] = [replace(objectives.logit(n), name=words.format(outputs[n])) for n in numbers]
    return {name: [-item if minimize else item for item in group] for name, group in groups.items()}


def trace_of_units(model: Model) -> Trace:
    """Return the layers that a model's units are in, read off a blank input of any kind."""
    if model.input.kind != "text":
        return model.trace()
    if not getattr(model.input, "vocabulary", None):
        raise InputError(expected("visualize", "model", "one with a vocabulary", "a network that numbers words itself"))
    return model.trace(torch.full((1, 8), FIRST_WORD))


def _unit_layers(model: Model, trace: Trace) -> list[str]:
    """Return the names of the layers with units of their own: convolutions of images; else all but the last one."""
    if model.input.kind == "image":
        return [layer.name for layer in trace.units() if len(layer.shape) == 3]
    units = {layer.name for layer in trace.units() if layer.convolution or len(layer.shape) == 1}
    names = [layer.name for layer in trace.layers if layer.name in units or _is_recurrent(model, layer.name)]
    with_weights = [layer.name for layer in trace.layers if layer.leaf and layer.parameters]
    return [name for name in names if name != with_weights[-1]]  # the last one's units are the outputs


def _is_recurrent(model: Model, name: str) -> bool:
    return isinstance(model.network.get_submodule(name), nn.RNNBase)


def _unnamed_outputs(model: Model, trace: Trace) -> list[str]:
    """Return what the outputs of a regression are called."""
    if model.task != "regression" or not trace.layers[-1].shape:
        return []
    count = trace.layers[-1].shape[-1]
    return ["output"] if count == 1 else [f"output {number}" for number in range(count)]


def _class_number(name: str, names: list[str]) -> int:
    if name in names:
        return names.index(name)
    if name.isdecimal() and int(name) < len(names):
        return int(name)
    known = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    raise TargetError(
        expected("visualize", "class", f"one of {known or 'the named classes (the model has none)'}", repr(name))
    )


def _spread(total: int, count: int) -> list[int]:
    return list(range(total)) if total <= count else [place * total // count for place in range(count)]
