"""How one layer with weights hands relevance to its inputs: the rules of LRP, and what its biases keep."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from xai.attribution.rules import Operation

__all__ = ["ALPHA_BETA", "EPSILON", "GAMMA", "Split", "shares"]

EPSILON, GAMMA, ALPHA_BETA = "epsilon", "gamma", "alpha_beta"


class Split(NamedTuple):
    """What keeps denominators from 0, the extra weight of agreement, and the weight of positive contributions."""

    epsilon: float
    gamma: float
    alpha: float


def shares(
    rule: str, split: Split, layer: Operation, source: Tensor, output: Tensor, relevance: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the relevance of each input over its activation, like `source`, and what the biases keep, like `output`.

    layer: a linear layer or convolution; source: what came in (a); output: what went out (z); relevance: of the output.
    epsilon: a_i w_ij / (z_j + epsilon sign z_j). gamma: contributions of the sign of z_j count 1 + gamma times.
    alpha_beta: alpha times the share of the positive contributions, less (alpha - 1) times that of the negative ones.
    """
    weight, bias = layer.argument(1, "weight"), _bias(layer, output)
    if rule == EPSILON:
        signal = relevance / _stable(output, split.epsilon)
        return _back(layer, source, weight, signal), signal * bias
    # The positive contributions to each output, and the negative ones.
    positive = _parts(layer, source, weight, 1) + bias.clamp_min(0)
    negative = _parts(layer, source, weight, -1) + bias.clamp_max(0)
    if rule == GAMMA:
        up = output >= 0
        signal = relevance / _stable(output + split.gamma * torch.where(up, positive, negative), split.epsilon)
        favored = split.gamma * signal
        for_it, against_it = favored * up, favored * ~up
        multiplier = _back(layer, source, weight, signal) + _signed_back(layer, source, weight, for_it, against_it)
        return multiplier, signal * bias + for_it * bias.clamp_min(0) + against_it * bias.clamp_max(0)
    for_it = split.alpha * relevance / _stable(positive, split.epsilon)
    against_it = (1 - split.alpha) * relevance / _stable(negative, -split.epsilon)
    kept = for_it * bias.clamp_min(0) + against_it * bias.clamp_max(0)
    return _signed_back(layer, source, weight, for_it, against_it), kept


def _bias(layer: Operation, output: Tensor) -> Tensor:
    """Return the biases in a shape that adds to the output (n, channels, ...) or, of a linear layer, (..., units)."""
    bias = layer.argument(2, "bias")
    if bias is None:
        return output.new_zeros(())
    return bias if layer.name == "linear" else bias.view(-1, *(1,) * (output.ndim - 2))


def _stable(denominator: Tensor, epsilon: float) -> Tensor:
    """Return a denominator moved away from 0; one of exactly 0 to the side of epsilon's sign."""
    away = torch.where(denominator == 0, epsilon, abs(epsilon) * denominator.sign())
    return denominator + away


def _parts(layer: Operation, source: Tensor, weight: Tensor, sign: int) -> Tensor:
    """Return the sum of the contributions a_i w_ij of one sign to each output."""
    above, below = _of_sign(weight, sign), _of_sign(weight, -sign)
    total = _run(layer, source.clamp_min(0), above)
    return total + _run(layer, source.clamp_max(0), below) if bool((source < 0).any()) else total


def _signed_back(layer: Operation, source: Tensor, weight: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
    """Return what signals to the positive and to the negative contributions of each output make at each input."""
    above, below = _of_sign(weight, 1), _of_sign(weight, -1)

    def both(first: Tensor, second: Tensor) -> Tensor:
        result = _back(layer, source, first, positive)
        return result + _back(layer, source, second, negative) if bool(negative.any()) else result

    result = both(above, below)
    return torch.where(source >= 0, result, both(below, above)) if bool((source < 0).any()) else result


def _of_sign(weight: Tensor, sign: int) -> Tensor:
    return weight.clamp_min(0) if sign > 0 else weight.clamp_max(0)


def _run(layer: Operation, source: Tensor, weight: Tensor) -> Tensor:
    """Run the layer with other weights and without its biases."""
    args, kwargs = list(layer.args), dict(layer.kwargs)
    for place, name, value in ((0, "input", source), (1, "weight", weight), (2, "bias", None)):
        if len(args) > place:
            args[place] = value
        else:
            kwargs[name] = value
    return layer.function(*args, **kwargs)


def _back(layer: Operation, source: Tensor, weight: Tensor, signal: Tensor) -> Tensor:
    """Return the gradient of the layer with other weights, of a signal (like the output), at its input."""
    with torch.enable_grad():
        leaf = source.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(_run(layer, leaf, weight), leaf, signal)
    return gradient
