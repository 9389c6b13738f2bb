"""Which multiplier each operation of a network has in DeepLIFT: a table from its name to a rule.

A rule takes the operation at the input and what its sources were at the baseline (or one row of them that stands for
all), and returns the output in the graph, or None where the operation has no rule of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from xai.attribution import handwritten_softmax
from xai.attribution.backward_rules import Operation
from xai.attribution.multipliers import (
    halfway,
    log_softmax,
    logsumexp,
    quotient,
    rescaled,
    selected,
    softmax,
    standardized,
    times_inverse,
)
from xai.attribution.operations import ELEMENTWISE, FACTORS, MAXIMA

__all__ = ["TABLE"]

Before = tuple[Tensor, ...]


def _elementwise(operation: Operation, before: Before) -> Tensor | None:
    if len(before) > 1:
        return None
    source = operation.sources[0]
    if operation.name in handwritten_softmax.EXPONENTIALS:
        source = source.clone()  # the exponent is needed again, and the network may change it in place
    if operation.name in handwritten_softmax.LOGARITHMS:
        whole = handwritten_softmax.logarithm_of_sum(source)
        if whole is not None:
            output = source.detach().log()
            output = logsumexp(lambda _: output, whole.now, whole.before, whole.axes)
            return output / handwritten_softmax.LOGARITHMS[operation.name]
    output = rescaled(operation, source, before[0])
    if output is not None:
        handwritten_softmax.remember(output, operation, source, before[0])
    return output


def _maximum(operation: Operation, before: Before) -> Tensor | None:
    return selected(operation, operation.sources[0], before[0]) if len(before) == 1 else None


def _largest(operation: Operation, before: Before) -> Tensor | tuple | None:
    """torch.max by itself, along an axis (with indices), or of each number and a constant."""
    if len(before) > 1:
        return None
    axis = operation.argument(1, "dim")
    if isinstance(axis, Tensor) or "other" in operation.kwargs:
        return rescaled(operation, operation.sources[0], before[0])
    if axis is None:
        return selected(operation, operation.sources[0], before[0])
    kept = operation.argument(2, "keepdim", False)
    values = selected(partial(torch.amax, dim=axis, keepdim=kept), operation.sources[0], before[0])
    return torch.return_types.max((values, operation(operation.sources[0].detach())[1]))


def _product(operation: Operation, before: Before) -> Tensor | None:
    """A product of two parts, each weighted with the mean of the other; with one over a part, it is a quotient."""
    if len(before) == 1:
        return None
    sources = operation.sources
    if len(sources) == 2 and operation.name in ("mul", "multiply"):
        for order in (1, -1):
            (upper, lower), ends = sources[::order], before[::order]
            if handwritten_softmax.is_inverse(lower):
                whole = handwritten_softmax.share_of_sum(upper, lower, inverse=True)
                return times_inverse((upper, lower), ends) if whole is None else _of_logits(upper * lower, whole)
        exponents = handwritten_softmax.joined(*sources)
        if exponents is not None:
            return rescaled(torch.exp, *exponents)
    output = halfway(operation, sources, before)
    handwritten_softmax.remember(output, operation)
    return output


def _quotient(operation: Operation, before: Before) -> Tensor | None:
    if operation.kwargs.get("rounding_mode"):
        return None
    if len(before) == 2:
        upper, lower = operation.sources
        whole = handwritten_softmax.share_of_sum(upper, lower)
        return (
            quotient(operation.sources, before) if whole is None else _of_logits(operation(*operation.sources), whole)
        )
    if operation.positions in ((0,), ("input",)):
        return None
    source = operation.sources[0]
    inverse = rescaled(torch.reciprocal, source, before[0])
    if inverse is None:
        return None
    handwritten_softmax.remember(inverse, replace(operation, name="reciprocal"), source)
    return operation.argument(0, "input") * inverse


def _of_logits(output: Tensor, whole: handwritten_softmax.Logits) -> Tensor:
    output = output.detach()
    return softmax(lambda _: output * whole.multiple, whole.now, whole.before, whole.axes) / whole.multiple


def _softmax(rule: Callable, operation: Operation, before: Before) -> Tensor | None:
    axis = operation.argument(1, "dim")
    if axis is None:  # as torch has it
        axis = 0 if operation.sources[0].ndim in (0, 1, 3) else 1
    return rule(operation, operation.sources[0], before[0], axis)


def _layer_norm(operation: Operation, before: Before, centered: bool = True) -> Tensor | None:
    if len(before) > 1:
        return None
    source, axes = operation.sources[0], tuple(range(-len(operation.argument(1, "normalized_shape")), 0))
    epsilon = operation.argument(4 if centered else 3, "eps", 1e-5 if centered else None)
    epsilon = torch.finfo(source.dtype).eps if epsilon is None else epsilon
    output = standardized(source, before[0], axes, epsilon, centered)
    return _scaled(output, operation.argument(2, "weight"), operation.argument(3, "bias") if centered else None)


def _group_norm(operation: Operation, before: Before) -> Tensor | None:
    numbers = operation.argument(2, "weight"), operation.argument(3, "bias")
    return _grouped(operation, before, operation.argument(1, "num_groups"), numbers, operation.argument(4, "eps", 1e-5))


def _instance_norm(operation: Operation, before: Before) -> Tensor | None:
    # With running statistics it is linear, and keeps its gradient.
    if operation.function is not functional.instance_norm or not operation.argument(5, "use_input_stats", True):
        return None
    numbers = operation.argument(3, "weight"), operation.argument(4, "bias")
    return _grouped(operation, before, operation.sources[0].shape[1], numbers, operation.argument(7, "eps", 1e-5))


def _grouped(operation: Operation, before: Before, groups: int, numbers: tuple, epsilon: float) -> Tensor | None:
    if len(before) > 1:
        return None
    now, then = (item.reshape(len(item), groups, -1) for item in (operation.sources[0], before[0]))
    output = standardized(now, then, (-1,), epsilon).view_as(operation.sources[0])
    channels = (-1, *(1,) * (output.ndim - 2))
    return _scaled(output, *(None if item is None else item.view(channels) for item in numbers))


def _scaled(output: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    output = output if weight is None else output * weight
    return output if bias is None else output + bias


def _deviation(operation: Operation, before: Before) -> Tensor | None:
    """A variance is of degree two; a standard deviation is its root."""
    variance = replace(operation, name="var", function=torch.var)
    output = halfway(variance, operation.sources, before)
    return output if operation.name == "var" else rescaled(torch.sqrt, output, variance(*before))


TABLE: dict[str, Callable[[Operation, Before], Tensor | tuple | None]] = {
    **dict.fromkeys(ELEMENTWISE, _elementwise),
    **dict.fromkeys(MAXIMA, _maximum),
    **dict.fromkeys(FACTORS, _product),
    "max": _largest,
    **dict.fromkeys(("div", "divide", "true_divide"), _quotient),
    "softmax": partial(_softmax, softmax), "log_softmax": partial(_softmax, log_softmax),
    "logsumexp": partial(_softmax, logsumexp),
    "layer_norm": _layer_norm, "rms_norm": partial(_layer_norm, centered=False),
    "group_norm": _group_norm, "instance_norm": _instance_norm, "var": _deviation, "std": _deviation,
}  # fmt: skip
