"""Which units a page shows (those that were named, or an even spread of each layer, and the classes), and their
visualizations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Unpack

from torch import Tensor, nn

from xai.base.errors import InputError, NetworkError, TargetError
from xai.base.spacing import evenly
from xai.model.model import Model
from xai.network.trace import Trace
from xai.results.visualization import Visualization
from xai.visualization import objectives
from xai.visualization.ascent import visualize
from xai.visualization.objectives import Objective
from xai.visualization.settings import VisualizeSettings

__all__ = ["LOGITS", "MOST_UNITS", "blank_inputs", "choose_units", "visualize_groups"]

MOST_UNITS = 32  # per layer; a wider layer shows an even spread
LOGITS = "class logits"  # what the group of the outputs is called


def visualize_groups(
    model: Model,
    groups: Mapping[str, Sequence[Objective]],
    *,
    real: Tensor | None = None,
    **settings: Unpack[VisualizeSettings],
) -> dict[str, Visualization]:
    """Return one Visualization per group, made in a single call so that inputs of all layers share its batches.

    settings: those of `visualize`.
    """
    everything = [item for group in groups.values() for item in group]
    if not everything:
        return {}
    asked: VisualizeSettings = {**settings, "reference": real}
    made = visualize(model, everything, **asked)
    parts, start = {}, 0
    for name, group in groups.items():
        parts[name] = made.rows(start, start + len(group))
        start += len(group)
    return parts


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
        groups = _of_layers(model, layers, channels, most)
        outputs = (
            [] if layers or not _has_scores(model) else [f"class {name}" for name in names] or _unnamed_outputs(model)
        )
        if outputs:
            numbers = evenly(len(outputs), most)
            groups[LOGITS] = [replace(objectives.logit(number), name=outputs[number]) for number in numbers]
    if not groups:
        wanted = "one with layers that have units, or with classes"
        raise InputError("model", expected=wanted, got=model.name, operation="visualize")
    return {name: [-item if minimize else item for item in group] for name, group in groups.items()}


def _of_layers(model: Model, layers: Sequence[str], channels: Sequence[int], most: int) -> dict[str, list[Objective]]:
    """Return the objectives of some layers, by default of all that have units of their own."""
    trace = model.trace(blank_inputs(model))
    found = {layer.name: layer for layer in trace.layers}
    usual = UNIT_LAYERS.get(model.input.kind, _layers_before_the_outputs)(model, trace)
    groups = {}
    for name in layers or usual:
        if name not in found or not found[name].shape:
            wanted = f"one like {', '.join(usual[:8])}"
            raise InputError("layer", expected=wanted, got=repr(name), operation="visualize")
        recurrent = _is_recurrent(model, name)
        count = found[name].shape[-1 if recurrent else 0]
        numbers = channels or evenly(count, most)
        beyond = [number for number in numbers if not 0 <= number < count]
        if beyond:
            raise InputError(f"{name}: channel", expected=f"0 to {count - 1}", got=beyond[0], operation="visualize")
        make = objectives.unit if recurrent else objectives.channel
        groups[name] = [make(name, number) for number in numbers]
    return groups


def _convolutions(model: Model, trace: Trace) -> list[str]:
    return [layer.name for layer in trace.units() if len(layer.shape) == 3]


def _layers_before_the_outputs(model: Model, trace: Trace) -> list[str]:
    """Return the layers with units of their own, but for the last one, whose units are the outputs."""
    units = {layer.name for layer in trace.units() if layer.convolution or len(layer.shape) == 1}
    names = [layer.name for layer in trace.layers if layer.name in units or _is_recurrent(model, layer.name)]
    with_weights = [layer.name for layer in trace.layers if layer.leaf and layer.parameters]
    return [name for name in names if name not in with_weights[-1:]]


# By kind of input: the layers whose units are shown.
UNIT_LAYERS: dict[str, Callable[[Model, Trace], list[str]]] = {"image": _convolutions}


def _is_recurrent(model: Model, name: str) -> bool:
    return isinstance(model.network.get_submodule(name), nn.RNNBase)


def blank_inputs(model: Model, count: int = 1) -> Tensor:
    """Return so many inputs of a model's kind and size that mean nothing; raises InputError where none can be made."""
    blank = model.input.blank(count)
    if blank is None:
        wanted = "one of images, tables, series, or texts of a vocabulary: inputs of a known size"
        raise InputError("model", expected=wanted, got=f"{model.input.kind} inputs", operation="visualize")
    return blank


def _has_scores(model: Model) -> bool:
    """Say whether a network puts out a score per class, which a segmentation network or a detector does not."""
    try:
        model.predict(blank_inputs(model))
    except NetworkError:
        return False
    return True


def _unnamed_outputs(model: Model) -> list[str]:
    """Return what the outputs are called where classes have no names; none where the page shows layers alone."""
    word = "output" if model.task == "regression" else "class"
    if (model.input.kind, word) in LAYERS_ALONE:
        return []
    count = model.predict(blank_inputs(model)).shape[1]
    return [word] if count == 1 else [f"{word} {number}" for number in range(count)]


LAYERS_ALONE = {("image", "class")}


def _class_number(name: str, names: list[str]) -> int:
    if name in names:
        return names.index(name)
    if name.isdecimal() and int(name) < len(names):
        return int(name)
    known = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    wanted = f"one of {known or 'the named classes (the model has none)'}"
    raise TargetError("class", expected=wanted, got=repr(name), operation="visualize")
