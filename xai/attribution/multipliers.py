"""Operations whose gradient is a multiplier: times the difference to the baseline, it gives the output's difference.

Where a closed form is known, the multiplier is the mean of the gradient along the straight path from the baseline to
the source, so that one operation behind linear ones gets what integrated gradients give it in the limit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from xai.attribution.backward_rules import connect, pulled_back

__all__ = [
    "halfway", "log_softmax", "logsumexp", "quotient", "rescaled", "selected", "softmax", "standardized",
    "times_inverse",
]  # fmt: skip

SMALL = 0.2  # relative changes below this are put in a series: closed forms lose digits there


def rescaled(function: Callable, source: Tensor, reference: Tensor) -> Tensor | None:
    """Return a function of one number whose gradient is its slope between `reference` and the source."""
    before = function(reference)
    if before.shape != reference.shape:
        return None

    def values(source: Tensor) -> tuple:
        output, back = pulled_back(function, source)
        difference = source - reference
        slope = (output - before) / difference
        near = difference.abs() <= source.abs().mul_(10 * torch.finfo(source.dtype).eps)
        if bool(near.any()):
            slope = torch.where(near, back(torch.ones_like(output))[0], slope)
        return output, lambda gradient: (gradient * slope,)

    return connect(values, source)


def halfway(function: Callable, sources: Sequence[Tensor], reference: Sequence[Tensor]) -> Tensor:
    """Return a function of degree two, such as a product, whose gradient is that halfway.

    Along the straight path its gradient changes evenly, so that is the mean: of each change, both factors get half.
    """

    def values(*sources: Tensor) -> tuple:
        _, back = pulled_back(
            function, *((source + other) / 2 for source, other in zip(sources, reference, strict=True))
        )
        return function(*sources), back

    return connect(values, *sources)


def selected(function: Callable, source: Tensor, reference: Tensor) -> Tensor:
    """Return maxima whose gradient goes to the positions of the maximum, at the input and at the baseline.

    Up to the larger of the two maxima the input's position is responsible, from there on the baseline's.
    """

    def values(source: Tensor) -> tuple:
        # In one memory layout: on the flat maps of a blank baseline, another one finds another maximum first.
        source, before = source.contiguous(), reference.expand_as(source).contiguous()
        (output, back), (other, back_before) = (pulled_back(function, item) for item in (source, before))
        highest = torch.maximum(output, other)
        difference = source - before
        near = difference.abs() <= 10 * torch.finfo(source.dtype).eps * source.abs()

        def rule(gradient: Tensor) -> tuple[Tensor]:
            shifted_gradient = back(gradient * (highest - other))[0] + back_before(gradient * (output - highest))[0]
            return (torch.where(near, back(gradient)[0], shifted_gradient / difference),)

        return output, rule

    return connect(values, source)


def quotient(sources: Sequence[Tensor], reference: Sequence[Tensor]) -> Tensor:
    """Return numerator over denominator, each with the mean of its gradient along the straight path of both."""

    def values(upper: Tensor, lower: Tensor) -> tuple:
        slopes = _of_quotient(upper, lower, *reference)
        return upper / lower, lambda gradient: _of_each(gradient, slopes, (upper, lower))

    return connect(values, *sources)


def times_inverse(sources: Sequence[Tensor], reference: Sequence[Tensor]) -> Tensor:
    """Return a product whose second factor is one over something, with the multipliers of that quotient."""

    def values(upper: Tensor, inverse: Tensor) -> tuple:
        over, to_lower = _of_quotient(upper, inverse.reciprocal(), reference[0], reference[1].reciprocal())
        # The slope from the inverse to the denominator is -1 / (inverse before and after).
        slopes = over, -to_lower / (inverse * reference[1])
        halves = (inverse + reference[1]) / 2, (upper + reference[0]) / 2
        safe = slopes[0].isfinite() & slopes[1].isfinite()
        slopes = tuple(torch.where(safe, slope, half) for slope, half in zip(slopes, halves, strict=True))
        return upper * inverse, lambda gradient: _of_each(gradient, slopes, (upper, inverse))

    return connect(values, *sources)


def _of_quotient(upper: Tensor, lower: Tensor, upper_before: Tensor, lower_before: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean of 1 / lower and of -upper / lower^2 while both go straight from before to now."""
    rise, change, both = upper - upper_before, lower - lower_before, lower * lower_before
    middle, total = (upper + upper_before) / 2, lower + lower_before
    ratio = change / total
    # Through 0 a quotient has a pole, and no mean: there the inverse has its slope, and the product its halves.
    sided, near = both > 0, ratio.abs() < SMALL
    level = torch.where(near, 2 * _area(ratio.square()) / total, torch.log(lower / lower_before) / change)
    over = torch.where(sided, level, (1 / lower + 1 / lower_before) / 2)
    bend = 2 * ratio * _excess(ratio.square()) * rise / total.square() - middle / both
    # What is left of the output's change is the denominator's: without a difference of large numbers, it is read off.
    left = (upper / lower - upper_before / lower_before - over * rise) / change
    return over, torch.where(near, bend, torch.where(sided, left, -middle / both))


def _of_each(gradient: Tensor, slopes: Sequence[Tensor], sources: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Return the gradient times each slope, in the shapes of sources that were broadcast."""
    return tuple((gradient * slope).sum_to_size(source.shape) for slope, source in zip(slopes, sources, strict=True))


def _area(square: Tensor) -> Tensor:
    """Return artanh(z) / z of z^2 below SMALL^2."""
    return _series(square, [1 / (2 * k + 1) for k in range(12)])


def _excess(square: Tensor) -> Tensor:
    """Return (1 / (1 - z^2) - artanh(z) / z) / z^2 of z^2 below SMALL^2."""
    return _series(square, [2 * k / (2 * k + 1) for k in range(1, 13)])


def _series(square: Tensor, coefficients: list[float]) -> Tensor:
    total = torch.full_like(square, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        total = total * square + coefficient
    return total


def softmax(function: Callable, source: Tensor, reference: Tensor, axes: int | tuple[int, ...]) -> Tensor:
    """Return a softmax whose multiplier is diag(L) - L L' / sum L, L the logarithmic mean of both softmaxes.

    p - q = L (log p - log q), element by element, and log p - log q is the difference of the logits less a constant,
    which has to be their mean weighted by L, since the sum of p - q is 0. So the parts add up; a constant on all
    logits changes nothing; and no multiplier is above 1, for L is never above the larger of p and q.
    """

    def values(source: Tensor) -> tuple:
        weights, total = _between(source, reference, axes)

        def rule(gradient: Tensor) -> tuple[Tensor]:
            level = (weights * gradient).sum(axes, keepdim=True) / total
            return ((weights * (gradient - level)).to(source.dtype),)

        return function(source), rule

    return connect(values, source)


def log_softmax(function: Callable, source: Tensor, reference: Tensor, axes: int | tuple[int, ...]) -> Tensor:
    """Return the logarithm of a softmax, whose multiplier is 1 - L' / sum L (see `softmax`)."""

    def values(source: Tensor) -> tuple:
        weights, total = _between(source, reference, axes)

        def rule(gradient: Tensor) -> tuple[Tensor]:
            return ((gradient - weights / total * gradient.sum(axes, keepdim=True)).to(source.dtype),)

        return function(source), rule

    return connect(values, source)


def logsumexp(function: Callable, source: Tensor, reference: Tensor, axes: int | tuple[int, ...]) -> Tensor:
    """Return the logarithm of a sum of exponentials, whose multiplier is L / sum L (see `softmax`)."""

    def values(source: Tensor) -> tuple:
        weights, total = _between(source, reference, axes)
        kept = source.sum(axes, keepdim=True).shape
        return function(source), lambda gradient: ((weights / total * gradient.view(kept)).to(source.dtype),)

    return connect(values, source)


def _between(source: Tensor, reference: Tensor, axes: int | tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Return the logarithmic means of two softmaxes, and their sum along the axes."""
    now, before = (item - item.logsumexp(axes, keepdim=True) for item in (_wide(source), _wide(reference)))
    # (p - q) / log(p / q), without a difference of near numbers; of an exact 0 and anything it is 0.
    distance = (now - before).abs().nan_to_num_(0.0, posinf=torch.inf)
    share = torch.where(distance == 0, 1, -torch.expm1(-distance) / distance)
    weights = torch.maximum(now, before).exp().nan_to_num_(0.0) * share
    return weights, weights.sum(axes, keepdim=True).clamp_min(torch.finfo(weights.dtype).tiny)


def standardized(
    source: Tensor, reference: Tensor, axes: tuple[int, ...], epsilon: float, centered: bool = True
) -> Tensor:
    """Return values less their mean (if `centered`) over their scale, the root of the mean square, along some axes.

    A quotient whose numerator and scale both go straight from before to now. On the straight path of the values alone
    the scale sags between its ends, the gradient is larger there than at both, and in a deep network these factors
    multiply.
    """

    def values(source: Tensor) -> tuple:
        after, before = (_centered(_wide(item), axes, centered) for item in (source, reference))
        scale, scale_before = (item.square().mean(axes, keepdim=True).add_(epsilon).sqrt_() for item in (after, before))
        over, under = _of_quotient(after, scale, before, scale_before)
        # The scale's own slopes: its square is of degree two, the root's slope is one over the sum of both ends.
        toward = (after + before) / (scale + scale_before)

        def rule(gradient: Tensor) -> tuple[Tensor]:
            shifted_gradient = _centered(gradient * over, axes, centered)
            return ((shifted_gradient + toward * (gradient * under).mean(axes, keepdim=True)).to(source.dtype),)

        return (after / scale).to(source.dtype), rule

    return connect(values, source)


def _centered(values: Tensor, axes: tuple[int, ...], centered: bool) -> Tensor:
    return values - values.mean(axes, keepdim=True) if centered else values


def _wide(values: Tensor) -> Tensor:
    """Return numbers of 16 bits in 32: they have too few digits for what is computed of them."""
    return values.float() if values.element_size() < 4 else values
