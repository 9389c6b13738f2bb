"""How one layer with weights hands relevance to its inputs: the rules of LRP, and what its biases keep."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from xai.attribution.backward_rules import Operation

__all__ = ["ALPHA_BETA", "EPSILON", "GAMMA", "Split", "back_through", "bias_of", "run_with", "shares", "stable"]

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
    weight, bias = layer.argument(1, "weight"), bias_of(layer, output)
    if rule == EPSILON:
        signal = relevance / stable(output, split.epsilon)
        return back_through(layer, source, weight, signal), signal * bias
    above, below = weight.clamp_min(0), weight.clamp_max(0)
    # The contributions of both signs to each output: the negative ones are what the positive ones leave.
    signed = bool((source < 0).any())
    positive = run_with(layer, source.clamp_min(0) if signed else source, above) + bias.clamp_min(0)
    if signed:
        positive += run_with(layer, source.clamp_max(0), below)
    if rule == GAMMA:
        # Rounding of the difference does no harm: it is read only where the negative ones are the larger part.
        up = output >= 0
        signal = relevance / stable(output + split.gamma * torch.where(up, positive, output - positive), split.epsilon)
        favored = split.gamma * signal * up
        for_it, against_it = signal + favored, (1 + split.gamma) * signal - favored
    else:
        negative = run_with(layer, source.clamp_min(0) if signed else source, below) + bias.clamp_max(0)
        if signed:
            negative += run_with(layer, source.clamp_max(0), above)
        for_it = split.alpha * relevance / stable(positive, split.epsilon)
        against_it = (1 - split.alpha) * relevance / stable(negative, -split.epsilon)
    kept = for_it * bias.clamp_min(0) + against_it * bias.clamp_max(0)
    multiplier = back_through(layer, source, above, for_it) + back_through(layer, source, below, against_it)
    if signed:  # through a negative input, a negative weight contributes positively
        other = back_through(layer, source, below, for_it) + back_through(layer, source, above, against_it)
        multiplier = torch.where(source >= 0, multiplier, other)
    return multiplier, kept


def bias_of(layer: Operation, output: Tensor) -> Tensor:
    """Return the biases in a shape that adds to the output (n, channels, ...) or, of a linear layer, (..., units)."""
    bias = layer.argument(2, "bias")
    if bias is None:
        return output.new_zeros(())
    return bias if layer.name == "linear" else bias.view(-1, *(1,) * (output.ndim - 2))


def stable(denominator: Tensor, epsilon: float) -> Tensor:
    """Return a denominator moved away from 0; one of exactly 0 to the side of epsilon's sign."""
    above = denominator >= 0 if epsilon > 0 else denominator > 0
    away = denominator.new_tensor(abs(epsilon))
    return denominator + torch.where(above, away, -away)


def run_with(layer: Operation, source: Tensor, weight: Tensor) -> Tensor:
    """Run the layer with other weights and without its biases."""
    source, weight = _alike(source, weight)
    args, kwargs = list(layer.args), dict(layer.kwargs)
    for position, name, value in ((0, "input", source), (1, "weight", weight), (2, "bias", None)):
        if len(args) > position:
            args[position] = value
        else:
            kwargs[name] = value
    return layer.function(*args, **kwargs)


def back_through(layer: Operation, source: Tensor, weight: Tensor, signal: Tensor) -> Tensor:
    """Return the gradient of the layer with other weights, of a signal (like the output), at its input."""
    source, weight, signal = _alike(source, weight, signal)
    if layer.name == "linear":
        return signal @ weight
    settings = _settings(layer)
    if settings is not None and signal.ndim == weight.ndim:
        # Asked for by itself, it needs no forward pass.
        return torch.ops.aten.convolution_backward(signal, source, weight, None, *settings, [True, False, False])[0]
    with torch.enable_grad():
        leaf = source.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(run_with(layer, leaf, weight), leaf, signal)
    return gradient


def _alike(*tensors: Tensor) -> Sequence[Tensor]:
    """Return tensors in one type, the widest of theirs: under autocast a layer's input and weights have two."""
    kind = functools.reduce(torch.promote_types, [tensor.dtype for tensor in tensors])
    return [tensor.to(kind) for tensor in tensors]


def _settings(layer: Operation) -> tuple | None:
    """Return a convolution's stride, padding, dilation, whether it is transposed, output padding and groups.

    None where its padding is a word.
    """
    sides, transposed = int(layer.name[-2]), "transpose" in layer.name
    stride, padding = layer.argument(3, "stride", 1), layer.argument(4, "padding", 0)
    outside = layer.argument(5, "output_padding", 0) if transposed else 0
    groups = layer.argument(6, "groups", 1)
    dilation = layer.argument(7 if transposed else 5, "dilation", 1)
    if isinstance(padding, str):
        return None
    stride, padding, dilation, outside = (
        [item] * sides if isinstance(item, int) else list(item) for item in (stride, padding, dilation, outside)
    )
    return stride, padding, dilation, transposed, outside, groups
