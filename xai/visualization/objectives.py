"""What a visualization maximizes. Objectives add, subtract, scale and negate; a negated one is minimized.

n is the layer, (x, y) a position, z a channel, k a class: neuron = layer_n[x, y, z], channel = layer_n[:, :, z],
layer = layer_n[:, :, :], logit = pre_softmax[k], probability = softmax[k] (Olah, Mordvintsev, Schubert 2017).
A layer that is an activation function is read before it: after a ReLU, a minimum of 0 says nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral

import torch
from torch import Tensor

from xai.base.arrays import to_tensor
from xai.base.errors import InputError, LayerError, TargetError, describe, names_errors
from xai.visualization.objective import Objective, Reading

__all__ = [
    "Objective",
    "Reading",
    "channel",
    "direction",
    "diversity",
    "gate",
    "layer",
    "logit",
    "neuron",
    "probability",
    "unit",
]


@names_errors("channel")
def channel(layer: str, number: int) -> Objective:
    """Return the mean of one channel over all positions; of a linear layer, one unit.

    Args:
        layer: The layer, by name.
        number: Of the channel, from 0.
    """
    layer = _layer(layer)
    number = _whole("number", number)

    def value(reading: Reading) -> Tensor:
        maps = _channel(reading.activations[layer], layer, number)
        return maps.reshape(len(maps), -1).mean(1)

    return Objective(f"{layer} channel {number}", (layer,), value)


@names_errors("neuron")
def neuron(layer: str, number: int, x: int | None = None, y: int | None = None) -> Objective:
    """Return one unit of one channel, at the center of the map unless a position is given.

    Args:
        layer: The layer, by name.
        number: Of the channel, from 0.
        x: Its column in the map, from 0; None is the middle one.
        y: Its row in the map, from 0; None is the middle one.
    """
    layer = _layer(layer)
    number = _whole("number", number)
    x, y = (None if index is None else _whole(axis, index) for axis, index in (("x", x), ("y", y)))

    def value(reading: Reading) -> Tensor:
        maps = _channel(reading.activations[layer], layer, number)
        if maps.ndim < 3:
            return maps.reshape(len(maps), -1)[:, 0]
        row, column = maps.shape[1] // 2 if y is None else y, maps.shape[2] // 2 if x is None else x
        if not (0 <= row < maps.shape[1] and 0 <= column < maps.shape[2]):
            wanted = f"a position within {maps.shape[2]} x {maps.shape[1]}"
            raise LayerError(f"{layer}: x, y", expected=wanted, got=(column, row), operation="visualize")
        return maps[:, row, column]

    where = "" if x is None and y is None else f" at ({x}, {y})"
    return Objective(f"{layer} neuron {number}{where}", (layer,), value)


@names_errors("layer")
def layer(name: str) -> Objective:
    """Return the mean square of a whole layer (DeepDream).

    Args:
        name: Of the layer.
    """
    name = _layer(name)
    return Objective(f"{name} (all)", (name,), lambda reading: reading.activations[name].flatten(1).pow(2).mean(1))


@names_errors("direction")
def direction(layer: str, vector: object) -> Objective:
    """Return the mean over positions of the dot product with a vector.

    Args:
        layer: The layer, by name.
        vector: One number per channel, (C,); it is scaled to length 1.
    """
    layer = _layer(layer)
    try:
        wanted = to_tensor(vector, "vector").to(torch.float32).flatten()
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError("vector", expected="numbers, one per channel", got=describe(vector)) from error
    if not bool(torch.isfinite(wanted).all()) or float(wanted.norm()) == 0:
        raise InputError("vector", expected="finite numbers, not all 0", got=describe(vector))

    def value(reading: Reading) -> Tensor:
        maps = reading.activations[layer]
        if maps.shape[1] != len(wanted):
            raise LayerError(
                f"{layer}: vector", expected=f"{maps.shape[1]} numbers", got=len(wanted), operation="visualize"
            )
        unit = (wanted / wanted.norm()).to(maps)
        return torch.einsum("nc...,c->n...", maps, unit).flatten(1).mean(1)

    return Objective(f"{layer} direction", (layer,), value)


@names_errors("unit")
def unit(layer: str, number: int, step: int | None = None) -> Objective:
    """Return one unit of a recurrent layer (nn.RNN, nn.LSTM, nn.GRU): its state at one step.

    Args:
        layer: The layer, by name.
        number: Of the unit, from 0; of a bidirectional layer forward first, then backward.
        step: From 0, or from the end; by default the last step.
    """
    layer = _layer(layer)
    number = _whole("number", number)
    where = "" if step is None else f" at step {step}"
    return Objective(f"{layer} unit {number}{where}", (layer,), lambda reading: _at(reading, layer, number, step))


@names_errors("gate")
def gate(layer: str, name: str, number: int, step: int | None = None) -> Objective:
    """Return how far a gate of one unit of a recurrent layer stands open: its mean over steps, or at one step.

    Args:
        layer: The layer, by name.
        name: "input", "forget", "cell" or "output" of an LSTM, "reset", "update" or "new" of a GRU; of the last of
            several layers, or of layer k with "forget_l0" and the like.
        number: Of the unit, from 0.
        step: From 0, or from the end; None is the mean over all steps.
    """
    layer = _layer(layer)
    number = _whole("number", number)
    full = f"{layer}:{name}"

    def value(reading: Reading) -> Tensor:
        if step is not None:
            return _at(reading, full, number, step)
        return _unit(reading.activations[full], full, number).nanmean(1)

    where = "" if step is None else f" at step {step}"
    return Objective(f"{layer} {name} gate {number}{where}", (full,), value)


@names_errors("diversity")
def diversity(layer: str) -> Objective:
    """Return how different the copies of one objective are in a layer, from -1 (alike) to 1; add it to an objective.

    It is minus the mean cosine between an input's channel correlations (Gram matrix) and those of the other copies; it
    needs `copies` of at least 2, and counts for nothing where an input is measured by itself.

    Args:
        layer: The layer, by name.
    """

    layer = _layer(layer)

    def value(reading: Reading) -> Tensor:
        maps = reading.activations[layer].flatten(2) if reading.activations[layer].ndim > 2 else None
        if maps is None:
            raise LayerError(
                f"diversity of {layer}", expected="a layer with positions", got="one without", operation="visualize"
            )
        if not reading.together:
            return maps.new_zeros(len(maps))
        if len(maps) < 2:
            raise InputError("copies", expected="at least 2 for diversity", got=len(maps), operation="visualize")
        gram = torch.einsum("ncp,ndp->ncd", maps, maps).flatten(1)
        gram = gram / gram.norm(dim=1, keepdim=True).clamp_min(1e-12)
        alike = gram @ gram.T
        return -(alike.sum(1) - alike.diagonal()) / (len(maps) - 1)

    return Objective(f"{layer} diversity", (layer,), value, compares=True)


@names_errors("logit")
def logit(number: int) -> Objective:
    """Return the network's score of a class before the softmax.

    Args:
        number: Of the class, from 0.
    """
    number = _whole("number", number)
    return Objective(f"logit {number}", (), lambda reading: _class(reading.scores, number), reads_output=True)


@names_errors("probability")
def probability(number: int) -> Objective:
    """Return the probability of a class; it can rise by making the others fall, which a logit cannot.

    Args:
        number: Of the class, from 0.
    """
    number = _whole("number", number)
    value: Callable[[Reading], Tensor] = lambda reading: _class(reading.probabilities, number)  # noqa: E731
    return Objective(f"probability {number}", (), value, reads_output=True)


def _layer(name: object) -> str:
    """Return the name of one layer; whether the network has it is seen when it runs."""
    if not isinstance(name, str):
        wanted = "the name of one layer (several layers or units: a list of objectives)"
        raise LayerError("layer", expected=wanted, got=describe(name))
    return name


def _whole(argument: str, value: object) -> int:
    """Return one whole number; whether the network has such a unit is seen when it runs."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        wanted = "one whole number (several units: a list of objectives)"
        raise InputError(argument, expected=wanted, got=describe(value))
    return int(value)


def _channel(maps: Tensor, name: str, number: int) -> Tensor:
    if maps.ndim < 2 or not 0 <= number < maps.shape[1]:
        raise LayerError(f"{name}: channel", expected=f"0 to {maps.shape[1] - 1}", got=number, operation="visualize")
    return maps[:, number]


def _unit(states: Tensor, name: str, number: int) -> Tensor:
    if states.ndim != 3:
        wanted = "a recurrent layer (nn.RNN, nn.LSTM or nn.GRU)"
        raise LayerError(name, expected=wanted, got=f"an output {tuple(states.shape[1:])}", operation="visualize")
    if not 0 <= number < states.shape[2]:
        raise LayerError(f"{name}: unit", expected=f"0 to {states.shape[2] - 1}", got=number, operation="visualize")
    return states[:, :, number]


def _at(reading: Reading, name: str, number: int, step: int | None) -> Tensor:
    """Return one unit at one step of each sequence (n,); where a sequence is shorter, at its last."""
    states = _unit(reading.activations[name], name, number)
    last = (~states.isnan()).sum(1) - 1  # what a shorter sequence does not have is NaN
    wanted = -1 if step is None else step
    if isinstance(wanted, bool) or not isinstance(wanted, int) or not -states.shape[1] <= wanted < states.shape[1]:
        limits = f"{-states.shape[1]} to {states.shape[1] - 1}"
        raise LayerError(f"{name}: step", expected=limits, got=describe(step), operation="visualize")
    index = torch.minimum(last, torch.full_like(last, wanted)) if wanted >= 0 else (last + 1 + wanted).clamp_min(0)
    return states.gather(1, index[:, None])[:, 0]


def _class(scores: Tensor | None, number: int) -> Tensor:
    if scores is None:
        raise ValueError("an objective of the scores reads the output: reads_output=True")
    if not 0 <= number < scores.shape[1]:
        raise TargetError("class", expected=f"0 to {scores.shape[1] - 1}", got=number, operation="visualize")
    return scores[:, number]
