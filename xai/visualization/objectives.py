"""What a visualization maximizes. Objectives add, subtract, scale and negate; a negated one is minimized.

n is the layer, (x, y) a position, z a channel, k a class: neuron = layer_n[x, y, z], channel = layer_n[:, :, z],
layer = layer_n[:, :, :], logit = pre_softmax[k], probability = softmax[k] (Olah, Mordvintsev, Schubert 2017).
A layer that is an activation function is read before it: after a ReLU, a minimum of 0 says nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from xai.core.errors import InputError, LayerError, TargetError, describe, expected

__all__ = ["Objective", "Reading", "channel", "direction", "layer", "logit", "neuron", "probability"]


@dataclass(frozen=True)
class Reading:
    """What one forward pass gave: recorded layers, (n, ...) each, and class scores (n, K) where it ran to the end."""

    activations: dict[str, Tensor]
    scores: Tensor | None = None
    probabilities: Tensor | None = None

    def row(self, number: int) -> Reading:
        """Return the reading of one image, as a batch of one."""
        part = slice(number, number + 1)
        layers = {name: maps[part] for name, maps in self.activations.items()}
        return Reading(layers, *(None if item is None else item[part] for item in (self.scores, self.probabilities)))


@dataclass(frozen=True)
class Objective:
    """A number per image, (n,), from a Reading; `layers` are those it reads, none where it reads the output."""

    name: str
    layers: tuple[str, ...]
    value: Callable[[Reading], Tensor]
    reads_output: bool = False

    def __add__(self, other: Objective) -> Objective:
        if not isinstance(other, Objective):
            raise InputError(expected("Objective", "+", "another objective", describe(other)))
        return Objective(
            f"{self.name} + {other.name}",
            tuple(dict.fromkeys((*self.layers, *other.layers))),
            lambda reading: self.value(reading) + other.value(reading),
            self.reads_output or other.reads_output,
        )

    def __mul__(self, factor: float) -> Objective:
        if isinstance(factor, bool) or not isinstance(factor, int | float):
            raise InputError(expected("Objective", "*", "a number", describe(factor)))
        name = f"-({self.name})" if factor == -1 else f"{factor:g} ({self.name})"
        return Objective(name, self.layers, lambda reading: factor * self.value(reading), self.reads_output)

    __rmul__ = __mul__

    def __neg__(self) -> Objective:
        return self * -1

    def __sub__(self, other: Objective) -> Objective:
        return self + (-other)


def channel(layer: str, number: int) -> Objective:
    """Return the mean of one channel over all positions; of a linear layer, one unit."""

    def value(reading: Reading) -> Tensor:
        return _channel(reading.activations[layer], layer, number).flatten(1).mean(1)

    return Objective(f"{layer} channel {number}", (layer,), value)


def neuron(layer: str, number: int, x: int | None = None, y: int | None = None) -> Objective:
    """Return one unit of one channel, at the center of the map unless a position is given."""

    def value(reading: Reading) -> Tensor:
        maps = _channel(reading.activations[layer], layer, number)
        if maps.ndim < 3:
            return maps.flatten(1)[:, 0]
        row, column = maps.shape[1] // 2 if y is None else y, maps.shape[2] // 2 if x is None else x
        if not (0 <= row < maps.shape[1] and 0 <= column < maps.shape[2]):
            wanted = f"a position within {maps.shape[2]} x {maps.shape[1]}"
            raise LayerError(expected("visualize", f"{layer}: x, y", wanted, (column, row)))
        return maps[:, row, column]

    where = "" if x is None and y is None else f" at ({x}, {y})"
    return Objective(f"{layer} neuron {number}{where}", (layer,), value)


def layer(name: str) -> Objective:
    """Return the mean square of a whole layer (DeepDream)."""
    return Objective(f"{name} (all)", (name,), lambda reading: reading.activations[name].flatten(1).pow(2).mean(1))


def direction(layer: str, vector: object) -> Objective:
    """Return the mean over positions of the dot product with a vector, one number per channel, scaled to length 1."""
    wanted = torch.as_tensor(vector, dtype=torch.float32).flatten()
    if not bool(torch.isfinite(wanted).all()) or float(wanted.norm()) == 0:
        raise InputError(expected("direction", "vector", "finite numbers, not all 0", describe(vector)))

    def value(reading: Reading) -> Tensor:
        maps = reading.activations[layer]
        if maps.shape[1] != len(wanted):
            raise LayerError(expected("visualize", f"{layer}: vector", f"{maps.shape[1]} numbers", len(wanted)))
        unit = (wanted / wanted.norm()).to(maps)
        return torch.einsum("nc...,c->n...", maps, unit).flatten(1).mean(1)

    return Objective(f"{layer} direction", (layer,), value)


def logit(number: int) -> Objective:
    """Return the network's score of a class before the softmax."""
    return Objective(f"logit {number}", (), lambda reading: _class(reading.scores, number), reads_output=True)


def probability(number: int) -> Objective:
    """Return the probability of a class; it can rise by making the others fall, which a logit cannot."""
    value: Callable[[Reading], Tensor] = lambda reading: _class(reading.probabilities, number)  # noqa: E731
    return Objective(f"probability {number}", (), value, reads_output=True)


def _channel(maps: Tensor, name: str, number: int) -> Tensor:
    if maps.ndim < 2 or not 0 <= number < maps.shape[1]:
        raise LayerError(expected("visualize", f"{name}: channel", f"0 to {maps.shape[1] - 1}", number))
    return maps[:, number]


def _class(scores: Tensor, number: int) -> Tensor:
    if not 0 <= number < scores.shape[1]:
        raise TargetError(expected("visualize", "class", f"0 to {scores.shape[1] - 1}", number))
    return scores[:, number]
