"""DeepLift: each nonlinearity by its slope from a baseline to the input, so that the parts add up to the difference.

The baseline runs first and leaves what went into each operation; then the input runs, and each operation is put in the
graph with the slope between the two. A baseline that is the same for all rows runs once, as one row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from xai.attribution.backward_rules import (
    Operation,
    check_graph,
    connect,
    no_recurrence,
    pulled_back,
    ruled_gradient,
    rules,
)
from xai.attribution.gradients import note_completeness
from xai.attribution.operations import ELEMENTWISE, MAXIMA
from xai.base.errors import NetworkError
from xai.model.model import Model
from xai.model.session import Case
from xai.network.gradients import variable_of
from xai.results.explanation import Explanation

__all__ = ["deeplift"]

PRODUCTS = ("mul", "multiply", "matmul", "mm", "bmm")


def deeplift(
    model: Model,
    inputs: object,
    target: object = None,
    *,
    baseline: object = "zero",
    layer: str | None = None,
    exact: bool = False,
    batch_size: int | None = None,
) -> Explanation:
    """Return by how much each value moved the output away from that of a baseline, by the rescale rule.

    The values of a row add up to the output at the input minus the output at the baseline; how far they miss it is
    `completeness_error`. Every activation that takes one number to one number has this rule, whether module, function,
    reused or in place; max pooling as well; products of two parts (gates, attention) are shared evenly, as Shapley
    values share them, which also makes softmax, layer normalization and attention exact.

    inputs: (N, ...). baseline: "zero", "mean", "noise", "blur", a number, or a tensor. layer: whose output to explain
    in place of the inputs; the baseline is then one of that output. values: (N, ...), signed, output units.
    Raises InputError, TargetError, or NetworkError, naming an operation that has no rule before anything is made.
    Source: Shrikumar, Greenside, Kundaje 2017, arXiv:1704.02685.

    >>> class Product(torch.nn.Module):
    ...     def forward(self, x):
    ...         return torch.relu(x[:, 0]) * x[:, 1]
    >>> deeplift(Model(Product(), task="regression"), [[2.0, 3.0]]).values
    tensor([[3., 3.]])
    """
    settings = {"exact": exact, "batch_size": batch_size, "layer": layer, "differentiable": True}
    with model.explaining("deeplift", inputs, target, **settings) as case:
        start, name = case.baseline(baseline)
        # Behind a layer or an embedding, each row may also see the rest of its own input, such as a mask.
        same = case.layer is None and case.words is None and bool((start == start[:1]).all())
        try:
            values, difference = _multiplied(case, start, same)
        except _OtherShape:
            values, difference = _multiplied(case, start, False)
        note_completeness(case, values, difference)
        return case.explanation("deeplift", values, "input", baseline=name, options={"baseline": name})


def _multiplied(case: Case, start: Tensor, same: bool) -> tuple[Tensor, Tensor]:
    """Return the multipliers times the difference to the baseline (N, ...), and the difference of the scores (N,)."""
    parts, full, empty, reference = [], [], [], None
    check = check_graph
    for rows in case.chunks(len(case)):
        if not same or reference is None:
            behind, numbers = (start[:1], rows[:1]) if same else (start[rows], rows)
            reference = _Reference(case.operation, same)
            with rules(reference.table(reference.keep)):
                variable = variable_of(behind)
                # Of one baseline, what each row asks for: rows have targets of their own.
                scores = case.scores_of_all(variable, case.rows)[:, 0] if same else case.score(variable, numbers)
            empty.append(scores.detach().double())
        reference.place = 0
        table = reference.table(reference.compare)
        scores, multipliers = ruled_gradient(case, case.inputs[rows], rows, table, check)
        full.append(scores.double())
        parts.append(multipliers * (case.inputs[rows] - start[rows]))
    return torch.cat(parts), torch.cat(full) - torch.cat(empty)


class _OtherShape(Exception):
    """One row of the baseline does not stand for many: the network mixes rows into other axes."""


class _Reference:
    """What went into each operation of the baseline's forward pass, in order, and the rules that compare with it."""

    def __init__(self, operation: str, same: bool) -> None:
        self.operation, self.same = operation, same
        self.seen: list[tuple[str, tuple[Tensor, ...]]] = []
        self.place = 0

    def table(self, rule: Callable) -> dict[str, Callable]:
        return {**no_recurrence("deeplift"), **dict.fromkeys((*ELEMENTWISE, *MAXIMA, *PRODUCTS, *COMPOSED), rule)}

    def keep(self, operation: Operation) -> None:
        # Copies, since the network may go on in place.
        self.seen.append((operation.name, tuple(source.detach().clone() for source in operation.sources)))

    def compare(self, operation: Operation) -> Tensor | None:
        name, behind = self.seen[self.place] if self.place < len(self.seen) else ("nothing", ())
        self.place += 1
        sources = operation.sources
        if name != operation.name or len(behind) != len(sources):
            wanted = "the same operations for the baseline as for the input"
            raise NetworkError("network", expected=wanted, got=f"{name} in place of {operation.name}")
        for source, other in zip(sources, behind):
            if not _stands_for(other, source):
                if self.same:
                    raise _OtherShape
                got = f"{tuple(other.shape)} in place of {tuple(source.shape)} in {name}"
                raise NetworkError("network", expected="the same shapes for the baseline", got=got)
        if name in COMPOSED:
            return COMPOSED[name](operation, sources, behind)
        if name in PRODUCTS:
            return bilinear(operation, sources, behind) if len(sources) == 2 else None
        if len(sources) > 1:
            return None
        return (selected if name in MAXIMA else rescaled)(operation, sources[0], behind[0])


def _stands_for(one: Tensor, many: Tensor) -> bool:
    """Does a tensor of one row broadcast to that of several?"""
    return one.ndim == many.ndim and all(a == b or a == 1 for a, b in zip(one.shape, many.shape))


def rescaled(function: Callable, source: Tensor, behind: Tensor) -> Tensor | None:
    """Return a function of one number whose gradient is its slope between `behind` and the source."""
    before = function(behind)
    if before.shape != behind.shape:
        return None

    def values(source: Tensor) -> tuple:
        output, back = pulled_back(function, source)
        difference = source - behind
        slope = (output - before) / difference
        near = difference.abs() <= source.abs().mul_(10 * torch.finfo(source.dtype).eps)
        if bool(near.any()):
            slope = torch.where(near, back(torch.ones_like(output))[0], slope)
        return output, lambda gradient: (gradient * slope,)

    return connect(values, source)


def bilinear(function: Callable, sources: Sequence[Tensor], behind: Sequence[Tensor]) -> Tensor:
    """Return a product whose gradient is that halfway: of each change, both factors get their even share."""

    def values(*sources: Tensor) -> tuple:
        _, back = pulled_back(function, *((source + other) / 2 for source, other in zip(sources, behind)))
        return function(*sources), back

    return connect(values, *sources)


def selected(function: Callable, source: Tensor, behind: Tensor) -> Tensor:
    """Return maxima whose gradient goes to the places that were the maximum, at the input and at the baseline.

    Up to the larger of the two maxima the input's place is responsible, from there on the baseline's.
    """

    def values(source: Tensor) -> tuple:
        # In one memory layout: on the flat maps of a blank baseline, another one finds another maximum first.
        source, before = source.contiguous(), behind.expand_as(source).contiguous()
        (output, back), (other, back_before) = (pulled_back(function, item) for item in (source, before))
        highest = torch.maximum(output, other)
        difference = source - before
        near = difference.abs() <= 10 * torch.finfo(source.dtype).eps * source.abs()

        def rule(gradient: Tensor) -> tuple[Tensor]:
            moved = back(gradient * (highest - other))[0] + back_before(gradient * (output - highest))[0]
            return (torch.where(near, back(gradient)[0], moved / difference),)

        return output, rule

    return connect(values, source)


def _softmax(operation: Operation, sources: tuple, behind: tuple, logarithm: bool = False) -> Tensor:
    dim = operation.argument(1, "dim")
    return softmax(sources[0], behind[0], -1 if dim is None else dim, logarithm)[0]


def softmax(source: Tensor, behind: Tensor, dim: int, logarithm: bool = False) -> tuple[Tensor, Tensor]:
    """Return a softmax or its logarithm, made of operations that have rules, and that of the baseline."""
    # A constant that both share changes neither, and keeps the exponentials small.
    most = torch.maximum(source.amax(dim, keepdim=True), behind.amax(dim, keepdim=True)).detach()
    powers, before = rescaled(torch.exp, source - most, behind - most), torch.exp(behind - most)
    total, total_before = powers.sum(dim, keepdim=True), before.sum(dim, keepdim=True)
    if logarithm:
        return source - most - rescaled(torch.log, total, total_before), behind - most - total_before.log()
    inverse, inverse_before = rescaled(torch.reciprocal, total, total_before), total_before.reciprocal()
    return bilinear(torch.mul, (powers, inverse), (before, inverse_before)), before * inverse_before


def _division(operation: Operation, sources: tuple, behind: tuple) -> Tensor | None:
    if operation.places == (0,) or operation.kwargs.get("rounding_mode"):
        return None
    inverse = rescaled(torch.reciprocal, sources[-1], behind[-1])
    if len(sources) == 1:
        return operation.args[0] * inverse
    return bilinear(torch.mul, (sources[0], inverse), (behind[0], behind[1].reciprocal()))


def _layer_norm(operation: Operation, sources: tuple, behind: tuple) -> Tensor | None:
    if len(sources) > 1:
        return None
    axes = tuple(range(-len(operation.argument(1, "normalized_shape")), 0))
    output = standardized(sources[0], behind[0], axes, operation.argument(4, "eps", 1e-5))
    return _scaled(output, operation.argument(2, "weight"), operation.argument(3, "bias"))


def _group_norm(operation: Operation, sources: tuple, behind: tuple) -> Tensor | None:
    if len(sources) > 1:
        return None
    grouped = [item.reshape(len(item), operation.argument(1, "num_groups"), -1) for item in (sources[0], behind[0])]
    output = standardized(*grouped, (-1,), operation.argument(4, "eps", 1e-5)).view_as(sources[0])
    channels = (-1, *(1,) * (output.ndim - 2))
    numbers = (operation.argument(2, "weight"), operation.argument(3, "bias"))
    return _scaled(output, *(None if item is None else item.view(channels) for item in numbers))


def _scaled(output: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    output = output if weight is None else output * weight
    return output if bias is None else output + bias


def standardized(source: Tensor, behind: Tensor, axes: tuple[int, ...], epsilon: float) -> Tensor:
    """Return values less their mean, over their spread, along some axes, made of operations that have rules."""
    centered, before = (item - item.mean(axes, keepdim=True) for item in (source, behind))
    spread = rescaled(torch.square, centered, before).mean(axes, keepdim=True) + epsilon
    spread_before = before.square().mean(axes, keepdim=True) + epsilon
    scale = rescaled(torch.rsqrt, spread, spread_before)
    return bilinear(torch.mul, (centered, scale), (before, spread_before.rsqrt()))


def _attention(operation: Operation, sources: tuple, behind: tuple) -> Tensor | None:
    if len(sources) != 3 or operation.places != (0, 1, 2) or operation.kwargs.get("enable_gqa"):
        return None
    query, key, value = sources
    query_before, key_before, value_before = behind
    mask, causal = operation.argument(3, "attn_mask"), operation.argument(5, "is_causal", False)
    scale = operation.kwargs.get("scale") or query.shape[-1] ** -0.5
    if causal:
        mask = torch.ones(query.shape[-2], key.shape[-2], dtype=torch.bool, device=query.device).tril()
    if mask is not None and mask.dtype == torch.bool:
        mask = torch.zeros(mask.shape, dtype=query.dtype, device=query.device).masked_fill(~mask, -1e9)
    fit = bilinear(torch.matmul, (query * scale, key.mT), (query_before * scale, key_before.mT))
    fit_before = query_before * scale @ key_before.mT
    if mask is not None:
        fit, fit_before = fit + mask, fit_before + mask
    weights, weights_before = softmax(fit, fit_before, -1)
    return bilinear(torch.matmul, (weights, value), (weights_before, value_before))


COMPOSED: dict[str, Callable] = {
    "softmax": _softmax, "log_softmax": partial(_softmax, logarithm=True), "layer_norm": _layer_norm,
    "group_norm": _group_norm,
    "div": _division, "divide": _division, "true_divide": _division, "scaled_dot_product_attention": _attention,
}  # fmt: skip
