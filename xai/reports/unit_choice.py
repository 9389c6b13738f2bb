"""Which units a page shows: those that were named, or an even spread of each layer, and the classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from xai.base.errors import InputError, TargetError
from xai.inputs.text import FIRST_WORD
from xai.model.model import Model
from xai.network.trace import Trace
from xai.visualization import objectives
from xai.visualization.objectives import Objective

__all__ = ["LOGITS", "MOST_UNITS", "blank_inputs", "choose_units"]

MOST_UNITS = 32  # per layer; a wider layer shows an even spread
WORDS = 8  # of a blank text
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
        trace = model.trace(blank_inputs(model))
        found = {layer.name: layer for layer in trace.layers}
        own = _unit_layers(model, trace)
        for name in layers or own:
            if name not in found or not found[name].shape:
                raise InputError(
                    "layer", expected=f"one like {', '.join(own[:8])}", got=repr(name), operation="visualize"
                )
            recurrent = _is_recurrent(model, name)
            count = found[name].shape[-1 if recurrent else 0]
            numbers = channels or _spread(count, most)
            beyond = [number for number in numbers if not 0 <= number < count]
            if beyond:
                raise InputError(f"{name}: channel", expected=f"0 to {count - 1}", got=beyond[0], operation="visualize")
            make = objectives.unit if recurrent else objectives.channel
            groups[name] = [make(name, number) for number in numbers]
        if not layers:
            outputs = names or _unnamed_outputs(model)
            if outputs:
                numbers = _spread(len(outputs), most)
                words = "class {}" if names else "{}"
                groups[LOGITS] = [replace(objectives.logit(n), name=words.format(outputs[n])) for n in numbers]
    if not groups:
        raise InputError(
            "model", expected="one with layers that have units, or with classes", got=model.name, operation="visualize"
        )
    return {name: [-item if minimize else item for item in group] for name, group in groups.items()}


def blank_inputs(model: Model, count: int = 1) -> Tensor:
    """Return so many inputs of a model's kind and size that mean nothing; raises InputError where none can be made."""
    if model.input.kind == "text" and not model.input.vocabulary:
        raise InputError(
            "model", expected="one with a vocabulary", got="a network that numbers words itself", operation="visualize"
        )
    if model.input.kind == "text":
        return torch.full((count, WORDS), FIRST_WORD)
    shape = getattr(model.input, "shape", None) or (len(getattr(model.input, "names", ())),)
    if shape == (0,):
        wanted = "one of images, tables, series or texts, whose inputs have a shape"
        raise InputError("model", expected=wanted, got=f"{model.input.kind} inputs", operation="visualize")
    return torch.zeros(count, *shape)


def _unit_layers(model: Model, trace: Trace) -> list[str]:
    """Return the names of the layers with units of their own: convolutions of images; else all but the last one."""
    if model.input.kind == "image":
        return [layer.name for layer in trace.units() if len(layer.shape) == 3]
    units = {layer.name for layer in trace.units() if layer.convolution or len(layer.shape) == 1}
    names = [layer.name for layer in trace.layers if layer.name in units or _is_recurrent(model, layer.name)]
    with_weights = [layer.name for layer in trace.layers if layer.leaf and layer.parameters]
    return [name for name in names if name not in with_weights[-1:]]  # the last one's units are the outputs


def _is_recurrent(model: Model, name: str) -> bool:
    return isinstance(model.network.get_submodule(name), nn.RNNBase)


def _unnamed_outputs(model: Model) -> list[str]:
    """Return what the outputs are called where classes have no names; of images none, but for a regression."""
    if model.input.kind == "image" and model.task != "regression":
        return []
    count, word = model.predict(blank_inputs(model)).shape[1], "output" if model.task == "regression" else "class"
    return [word] if count == 1 else [f"{word} {number}" for number in range(count)]


def _class_number(name: str, names: list[str]) -> int:
    if name in names:
        return names.index(name)
    if name.isdecimal() and int(name) < len(names):
        return int(name)
    known = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    raise TargetError(
        "class",
        expected=f"one of {known or 'the named classes (the model has none)'}",
        got=repr(name),
        operation="visualize",
    )


def _spread(total: int, count: int) -> list[int]:
    return list(range(total)) if total <= count else [place * total // count for place in range(count)]
